"""Bad weather: many torrents through simulated days of 429s, outages, lag and odd answers.

All end, complete or failed for a reason that is true; no living torrent is failed; what TorBox says
about limits is heeded; nothing of anybody else's is touched. `BRIDGE_SOAK=1` (`make soak`) makes it
a thousand torrents; `BRIDGE_SEED` another course of events.
"""

import os
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from bridge.simulator import (
    Cached,
    Call,
    Failing,
    FetchedOver,
    FinishedNotPresent,
    Look,
    NoMetadata,
    Published,
    QueuedThen,
    Refused,
    Script,
    Stalled,
    Step,
    Steps,
    Weather,
)
from tests.conftest import House
from tests.together.passing import time_passes

SOAK = bool(os.environ.get("BRIDGE_SOAK"))
SEED = int(os.environ.get("BRIDGE_SEED", "1"))
TORRENTS = 1000 if SOAK else 150
STEP_SECONDS = 20.0
MINUTE, HOUR = 60.0, 3600.0
COMPLETE = "complete"

pytestmark = pytest.mark.timeout(3600 if SOAK else 300)


def stands(state: str, seconds: float, then: Script) -> Script:
    """Nothing moves for a while, and then it does."""
    return Steps((Step(seconds, Look(state, 0.1)),), then)


# What becomes of a torrent at TorBox, how often, and the ends that are true.
FATES: tuple[tuple[int, Callable[[random.Random], Script], frozenset[str]], ...] = (
    (30, lambda _dice: Cached(), frozenset({COMPLETE})),
    (8, lambda dice: Cached(after=dice.uniform(10, 600)), frozenset({COMPLETE})),
    (25, lambda dice: FetchedOver(dice.uniform(10, 2 * HOUR)), frozenset({COMPLETE})),
    (
        8,
        lambda dice: FetchedOver(600, metadata_after=dice.uniform(60, 20 * MINUTE), moving=120),
        frozenset({COMPLETE}),
    ),
    (
        8,
        lambda dice: QueuedThen(dice.uniform(60, HOUR), dice.uniform(0, 90), FetchedOver(300)),
        frozenset({COMPLETE}),
    ),
    (4, lambda dice: FinishedNotPresent(dice.uniform(60, 1200), after=60), frozenset({COMPLETE})),
    # Alive in spite of appearances.
    (3, lambda _dice: stands("stalled (no seeds)", HOUR, FetchedOver(300)), frozenset({COMPLETE})),
    (2, lambda _dice: stands("checkingResumeData", HOUR, Cached()), frozenset({COMPLETE})),
    (2, lambda _dice: stands("a new word", HOUR, FetchedOver(300)), frozenset({COMPLETE})),
    (2, lambda _dice: stands("failed (Aborted)", 240, FetchedOver(300)), frozenset({COMPLETE})),
    # Dead.
    (3, lambda dice: Stalled(at=dice.random()), frozenset({"no_seeds", "no_growth"})),
    (2, lambda _dice: NoMetadata(), frozenset({"no_metadata", "no_seeds"})),
    (2, lambda dice: Failing(after=dice.uniform(0, 900)), frozenset({"torbox_failed"})),
    (1, lambda _dice: Refused(), frozenset({"refused"})),
)


@dataclass
class Grab:
    """A torrent, when it is grabbed, and how it may end."""

    torrent: Published
    at: float
    ends: frozenset[str]
    as_file: bool
    ended: str = ""
    lost: bool = False  # purged or deleted at TorBox, once


