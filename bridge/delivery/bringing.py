"""All files of one torrent, until each of them and every piece that they share is proven."""

import threading
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

from bridge.delivery.download import Download, LinkSource, Means, place_of
from bridge.delivery.partfile import PartFile
from bridge.delivery.pieces import Pieces, Share, SharedPiece
from bridge.delivery.recheck import is_right
from bridge.delivery.together import all_of
from bridge.delivery.work import Work
from bridge.errors import FileDisproved
from bridge.model import File

MOST_FILES_UNDER_WAY = 64  # of one torrent: most of them wait for a turn


class Bringing:
    """One call of `Delivery.deliver`; `key` is the torrent's hash."""

    def __init__(
        self,
        means: Means,
        work: Work,
        key: str,
        folder: Path,
        files: Sequence[File],
        pieces: Pieces | None,
        link: LinkSource,
    ) -> None:
        self._means = means
        self._work = work
        self._key = key
        self._folder = folder
        self._files = {file.path: file for file in files}
        self._pieces = pieces
        self._link = link

    async def run(self) -> None:
        """Return when all is here and proven."""
        missing: Iterable[str] = self._files
        shared = self._pieces.shared if self._pieces else ()
        while missing:
            files = sorted((self._files[path] for path in missing), key=place_of)
            await all_of(map(self._bring, files), MOST_FILES_UNDER_WAY)
            if not shared:
                return
            with self._work.leg.verification():
                shared = await self._means.readers.run_long(self._key, partial(self._wrong, shared))
            missing = await self._drop(shared)

    async def _bring(self, file: File) -> None:
        await Download(self._means, self._work, self._key, file, self._part(file), self._link).run()

    def _part(self, file: File) -> PartFile:
        return PartFile(
            self._folder,
            file.path,
            file.size,
            self._work.journal,
            with_md5=bool(file.md5),
            pieces=self._pieces.of(file.path) if self._pieces else None,
            may_write=self._means.room.go_on,
        )

    def _wrong(
        self, shared: Iterable[SharedPiece], stop: threading.Event
    ) -> tuple[SharedPiece, ...]:
        """Those of the shared pieces whose bytes on the disk are not right."""
        return tuple(piece for piece in shared if not is_right(self._folder, piece, stop))

    async def _drop(self, wrong: Sequence[SharedPiece]) -> set[str]:
        """Which of its files has the wrong bytes cannot be told: all bring their share again."""
        dropped: set[str] = set()
        for piece in wrong:
            for share in piece.shares:
                if share.path is not None:
                    await self._drop_share(share.path, share)
                    dropped.add(share.path)
        # Counted apart from the files: its bytes may be those of a link that was counted for one.
        pieces = {piece.digest.hex(): piece for piece in wrong}
        if too_often := self._work.disprove(list(pieces), dropped):
            path = next(share.path for share in pieces[too_often[0]].shares if share.path)
            raise FileDisproved(path, f"{path} came wrong three times (its checksum differs)")
        return dropped

    async def _drop_share(self, path: str, share: Share) -> None:
        part = self._part(self._files[path])
        try:
            await self._means.writers.run(self._key, part.open)
            await self._means.writers.run_surely(self._key, part.drop, share.start, share.stop)
            self._work.leg.holds(path, part.held)
        finally:
            await self._means.writers.run_surely(self._key, part.close)
