"""Threads for the disk: one that hangs holds a few of them, never the loop, a poll or the exit."""

import asyncio
import os
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from bridge.delivery.trouble import disk_trouble
from bridge.errors import DiskTrouble

P = ParamSpec("P")
T = TypeVar("T")

# How long a cancelled call may finish its write. Longer, and SIGTERM would not end in time; what
# still hangs then is waited for by `quiet`, before anything else touches the same files.
GRACE_SECONDS = 3.0


class Threads:
    """At most `most` daemon threads, made when needed.

    Every call belongs to a key (a torrent's hash). Cancelling the caller leaves only when the call
    has ended, so that no thread writes behind its back.
    """

    def __init__(
        self, name: str, most: int, root: Path, patience_seconds: float, *, humble: bool = False
    ) -> None:
        self._humble = humble  # they run when nobody else wants to, the disk's scheduler included
        self._name = name
        self._most = most
        self._root = root
        self._patience = patience_seconds
        self._jobs: queue.SimpleQueue[_Job[Any] | None] = queue.SimpleQueue()
        self._threads = 0
        self._under_way = 0
        self._busy: dict[str, set[asyncio.Future[Any]]] = {}

    async def run(self, key: str, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The call's result. DiskTrouble if the disk refuses, or says nothing for too long."""
        job = _Job(partial(call, *args, **kwargs))
        return await self._outcome(key, job, self._patience, job.cancel)

    async def run_surely(
        self, key: str, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """The same for what must be done once asked, cancelled or not."""
        job = _Job(partial(call, *args, **kwargs))
        return await self._outcome(key, job, self._patience, lambda: False)

    async def run_long(self, key: str, call: Callable[[threading.Event], T]) -> T:
        """The same for a call without a time limit, which ends soon once its event is set."""
        stop = threading.Event()
        job = _Job(partial(call, stop))

        def cancel() -> bool:
            stop.set()
            return job.cancel()

        return await self._outcome(key, job, None, cancel)

    async def quiet(self, key: str) -> None:
        """Wait until no call of this key is left over from a caller that was cancelled."""
        if busy := self._busy.get(key):
            _, hanging = await asyncio.wait(busy, timeout=self._patience)
            if hanging:
                raise self._silent()

    def close(self) -> None:
        """Let the threads go once they are done; those that hang die with the process."""
        for _ in range(self._threads):
            self._jobs.put(None)

    async def _outcome(
        self, key: str, job: "_Job[T]", patience: float | None, cancel: Callable[[], bool]
    ) -> T:
        done = self._start(key, job)
        try:
            await asyncio.wait({done}, timeout=patience)
        except asyncio.CancelledError:
            if not cancel():
                await asyncio.wait({done}, timeout=GRACE_SECONDS)
            raise
        if not done.done():
            job.cancel()
            raise self._silent()
        try:
            return done.result()
        except OSError as error:
            raise disk_trouble(error, self._root) from error

    def _start(self, key: str, job: "_Job[T]") -> asyncio.Future[T]:
        done = asyncio.wrap_future(job)
        self._busy.setdefault(key, set()).add(done)
        done.add_done_callback(partial(self._forget, key))
        self._under_way += 1
        if self._under_way > self._threads and self._threads < self._most:
            self._threads += 1
            name = f"{self._name}-{self._threads}"
            threading.Thread(target=self._work, name=name, daemon=True).start()
        self._jobs.put(job)
        return done

    def _forget(self, key: str, done: asyncio.Future[Any]) -> None:
        self._under_way -= 1
        busy = self._busy[key]
        busy.discard(done)
        if not busy:
            del self._busy[key]
        if not done.cancelled():
            done.exception()  # seen, also when nobody waits any more

    def _work(self) -> None:
        if self._humble:
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
        while (job := self._jobs.get()) is not None:
            job.do()
            del job  # it holds the bytes it wrote

    def _silent(self) -> DiskTrouble:
        return DiskTrouble(f"the disk of {self._root} does not answer; is its mount alive?")


class _Job(Future[T]):
    """A call and its outcome."""

    def __init__(self, call: Callable[[], T]) -> None:
        super().__init__()
        self._call: Callable[[], T] | None = call

    def do(self) -> None:
        """Make the call, unless it was cancelled before."""
        call, self._call = self._call, None
        if call is None or not self.set_running_or_notify_cancel():
            return
        try:
            result = call()
        except BaseException as error:  # noqa: BLE001  it is raised where the result is awaited
            self.set_exception(error)
        else:
            self.set_result(result)
