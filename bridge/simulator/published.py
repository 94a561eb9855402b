"""A torrent as the swarm has it: its .torrent, its magnet and its bytes."""

import hashlib
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from . import content, torrents
from .scripts import Script

# Above this nobody downloads the whole in a test, and hashing it would take seconds.
REAL_PIECES_UP_TO = 1024**3


@dataclass(frozen=True)
class TorrentFile:
    """A file of a torrent; `id` is TorBox's file_id, in no order of paths (§2.2)."""

    id: int
    path: str  # below the root; the whole name of a single-file torrent
    size: int


@dataclass(eq=False)
class Published:
    """A torrent that the swarm has. `script` may be replaced; the next item follows the new one."""

    hash: str
    name: str
    files: tuple[TorrentFile, ...]
    script: Script
    torrent: bytes = b""
    private: bool = False
    single_file: bool = False
    trackers: tuple[str, ...] = ()
    in_cache: bool = False  # TorBox has its content, from whomever
    known: bool = True  # else only a magnet's word: no bytes, no metadata
    seed: int = 0
    # What a control operation changes: `{"resume": FetchedOver(5)}` revives a dead torrent.
    on_control: dict[str, Script] = field(default_factory=dict)
    _digests: dict[tuple[str, str], str] = field(default_factory=dict)

    @cached_property
    def magnet(self) -> str:
        """Its magnet, hash in hex, with its trackers."""
        return torrents.magnet_of(self.hash, self.name, self.trackers)

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    def file(self, path: str) -> TorrentFile:
        """The file with this path below the root."""
        return next(file for file in self.files if file.path == path)

    def listed_path(self, file: TorrentFile, *, in_folder: bool = False) -> str:
        """The path as TorBox lists it: with the root, or bare for a single file (§2.3)."""
        if self.single_file and not in_folder:
            return file.path
        root = self.name.rpartition(".")[0] or self.name if self.single_file else self.name
        return f"{root}/{file.path}"

    def read(self, path: str, start: int, length: int) -> bytes:
        """A range of a file, cut at its end."""
        length = min(length, self.file(path).size - start)
        return content.read(self._key(path), start, length)

    def content(self, path: str) -> bytes:
        """The whole of a file."""
        return self.read(path, 0, self.file(path).size)

    def pieces(self, path: str) -> Iterator[bytes]:
        """The whole of a file, a mebibyte at a time."""
        return content.pieces(self._key(path), self.file(path).size)

    def sha256(self, path: str) -> str:
        """Digest of a file."""
        return self._digest(path, "sha256")

    def md5(self, path: str) -> str:
        """Digest of a file, as TorBox gives it when it gives one."""
        return self._digest(path, "md5")

    def _digest(self, path: str, kind: str) -> str:
        if (path, kind) not in self._digests:
            digest = hashlib.new(kind, usedforsecurity=False)
            for piece in self.pieces(path):
                digest.update(piece)
            self._digests[path, kind] = digest.hexdigest()
        return self._digests[path, kind]

    def _key(self, path: str) -> str:
        return f"{self.seed}/{self.name}/{path}"


def publish(
    name: str,
    files: Mapping[str, int],
    script: Script,
    *,
    private: bool = False,
    single_file: bool = False,
    trackers: Sequence[str] = (),
    seed: int = 0,
) -> Published:
    """Make a torrent with content; the hash follows from name, files and seed alone."""
    if single_file and list(files) != [name]:
        raise ValueError("a single-file torrent is named as its file")
    made = Published(
        hash="",
        name=name,
        files=numbered(list(files.items()), f"{seed}/{name}"),
        script=script,
        private=private,
        single_file=single_file,
        trackers=tuple(trackers),
        in_cache=script.cached,
        seed=seed,
    )
    made.torrent = torrents.make(
        name,
        list(files.items()),
        made.read if made.size <= REAL_PIECES_UP_TO else None,
        single=single_file,
        private=private,
        trackers=trackers,
    )
    made.hash = torrents.read_torrent(made.torrent).hash
    return made


def stranger(given: torrents.Given, script: Script) -> Published:
    """What TorBox makes of a source that nobody published: a hash without seeds."""
    single = len(given.files) == 1 and not given.files[0][0]
    files = [(given.name, given.files[0][1])] if single else list(given.files)
    return Published(
        hash=given.hash,
        name=given.name,
        files=numbered(files, given.hash),
        script=script,
        private=given.private,
        single_file=single,
        trackers=given.trackers,
        known=False,
    )


def numbered(files: Sequence[tuple[str, int]], seed: str) -> tuple[TorrentFile, ...]:
    """File ids in arbitrary order, 0 among them, and the list itself in another."""
    chance = random.Random(seed)
    ids = chance.sample(range(len(files)), len(files))
    listed = [TorrentFile(id_, path, size) for id_, (path, size) in zip(ids, files, strict=True)]
    return tuple(chance.sample(listed, len(listed)))
