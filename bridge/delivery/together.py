"""Many tasks as one: the first error stops them all, and none outlives the call.

A task group would do, but on Python 3.11 it leaves its task marked as cancelled after an error.
"""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any

from bridge.errors import BridgeError, DiskTrouble, TorBoxError


async def all_of(coroutines: Iterable[Coroutine[Any, Any, None]], most: int) -> None:
    """Run them all, at most so many at once."""
    running: set[asyncio.Task[None]] = set()
    try:
        for each in coroutines:
            while len(running) >= most:
                running = await _some_done(running)
            running.add(asyncio.create_task(each))
        while running:
            running = await _some_done(running)
    finally:
        await _stopped(running)


async def _some_done(running: set[asyncio.Task[None]]) -> set[asyncio.Task[None]]:
    """Wait for the next to end; the rest. Raises the worst of their errors."""
    done, rest = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
    if errors := [error for task in done if (error := task.exception())]:
        # The others are still in `running` of the caller, who stops them.
        raise min(errors, key=_rank)
    return rest


async def _stopped(running: set[asyncio.Task[None]]) -> None:
    """Cancel them and wait until the last has ended, also when cancelled meanwhile."""
    cancelled = False
    left = {task for task in running if not task.done()}
    while left:
        for task in left:
            task.cancel()
        try:
            _, left = await asyncio.wait(left)
        except asyncio.CancelledError:
            cancelled = True
            left = {task for task in left if not task.done()}
    for task in running:
        if not task.cancelled():
            task.exception()  # seen, or asyncio reports it: a worse one is raised already
    if cancelled:
        raise asyncio.CancelledError


def _rank(error: BaseException) -> int:
    """Of several errors a mistake of ours matters most, then the disk, TorBox, and the file."""
    kinds: tuple[type[BaseException], ...] = (DiskTrouble, TorBoxError, BridgeError)
    return next((at for at, kind in enumerate(kinds, 1) if isinstance(error, kind)), 0)
