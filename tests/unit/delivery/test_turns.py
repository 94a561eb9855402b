"""Turns at the CDN are given out fairly, and none is ever lost."""

import asyncio

import pytest

from bridge.clock import Clock
from bridge.delivery.turns import Turns


@pytest.mark.parametrize("first", ["the one that has it", "those that wait"])
async def test_a_turn_survives_that_all_who_want_it_are_stopped_at_once(first):
    turns = Turns(1, Clock())
    has_it = asyncio.Event()

    async def wants(event: asyncio.Event) -> None:
        async with turns.turn("a"):
            event.set()
            await asyncio.Event().wait()

    tasks = [asyncio.create_task(wants(has_it))]
    await has_it.wait()
    tasks += [asyncio.create_task(wants(asyncio.Event())) for _ in range(3)]
    await asyncio.sleep(0)
    for task in tasks if first == "the one that has it" else reversed(tasks):
        task.cancel()
    ends = await asyncio.gather(*tasks, return_exceptions=True)

    assert {type(end) for end in ends} == {asyncio.CancelledError}
    async with asyncio.timeout(5), turns.turn("b"):
        pass
