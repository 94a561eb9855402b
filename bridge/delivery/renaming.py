"""Other names for files that were delivered, below their own folder. Blocks: only for threads."""

import os
from collections.abc import Iterable
from pathlib import Path

from bridge.delivery.flushing import flush_folder, folders_of
from bridge.delivery.paths import is_free, make_folders, no_folder, within
from bridge.delivery.removal import remove_if_empty


def rename_files(folder: Path, names: Iterable[tuple[str, str]]) -> None:
    """Rename each (old, new) that is there still, and remove the folders this leaves empty.

    What has its new name already is left as it is, so the same call can be made again. Refused, and
    nothing is renamed, where a file lies at a folder that leads to a new name.
    """
    names = list(names)
    pairs = [(within(folder, old), within(folder, new)) for old, new in names]
    for source, target in pairs:
        if _is_to_go(source, target) and not is_free(target):
            raise no_folder(target.parent)
    for source, target in pairs:
        if _is_to_go(source, target):
            make_folders(target.parent)
            source.rename(target)
            flush_folder(target.parent)
            flush_folder(source.parent)
    emptied = folders_of(folder, [old for old, _ in names])
    for empty in sorted(emptied, key=lambda each: len(each.parts), reverse=True):
        if empty != folder:
            remove_if_empty(empty)


def _is_to_go(source: Path, target: Path) -> bool:
    return source.is_file() and not source.is_symlink() and not os.path.lexists(target)
