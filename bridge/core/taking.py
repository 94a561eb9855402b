"""What to take of a torrent: everything, except where the rules of its category say otherwise.

A file that a client asked for by itself is taken, whatever the rules leave out.
"""

import re
from collections.abc import Iterable, Sequence
from fnmatch import translate
from functools import lru_cache
from pathlib import PurePosixPath

from msgspec.structs import replace

from bridge.config import Accept, CategorySettings
from bridge.model import File, Torrent

ARCHIVES = re.compile(
    r"\.(rar|r\d\d|s\d\d|zip|z\d\d|7z|7z\.\d+|tar|t?gz|bz2|xz|zst)$", re.IGNORECASE
)
EXECUTABLES = re.compile(
    r"\.(exe|msi|scr|bat|cmd|com|pif|lnk|ps1|vbs|vbe|js|jse|wsf|hta|jar|apk|dmg|pkg|app|sh|run)$",
    re.IGNORECASE,
)
# They come with something else, are small by nature, and are never missed as "too small".
COMPANIONS = re.compile(
    r"\.(srt|sub|idx|ass|ssa|smi|vtt|sup|nfo|txt|md5|sfv|sha1|sha256|par2|url|html?|jpe?g|png"
    r"|gif|webp|bmp|cue|log|m3u8?|json|xml|diz)$",
    re.IGNORECASE,
)


def chosen(files: Iterable[File], rules: CategorySettings) -> tuple[File, ...]:
    """The files, with those that the rules leave out not wanted any more."""
    return tuple(
        file
        if not file.wanted or _taken(file, rules)
        else replace(file, priority=0, ruled_out=True)
        for file in files
    )


def unruled(files: Iterable[File]) -> tuple[File, ...]:
    """The files as clients chose them: another attempt may be for another category."""
    return tuple(
        replace(file, priority=1, ruled_out=False) if file.ruled_out else replace(file, kept=False)
        for file in files
    )


def objection(files: Iterable[File], rules: CategorySettings, where: str) -> str:
    """Why this torrent is not to be downloaded at all, "" if it may be.

    Never an objection on an empty list: nothing is known then.
    """
    wanted = [file for file in files if file.wanted]
    if not wanted:
        return ""
    taken = [file for file in wanted if _taken(file, rules)]
    if not taken:
        return f"the rules for {where} leave none of its files"
    main = [file.path for file in taken if not _companion(file)]
    if not main:
        return ""
    executables = [path for path in main if EXECUTABLES.search(path)]
    archives = [path for path in main if ARCHIVES.search(path)]
    if len(executables) + len(archives) < len(main):
        return ""
    if executables and Accept.EXECUTABLES not in rules.accept:
        return _refused("there is nothing in it but programs", executables, Accept.EXECUTABLES)
    if archives and not executables and Accept.ARCHIVES not in rules.accept:
        return _refused("there is nothing in it but archives", archives, Accept.ARCHIVES)
    return ""


def infection(files: Iterable[File], infected: Sequence[int], rules: CategorySettings) -> str:
    """The same for what TorBox's virus scanner found."""
    found = [file.path for file in files if file.wanted and file.torbox_id in infected]
    if not found or Accept.INFECTED in rules.accept:
        return ""
    return _refused("TorBox found a virus in it", found, Accept.INFECTED)


def other_files(before: Torrent, after: Torrent) -> bool:
    """Whether there is something else to judge than before."""
    return (before.files, before.category, before.attempt) != (
        after.files,
        after.category,
        after.attempt,
    )


def place(torrent: Torrent) -> str:
    """Whose rules they are, for a sentence."""
    return f"category {torrent.category}" if torrent.category else "this category"


def _refused(what: str, paths: Sequence[str], accept: Accept) -> str:
    return f"{what}: {PurePosixPath(paths[0]).name!r} (taken with `accept: [{accept}]`)"


def _taken(file: File, rules: CategorySettings) -> bool:
    if file.chosen:
        return True
    path = file.origin or file.path
    if rules.include and not _matches(path, rules.include):
        return False
    if _matches(path, rules.exclude):
        return False
    return file.size >= rules.smallest or _companion(file)


def _companion(file: File) -> bool:
    return bool(COMPANIONS.search(file.origin or file.path))


def _matches(path: str, patterns: tuple[str, ...]) -> bool:
    """Whether the path, or its last part, matches one of these; case does not matter."""
    path = path.casefold()
    name = path.rpartition("/")[2]
    return any(_glob(one).match(path) or _glob(one).match(name) for one in patterns)


@lru_cache(maxsize=256)
def _glob(pattern: str) -> re.Pattern[str]:
    return re.compile(translate(pattern.casefold()), re.DOTALL)
