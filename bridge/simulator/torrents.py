""".torrent files and magnets: made so that their piece hashes match the content, and read."""

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, urlsplit

from . import bencode

MIN_PIECE = 16 * 1024
MAX_PIECE = 16 * 1024 * 1024
_MOST_PIECES = 1024
_HEX_HASH = re.compile(r"urn:btih:([0-9a-fA-F]{40})")

Reader = Callable[[str, int, int], bytes]  # path, start, length


class Bozo(ValueError):
    """TorBox's own word for a magnet or .torrent that it cannot read."""


@dataclass(frozen=True)
class Given:
    """What a magnet or .torrent says. `files` is empty for a magnet."""

    hash: str  # v1, 40 lower-case hex
    name: str
    trackers: tuple[str, ...] = ()
    files: tuple[tuple[str, int], ...] = ()  # path below the root, size; one "" for a single file
    private: bool = False


def piece_length_for(size: int) -> int:
    """A power of two that keeps the number of pieces near a thousand."""
    length = MIN_PIECE
    while length < MAX_PIECE and size > length * _MOST_PIECES:
        length *= 2
    return length


def make(
    name: str,
    files: Sequence[tuple[str, int]],
    read: Reader | None,
    *,
    single: bool = False,
    private: bool = False,
    trackers: Sequence[str] = (),
) -> bytes:
    """A v1 .torrent. Without `read` the piece hashes are made up (for sizes nobody downloads)."""
    size = sum(size for _, size in files)
    length = piece_length_for(size)
    info: dict[bytes, bencode.Value] = {b"name": name, b"piece length": length}
    if single:
        info[b"length"] = size
    else:
        info[b"files"] = [{b"length": size, b"path": path.split("/")} for path, size in files]
    if private:
        info[b"private"] = 1
    info[b"pieces"] = _hashes(files, length, read) if read else _made_up(name, size, length)
    whole: dict[bytes, bencode.Value] = {b"info": info, b"created by": "TorBox in miniature"}
    if trackers:
        whole[b"announce"] = trackers[0]
        whole[b"announce-list"] = [[tracker] for tracker in trackers]
    return bencode.encode(whole)


def _hashes(files: Iterable[tuple[str, int]], length: int, read: Reader) -> bytes:
    """SHA-1 of each piece over the files laid end to end."""
    digests, current, room = [], hashlib.sha1(usedforsecurity=False), length
    for path, size in files:
        start = 0
        while start < size:
            part = read(path, start, min(room, size - start))
            current.update(part)
            start, room = start + len(part), room - len(part)
            if not room:
                digests.append(current.digest())
                current, room = hashlib.sha1(usedforsecurity=False), length
    if room != length:
        digests.append(current.digest())
    return b"".join(digests)


def _made_up(name: str, size: int, length: int) -> bytes:
    return hashlib.shake_128(name.encode()).digest(20 * -(-size // length)) if size else b""


def read_torrent(data: bytes) -> Given:
    """What a .torrent says; `Bozo` for anything else."""
    try:
        whole, raw_info = bencode.decode(data)
    except bencode.NotBencoded as error:
        raise Bozo(str(error)) from error
    info = whole.get(b"info") if isinstance(whole, dict) else None
    if not isinstance(whole, dict) or not isinstance(info, dict) or b"pieces" not in info:
        raise Bozo("no v1 info")
    return Given(
        hash=hashlib.sha1(raw_info, usedforsecurity=False).hexdigest(),
        name=_text(info.get(b"name")),
        trackers=_trackers(whole),
        files=tuple(_files(info)),
        private=info.get(b"private") == 1,
    )


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else ""


def _trackers(whole: dict[bytes, bencode.Decoded]) -> tuple[str, ...]:
    tiers = whole.get(b"announce-list")
    found = [_text(whole[b"announce"])] if b"announce" in whole else []
    for tier in tiers if isinstance(tiers, list) else []:
        found += [_text(url) for url in tier] if isinstance(tier, list) else []
    return tuple(dict.fromkeys(url for url in found if url))


def _files(info: dict[bytes, bencode.Decoded]) -> Iterable[tuple[str, int]]:
    listed = info.get(b"files")
    if not isinstance(listed, list):
        length = info.get(b"length")
        yield "", length if isinstance(length, int) else 0
        return
    for file in listed:
        path, length = (
            (file.get(b"path"), file.get(b"length")) if isinstance(file, dict) else (None, None)
        )
        if not isinstance(path, list) or not isinstance(length, int):
            raise Bozo("a file without path or length")
        attributes = file.get(b"attr") if isinstance(file, dict) else None
        if not (isinstance(attributes, bytes) and b"p" in attributes):  # BEP 47 padding
            yield "/".join(_text(part) for part in path), length


def magnet_of(info_hash: str, name: str, trackers: Iterable[str] = ()) -> str:
    """The magnet link, hash in hex."""
    return f"magnet:?xt=urn:btih:{info_hash}&dn={quote(name, safe='')}" + "".join(
        f"&tr={quote(tracker, safe='')}" for tracker in trackers
    )


def read_magnet(magnet: str) -> Given:
    """What a magnet says. Base32 and v2-only hashes are `Bozo`: nothing documents them (§6.2)."""
    parts = urlsplit(magnet.strip())
    if parts.scheme.lower() != "magnet":
        raise Bozo("not a magnet")
    fields = parse_qsl(parts.query)
    hashes = [
        found[1] for key, value in fields if key == "xt" and (found := _HEX_HASH.fullmatch(value))
    ]
    if not hashes:
        raise Bozo("no btih in hex")
    return Given(
        hash=hashes[0].lower(),
        name=next((value for key, value in fields if key == "dn"), hashes[0].lower()),
        trackers=tuple(value for key, value in fields if key == "tr"),
    )
