"""Moving a folder to its final place: one rename, or across file systems a copy and two renames.

Every step can be interrupted and taken again; the same call then finishes what was begun. All of it
blocks and is only called in threads.
"""

import errno
import filecmp
import hashlib
import os
import shutil
import stat
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from bridge.delivery.flushing import flush_folder
from bridge.delivery.paths import HIDDEN, inner_folder, make_folders, plain_name
from bridge.delivery.removal import remove_if_empty, tidy
from bridge.errors import FilesMissing, Refused, TargetTaken
from bridge.model import File

COPY_BYTES = 4 << 20

Facts = tuple[int, int, int]


def make_folder(incomplete: Path, folder: str, files: Iterable[File]) -> Path:
    """The torrent's own folder among the incomplete, made, with none but its files in it."""
    if incomplete.is_symlink():
        raise Refused("a link lies where the incomplete files should")
    inner = plain_name(incomplete, folder)
    incomplete.mkdir(exist_ok=True)
    before = inner_folder(incomplete, folder)
    if before != inner:
        before.rename(inner)
    remove_copy(incomplete, incomplete.name)
    tidy(incomplete, [f"{folder}/{file.path}" for file in files])
    inner.mkdir(exist_ok=True)
    return inner


def move_folder(source: Path, target: Path, mark: str, stop: threading.Event) -> None:
    """Move `source` to `target`, whose parents are made. Once done, the same call changes nothing.

    `mark` names what lies about meanwhile, so that another run finds it: it must be the same then.
    A target that was there before is never written to: TargetTaken.
    """
    make_folders(target.parent)
    copy = target.parent / f"{HIDDEN}{mark}"
    copied = source.parent / f"{HIDDEN}{mark}-copied"
    if _noted_copy(source.parent, mark) not in {None, copy}:
        remove_copy(source.parent, mark)  # it was to go elsewhere
    if _exists(copied) and not _exists(copy):
        if _exists(target) and _is_copy(copied, target):
            _finish(source, target, mark, {})
            return
        # The copy was lost; what was copied is still here, so begin again.
        if not _exists(source):
            _rename(copied, source)
    if not _exists(copied):
        if not _exists(source):
            if not _exists(target):
                raise FilesMissing(f"what should become {target.name} is not here any more")
            _note(source.parent, mark).unlink(missing_ok=True)
            return
        _refuse_taken(target)
        if _renamed(source, target):
            return
        _refuse_links(source)
    try:
        _refuse_taken(target)
        known = _copied_across(source, copy, copied, stop)
        _refuse_taken(target)
    except Exception:
        with suppress(OSError):
            undo_move(source, target, mark)
        raise
    if known is not None:
        _rename(copy, target)
        _finish(source, target, mark, known)


def undo_move(source: Path, target: Path, mark: str) -> bool:
    """Whether the folder is at its old place: it is, unless the move was as good as done.

    The copy goes, and what was copied gets its name again.
    """
    copy = target.parent / f"{HIDDEN}{mark}"
    copied = source.parent / f"{HIDDEN}{mark}-copied"
    if _exists(copied) and not _exists(source) and (_exists(copy) or not _exists(target)):
        _rename(copied, source)
    remove_copy(source.parent, mark)
    return _exists(source)


def is_copied_only(folder: Path, target: Path, mark: str) -> bool:
    """Whether a move across file systems from `folder` stopped before the target was made."""
    copied = _exists(folder / f"{HIDDEN}{mark}-copied")
    return copied and _exists(target.parent / f"{HIDDEN}{mark}")


def _refuse_taken(target: Path) -> None:
    if _exists(target):
        raise TargetTaken(f"{target.name} exists already")


