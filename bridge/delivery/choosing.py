"""Choosing a folder's name: safe, free on the disk, and nobody else's."""

import os
import unicodedata
from collections.abc import Container
from itertools import count
from pathlib import Path

from bridge.delivery.paths import HIDDEN, INCOMPLETE, no_folder
from bridge.names import safe_name

MOST_STEM_BYTES = 200  # leaves room for " (2)" and for what other programs append


def folded(name: str) -> str:
    """Names that fold to the same are one name on some disk (SMB, NTFS, APFS)."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def free_name(place: Path, wanted: str, taken: Container[str]) -> str:
    """`wanted`, made safe, or with the first number that makes it free. Blocks: call in a thread.

    `taken` holds names as `folded` makes them.
    """
    try:
        there = {folded(name) for name in os.listdir(place)}  # noqa: PTH208  only names are needed
    except FileNotFoundError:
        there = set()
    except NotADirectoryError as error:
        raise no_folder(place) from error
    stem = safe_name(wanted)
    if len(stem.encode()) > MOST_STEM_BYTES:
        stem = safe_name(stem.encode()[:MOST_STEM_BYTES].decode(errors="ignore"))
    if folded(stem).startswith(HIDDEN):
        stem = "_" + stem
    for number in count(1):
        name = stem if number == 1 else f"{stem} ({number})"
        if folded(name) != INCOMPLETE and folded(name) not in there and folded(name) not in taken:
            return name
    raise AssertionError("numbers do not end")
