"""Other names for files that were delivered, below their own folder. Blocks: only for threads."""

import os
from collections.abc import Iterable
from pathlib import Path

from bridge.delivery.flushing import flush_folder, folders_of
from bridge.delivery.paths import within
from bridge.delivery.removal import remove_if_empty


def rename_files(folder: Path, names: Iterable[tuple[str, str]]) -> None:
    """Rename each (old, new) that is there still, and remove the folders this leaves empty.

    What has its new name already is left as it is, so the same call can be made again.
    """
    names = list(names)
    for old, new in names:
        source, target = within(folder, old), within(folder, new)
        if source.is_file() and not source.is_symlink() and not os.path.lexists(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            source.rename(target)
            flush_folder(target.parent)
            flush_folder(source.parent)
    emptied = folders_of(folder, [old for old, _ in names])
    for empty in sorted(emptied, key=lambda each: len(each.parts), reverse=True):
        if empty != folder:
            remove_if_empty(empty)
