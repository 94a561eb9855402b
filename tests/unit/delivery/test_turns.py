"""Turns at the CDN are given out fairly, and none is ever lost."""

import asyncio

import pytest

from bridge.clock import Clock
from bridge.delivery.turns import PLAIN, Turns


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


async def served(turns: Turns, *keys: str) -> list[str]:
    """In which order these come to their turn, one at a time."""
    order: list[str] = []

    async def wants(key: str) -> None:
        async with turns.turn(key):
            order.append(key)
            await asyncio.sleep(0)

    async with turns.turn("holds"):
        tasks = [asyncio.create_task(wants(key)) for key in keys]
        await asyncio.sleep(0)
    await asyncio.gather(*tasks)
    return order


async def test_a_lower_rank_goes_before_all_others_and_equal_ones_share():
    turns = Turns(1, Clock())
    turns.rank("first", (1, -1))
    turns.rank("forced", (0, 5))
    turns.rank("last", (1, 1))
    order = await served(turns, "last", "a", "b", "a", "first", "first", "forced")
    assert order == ["forced", "first", "first", "a", "b", "a", "last"]
    for key in ("first", "forced", "last"):
        turns.rank(key, PLAIN)
    assert turns._ranks == {}
    assert await served(turns, "last", "first") == ["last", "first"]


async def test_a_turn_gives_way_to_a_lower_rank_but_never_to_a_higher_one():
    turns = Turns(1, Clock())
    async with turns.turn("a"):
        waiting = asyncio.create_task(served(turns, "b"))
        await asyncio.sleep(0)
        turns.rank("a", (1, -1))
        assert turns.unfair_to("a") is False
        turns.rank("holds", (0, 0))
        assert turns.unfair_to("a") is True
    assert await waiting == ["b"]


async def test_of_one_torrents_files_the_one_with_the_lower_place_goes_first():
    turns = Turns(1, Clock())
    order: list[tuple[int, int]] = []

    async def wants(place: tuple[int, int]) -> None:
        async with turns.turn("a", place):
            order.append(place)

    places = [(-1, -5), (-1, -9), (-7, -1), (-1, -7)]
    async with turns.turn("holds"):
        tasks = [asyncio.create_task(wants(place)) for place in places]
        await asyncio.sleep(0)
    await asyncio.gather(*tasks)
    assert order == sorted(places)
