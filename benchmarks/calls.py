"""How many calls to TorBox the bridge makes, and how many bytes they bring: counted where they
arrive, at the simulator, with a thousand items of other people in the account.

    python -m benchmarks.calls

Counts, never times: the hours are simulated, so the figures are the same on any machine.
"""

import asyncio
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bridge.simulator import FetchedOver, Published, Script
from tests.conftest import House, JumpClock, a_house

FOREIGN_ITEMS = 1000
MOST_BYTES_AN_HOUR = 60_000_000
PACK_FILES = 24
HOUR = 3600.0
FOR_AGES = FetchedOver(40 * HOUR)  # moves all the time, and does not end within the hour


@dataclass(frozen=True)
class Measured:
    """What one scenario cost, and what it may cost at most."""

    name: str
    most: int
    calls: Counter[str]
    sent_bytes: int

    @property
    def total(self) -> int:
        return self.calls.total()

    @property
    def kept(self) -> bool:
        return self.total <= self.most and self.sent_bytes < MOST_BYTES_AN_HOUR


@asynccontextmanager
async def account_of_others(foreign: int) -> AsyncIterator[House]:
    """A bridge beside an account full of other people's items, with slots for all of ours."""
    with tempfile.TemporaryDirectory() as folder:
        async with a_house(Path(folder), JumpClock()) as house:
            house.torbox.foreign(foreign)
            house.torbox.plan = 2
            house.torbox.account.additional_slots = 10
            await house.starts()
            yield house


async def grabbed(
    house: House, name: str, script: Script | None = None, files: int = 1
) -> Published:
    grab = house.torbox.publish(name, {f"e{n:02}.mkv": 1000 + n for n in range(files)}, script)
    assert await house.arr.grabs(grab) == "Ok."
    return grab


async def add_to_delete(house: House, files: int) -> None:
    """A cached grab from the add to the delete that the arr sends after its import."""
    grab = await grabbed(house, "Cached", files=files)
    await house.sees_state(grab, "pausedUP", jump=0.1)
    await house.arr.removes(grab)
    await house.eventually(lambda: house.torbox.item_of(grab.hash) is None, jump=0.1)
    await house.passes(HOUR, step=60)  # and nothing follows


async def uncached(house: House, count: int, step: float) -> None:
    """So many grabs that TorBox has to fetch, and that do not end."""
    for number in range(count):
        await grabbed(house, f"Uncached.{number:02}", FOR_AGES)
    await house.passes(HOUR, step=step)
    assert len(house.torbox.calls_to("createtorrent")) == count


async def few_slots(house: House, count: int, step: float) -> None:
    """The same on the commonest plan, which has three slots: the others wait here."""
    house.torbox.plan, house.torbox.account.additional_slots = 1, 0
    for number in range(count):
        await grabbed(house, f"Uncached.{number:02}", FOR_AGES)
    await house.passes(HOUR, step=step)
    assert len(house.torbox.calls_to("createtorrent")) == 3


async def idle(house: House) -> None:
    """A complete torrent that an arr keeps, and nothing else, for a day."""
    grab = await grabbed(house, "Kept")
    await house.sees_state(grab, "pausedUP", jump=0.1)
    house.torbox.calls.clear()
    await house.passes(24 * HOUR, step=300)


Work = Callable[[House], Awaitable[None]]


def scenarios(step: float) -> Sequence[tuple[str, int, Work]]:
    """Name, most calls, and what is done; `step` is how many seconds the clock goes at once."""
    return (
        ("one cached file, add to delete", 4, lambda house: add_to_delete(house, 1)),
        ("a cached pack of 24, add to delete", 27, lambda house: add_to_delete(house, PACK_FILES)),
        ("one uncached torrent, an hour", 75, lambda house: uncached(house, 1, step)),
        ("twenty uncached torrents, an hour", 100, lambda house: uncached(house, 20, step)),
        ("the same on three slots", 100, lambda house: few_slots(house, 20, step)),
        ("idle, a day", 0, idle),
    )


async def measured(name: str, most: int, work: Work, foreign: int = FOREIGN_ITEMS) -> Measured:
    """Run one scenario in a house of its own."""
    async with account_of_others(foreign) as house:
        before = house.torbox.bytes_sent
        await work(house)
        calls = Counter(call.endpoint for call in house.torbox.calls)
        return Measured(name, most, calls, house.torbox.bytes_sent - before)


async def main() -> int:
    print(f"{FOREIGN_ITEMS} foreign items in the account\n")
    print(f"{'scenario':36} {'calls':>6} {'most':>6} {'MB':>7}   of which")
    kept = True
    for name, most, work in scenarios(step=1.0):
        one = await measured(name, most, work)
        kept = kept and one.kept
        parts = ", ".join(f"{count} {endpoint}" for endpoint, count in one.calls.most_common())
        print(f"{name:36} {one.total:6} {most:6} {one.sent_bytes / 1e6:7.2f}   {parts}")
    print("\nkept" if kept else "\nNOT KEPT")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
