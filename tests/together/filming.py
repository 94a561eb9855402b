"""A film of the bridge at work: every state of memory, disk and TorBox in which it could die.

The engine's tasks are stepped through: before and after each of their steps, and before each change
that a thread makes to the disk, everything outside the process is looked at. Whatever differs from
all that was seen before is a frame: a copy of it. Each frame is what a kill at that instant leaves.
"""

import asyncio
import copy
import hashlib
import shutil
import sqlite3
import sys
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from bridge.simulator import Simulator
from bridge.simulator.habits import Habits
from tests.conftest import KEY, House, JumpClock

# What a thread is about to do to the disk. Writing into an open file is not among them: how far
# that got shows at the next step.
DISK_EVENTS = frozenset(("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.truncate"))
# Whose steps are looked at: the engine's tasks, those of a delivery below them, and the answers to
# clients (the simulator's too, as they look the same).
FILMED = ("Engine.", "Download.", "RequestHandler.", "Store.", "Ledger.")
WORLD = (
    "torrents",
    "accounts",
    "links",
    "windows",
    "refused",
    "cache_memo",
    "poisoned_until",
    "_next_item",
    "_next_queue",
    "_chance",
)


Listener = Callable[[str, tuple[Any, ...]], None]
_listeners: list[Listener] = []
_audited: list[bool] = []


@dataclass
class Frame:
    """What a kill at one instant leaves behind."""

    where: str  # in whose step, for a person to read
    act: int  # which of the story's acts was under way
    at: float  # wall time
    disk: Path  # a copy of the state and download folders
    torbox: "TorBoxThen"
    creates: int  # that TorBox had done so far


class Film:
    """Takes frames while its block runs."""

    def __init__(self, house: House, folder: Path, copies: Path) -> None:
        self.house, self.folder, self.copies = house, folder, copies
        self.frames: list[Frame] = []
        self.act = 0
        self.looks = 0  # instants that were looked at, most of them like the one before
        self.looked_at: set[str] = set()  # kinds of points, whether anything was new there or not
        self._seen: set[bytes] = set()
        self._loop = asyncio.get_running_loop()
        self._main = threading.get_ident()
        self._looking = True  # not before it runs, not after, and not while it looks

    @contextmanager
    def running(self) -> Iterator[None]:
        self._loop.set_task_factory(self._task)
        self._looking = False
        try:
            with disk_changes_told_to(self._disk_changes):
                yield
        finally:
            self._looking = True
            self._loop.set_task_factory(None)

    def _task(  # a task factory
        self, loop: asyncio.AbstractEventLoop, coro: Coroutine[Any, Any, Any], **options: Any
    ) -> asyncio.Task[Any]:
        name = getattr(coro, "__qualname__", "")
        if name.startswith(FILMED):
            coro = Stepped(coro, self.look)
        return asyncio.Task(coro, loop=loop, **options)

    def _disk_changes(self, event: str, arguments: tuple[Any, ...]) -> None:
        path = str(arguments[0]) if arguments else ""
        if not path.startswith(str(self.folder)) and event != "os.truncate":
            return
        where = f"before {event} {path.removeprefix(str(self.folder))}"
        if threading.get_ident() == self._main:
            self.look(where)
            return
        taken = threading.Event()

        def take() -> None:
            try:
                self.look(where)
            finally:
                taken.set()

        # The disk's thread stands still meanwhile, and the loop is never waiting for it.
        self._loop.call_soon_threadsafe(take)
        taken.wait(10)

    def look(self, where: str) -> None:
        """Take a frame if anything outside the process is new."""
        if self._looking:
            return
        self._looking = True
        try:
            self.looks += 1
            self.looked_at.add(" ".join(where.split()[:2]))
            mark = self._mark()
            if mark not in self._seen:
                self._seen.add(mark)
                self.frames.append(self._frame(where))
        finally:
            self._looking = False

    def _in_store(self, work: Callable[[sqlite3.Connection], Any]) -> Any:
        """In the store's own thread: no commit is half done then."""
        store = self.house.bridge.ledger._store
        return store._thread.submit(work, store._connection).result(10)

    def _mark(self) -> bytes:
        rows = self._in_store(_rows)
        world = self.house.torbox.world
        items = [
            (item.id, item.deleted_at, tuple(item.controls))
            for account in world.accounts
            for item in account.all_items
        ]
        entries = [
            (entry.id, entry.left_at) for account in world.accounts for entry in account.all_entries
        ]
        told = (rows, items, entries, self.act, list(_tree(self.house.downloads)))
        return hashlib.sha256(repr(told).encode()).digest()

    def _frame(self, where: str) -> Frame:
        disk = self.copies / str(len(self.frames))
        self._in_store(lambda _connection: shutil.copytree(self.folder, disk, symlinks=True))
        torbox, now = self.house.torbox, self.house.clock.time()
        # One that is still being read has done nothing yet.
        done = sum(
            call.account is not None and call.status is not None
            for call in torbox.calls_to("createtorrent")
        )
        return Frame(where, self.act, now, disk, TorBoxThen(torbox), done)

    @asynccontextmanager
    async def killed_at(self, frame: Frame) -> AsyncIterator[House]:
        """The bridge that was killed there, not started yet, beside TorBox as it was then."""
        shutil.rmtree(self.folder)
        shutil.copytree(frame.disk, self.folder, symlinks=True)
        clock = JumpClock()
        clock._born = frame.at - clock.monotonic()
        torbox = Simulator(clock=clock.time, api_key=KEY, seed=1)
        frame.torbox.put_into(torbox)
        async with torbox.serving() as url:
            house = House(self.folder, clock, torbox, url)
            settings = self.house.settings
            house.settings = replace(settings, torbox=replace(settings.torbox, api_url=url))
            try:
                yield house
            finally:
                await house.stops()


