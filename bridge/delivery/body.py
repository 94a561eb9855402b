"""The bytes of one answer, collected into blocks worth writing."""

import asyncio
from contextlib import suppress

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError

from bridge.clock import Clock
from bridge.delivery.wakeups import Wakeups
from bridge.errors import CdnUnwell

MOST_BLOCK_BYTES = 2 << 20  # larger ones are hardly faster (benchmarks/README.md)
LEAST_BLOCK_BYTES, MOST_BLOCKS_BYTES = 256 << 10, 16 << 20
ARRIVING_BYTES = 256 << 10  # asyncio reads no more at once
BLOCK_SECONDS = 2.0  # on a slow line smaller blocks, so that a restart loses little


def block_bytes(connections: int) -> int:
    """Large blocks cost less, and each connection holds two."""
    return min(max(MOST_BLOCKS_BYTES // connections, LEAST_BLOCK_BYTES), MOST_BLOCK_BYTES)


class Body:
    """At most `count` bytes of a file, after `skip` bytes that nobody asked for.

    `attested`: the CDN said that the whole has TorBox's size. Without that, only a body of exactly
    the right length is the file. `more`: the answer has more than is wanted of it. `whole`: it is
    the whole file, whatever part was asked for. `length`: of the answer, if it says so.
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
        whole: bool = False,
        length: int | None = None,
        wakeups: Wakeups | None = None,
    ) -> None:
        self.attested = attested
        self.whole = whole
        self.left = count
        self.too_long = False
        self._skip = skip
        self._more = more
        self._content = content
        self._clock = clock
        self._length = length
        self._wakeups = wakeups
        self._trouble: CdnUnwell | None = None

    async def skip(self, most: int) -> int:
        """How many of the bytes that nobody asked for came just now; 0 once all of them did.

        To be called until then: they come over the line as all others do.
        """
        if not self._skip or self._trouble:
            return 0
        count = len(await self._read(min(most, self._skip, ARRIVING_BYTES - 1)))
        self._skip -= count
        return count

    async def block(self, most: int = MOST_BLOCK_BYTES) -> list[bytes]:
        """The next bytes, [] at the end. What came before a cut is given before CdnUnwell."""
        pieces: list[bytes] = []
        if piece := await self._piece(most):
            pieces.append(piece)
            began_at = self._clock.monotonic()
            await self._fill(pieces, most - len(piece))
            if self._wakeups is not None:
                count = sum(map(len, pieces)) - len(piece)
                self._wakeups.fit(count, self._clock.monotonic() - began_at)
        if not pieces and self._trouble:
            raise self._trouble
        return pieces

    async def _fill(self, pieces: list[bytes], most: int) -> None:
        """Add what comes, as long as that does not take too long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._clock.socket_seconds(BLOCK_SECONDS)):
                while most and (piece := await self._piece(most)):
                    pieces.append(piece)
                    most = max(0, most - len(piece))

    async def _piece(self, most: int) -> bytes:
        """What has arrived, b"" at the end or at a cut, never more than is wanted."""
        if not self._over and (piece := await self._read(most)):
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
        if self._wakeups is not None and self._length is not None:
            self._wakeups.left(self._length - self._content.total_bytes)
        try:
            if most < ARRIVING_BYTES:
                return await self._content.read(most)
            # As it arrived: putting it together would copy every byte once more.
            piece, chunk_ends = await self._content.readchunk()
            while chunk_ends and not piece:
                piece, chunk_ends = await self._content.readchunk()
            return piece
        except TimeoutError:
            self._trouble = CdnUnwell("the CDN fell silent")
        except (aiohttp.ClientError, HttpProcessingError, OSError):
            self._trouble = CdnUnwell("the CDN cut the connection")
        return b""
