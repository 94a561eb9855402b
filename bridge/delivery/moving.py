"""Moving a folder to its final place: one rename, or across file systems a copy and two renames.

Every step can be interrupted and taken again; the same call then finishes what was begun. All of it
blocks and is only called in threads.
"""

import errno
import hashlib
import os
import shutil
import stat
import threading
from pathlib import Path

from bridge.delivery.flushing import flush_folder
from bridge.delivery.paths import HIDDEN
from bridge.errors import FilesMissing, Refused, TargetTaken

COPY_BYTES = 4 << 20


def move_folder(source: Path, target: Path, mark: str, stop: threading.Event) -> None:
    """Move `source` to `target`, whose parents are made. Once done, the same call changes nothing.

    `mark` names what lies about meanwhile, so that another run finds it: it must be the same then.
    A target that was there before is never written to: TargetTaken.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    copy = target.parent / f"{HIDDEN}{mark}"
    copied = source.parent / f"{HIDDEN}{mark}-copied"
    if _noted_copy(source.parent, mark) not in {None, copy}:
        remove_copy(source.parent, mark)  # it was to go elsewhere
    if _exists(copied) and not _exists(copy) and not _exists(target):
        # The copy was lost; what was copied is still here, so begin again.
        _rename(copied, source)
    if _exists(source):
        _refuse_taken(target)
        if _renamed(source, target):
            return
        _note_copy(source.parent, mark, copy)
        _copy_across(source, copy, stop)
        if stop.is_set():
            return
        # From here on the copy counts: whoever comes after a crash goes on below.
        _rename(source, copied)
    if _exists(copied) and _exists(copy):
        _refuse_taken(target)
        _rename(copy, target)
    if not _exists(target):
        raise FilesMissing(f"what should become {target.name} is not here any more")
    if _exists(copied):
        shutil.rmtree(copied)
    _note(source.parent, mark).unlink(missing_ok=True)


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


def _copy_across(source: Path, copy: Path, stop: threading.Event) -> None:
    """Copy the tree, flushed. What an earlier try left is taken away first."""
    if _exists(copy):
        shutil.rmtree(copy)
    copy.mkdir()
    for folder, subfolders, names in os.walk(source):
        there = copy / Path(folder).relative_to(source)
        for name in subfolders:
            _refuse_links(Path(folder, name))
            (there / name).mkdir()
        for name in names:
            _refuse_links(Path(folder, name))
            _copy_file(Path(folder, name), there / name, stop)
            if stop.is_set():
                return
        flush_folder(there)


def _refuse_links(path: Path) -> None:
    """We deliver files and folders; anything else was put there by somebody, and stays there."""
    mode = path.lstat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise Refused(f"{path.name} is neither a file nor a folder, so it cannot be moved")


def _copy_file(source: Path, target: Path, stop: threading.Event) -> None:
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
