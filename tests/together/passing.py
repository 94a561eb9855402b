"""Time that goes by whatever is under way, as when TorBox and its CDN take their time."""

import asyncio

from tests.conftest import House


async def time_passes(house: House, seconds: float, step: float = 20.0) -> None:
    """In steps; after each, everything is done that the loop can do at once."""
    while seconds > 0:
        house.clock.jump(min(step, seconds))
        seconds -= step
        await settled(house)


async def settled(house: House) -> None:
    """Until nothing moves for a moment: no call, no byte, no change of the list."""
    torbox, before = house.torbox, None
    for _ in range(100):
        await asyncio.sleep(0.001)
        now = len(torbox.calls), torbox.cdn.bytes_sent, house.bridge.board.revision
        if now == before and not house.bridge.engine._wake.is_set():
            return
        before = now
