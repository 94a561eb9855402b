"""Whether delivered files are still what they were: all of them is read, and nothing is changed.

Blocks: only called in threads.
"""

import hashlib
import re
import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from bridge.delivery.partfile import READ_BYTES
from bridge.delivery.paths import within
from bridge.delivery.pieces import FilePieces, Pieces, Proof, Share, SharedPiece, add_zeros
from bridge.model import File

_MD5 = re.compile(r"[0-9a-f]{32}")


def damaged_files(
    folder: Path, files: Sequence[File], proof: Proof | None, stop: threading.Event
) -> tuple[str, ...]:
    """The files whose bytes the .torrent, or else TorBox's MD5, knows otherwise.

    Without either nothing is found. A piece that several files share speaks against each of them.
    A file that goes meanwhile, as when an arr imports it, is one that is not here any more.
    """
    pieces = Pieces(proof, {file.path for file in files}) if proof else None
    damaged: set[str] = set()
    for file in files:
        own = pieces.of(file.path) if pieces else None
        if stop.is_set():
            break
        if not _holds(partial(_is_whole, folder, file, own, stop)):
            damaged.add(file.path)
    for piece in pieces.shared if pieces else ():
        if not _holds(partial(is_right, folder, piece, stop)):
            damaged.update(share.path for share in piece.shares if share.path is not None)
    return tuple(file.path for file in files if file.path in damaged)


def known_md5(file: File) -> str:
    """TorBox's MD5 of it in lower-case hex, "" if there is none that is one."""
    md5 = (file.md5 or "").strip('" ').lower()
    return md5 if _MD5.fullmatch(md5) else ""


def is_right(folder: Path, piece: SharedPiece, stop: threading.Event) -> bool:
    """Whether a piece of several files is right; also when stopped before that is known."""
    digest = hashlib.sha1(usedforsecurity=False)
    for share in piece.shares:
        if stop.is_set():
            return True
        if share.path is None:
            add_zeros(digest, share.stop - share.start)
        else:
            _read_share(folder, share.path, share, digest)
    return digest.digest() == piece.digest


def _holds(look: Callable[[], bool]) -> bool:
    try:
        return look()
    except FileNotFoundError:
        return False


def _is_whole(folder: Path, file: File, own: FilePieces | None, stop: threading.Event) -> bool:
    expected = known_md5(file)
    if own is None and not expected:
        return True
    md5, at = hashlib.md5(usedforsecurity=False), 0
    with within(folder, file.path).open("rb", buffering=0) as source:
        while block := source.read(READ_BYTES):
            if stop.is_set():
                return True
            if own is None:
                md5.update(block)
            else:
                own.pass_by(at, memoryview(block))
            at += len(block)
    return not own.bad if own is not None else md5.hexdigest() == expected


def _read_share(folder: Path, path: str, share: Share, digest: "hashlib._Hash") -> None:
    with within(folder, path).open("rb", buffering=0) as file:
        file.seek(share.start)
        left = share.stop - share.start
        while left and (block := file.read(min(left, READ_BYTES))):
            digest.update(block)
            left -= len(block)
