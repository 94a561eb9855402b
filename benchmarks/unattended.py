"""A month without a person: wanted items, each offered three releases, one release in five dead,
TorBox in bad weather, a plan with three slots, Sonarr and Radarr with their keys in the settings.

    python -m benchmarks.unattended                 a month, 500 items: some twenty minutes
    python -m benchmarks.unattended --items 40 --days 2

It fails unless every item with a living release is imported, no living release is ever failed or
blocklisted, and every other item has run out of releases, each with its reason. The hours are
simulated; what is printed of them is simulated time.
"""

import argparse
import asyncio
import itertools
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from msgspec.structs import replace

from bridge.config import ArrSettings
from bridge.model import Complete, Failed
from bridge.simulator import (
    Cached,
    Failing,
    FetchedOver,
    NoMetadata,
    Published,
    QueuedThen,
    Refused,
    Script,
    Stalled,
)
from bridge.simulator.arr import ArrSimulator, Release, Wanted
from bridge.simulator.faults import Weather
from bridge.simulator.scripts import Look, Step, Steps
from tests.conftest import PASSWORD, House, JumpClock, a_house

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
RELEASES, DEAD = 3, 0.2
LIVE_STEP, IDLE_STEP, WAITING_STEP = 30.0, 600.0, 2.0
PATIENCE = 0.02  # of real time
POLL_SECONDS = (60.0, 90.0)
AFTER_GRAB_SECONDS = 5.0
MOST_DAYS_AFTER = 30
SERIES = 40


@dataclass
class Item:
    """Something wanted, and when it is asked for first."""

    arr: ArrSimulator
    title: int
    at: float
    releases: list[Release]
    living: bool
    wanted: Wanted | None = None


@dataclass
class Seen:
    """What the bridge said meanwhile."""

    reasons: dict[str, str] = field(default_factory=dict)  # hash → why it failed
    completed: dict[str, float] = field(default_factory=dict)


