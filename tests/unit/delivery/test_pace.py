"""Limits hold over any stretch of time, and are lifted at once."""

import asyncio

import pytest

from bridge.clock import Clock
from bridge.delivery.pace import LEAST_PORTION, Pace, keep_to, portion

KIB = 1024


@pytest.fixture
def quick():
    return Clock(1000)


async def test_without_a_limit_nobody_waits(quick):
    pace = Pace(quick)
    for _ in range(1000):
        await keep_to([pace], 1 << 30)


async def test_bytes_take_the_time_that_the_limit_gives_them(quick):
    pace = Pace(quick)
    pace.limit(1000 * KIB)
    before = quick.monotonic()
    for _ in range(20):
        await keep_to([pace], 500 * KIB)
    assert quick.monotonic() - before >= 10 * 0.99


async def test_several_share_one_limit(quick):
    pace = Pace(quick)
    pace.limit(1000 * KIB)
    before = quick.monotonic()

    async def one():
        for _ in range(5):
            await keep_to([pace], 500 * KIB)

    await asyncio.gather(*(one() for _ in range(4)))
    assert quick.monotonic() - before >= 10 * 0.99


async def test_of_two_limits_the_smaller_counts(quick):
    small, large = Pace(quick), Pace(quick)
    small.limit(1000 * KIB)
    large.limit(1500 * KIB)
    before = quick.monotonic()
    for _ in range(10):
        await keep_to([small, large], 1000 * KIB)
    assert quick.monotonic() - before >= 10 * 0.99


async def test_what_was_not_used_is_not_saved_up(quick):
    pace = Pace(quick)
    pace.limit(1000 * KIB)
    await quick.sleep(100)
    before = quick.monotonic()
    await keep_to([pace], 5000 * KIB)
    assert quick.monotonic() - before >= 5 * 0.99


async def test_a_limit_that_is_lifted_lets_everyone_go_at_once():
    pace = Pace(Clock())
    pace.limit(1)
    waiting = asyncio.create_task(keep_to([pace], 1 << 30))
    await asyncio.sleep(0)
    pace.limit(0)
    async with asyncio.timeout(10):
        await waiting


async def test_a_limit_that_is_raised_is_felt_by_those_who_wait():
    pace = Pace(Clock())
    pace.limit(1)
    waiting = asyncio.create_task(keep_to([pace], 1 << 20))
    await asyncio.sleep(0)
    pace.limit(1 << 30)
    async with asyncio.timeout(10):
        await waiting


def test_portions_suit_the_limit(quick):
    slow, medium, free = Pace(quick), Pace(quick), Pace(quick)
    slow.limit(1000)
    medium.limit(1 << 20)
    assert portion([free], 1 << 22) == 1 << 22
    assert portion([free, medium], 1 << 22) == 1 << 18
    assert portion([slow, medium], 1 << 22) == LEAST_PORTION
