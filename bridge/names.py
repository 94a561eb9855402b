"""Names from strangers made safe: for a local disk of any kind, and for showing on one line.

Whatever comes in, what goes out stays below the folder it is joined to, and means the same file on
ext4, NTFS, SMB and APFS. All of it is pure, so the same torrent gets the same names again.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import PurePath

MOST_NAME_BYTES = 240  # most file systems allow 255; the rest is for endings added later
MOST_FOLDER_BYTES = 760  # of a path without its last part; Linux takes 4,096 bytes for all of it
MOST_PLACE_BYTES = 2000  # of the folder that torrents are put into
MOST_PART_BYTES = 255
MOST_EXTENSION_BYTES = 20
_NUMBER = re.compile(r" \(\d+\)((?:\.[^./]*)?)$")
MOST_NUMBER_BYTES = 12  # " (2)" with as many digits as there can be files
MOST_SHOWN_CHARACTERS = 1000

# Control characters, line and paragraph separators, and what turns the reading direction around:
# the last makes "exe.mkv" look like "vkm.exe" and back.
_UNSHOWABLE = "\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069"
_NOT_IN_NAMES = re.compile(f'[{_UNSHOWABLE}<>:"/\\\\|?*]')
_NOT_SHOWN = re.compile(f"[{_UNSHOWABLE}]")
_BLANKS = " \xa0\u1680\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
# Windows opens the device whatever the extension, and takes superscript digits for digits.
_DEVICE = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³]) *(\.|\Z)", re.IGNORECASE
)


def safe_name(name: str) -> str:
    """One part of a path: never empty, never "." or "..", at most 240 bytes of UTF-8."""
    if not name.isascii():
        name = unicodedata.normalize("NFC", _without_surrogates(name))
    name = _fitted(_NOT_IN_NAMES.sub("_", name).strip(_BLANKS))
    if _DEVICE.match(name):
        name = _fitted("_" + name)
    return name


def safe_path(parts: Iterable[str]) -> str:
    """A relative path of safe names. Parts that name no place ("", ".", "..") are left out.

    Folders that would make it longer than a file system can take are left out too, deepest first.
    """
    *folders, last = [part for part in parts if part not in {"", ".", ".."}] or [""]
    kept: list[str] = []
    left = MOST_FOLDER_BYTES
    for folder in map(safe_name, folders):
        left -= len(folder.encode()) + 1
        if left < 0:
            break
        kept.append(folder)
    return "/".join([*kept, safe_name(last)])


def fits_a_disk(path: PurePath) -> bool:
    """Whether a folder can be here with everything that a torrent's own path may add to it."""
    longest = max(len(part.encode("utf-8", "replace")) for part in path.parts)
    whole = len(str(path).encode("utf-8", "replace"))
    return longest <= MOST_PART_BYTES and whole <= MOST_PLACE_BYTES


def distinct_paths(paths: Sequence[str]) -> list[str]:
    """The same safe paths, no two of which meet on a disk that ignores case.

    The first of equal paths keeps its name, later ones get " (2)", " (3)" … before the extension;
    so does a file whose name is another's folder.
    """
    keys = [_folded(path) for path in paths]
    folders = _folders(keys)
    taken = folders.union(keys)
    numbers: dict[str, int] = {}
    kept = set(folders)
    distinct = []
    for path, key in zip(paths, keys, strict=True):
        distinct.append(_numbered(path, taken, numbers) if key in kept else path)
        kept.add(key)
    return distinct


def unnumbered(path: str) -> str:
    """The path as it was before `distinct_paths` may have numbered it."""
    return _NUMBER.sub(r"\1", path)


def display_name(text: str) -> str:
    """The text on one line, as people may be shown it; "" if nothing is left."""
    return _NOT_SHOWN.sub(" ", _without_surrogates(text[:MOST_SHOWN_CHARACTERS])).strip()


def _numbered(path: str, taken: set[str], numbers: dict[str, int]) -> str:
    """The path with a number that makes it free, and takes it.

    `numbers` holds the last number of each stem, so that 100,000 equal names cost 100,000 tries.
    Stems are cut without regard to the number: else long ones could meet again and again.
    """
    folder, slash, name = path.rpartition("/")
    stem, extension = _split(name)
    stem = (
        folder + slash + _cut(stem, MOST_NAME_BYTES - MOST_NUMBER_BYTES - len(extension.encode()))
    )
    key = _folded(f"{stem}\0{extension}")
    while True:
        numbers[key] = number = numbers.get(key, 1) + 1
        candidate = f"{stem} ({number}){extension}"
        folded = _folded(candidate)
        if folded not in taken:
            taken.add(folded)
            return candidate


def _fitted(name: str) -> str:
    """The name without blanks and dots at its end, cut before its extension until it fits."""
    name = name.rstrip(_BLANKS + ".")
    stem, extension = _split(name)
    stem = _cut(stem, MOST_NAME_BYTES - len(extension.encode()))
    return (stem + extension).rstrip(_BLANKS + ".") or "_"


def _split(name: str) -> tuple[str, str]:
    """The name before its extension, and the extension with its dot, "" if it has none."""
    stem, dot, extension = name.rpartition(".")
    if not stem or len(extension.encode()) > MOST_EXTENSION_BYTES:
        return name, ""
    return stem, dot + extension


def _cut(text: str, most_bytes: int) -> str:
    """The text, or as many of its first characters as fit."""
    if len(text) * 4 <= most_bytes:
        return text
    return text.encode()[:most_bytes].decode(errors="ignore")


def _folded(path: str) -> str:
    """What a disk that ignores case takes for the same path."""
    return path.casefold() if path.isascii() else unicodedata.normalize("NFC", path.casefold())


def _folders(paths: Iterable[str]) -> set[str]:
    """Every folder that one of the paths lies in."""
    found: set[str] = set()
    for path in paths:
        folder = path.rpartition("/")[0]
        while folder and folder not in found:
            found.add(folder)
            folder = folder.rpartition("/")[0]
    return found


def _without_surrogates(text: str) -> str:
    """Half characters cannot be written as UTF-8, so they become question marks."""
    return text.encode("utf-8", "replace").decode("utf-8")