class Month:
    """The house, two arrs, and time that jumps from event to event."""

    def __init__(self, house: House, items: int, days: float, seed: int, dead: float) -> None:
        self.house, self.count, self.days = house, items, days
        self.dice = random.Random(seed)
        self.seed, self.dead = seed, dead
        self.arrs: list[ArrSimulator] = []
        self.items: list[Item] = []
        self.alive: set[str] = set()
        self.seen = Seen()
        self.next_poll: dict[str, float] = {}
        self.started = house.clock.time()

    @property
    def now(self) -> float:
        return self.house.clock.time()

    async def opens(self, stack: AsyncExitStack, folder: Path) -> None:
        for kind in ("Sonarr", "Radarr"):
            into = folder / f"library-{kind}"
            into.mkdir()
            arr = ArrSimulator(kind, now=self.house.clock.time, into=into)
            await stack.enter_async_context(arr.serving())
            self.arrs.append(arr)
        named = tuple(ArrSettings(name=arr.kind, url=arr.url, api_key=arr.key) for arr in self.arrs)
        self.house.settings = replace(self.house.settings, arrs=named)
        await self.house.starts()
        for arr in self.arrs:
            arr.add_client("TorBox", f"http://127.0.0.1:{self.house.port}", password=PASSWORD)
            self.next_poll[arr.kind] = self.now
        self.house.bridge.ledger.listen(self._listen)
        self._publish()

    def _listen(self, _before, after) -> None:
        if after is not None and isinstance(after.phase, Failed):
            self.seen.reasons.setdefault(after.hash, after.phase.reason)
        if after is not None and isinstance(after.phase, Complete):
            self.seen.completed.setdefault(after.hash, self.now)

    # What there is

    def _publish(self) -> None:
        torbox = self.house.torbox
        torbox.weather = Weather(self.seed, chance=0.05, outages_per_day=1.5)
        for number in range(self.count):
            arr = self.arrs[number % 5 >= 3]  # three of five are episodes
            releases, living = [], False
            for place in range(RELEASES):
                dead = self.dice.random() < self.dead
                name = f"Item.{number:03}.{'ABC'[place]}"
                made = torbox.publish(name, self._files(name), self._script(dead=dead))
                living = living or not dead
                if not dead:
                    self.alive.add(made.hash)
                    self._spoil(made)
                releases.append(Release(made.name, made.hash, made.magnet))
            at = self.started + self.dice.random() * self.days * DAY
            title = self.dice.randrange(SERIES) if arr.kind == "Sonarr" else number
            self.items.append(Item(arr, title + 1, at, releases, living))
        self.items.sort(key=lambda item: item.at)

    def _files(self, name: str) -> dict[str, int]:
        # Names of its own, for the faults of the CDN are found by path.
        count = self.dice.randint(1, 3)
        return {f"{name}.{n}.mkv": self.dice.randrange(500, 40_000) for n in range(count)}

    def _script(self, *, dead: bool) -> Script:
        hours = self.dice.uniform
        if dead:
            return self.dice.choice(
                [
                    Stalled(at=hours(0, 0.99), over=hours(0, HOUR)),
                    NoMetadata(),
                    Failing(after=hours(0, HOUR)),
                    Refused(),
                ]
            )
        fetched = FetchedOver(
            hours(5 * MINUTE, HOUR), metadata_after=hours(0, 5 * MINUTE), moving=hours(0, 120)
        )
        return self.dice.choice(
            [
                Cached(),
                Cached(after=hours(0, 120)),
                fetched,
                fetched,
                QueuedThen(hours(60, 1800), gap_seconds=hours(0, 120), then=fetched),
                # Nobody shares it for more than an hour, and then somebody does.
                Steps((Step(hours(HOUR, 1.6 * HOUR), Look("stalled (no seeds)", 0.2)),), fetched),
            ]
        )

    def _spoil(self, made: Published) -> None:
        """Bad weather at the CDN, too: one file in ten comes cut, wrong or not at all at first."""
        cdn, path = self.house.torbox.cdn, made.files[0].path
        if self.dice.random() < 0.1:
            self.dice.choice(
                [
                    lambda: cdn.cuts_off(after=100, path=path),
                    lambda: cdn.html_page(path=path, size=500),
                    lambda: cdn.answers(status=503, path=path),
                    lambda: cdn.ignores_range(path=path),
                    lambda: cdn.wrong_bytes(path),
                ]
            )()

    # Time

    async def passes(self, progress: bool) -> None:
        """Until every item is imported or has run out of releases."""
        waiting = list(self.items)
        last_day, begun = -1, time.monotonic()
        while not all(item.wanted is not None and is_over(item.wanted) for item in self.items):
            day = int((self.now - self.started) / DAY)
            assert day < self.days + MOST_DAYS_AFTER, "it never ends"
            if progress and day != last_day:
                last_day = day
                over = sum(item.wanted is not None and is_over(item.wanted) for item in self.items)
                print(f"day {day}: {over} items over, {time.monotonic() - begun:.0f} s", flush=True)
            while waiting and waiting[0].at <= self.now:
                await self._want(waiting.pop(0))
            await self._poll_if_due()
            await self._settle()
            self.house.clock.jump(self._step(waiting))
            await self._settle()

    def _step(self, waiting: Sequence[Item]) -> float:
        live = any(arr.downloads.tracked for arr in self.arrs) or len(
            self.house.bridge.ledger.torrents
        )
        if live:
            return LIVE_STEP
        return min(IDLE_STEP, max(1.0, waiting[0].at - self.now)) if waiting else LIVE_STEP

    async def _want(self, item: Item) -> None:
        item.wanted = item.arr.library.want(item.title, item.releases)
        await item.arr.grab(item.wanted)
        soon = self.now + AFTER_GRAB_SECONDS
        self.next_poll[item.arr.kind] = min(self.next_poll[item.arr.kind], soon)

    async def _poll_if_due(self) -> None:
        for arr in self.arrs:
            if self.next_poll[arr.kind] <= self.now:
                # With nothing grabbed a poll shows nothing: the list of its category is empty.
                if arr.pending or any(one.state == "grabbed" for one in arr.library.wanted):
                    await arr.polls()
                self.next_poll[arr.kind] = self.now + self.dice.uniform(*POLL_SECONDS)

    async def _settle(self) -> None:
        """Until nothing is under way anywhere, or what is under way waits for time to pass."""
        calm, until = 0, time.monotonic() + PATIENCE
        while calm < 2:
            await asyncio.sleep(0)
            if time.monotonic() > until:
                self.house.clock.jump(WAITING_STEP)
                until = time.monotonic() + PATIENCE
            busy = self.house.bridge.engine.busy or any(arr.busy for arr in self.arrs)
            calm = 0 if busy else calm + 1

    # What became of it

    def wrongs(self) -> Iterable[str]:
        """Every promise that was broken."""
        for item in self.items:
            assert item.wanted is not None
            state = "imported" if item.living else "exhausted"
            if item.wanted.state != state:
                yield f"{item.releases[0].name} ended {item.wanted.state}, not {state}"
            tried = [one.hash for one in item.releases]
            if state == "exhausted" and not all(self.seen.reasons.get(one) for one in tried):
                yield f"{item.releases[0].name} ended without reasons"
        for torrent_hash in self.alive & self.seen.reasons.keys():
            yield f"a living release failed: {self.seen.reasons[torrent_hash]}"
        for arr in self.arrs:
            if self.alive & set(arr.library.blocklist):
                yield f"{arr.kind} blocklisted a living release"
            if len(set(arr.library.blocklist)) < len(arr.library.blocklist):
                yield f"{arr.kind} blocklisted a release twice"
            for call in arr.deletes():
                if call.client not in ("TorBox", "") or not call.download_id:
                    yield f"{arr.kind} was asked to delete a row that is not ours: {call}"

    def tells(self) -> None:
        wanted = [item.wanted for item in self.items if item.wanted is not None]
        imported = [one for one in wanted if one.state == "imported"]
        first = [one for one in imported if one.release == one.releases[0]]
        later = [one for one in imported if one.release != one.releases[0]]
        gone = [item for item in self.items if not item.living]
        days = (self.now - self.started) / DAY
        print(f"{len(wanted)} items in {days:.1f} simulated days, no person involved")
        print(f"  imported {len(imported)}, without any living release {len(gone)}")
        print(f"  dead releases replaced {sum(len(arr.library.blocklist) for arr in self.arrs)}")
        _print_median("grab to import, first release alive", first)
        _print_median("grab to import, after dead ones", later)
        reasons = sorted(self.seen.reasons.values())
        for reason, group in itertools.groupby(reasons):
            print(f"  {len(list(group)):4} failed: {reason}")
        for item in gone:
            why = "; ".join(self.seen.reasons.get(one.hash, "?") for one in item.releases)
            print(f"  {item.releases[0].name}: {why}")


