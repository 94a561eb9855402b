"""Any course of grabs, moods of TorBox, kills, removals and time keeps the promises.

Hypothesis makes up the course; after every step the promises are looked at, and in the end the sun
comes out and everything ends complete or failed for a reason that is true. In the suite the courses
are always the same; `BRIDGE_SOAK=1` (`make soak`) makes up many new ones.
"""

import asyncio
import os
import shutil
import tempfile
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from bridge.model import Complete, Failed
from bridge.simulator import (
    Cached,
    CdnWeather,
    Failing,
    FetchedOver,
    NoMetadata,
    Published,
    QueuedThen,
    Refused,
    Script,
    Stalled,
)
from bridge.simulator.cdn_weather import KINDS
from bridge.simulator.faults import USUAL
from tests.conftest import House, JumpClock, a_house
from tests.together.filming import disk_stands_still
from tests.together.passing import settled, time_passes

# A stall would last its minute: sockets know no other clock.
BAD_DAY = tuple(kind for kind in KINDS if kind != "stall")
SOAK = bool(os.environ.get("BRIDGE_SOAK"))
COMPLETE = "complete"
MOST_TORRENTS = 5
ENDPOINTS = (
    "createtorrent",
    "mylist",
    "getqueued",
    "requestdl",
    "controltorrent",
    "controlqueued",
    "user/me",
)
FATES: dict[str, tuple[Script, frozenset[str]]] = {
    "cached": (Cached(), frozenset({COMPLETE})),
    "cached late": (Cached(after=90), frozenset({COMPLETE})),
    "fetched": (FetchedOver(300, metadata_after=60, moving=60), frozenset({COMPLETE})),
    "queued": (QueuedThen(400, gap_seconds=60, then=FetchedOver(100)), frozenset({COMPLETE})),
    "stalled": (Stalled(at=0.3), frozenset({"no_seeds", "no_growth"})),
    "no metadata": (NoMetadata(), frozenset({"no_metadata", "no_seeds"})),
    "failing": (Failing(after=200), frozenset({"torbox_failed"})),
    "refused": (Refused(), frozenset({"refused"})),
}


@dataclass
class Known:
    """A torrent of ours, and what has been done about it."""

    torrent: Published
    ends: frozenset[str]
    listed: bool = True
    most_items: int = 1  # that TorBox may have made for it: one an attempt, one a loss
    lost: bool = False  # in this attempt
    progress: float = 0.0