class TorBoxThen:
    """The simulator's state at a moment."""

    def __init__(self, torbox: Simulator) -> None:
        self._of = torbox
        told = [getattr(torbox.world, name) for name in WORLD]
        told += [getattr(torbox, one.name) for one in fields(Habits)]
        self._told = copy.deepcopy(told, {id(torbox): torbox})

    def put_into(self, torbox: Simulator) -> None:
        """Let another simulator be in this state."""
        told = iter(copy.deepcopy(self._told, {id(self._of): torbox}))
        for name in WORLD:
            setattr(torbox.world, name, next(told))
        for one in fields(Habits):
            setattr(torbox, one.name, next(told))
        torbox.slow = {}
        torbox.account = torbox.world.accounts[0]


class Stepped(Coroutine[Any, Any, Any]):
    """A coroutine that tells before and after each of its steps."""

    def __init__(self, coro: Coroutine[Any, Any, Any], tell: Callable[[str], None]) -> None:
        self._coro, self._tell = coro, tell
        self.__qualname__ = getattr(coro, "__qualname__", "a task")
        self._steps = 0

    def send(self, value: Any) -> Any:
        return self._step(self._coro.send, value)

    def throw(self, *error: Any) -> Any:
        return self._step(self._coro.throw, *error)

    def close(self) -> None:
        self._coro.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        return (yield from self._coro.__await__())

    def _step(self, step: Callable[..., Any], *arguments: Any) -> Any:
        self._steps += 1
        where = f"{self.__qualname__}, step {self._steps}"
        self._tell(f"before {where}")
        try:
            return step(*arguments)
        finally:
            self._tell(f"after {where}")


@contextmanager
def disk_changes_told_to(listener: Listener) -> Iterator[None]:
    """The listener hears of each change of the disk before it is made, in the thread that does."""
    if not _audited:
        # A hook stays for the life of the process; it is idle when nobody listens.
        sys.addaudithook(_heard)
        _audited.append(True)
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


@contextmanager
def disk_stands_still() -> Iterator[None]:
    """No thread but the store's renames, makes or removes anything meanwhile."""
    still = threading.Event()

    def waits(_event: str, _arguments: tuple[Any, ...]) -> None:
        if not threading.current_thread().name.startswith("store"):
            still.wait(10)

    with disk_changes_told_to(waits):
        try:
            yield
        finally:
            still.set()


def _heard(event: str, arguments: tuple[Any, ...]) -> None:
    if _listeners and event in DISK_EVENTS:
        for listener in list(_listeners):
            listener(event, arguments)


def _rows(connection: sqlite3.Connection) -> list[Any]:
    """All that is remembered."""
    tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    return [connection.execute(f"SELECT * FROM {name}").fetchall() for (name,) in tables.fetchall()]


def _tree(folder: Path) -> Iterator[tuple[str, int, bytes]]:
    """All that lies on the disk."""
    for path in sorted(folder.rglob("*")):
        content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        yield str(path), len(content), hashlib.sha256(content).digest()
