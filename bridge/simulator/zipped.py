"""Zips as TorBox makes them of many files: stored, not compressed, and the same every time."""

import io
import zipfile
from functools import lru_cache

from .published import Published

FROM_FILES = 100
LARGEST = 256 * 1024 * 1024  # it is made in memory


@lru_cache(maxsize=4)
def made(torrent: Published) -> bytes:
    """The zip of all files of a torrent."""
    if torrent.size > LARGEST or not torrent.known:
        raise ValueError("too large to zip in memory, or nobody has its bytes")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for file in torrent.files:
            # A fixed date: the zip of today is the zip of yesterday.
            entry = zipfile.ZipInfo(torrent.listed_path(file), (2026, 1, 1, 0, 0, 0))
            archive.writestr(entry, torrent.content(file.path))
    return buffer.getvalue()


def size(torrent: Published) -> int:
    """Bytes of the zip; of one that is too large to make, those of its files."""
    return len(made(torrent)) if torrent.size <= LARGEST and torrent.known else torrent.size