@dataclass
class Days:
    """A course of events, made from a seed."""

    house: House
    dice: random.Random
    grabs: list[Grab] = field(default_factory=list)

    def plan(self, count: int) -> None:
        weights = [weight for weight, _, _ in FATES]
        for number in range(count):
            [(_, script, ends)] = self.dice.choices(FATES, weights)
            files = {
                f"e{n}.mkv": self.dice.randrange(1, 900) for n in range(self.dice.choice((1, 1, 3)))
            }
            torrent = self.house.torbox.publish(f"Show.{number:04}", files, script(self.dice))
            at = self.house.clock.time() + self.dice.uniform(0, count * MINUTE)
            self.grabs.append(Grab(torrent, at, ends, self.dice.random() < 0.3))
        self.grabs.sort(key=lambda grab: grab.at)

    async def arr_does(self) -> None:
        """Grabs what is due, and looks at the list as an arr does: removes what is complete."""
        house, now = self.house, self.house.clock.time()
        for grab in self.grabs:
            if grab.at > now:
                break
            if grab.ended == "":
                answer = await house.arr.grabs(grab.torrent, as_file=grab.as_file)
                assert answer == "Ok."
                grab.ended = "no"
        by_hash = {grab.torrent.hash: grab for grab in self.grabs if grab.ended == "no"}
        rows = {row["hash"]: row for row in await house.arr.polls()}
        assert by_hash.keys() <= rows.keys(), "a torrent vanished"
        for torrent_hash, grab in by_hash.items():
            phase = house.bridge.ledger.torrents[torrent_hash].phase
            if rows[torrent_hash]["state"] == "pausedUP":
                whole = {file.path: grab.torrent.content(file.path) for file in grab.torrent.files}
                assert house.files_of(rows[torrent_hash]) == whole
                grab.ended = COMPLETE
                await house.arr.removes(grab.torrent)
            elif hasattr(phase, "cause"):
                grab.ended = str(phase.cause)
                assert phase.reason
                await house.arr.removes(grab.torrent)

    def torbox_does(self) -> None:
        """What else happens to somebody's downloads, now and then."""
        dice, torbox = self.dice, self.house.torbox
        torbox.lag_seconds = dice.choice((0.0, 0.0, 30.0, 90.0))
        torbox.not_ready_times = dice.choice((0, 0, 1, 3))
        torbox.oddities.slots_full = dice.choice(("queue", "queue", "200", "400", "500"))
        torbox.oddities.duplicate = dice.choice(("DUPLICATE_ITEM", "DIFF_ISSUE", "already queued"))
        torbox.oddities.empty_list = dice.choice(("list", "null", "404", "404 success"))
        torbox.oddities.rate_headers = dice.choice(("none", "int", "float", "delta"))
        going = [grab for grab in self.grabs if grab.ended == "no" and not grab.lost]
        there = [grab for grab in going if torbox.item_of(grab.torrent.hash)]
        if there and dice.random() < 0.3:
            grab = dice.choice(there)
            grab.lost = True
            dice.choice((torbox.purge, torbox.delete))(grab.torrent.hash)
        cdn = torbox.cdn
        dice.choice(
            (
                lambda: cdn.cuts_off(after=dice.randrange(500), times=3),
                lambda: cdn.html_page(size=dice.randrange(2000), times=3),
                lambda: cdn.answers(status=dice.choice((400, 403, 404, 429, 502, 503)), times=3),
                lambda: cdn.lies_about_length(by=-1, times=2),
                lambda: cdn.ignores_range(times=3),
                torbox.expire_links,
            )
        )()

    def made(self, grab: Grab) -> int:
        """How many items TorBox has made for it, ever."""
        items = self.house.torbox.account.all_items
        return sum(item.hash == grab.torrent.hash for item in items)

    @property
    def over(self) -> bool:
        return not self.unended()

    def unended(self) -> list[Grab]:
        return [grab for grab in self.grabs if grab.ended in ("", "no")]


async def test_through_days_of_bad_weather_all_end_as_they_should(house):
    torbox, days = house.torbox, Days(house, random.Random(SEED))
    torbox.plan, torbox.account.additional_slots = 2, 10
    torbox.limits.creates_per_minute = 10
    torbox.promotion_gap_seconds = 30.0
    torbox.stale_seconds = 1e9  # the simulator forgets nothing that was there once
    foreign = torbox.foreign(40)
    torbox.weather = Weather(SEED, chance=0.12, outages_per_day=12, outage_seconds=(60, 1500))
    days.plan(TORRENTS)
    await house.starts()
    began, step = house.clock.time(), 0
    while not days.over:
        await time_passes(house, STEP_SECONDS, STEP_SECONDS)
        await days.arr_does()
        step += 1
        if step % 15 == 0:
            days.torbox_does()
        assert house.clock.time() - began < TORRENTS * MINUTE + 24 * HOUR, days.unended()

    # The sun comes out: what was still to be cleaned up is cleaned up.
    torbox.faults.clear()
    torbox.cdn.clear()
    await house.eventually(lambda: not house.bridge.ledger.torrents, jump=30, within=60)
    assert sorted(item.id for item in torbox.items) == sorted(item.id for item in foreign)
    assert not any(item.controls for item in foreign)
    assert [grab for grab in days.grabs if grab.ended not in grab.ends] == []
    assert [grab for grab in days.grabs if days.made(grab) > 1 + grab.lost] == []
    assert set(torbox.refusals) <= {"slots"}, torbox.refusals
    assert calls_in_spite_of_a_429(torbox.calls) == []
    hours = (house.clock.time() - began) / HOUR
    print(f"{hours:.1f} h, {Counter(grab.ended for grab in days.grabs)}, {torbox.refusals}")
    print(Counter(call.endpoint for call in torbox.calls))


def calls_in_spite_of_a_429(calls: list[Call]) -> list[Call]:
    """Calls of an endpoint sent before the minute was over that a 429 asked for."""
    refused: dict[str, float] = {}
    spiteful = []
    for call in calls:
        since = call.at - refused.get(call.endpoint, 0.0)
        # A step of the clock: what was under way when the answer came.
        if STEP_SECONDS + 1 < since < 59:
            spiteful.append(call)
        if call.status == 429:
            refused[call.endpoint] = call.at
    return spiteful


