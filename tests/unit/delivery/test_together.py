"""Many tasks as one: the worst error is raised, and nothing of the others is left behind."""

import asyncio
import gc

import pytest

from bridge.delivery.together import all_of
from bridge.errors import DiskTrouble, FileDisproved


async def fails(error: Exception, after: asyncio.Event) -> None:
    try:
        await after.wait()
    finally:  # cancelled or not
        raise error


async def test_the_worst_error_is_raised_and_no_other_is_reported_as_forgotten() -> None:
    now, never, reported = asyncio.Event(), asyncio.Event(), []
    now.set()
    asyncio.get_running_loop().set_exception_handler(lambda _loop, what: reported.append(what))
    disproved = FileDisproved("a.mkv", "a.mkv came wrong")
    tasks = [
        fails(disproved, now),
        fails(DiskTrouble("the disk is full"), now),
        fails(OSError("while it was stopped"), never),
    ]
    with pytest.raises(DiskTrouble):
        await all_of(tasks, 3)
    gc.collect()  # asyncio reports what nobody asked for when the task goes
    assert reported == []


async def test_no_task_outlives_the_call() -> None:
    stopped = []

    async def stays() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            stopped.append(True)

    now = asyncio.Event()
    now.set()
    with pytest.raises(OSError, match="first"):
        await all_of([stays(), stays(), fails(OSError("first"), now)], 3)
    assert stopped == [True, True]