def _renamed(source: Path, target: Path) -> bool:
    """Whether one rename was enough; False if the two are on different file systems."""
    try:
        _rename(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        return False
    return True


def _rename(source: Path, target: Path) -> None:
    source.rename(target)
    flush_folder(target.parent)
    if source.parent != target.parent:
        flush_folder(source.parent)


def _copied_across(
    source: Path, copy: Path, copied: Path, stop: threading.Event
) -> dict[str, Facts] | None:
    """Make the copy and take the source's name away; None if it was stopped."""
    known: dict[str, Facts] = {}
    if not _exists(copied):
        _note_copy(source.parent, copy.name.removeprefix(HIDDEN), copy)
        if _exists(copy):
            shutil.rmtree(copy)
        if not _bring(source, copy, known, stop):
            return None
        # From here on the copy counts: whoever comes after a crash goes on here.
        _rename(source, copied)
    # What others wrote there in the meantime comes along, too.
    return known if _bring(copied, copy, known, stop) else None


def _bring(source: Path, copy: Path, known: dict[str, Facts], stop: threading.Event) -> bool:
    """Make the copy, flushed, as the source is, and know what is in it; False if stopped."""
    for folder, subfolders, names in os.walk(source):
        there = copy / Path(folder).relative_to(source)
        there.mkdir(exist_ok=True)
        links = [name for name in subfolders if Path(folder, name).is_symlink()]
        for name in (*names, *links):
            path, new = Path(folder, name), there / name
            inside, facts = str(path.relative_to(source)), _facts(path)
            if facts is None or known.get(inside) == facts:
                continue
            if not _is_same(path, new):
                new.unlink(missing_ok=True)
                _copy_file(path, new, stop)
            if stop.is_set():
                return False
            known[inside] = facts
        flush_folder(there)
    return True


def _facts(path: Path) -> Facts | None:
    """By which a change of the file is seen; None for what can neither be copied nor lost."""
    facts = path.lstat()
    if stat.S_ISREG(facts.st_mode) or stat.S_ISLNK(facts.st_mode):
        return facts.st_mode, facts.st_size, facts.st_mtime_ns
    return None


def _is_same(one: Path, other: Path) -> bool:
    if not _exists(other) or one.is_symlink() != other.is_symlink():
        return False
    if one.is_symlink():
        return one.readlink() == other.readlink()
    return other.is_file() and filecmp.cmp(one, other, shallow=False)


def _is_copy(copied: Path, target: Path) -> bool:
    """Whether nothing is lost with what was copied: else the target is somebody else's."""
    return all(
        _is_same(Path(folder, name), target / Path(folder, name).relative_to(copied))
        for folder, _, names in os.walk(copied)
        for name in names
    )


def _finish(source: Path, target: Path, mark: str, known: Mapping[str, Facts]) -> None:
    """Take away what was copied, and only that: a file that changed since is left."""
    copied = source.parent / f"{HIDDEN}{mark}-copied"
    for folder, subfolders, names in os.walk(copied, topdown=False):
        for name in (*names, *subfolders):
            path = Path(folder, name)
            inside = path.relative_to(copied)
            if name in subfolders and not path.is_symlink():
                remove_if_empty(path)
            elif (facts := _facts(path)) is None:
                continue
            elif known.get(str(inside)) == facts or _is_same(path, target / inside):
                path.unlink()
    remove_if_empty(copied)
    _note(source.parent, mark).unlink(missing_ok=True)


def _refuse_links(source: Path) -> None:
    """We deliver files and folders; anything else was put there by somebody, and stays there."""
    for folder, subfolders, names in os.walk(source):
        for name in (*subfolders, *names):
            mode = Path(folder, name).lstat().st_mode
            if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
                raise Refused(f"{name} is neither a file nor a folder, so it cannot be moved")


def _copy_file(source: Path, target: Path, stop: threading.Event) -> None:
    if source.is_symlink():
        target.symlink_to(source.readlink())
        return
    with source.open("rb", buffering=0) as reader, target.open("xb", buffering=0) as writer:
        buffer = memoryview(bytearray(COPY_BYTES))
        while (count := reader.readinto(buffer)) and not stop.is_set():
            rest = buffer[:count]
            while rest:
                rest = rest[writer.write(rest) :]
        os.fsync(writer.fileno())
    shutil.copystat(source, target)


def mark_of(name: str) -> str:
    """A mark for a folder that has no hash of its own."""
    return hashlib.sha256(name.encode()).hexdigest()[:40]


def remove_copied(folder: Path, mark: str) -> None:
    """Take away what an interrupted move left in the folder it moved from, and its copy."""
    remove_copy(folder, mark)
    shutil.rmtree(folder / f"{HIDDEN}{mark}-copied", ignore_errors=True)


def remove_copy(folder: Path, mark: str) -> None:
    """Take away the copy that an interrupted move made of something in this folder."""
    copy = _noted_copy(folder, mark)
    if copy is not None and copy.name == f"{HIDDEN}{mark}" and _exists(copy):
        shutil.rmtree(copy)
    _note(folder, mark).unlink(missing_ok=True)


def _note_copy(folder: Path, mark: str, copy: Path) -> None:
    """Where it is must be known to who removes what is copied: the target may be another then."""
    with _note(folder, mark).open("w") as note:
        note.write(str(copy))
        note.flush()
        os.fsync(note.fileno())
    flush_folder(folder)


def _noted_copy(folder: Path, mark: str) -> Path | None:
    try:
        return Path(_note(folder, mark).read_text())
    except (FileNotFoundError, NotADirectoryError):
        return None


def _note(folder: Path, mark: str) -> Path:
    return folder / f"{HIDDEN}{mark}-copy"


def _exists(path: Path) -> bool:
    """Whether something has this name, be it a dangling link."""
    return os.path.lexists(path)