class Life(RuleBasedStateMachine):
    """The rules are what may happen; each drives the house's own loop for a while."""

    known = Bundle("known")

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = Path(tempfile.mkdtemp())
        self.stack = AsyncExitStack()
        self.all: list[Known] = []
        self.down = False

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(work)

    @initialize(slots=st.sampled_from((0, 10)))
    def begins(self, slots: int) -> None:
        (self.folder / "house").mkdir()

        async def opened() -> House:
            house = await self.stack.enter_async_context(
                a_house(self.folder / "house", JumpClock())
            )
            house.torbox.stale_seconds = 1e9  # the simulator forgets nothing
            house.torbox.account.additional_slots = slots
            await house.starts()
            return house

        self.house = self.run(opened())
        self.torbox = self.house.torbox
        self.foreign = self.torbox.foreign(3)

    # What an arr does.

    @precondition(lambda self: len(self.all) < MOST_TORRENTS)
    @rule(target=known, fate=st.sampled_from(sorted(FATES)), as_file=st.booleans())
    def grabs(self, fate: str, as_file: bool) -> Known:
        script, ends = FATES[fate]
        name = f"{fate.title().replace(' ', '.')}.{len(self.all)}"
        one = Known(self.torbox.publish(name, {"a.mkv": 3000, "b/c.srt": 50}, script), ends)
        self.all.append(one)
        assert self.run(self.house.arr.grabs(one.torrent, as_file=as_file)) == "Ok."
        return one

    @rule(one=known)
    def grabs_again(self, one: Known) -> None:
        before = self.house.bridge.ledger.torrents.get(one.torrent.hash)
        if before is None or not before.listed or isinstance(before.phase, Failed):
            one.most_items, one.progress, one.lost = one.most_items + 1, 0.0, False
        assert self.run(self.house.arr.grabs(one.torrent)) == "Ok."
        one.listed = True

    @rule(one=known, and_files=st.booleans())
    def removes(self, one: Known, and_files: bool) -> None:
        self.run(self.house.arr.removes(one.torrent, and_files=and_files))
        one.listed = False

    @rule(one=known)
    def pauses_and_resumes(self, one: Known) -> None:
        async def both() -> None:
            for verb in ("pause", "resume"):
                data = {"hashes": one.torrent.hash}
                await self.house.arr.call("POST", f"torrents/{verb}", data=data)
                await settled(self.house)

        self.run(both())

    # What befalls the bridge.

    @rule(seconds=st.sampled_from((1, 5, 30, 120, 900)))
    def time_passes(self, seconds: float) -> None:
        self.run(time_passes(self.house, seconds, step=max(1.0, seconds / 20)))

    @rule(ticks=st.integers(0, 120))
    def is_killed(self, ticks: int) -> None:
        self.run(self._killed(ticks))

    async def _killed(self, ticks: int) -> None:
        """What is outside the process at this instant is what the next one starts from."""
        for _ in range(ticks):
            await asyncio.sleep(0)
        store, copy = self.house.bridge.ledger._store, self.folder / "copy"
        with disk_stands_still():  # and in the store's own thread no commit is half done
            work = store._thread.submit(shutil.copytree, self.folder / "house", copy)
            work.result()
        down = self.torbox.faults.down
        self.torbox.stop("refuse", cdn=True)
        await self.house.stops()
        shutil.rmtree(self.folder / "house")
        copy.rename(self.folder / "house")
        self.torbox.resume()
        if down:
            self.torbox.stop(down)
        await self.house.starts()

    # TorBox's moods.

    @rule(endpoint=st.sampled_from(ENDPOINTS), kind=st.sampled_from(sorted(USUAL)))
    def has_a_fault(self, endpoint: str, kind: str) -> None:
        self.torbox.next(endpoint, USUAL[kind])

    @rule(how=st.sampled_from(("down", "refuse", "hang")))
    def goes_down_or_comes_back(self, how: str) -> None:
        if self.torbox.faults.down:
            self.torbox.resume()
        else:
            self.torbox.stop(how)

    @rule(lag=st.sampled_from((0.0, 40.0)), gap=st.sampled_from((0.0, 60.0)))
    def lists_lag(self, lag: float, gap: float) -> None:
        self.torbox.lag_seconds, self.torbox.promotion_gap_seconds = lag, gap

    @rule(one=known, purged=st.booleans())
    def loses(self, one: Known, purged: bool) -> None:
        if not one.lost and self.torbox.item_of(one.torrent.hash):
            one.lost, one.most_items = True, one.most_items + 1
            (self.torbox.purge if purged else self.torbox.delete)(one.torrent.hash)

    @rule(one=known)
    def promotes(self, one: Known) -> None:
        if any(entry.hash == one.torrent.hash for entry in self.torbox.queue):
            self.torbox.promote(one.torrent.hash)

    @rule(after=st.integers(0, 3000))
    def cdn_cuts(self, after: int) -> None:
        self.torbox.cdn.cuts_off(after=after)
        self.torbox.expire_links()

    @rule(seed=st.integers(0, 1000))
    def cdn_has_a_bad_day(self, seed: int) -> None:
        self.torbox.cdn.weather = CdnWeather(seed, 0.5, BAD_DAY)

    # What must be true all the time.

    @invariant()
    def every_torrent_is_listed_or_removed(self) -> None:
        rows = {row["hash"]: row for row in self.run(self.house.arr.polls())}
        assert rows.keys() == {one.torrent.hash for one in self.all if one.listed}
        for one in self.all:
            row = rows.get(one.torrent.hash)
            if row is None:
                continue
            if row["state"] == "pausedUP":
                assert row["progress"] == 1
            phase = self.house.bridge.ledger.torrents[one.torrent.hash].phase
            if isinstance(phase, Failed):
                assert phase.cause in one.ends, phase

    @invariant()
    def torbox_has_one_item_an_attempt(self) -> None:
        for one in self.all:
            made = [item for item in self.torbox.account.all_items if item.hash == one.torrent.hash]
            there = [item for item in self.torbox.items if item.hash == one.torrent.hash]
            queued = [entry for entry in self.torbox.queue if entry.hash == one.torrent.hash]
            assert len(made) <= one.most_items
            assert len(there) + len(queued) <= 1

    @invariant()
    def nothing_of_others_is_touched(self) -> None:
        assert not any(item.controls for item in self.foreign)
        assert {item.id for item in self.foreign} <= {item.id for item in self.torbox.items}

    # The end.

    def teardown(self) -> None:
        try:
            if hasattr(self, "house"):
                self.run(self._good_weather())
        finally:
            self.run(self.stack.aclose())
            self.loop.close()
            shutil.rmtree(self.folder)

    async def _good_weather(self) -> None:
        self.torbox.resume()
        self.torbox.faults.clear()
        self.torbox.cdn.clear()
        self.torbox.lag_seconds = 0.0
        for _ in range(600):
            if all(self._ended(one) for one in self.all):
                break
            await time_passes(self.house, 60, step=60)
        for one in self.all:
            if one.listed:
                assert self._ended(one) in one.ends, await self._told(one)
        rows = {row["hash"]: row for row in await self.house.arr.polls()}
        for one in self.all:
            if one.listed and self._ended(one) == COMPLETE:
                whole = {file.path: one.torrent.content(file.path) for file in one.torrent.files}
                assert self.house.files_of(rows[one.torrent.hash]) == whole
        await self.house.arr.removes(*(one.torrent for one in self.all))
        await self._is_clean()

    def _ended(self, one: Known) -> str:
        """How it ended, "" if it did not."""
        if not one.listed:
            return "removed"
        phase = self.house.bridge.ledger.torrents[one.torrent.hash].phase
        if isinstance(phase, Failed):
            return str(phase.cause)
        return COMPLETE if isinstance(phase, Complete) else ""

    async def _told(self, one: Known) -> str:
        """What the bridge says of it, for whoever reads a failure."""
        told = await self.house.arr.json(f"../bridge/torrents/{one.torrent.hash}")
        torrent = self.house.bridge.ledger.torrents[one.torrent.hash]
        return f"{torrent.name}: {torrent.phase} {torrent.clocks} {told['reason']}"

    async def _is_clean(self) -> None:
        ledger = self.house.bridge.ledger
        await self.house.eventually(lambda: not ledger.torrents, jump=30)
        left = [item for item in self.torbox.items if item not in self.foreign]
        assert left == [], [(item.torrent.name, item.controls, item.id) for item in left]
        assert self.torbox.queue == []
        assert list((self.house.downloads / ".incomplete").iterdir()) == []


TestLife = Life.TestCase
TestLife.settings = settings(
    max_examples=400 if SOAK else 15,
    stateful_step_count=40 if SOAK else 25,
    derandomize=not SOAK,
    deadline=None,
    print_blob=SOAK,
    suppress_health_check=list(HealthCheck),
)
TestLife = pytest.mark.timeout(7200 if SOAK else 300)(TestLife)