def is_over(wanted: Wanted) -> bool:
    return wanted.state in ("imported", "exhausted")


def _print_median(what: str, wanted: Sequence[Wanted]) -> None:
    if wanted:
        spans = [one.imported_at - one.grabbed_at for one in wanted]
        print(f"  {what}: median {statistics.median(spans) / MINUTE:.1f} min over {len(spans)}")


async def import_delays(folder: Path, count: int, *, keys: bool) -> list[float]:
    """Seconds from complete to the arr's import, with and without its key. Time runs by itself
    with keys, and jumps by half seconds without.
    """
    async with AsyncExitStack() as stack:
        house = await stack.enter_async_context(a_house(folder, JumpClock()))
        into = folder / "library"
        into.mkdir()
        arr = ArrSimulator(now=house.clock.time, into=into)
        await stack.enter_async_context(arr.serving())
        if keys:
            named = ArrSettings(name="Sonarr", url=arr.url, api_key=arr.key)
            house.settings = replace(house.settings, arrs=(named,))
        await house.starts()
        arr.add_client("TorBox", f"http://127.0.0.1:{house.port}", password=PASSWORD)
        completed: dict[str, float] = {}

        def listen(_before, after) -> None:
            if after is not None and isinstance(after.phase, Complete):
                completed.setdefault(after.hash, house.clock.time())

        house.bridge.ledger.listen(listen)
        dice, delays = random.Random(1), []
        for number in range(count):
            made = house.torbox.publish(f"Show.{number}", {"a.mkv": 1000})
            wanted = await arr.wants([Release(made.name, made.hash, made.magnet)])
            next_poll = house.clock.time() + dice.uniform(0, POLL_SECONDS[1])
            while wanted.state != "imported":
                await asyncio.sleep(0.002)
                if not keys:
                    if made.hash in completed:
                        house.clock.jump(0.5)
                    if house.clock.time() >= next_poll:
                        await arr.polls()
                        next_poll = house.clock.time() + dice.uniform(*POLL_SECONDS)
            delays.append(wanted.imported_at - completed[made.hash])
        return delays


async def run(
    items: int, days: float, seed: int, *, dead: float = DEAD, progress: bool = False
) -> list[str]:
    """One month; gives what went wrong."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with AsyncExitStack() as stack:
            house = await stack.enter_async_context(a_house(folder, JumpClock()))
            month = Month(house, items, days, seed, dead)
            await month.opens(stack, folder)
            await month.passes(progress)
            await house.stops()
            month.tells()
            return list(month.wrongs())


async def delays(count: int = 25) -> float:
    """Print both medians; gives the one with keys."""
    found = {}
    for keys in (True, False):
        with tempfile.TemporaryDirectory() as name:
            spans = await import_delays(Path(name), count, keys=keys)
        found[keys] = statistics.median(spans)
        how = "with its key" if keys else "without, by its own poll every 60 to 90 s"
        print(f"  from complete to imported, {how}: median {found[keys]:.2f} s over {count}")
    return found[True]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="A month without a person.")
    parser.add_argument("--items", type=int, default=500)
    parser.add_argument("--days", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quiet", action="store_true")
    asked = parser.parse_args(arguments)
    wrongs = asyncio.run(run(asked.items, asked.days, asked.seed, progress=not asked.quiet))
    if asyncio.run(delays()) >= 2.0:
        wrongs.append("with keys an import was asked for later than 2 s after completion")
    for wrong in wrongs:
        print(f"WRONG: {wrong}")
    print("unattended: failed" if wrongs else "unattended: ok")
    return 1 if wrongs else 0


if __name__ == "__main__":
    sys.exit(main())
