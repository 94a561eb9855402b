"""The bytes of one answer, collected into blocks worth writing."""

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError

from bridge.clock import Clock
from bridge.errors import CdnUnwell

BLOCK_BYTES = 1 << 20
BLOCK_SECONDS = 2.0  # on a slow line smaller blocks, so that a restart loses little


class Body:
    """At most `count` bytes of a file, after `skip` bytes that nobody asked for.

    `attested`: the CDN said that the whole has TorBox's size. Without that, only a body of exactly
    the right length is the file. `more`: the answer has more than is wanted of it.
    """

    def __init__(
        self,
        content: aiohttp.StreamReader,
        clock: Clock,
        *,
        skip: int,
        count: int,
        attested: bool,
        more: bool = False,
    ) -> None:
        self.attested = attested
        self.left = count
        self.too_long = False
        self._skip = skip
        self._more = more
        self._content = content
        self._clock = clock
        self._trouble: CdnUnwell | None = None

    async def block(self, most: int = BLOCK_BYTES) -> list[bytes]:
        """The next bytes, [] at the end. What came before a cut is given before CdnUnwell."""
        pieces: list[bytes] = []
        count = 0
        give_by = self._clock.monotonic() + BLOCK_SECONDS
        while count < most and (piece := await self._piece(most - count)):
            pieces.append(piece)
            count += len(piece)
            if self._clock.monotonic() >= give_by:
                break
        if not pieces and self._trouble:
            raise self._trouble
        return pieces

    async def _piece(self, most: int) -> bytes:
        """What has arrived, b"" at the end or at a cut, never more than is wanted."""
        while not self._over and (piece := await self._read(most)):
            skipped = min(self._skip, len(piece))
            self._skip -= skipped
            piece = piece[skipped:]
            if not piece:
                continue
            if len(piece) > self.left:
                self.too_long = not self._more
                piece = piece[: self.left]
            self.left -= len(piece)
            return piece
        return b""

    @property
    def _over(self) -> bool:
        return bool(self._trouble) or self.too_long or (self._more and not self.left)

    async def _read(self, most: int) -> bytes:
        try:
            return await self._content.read(most)
        except TimeoutError:
            self._trouble = CdnUnwell("the CDN fell silent")
        except (aiohttp.ClientError, HttpProcessingError, OSError):
            self._trouble = CdnUnwell("the CDN cut the connection")
        return b""
