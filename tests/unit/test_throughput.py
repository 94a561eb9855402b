"""The picture of throughput: sums in steps, an hour and a day long, the day kept."""

from pathlib import Path

import pytest

from bridge.clock import Clock
from bridge.dashboard.throughput import (
    KEPT_AS,
    STEPS_IN_DAY,
    STEPS_IN_HOUR,
    STEPS_TOGETHER,
    Throughput,
)
from bridge.errors import BadParameter
from bridge.store.store import Store


class LaterClock(Clock):
    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds

    def time(self) -> float:
        return super().time() + self._seconds


@pytest.fixture
async def store(tmp_path: Path):
    async with Store(tmp_path / "bridge.db") as store:
        yield store


async def test_what_comes_in_a_step_is_shown_as_bytes_a_second_latest_last(store: Store) -> None:
    throughput = Throughput(lambda: 0, store, {}, Clock())
    throughput.step(500)
    throughput.step(1000)
    hour = throughput.picture("hour")
    assert (hour.step_seconds, len(hour.speeds), hour.speeds[-2:]) == (10, STEPS_IN_HOUR, (50, 100))


async def test_the_day_has_the_sums_of_five_minutes(store: Store) -> None:
    throughput = Throughput(lambda: 0, store, {}, Clock())
    changed = [throughput.step(600) for _ in range(STEPS_TOGETHER)]
    assert changed == [False] * (STEPS_TOGETHER - 1) + [True]
    day = throughput.picture("day")
    assert (day.step_seconds, len(day.speeds), day.speeds[-2:]) == (300, STEPS_IN_DAY, (0, 60))


async def test_a_quiet_day_is_not_written_again_and_again(store: Store) -> None:
    throughput = Throughput(lambda: 0, store, {}, Clock())
    assert not any(throughput.step(0) for _ in range(3 * STEPS_TOGETHER))


async def test_the_day_survives_a_restart_and_the_time_between_counts_as_nothing(
    store: Store,
) -> None:
    before = Throughput(lambda: 0, store, {}, Clock())
    for _ in range(STEPS_TOGETHER):
        before.step(600)
    await before._keep()
    kept = (await store.remembered()).kept
    at_once = Throughput(lambda: 0, store, kept, Clock()).picture("day")
    assert at_once.speeds[-1] == 60
    in_an_hour = Throughput(lambda: 0, store, kept, LaterClock(3600)).picture("day")
    assert in_an_hour.speeds[-13:] == (60, *[0] * 12)
    in_a_week = Throughput(lambda: 0, store, kept, LaterClock(7 * 86400)).picture("day")
    assert not any(in_a_week.speeds)


async def test_what_was_kept_and_cannot_be_read_is_no_trouble(store: Store) -> None:
    throughput = Throughput(lambda: 0, store, {KEPT_AS: '{"at": "x"}'}, Clock())
    assert not any(throughput.picture("day").speeds)


async def test_only_hour_and_day_are_known(store: Store) -> None:
    with pytest.raises(BadParameter):
        Throughput(lambda: 0, store, {}, Clock()).picture("week")