@pytest.mark.parametrize("how", ["delete", "purge"])
async def test_what_torbox_loses_while_it_comes_here_is_sent_again(house, torbox, arr, how):
    grab = torbox.publish("Show", {"a.mkv": 5000, "b.mkv": 5000}, FetchedOver(60))
    torbox.cdn.cuts_off(after=1000, times=20)
    await arr.grabs(grab)
    await house.eventually(lambda: torbox.cdn.bytes_sent > 0, jump=5)
    getattr(torbox, how)(grab.hash)
    torbox.expire_links()
    row = await house.sees_state(grab, "pausedUP", jump=5)
    assert house.files_of(row) == {file.path: grab.content(file.path) for file in grab.files}
    assert len(torbox.calls_to("createtorrent")) == 2


async def test_a_list_that_lags_behind_a_second_create_does_not_bring_the_first_back(
    house, torbox, arr
):
    grab = torbox.publish("Show", script=FetchedOver(600))
    await arr.grabs(grab)
    await house.sees_state(grab, "downloading", jump=5)
    torbox.lag_seconds = 120
    torbox.purge(grab.hash)
    await house.eventually(lambda: len(torbox.calls_to("createtorrent")) == 2, jump=20)
    await house.passes(300, step=10)
    [item] = torbox.items
    told = house.bridge.ledger.torrents[grab.hash]
    assert told.torrent_id == item.id
    assert [one.torrent_id for one in house.bridge.ledger.items_of(grab.hash)] == [item.id]
    row = await house.sees_state(grab, "pausedUP", jump=20)
    assert house.files_of(row)
    await arr.removes(grab)
    await house.eventually(lambda: torbox.items == [], jump=20)


async def test_a_removal_and_a_new_grab_under_a_lagging_list_are_two_items(house, torbox, arr):
    grab = torbox.publish("Show", script=FetchedOver(7200))
    await arr.grabs(grab)
    await house.sees_state(grab, "downloading", jump=5)
    torbox.lag_seconds = 120
    await house.passes(180, step=20)
    await arr.removes(grab)
    await house.eventually(lambda: torbox.items == [], jump=1)
    await arr.grabs(grab)
    await house.eventually(lambda: torbox.items, jump=0)
    [item] = torbox.items
    for _ in range(30):
        await house.passes(10, step=10)
        assert house.bridge.ledger.torrents[grab.hash].torrent_id == item.id
    await arr.removes(grab)
    await house.eventually(lambda: torbox.items == [], jump=20)
    assert len(torbox.calls_to("createtorrent")) == 2


async def test_the_last_one_that_waits_for_a_slot_gets_one_when_ours_are_freed(house, torbox, arr):
    torbox.foreign(120)  # more than a page, so that a look does not see everything
    stalled = [torbox.publish(f"Stalled.{n}", script=Stalled(at=0.2)) for n in range(3)]
    last = torbox.publish("Last", script=FetchedOver(60))
    for grab in (*stalled, last):
        await arr.grabs(grab)
    await house.passes(120, step=10)
    assert torbox.item_of(last.hash) is None
    await arr.removes(*stalled)
    await house.passes(1200, step=60)
    await house.sees_state(last, "pausedUP", jump=20)


async def test_what_is_promoted_while_it_is_removed_is_found_under_its_new_id(house, torbox, arr):
    grab = torbox.publish("Show", script=QueuedThen(7200, then=FetchedOver(7200)))
    await arr.grabs(grab)
    await house.eventually(lambda: torbox.queue, jump=1)
    await house.calm()
    torbox.stop("down")
    await arr.removes(grab)
    await house.passes(60, step=10)
    torbox.promote(grab.hash)
    torbox.resume()
    await house.eventually(lambda: torbox.items == [], jump=10)
    await house.eventually(lambda: not house.bridge.ledger.torrents, jump=10)


async def test_somebody_elses_item_is_not_taken_for_what_left_the_queue(house, torbox, arr):
    grab = torbox.publish("Show", script=QueuedThen(7200, then=FetchedOver(7200)))
    await arr.grabs(grab)
    await house.eventually(lambda: torbox.queue, jump=1)
    await house.calm()
    torbox.stop("down")
    await arr.removes(grab)
    await house.calm()
    torbox.queue[0].left_at = torbox.now()  # deleted on the website
    theirs = torbox.already_in_account(grab)
    torbox.resume()
    await house.eventually(lambda: not house.bridge.ledger.torrents, jump=10)
    assert torbox.items == [theirs]
    assert theirs.controls == []


async def test_an_hour_shared_with_somebody_else_is_refused_once_and_then_waited_out(
    house, torbox, arr
):
    torbox.plan, torbox.account.additional_slots = 2, 100
    for _ in range(30):  # by another client with the same key
        torbox.world.windows.take((torbox.api_key, "hourly"), 60, HOUR, torbox.now())
    grabs = [torbox.publish(f"Show.{n}", {"a": 100 + n}, FetchedOver(60)) for n in range(50)]
    for grab in grabs:
        await arr.grabs(grab)
    await time_passes(house, 3 * HOUR, 20)
    assert {row["state"] for row in await arr.polls()} == {"pausedUP"}
    # For those that were under way together, and never again in that hour.
    at = [refused.at for refused in torbox.refused] or [0.0]
    assert max(at) - min(at) < 5 * MINUTE
