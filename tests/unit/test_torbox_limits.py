"""The limits: no sliding window ever lets more through, whatever restarts, steps and refusals."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.errors import StoreTrouble, TorBoxBusy
from bridge.torbox.limits import CREATE, LINK, Limits
from tests.unit.conftest import HandClock, Remembering

TORBOX_HOUR = 3600.0
TORBOX_MINUTE = 60.0


async def once(limits: Limits, endpoint: str, **more: bool) -> float | None:
    """One call; None when it was not let through."""
    try:
        async with limits.call(endpoint, **more) as at:
            return at
    except TorBoxBusy:
        return None


def most_within(times: list[float], seconds: float) -> int:
    """The fullest window of so many seconds, however it lies."""
    return max((sum(1 for t in times if s <= t < s + seconds) for s in times), default=0)


STEPS = st.lists(
    st.one_of(
        st.floats(0.0, 900.0).map(lambda seconds: ("wait", seconds)),
        st.sampled_from([3400.0, 3550.0, 3600.0]).map(lambda seconds: ("wait", seconds)),
        st.just(("full minutes", 6)),
        st.integers(1, 30).map(lambda many: ("uncached", many)),
        st.integers(1, 30).map(lambda many: ("cached", many)),
        st.integers(1, 30).map(lambda many: ("cached only", many)),
        st.just(("restart", 0)),
    ),
    max_size=60,
)


@settings(max_examples=60, deadline=None)
@given(steps=STEPS, share=st.sampled_from([1.0, 0.5, 0.1]))
def test_no_window_of_creates_is_ever_exceeded_not_even_across_restarts(
    steps: list[tuple[str, float]], share: float
) -> None:
    async def run() -> None:
        clock, memory = HandClock(), Remembering()
        limits = await Limits.load(clock, memory, share=share)
        uncached: list[float] = []
        for what, much in steps:
            if what == "wait":
                clock.advance(much)
            elif what == "full minutes":
                for _ in range(60):
                    if (at := await once(limits, CREATE)) is not None:
                        uncached.append(at)
                    clock.advance(much)
            elif what == "restart":
                limits = await Limits.load(clock, memory, share=share)
            else:
                for _ in range(int(much)):
                    at = await once(limits, CREATE, spare=what == "cached only")
                    if at is None:
                        break
                    if what == "cached":
                        await limits.give_back(CREATE, at)
                    else:
                        uncached.append(at)
        assert most_within(uncached, TORBOX_HOUR) <= max(1, 59 * share)
        assert most_within(uncached, TORBOX_MINUTE) <= max(1, 10 * share)

    asyncio.run(run())


@settings(max_examples=40, deadline=None)
@given(
    waits=st.lists(st.floats(0.0, 20.0), min_size=1, max_size=30),
    burst=st.integers(1, 120),
    restart_after=st.integers(0, 30),
    endpoint=st.sampled_from(["mylist", "controltorrent", LINK]),
)
def test_no_minute_has_more_calls_than_torbox_allows_even_when_we_restart_in_it(
    waits: list[float], burst: int, restart_after: int, endpoint: str
) -> None:
    async def run() -> None:
        clock, memory = HandClock(), Remembering()
        limits = await Limits.load(clock, memory)
        times: list[float] = []
        for number, wait in enumerate(waits):
            if number == restart_after:
                limits = await Limits.load(clock, memory)
            clock.advance(wait)
            times += [at for _ in range(burst) if (at := await once(limits, endpoint))]
        assert most_within(times, TORBOX_MINUTE) <= (120 if endpoint == LINK else 300)

    asyncio.run(run())


async def test_the_fifty_sixth_uncached_create_of_an_hour_waits_and_says_when(
    hand_clock: HandClock, memory: Remembering
) -> None:
    limits = Limits(hand_clock, memory)
    first = hand_clock.time()
    for _ in range(55):
        assert await once(limits, CREATE) is not None
        hand_clock.advance(7)

    with pytest.raises(TorBoxBusy, match="55 of 55") as met:
        async with limits.call(CREATE):
            pass

    budget = limits.budget(CREATE)
    assert (budget.used, budget.limit) == (55, 55)
    assert first + TORBOX_HOUR <= budget.next_at <= first + TORBOX_HOUR + 60
    assert hand_clock.time() + met.value.wait_seconds == pytest.approx(budget.next_at)
    hand_clock.advance(met.value.wait_seconds)
    assert await once(limits, CREATE) is not None


async def test_cached_creates_cost_nothing_of_the_hour(
    hand_clock: HandClock, memory: Remembering
) -> None:
    limits = Limits(hand_clock, memory)
    for _ in range(100):
        at = await once(limits, CREATE)
        assert at is not None
        await limits.give_back(CREATE, at)
        hand_clock.advance(10)

    assert limits.budget(CREATE).used == 0
    assert (await Limits.load(hand_clock, memory)).budget(CREATE).used == 0


async def test_what_is_probably_cached_is_tried_even_when_the_hour_is_full(
    hand_clock: HandClock, memory: Remembering
) -> None:
    limits = Limits(hand_clock, memory)
    for _ in range(55):
        await once(limits, CREATE)
        hand_clock.advance(7)

    assert await once(limits, CREATE) is None
    misses = 0
    while await once(limits, CREATE, spare=True):
        hand_clock.advance(7)
        misses += 1
    assert misses == 4  # fifty-nine in all: TorBox's sixty is never reached


async def test_a_create_counts_from_before_it_is_sent(
    hand_clock: HandClock, memory: Remembering
) -> None:
    limits = Limits(hand_clock, memory)

    async with limits.call(CREATE) as at:
        assert memory.calls == [(CREATE, at)]


async def test_a_create_that_cannot_be_recorded_is_not_sent_and_not_counted(
    hand_clock: HandClock, memory: Remembering, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(_endpoint: str, _at: float) -> None:
        raise StoreTrouble("the disk is full")

    monkeypatch.setattr(memory, "add_call", full)
    limits = Limits(hand_clock, memory)

    with pytest.raises(StoreTrouble):
        async with limits.call(CREATE):
            pytest.fail("it was sent")
    assert limits.budget(CREATE).used == 0


async def test_a_short_wait_is_waited_and_a_long_one_told(
    hand_clock: HandClock, memory: Remembering
) -> None:
    limits = Limits(hand_clock, memory)

    await limits.pause("mylist", 3)
    before = hand_clock.time()
    assert await once(limits, "mylist") is not None
    assert hand_clock.time() >= before + 3

    await limits.pause("mylist", 30)
    with pytest.raises(TorBoxBusy) as met:
        async with limits.call("mylist"):
            pass
    assert met.value.wait_seconds == pytest.approx(30)
    assert await once(limits, "controltorrent") is not None


async def test_refusals_without_a_word_double_from_a_minute_to_a_quarter_of_an_hour(
    hand_clock: HandClock, memory: Remembering
) -> None:
    limits = Limits(hand_clock, memory)
    waits = []
    for _ in range(6):
        waits.append(await limits.refused("mylist", None))
        hand_clock.advance(waits[-1])
    assert waits == [60, 120, 240, 480, 900, 900]

    limits.worked("mylist")
    assert await limits.refused("mylist", None) == 60


async def test_refusals_of_calls_that_were_under_way_together_count_once(
    hand_clock: HandClock, memory: Remembering
) -> None:
    limits = Limits(hand_clock, memory)

    assert [await limits.refused("mylist", None) for _ in range(8)] == [60] * 8


async def test_what_torbox_asks_is_waited_and_more_when_that_was_not_enough(
    hand_clock: HandClock, memory: Remembering
) -> None:
    limits = Limits(hand_clock, memory)

    assert await limits.refused("mylist", 5.0) == 5
    hand_clock.advance(5)
    assert await limits.refused("mylist", 5.0) == 60
    hand_clock.advance(60)
    assert await limits.refused("mylist", 300.0) == 300


async def test_a_full_hour_without_headers_waits_for_our_own_oldest_create_to_the_minute(
    hand_clock: HandClock, memory: Remembering
) -> None:
    limits = Limits(hand_clock, memory)
    first = hand_clock.time()
    for _ in range(40):
        await once(limits, CREATE)
        hand_clock.advance(10)

    wait = await limits.refused(CREATE, None, hourly=True)

    free = hand_clock.time() + wait
    assert first + TORBOX_HOUR <= free < first + TORBOX_HOUR + 120
    assert free % 60 == pytest.approx(0, abs=0.01)


async def test_a_full_hour_of_someone_else_is_asked_again_soon(
    hand_clock: HandClock, memory: Remembering
) -> None:
    limits = Limits(hand_clock, memory)
    await once(limits, CREATE)

    assert await limits.refused(CREATE, None, hourly=True) == 60


async def test_a_pause_survives_a_restart(hand_clock: HandClock, memory: Remembering) -> None:
    await Limits(hand_clock, memory).refused(CREATE, 600.0)
    hand_clock.advance(100)

    limits = await Limits.load(hand_clock, memory)

    assert limits.free_at(CREATE) - hand_clock.time() == pytest.approx(500)


@pytest.mark.parametrize("days", [1, 400])
async def test_a_wall_clock_set_back_blocks_for_some_hours_and_not_for_ever(
    hand_clock: HandClock, memory: Remembering, days: int
) -> None:
    limits = Limits(hand_clock, memory)
    for _ in range(55):
        await once(limits, CREATE)
        hand_clock.advance(7)
    await limits.pause("mylist", 3600)
    hand_clock.now -= days * 86400

    # In the running process, and in one started afterwards, and in one started after that.
    for restarted in (limits, await Limits.load(hand_clock, memory)):
        assert restarted.free_at(CREATE) - hand_clock.time() <= 3700
        assert restarted.free_at("mylist") - hand_clock.time() <= 14400
    hand_clock.advance(14500)
    for late in (limits, restarted, await Limits.load(hand_clock, memory)):
        assert late.free_at(CREATE) <= hand_clock.time()
    assert restarted.free_at("mylist") <= hand_clock.time()


async def test_no_more_than_eight_calls_are_under_way_and_creates_leave_room_for_looks(
    hand_clock: HandClock, memory: Remembering
) -> None:
    limits, done, now, most = (
        Limits(hand_clock, memory),
        asyncio.Event(),
        {CREATE: 0, "mylist": 0},
        0,
    )

    async def hang(endpoint: str) -> None:
        nonlocal most
        async with limits.call(endpoint):
            now[endpoint] += 1
            most = max(most, sum(now.values()))
            await done.wait()
            now[endpoint] -= 1

    async def settle() -> None:
        for _ in range(100):
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        for _ in range(10):
            group.create_task(hang(CREATE))
        await settle()
        assert now[CREATE] == 4
        for _ in range(10):
            group.create_task(hang("mylist"))
        await settle()
        assert now["mylist"] == 4
        done.set()
    assert most == 8


async def test_two_creates_at_the_same_moment_are_remembered_and_given_back_apart(
    hand_clock: HandClock, memory: Remembering
) -> None:
    limits = Limits(hand_clock, memory)
    first, second = await once(limits, CREATE), await once(limits, CREATE)
    assert first is not None
    await limits.give_back(CREATE, first)

    assert [at for endpoint, at in memory.calls if endpoint == CREATE] == [second]
    assert limits.budget(CREATE).used == 1


async def test_a_share_is_at_least_one_create(hand_clock: HandClock, memory: Remembering) -> None:
    assert Limits(hand_clock, memory, share=0.5).budget(CREATE).limit == 27
    assert Limits(hand_clock, memory, share=0.0001).budget(CREATE).limit == 1
