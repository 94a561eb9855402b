"""The files that an info dictionary lists (BEP 3, 47, 52), in its order and with its gaps."""

from collections.abc import Iterator

from msgspec import Struct

from bridge.errors import NotATorrent
from bridge.model import File
from bridge.names import MOST_NAME_BYTES, distinct_paths, safe_name, safe_path
from bridge.torrentfile.bencode import Dictionary, Value

MOST_FILES = 100_000
MOST_PARTS = 500_000  # of all paths together
MOST_PATH_CHARACTERS = 32 * 1024 * 1024  # of all paths together
MOST_BYTES = 2**53  # more is no torrent, and JSON's readers would round it


class Listing(Struct, frozen=True):
    """The files of a torrent. `layout` has all of it, None for what is no file of its own."""

    root: str  # the folder around the files, or (also a path of `layout`) the single file's name
    layout: tuple[tuple[str | None, int], ...]  # path below the root, bytes; in torrent order

    @property
    def files(self) -> tuple[File, ...]:
        """The files that a person would call so."""
        return tuple(File(path, size) for path, size in self.layout if path is not None)


class _Listed(Struct, frozen=True):
    parts: tuple[str, ...]
    size: int
    hidden: bool  # padding, or a symbolic link: nothing that anyone could deliver


def is_v1(info: Dictionary) -> bool:
    """Whether it can be read as a torrent of the first version, hybrids included."""
    return b"pieces" in info and (b"files" in info or b"length" in info)


def is_v2(info: Dictionary) -> bool:
    """Whether it can be read as a torrent of the second version, hybrids included."""
    return info.get(b"meta version") == 2 and b"file tree" in info


def list_files(info: Dictionary, name: str) -> Listing:
    """Its files; those of the first version where there are both, since our hash is that one's."""
    found = _listed_v1(info, name) if is_v1(info) else _listed_v2(info[b"file tree"], ())
    listed = list(_bounded(found))
    shown = [safe_path(file.parts) for file in listed if not file.hidden]
    _check_totals(listed, shown)
    paths = iter(distinct_paths(shown))
    layout = tuple((None if file.hidden else next(paths), file.size) for file in listed)
    return Listing(safe_name(name), layout)


def text_of(values: Dictionary, key: bytes) -> str:
    """A text, from `<key>.utf-8` where there is one; "" if there is none."""
    for value in (values.get(key + b".utf-8"), values.get(key)):
        if isinstance(value, bytes) and value:
            return value.decode(errors="replace")
    return ""


def number_of(values: Dictionary, key: bytes) -> int:
    """A number, 0 if there is none."""
    value = values.get(key)
    return value if isinstance(value, int) else 0


def _bounded(found: Iterator[_Listed]) -> Iterator[_Listed]:
    """The files, while they can be held: a small tree can stand for paths without end."""
    parts_left, files_left = MOST_PARTS, MOST_FILES
    for file in found:
        parts_left -= len(file.parts)
        files_left -= not file.hidden
        if parts_left < 0:
            raise NotATorrent("the .torrent's folders are nested too deeply")
        if files_left < 0:
            raise NotATorrent(f"the .torrent lists more than {MOST_FILES:,} files")
        yield file


def _check_totals(listed: list[_Listed], shown: list[str]) -> None:
    if not shown:
        raise NotATorrent("the .torrent lists no files")
    if sum(map(len, shown)) > MOST_PATH_CHARACTERS:
        raise NotATorrent("the .torrent's paths are too long")
    if sum(file.size for file in listed) > MOST_BYTES:
        raise NotATorrent("the .torrent claims to be larger than any torrent can be")


def _listed_v1(info: Dictionary, name: str) -> Iterator[_Listed]:
    files = info.get(b"files")
    if files is None:
        yield _Listed((name,), _size(info), hidden=False)
        return
    if not isinstance(files, list):
        raise NotATorrent("the .torrent's list of files is broken")
    for file in files:
        if not isinstance(file, dict):
            raise NotATorrent("the .torrent's list of files is broken")
        yield _listed(_parts(file), file)


def _listed_v2(tree: Value, above: tuple[str, ...]) -> Iterator[_Listed]:
    if not isinstance(tree, dict):
        raise NotATorrent("the .torrent's tree of files is broken")
    for name, below in tree.items():
        parts = (*above, _part(name))
        if not isinstance(below, dict):
            raise NotATorrent("the .torrent's tree of files is broken")
        file = below.get(b"")
        if isinstance(file, dict):
            yield _listed(parts, file)
        else:
            yield from _listed_v2(below, parts)


def _listed(parts: tuple[str, ...], file: Dictionary) -> _Listed:
    attributes = file.get(b"attr")
    marks = attributes if isinstance(attributes, bytes) else b""
    # BitComet pads with files of this name and no mark; nobody would miss them.
    padding = b"p" in marks or parts[0] == ".pad" or parts[-1].startswith("_____padding_file_")
    if b"l" in marks:
        return _Listed(parts, 0, hidden=True)
    return _Listed(parts, _size(file), hidden=padding)


def _parts(file: Dictionary) -> tuple[str, ...]:
    for path in (file.get(b"path.utf-8"), file.get(b"path")):
        if isinstance(path, list) and path:
            parts = [part for part in path if isinstance(part, bytes)]
            if len(parts) == len(path):
                return tuple(_part(part) for part in parts)
    raise NotATorrent("the .torrent lists a file without a path")


def _part(name: bytes) -> str:
    """One part of a path; washed already if long: once here, and not once per file below it."""
    text = name.decode(errors="replace")
    return text if len(text) <= MOST_NAME_BYTES else safe_name(text)


def _size(file: Dictionary) -> int:
    size = file.get(b"length")
    if not isinstance(size, int) or size < 0:
        raise NotATorrent("the .torrent lists a file without a length")
    return size
