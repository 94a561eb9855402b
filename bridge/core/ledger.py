"""The torrents and account items as they stand: memory in front, the store behind.

Every change goes through here: one at a time for a hash, committed before anyone sees it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypeAlias

from bridge.errors import StoreTrouble
from bridge.model import AccountItem, Torrent
from bridge.store import store as remember
from bridge.store.store import Remembered, Store, Write

# Called with the torrent as it then is (so it must look at the phase); None leaves it as it is.
Change: TypeAlias = Callable[[Torrent], Torrent | None]
Items: TypeAlias = tuple[AccountItem, ...]
# Told after a commit what a torrent was before and is now; None for "not there".
Listener: TypeAlias = Callable[[Torrent | None, Torrent | None], None]


class Ledger:
    """All torrents, listed or being removed, and what stands in the TorBox account for them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._torrents: dict[str, Torrent] = {}
        self._items: dict[str, Items] = {}
        self._locks: dict[str, _Lock] = {}
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        """Be told of every commit, in order, before anything else happens."""
        self._listeners.append(listener)

    def load(self, remembered: Remembered) -> None:
        """Start from what the store remembers."""
        self._torrents = {torrent.hash: torrent for torrent in remembered.torrents}
        for item in remembered.items:
            self._items[item.hash] = (*self._items.get(item.hash, ()), item)

    @property
    def torrents(self) -> Mapping[str, Torrent]:
        """All torrents by hash."""
        return self._torrents

    @property
    def items(self) -> Mapping[str, Items]:
        """The account items by hash, oldest first."""
        return self._items

    def items_of(self, torrent_hash: str) -> Items:
        """What stands in the account for this hash, oldest first."""
        return self._items.get(torrent_hash, ())

    async def change(
        self,
        torrent_hash: str,
        change: Change,
        *writes: Write,
        items: Callable[[Items], Items] | None = None,
    ) -> Torrent | None:
        """Change a torrent, and with it, in one commit, what stands in the account for it.

        Returns the torrent as it is afterwards, None if there is none. When the change is None
        neither `writes` nor `items` are carried out.
        """
        async with self._alone([torrent_hash]):
            before = self._torrents.get(torrent_hash)
            after = None if before is None else change(before)
            if after is None:
                return before
            await self._commit([after], writes, torrent_hash, items)
        return after

    async def change_all(self, changes: Mapping[str, Change]) -> None:
        """Change many torrents in one commit."""
        async with self._alone(changes):
            after = []
            for torrent_hash, change in changes.items():
                before = self._torrents.get(torrent_hash)
                made = None if before is None else change(before)
                if made is not None and made != before:
                    after.append(made)
            if after:
                await self._commit(after)

    async def put(
        self,
        torrent_hash: str,
        make: Callable[[Torrent | None], Torrent | None],
        *writes: Write,
        items: Callable[[Items], Items] | None = None,
    ) -> Torrent | None:
        """Make or replace a torrent; None from `make` leaves everything as it is."""
        async with self._alone([torrent_hash]):
            made = make(self._torrents.get(torrent_hash))
            if made is None:
                return self._torrents.get(torrent_hash)
            await self._commit([made], writes, torrent_hash, items)
        return made

    async def forget(self, torrent_hash: str, only_if: Callable[[Torrent], bool]) -> None:
        """The torrent has ended here; its account items stay remembered if there are any left."""
        async with self._alone([torrent_hash]):
            torrent = self._torrents.get(torrent_hash)
            if torrent is None or not only_if(torrent):
                return
            async with _to_the_end(self._store.write(remember.forget_torrent(torrent_hash))):
                del self._torrents[torrent_hash]
                self._tell(torrent, None)

    async def change_items(self, torrent_hash: str, change: Callable[[Items], Items]) -> Items:
        """Change what stands in the account for this hash."""
        async with self._alone([torrent_hash]):
            before = self.items_of(torrent_hash)
            after = change(before)
            if after != before:
                async with _to_the_end(self._store.write(remember.put_items(torrent_hash, after))):
                    self._note_items(torrent_hash, after)
            return after

    async def _commit(
        self,
        torrents: Iterable[Torrent],
        writes: Iterable[Write] = (),
        items_hash: str = "",
        items: Callable[[Items], Items] | None = None,
    ) -> None:
        torrents = list(torrents)
        all_writes = [*(remember.put_torrent(torrent) for torrent in torrents), *writes]
        after_items = None if items is None else items(self.items_of(items_hash))
        if after_items is not None:
            all_writes.append(remember.put_items(items_hash, after_items))
        async with _to_the_end(self._store.write(*all_writes)):
            if after_items is not None:
                self._note_items(items_hash, after_items)
            for torrent in torrents:
                before = self._torrents.get(torrent.hash)
                self._torrents[torrent.hash] = torrent
                self._tell(before, torrent)

    def _tell(self, before: Torrent | None, after: Torrent | None) -> None:
        for listener in self._listeners:
            listener(before, after)

    def _note_items(self, torrent_hash: str, items: Items) -> None:
        if items:
            self._items[torrent_hash] = items
        else:
            self._items.pop(torrent_hash, None)

    @asynccontextmanager
    async def _alone(self, hashes: Iterable[str]) -> AsyncIterator[None]:
        # Sorted, so that two callers never wait for each other.
        names = sorted(set(hashes))
        locks = [self._locks.setdefault(name, _Lock()) for name in names]
        for lock in locks:
            lock.users += 1
        async with AsyncExitStack() as stack:
            stack.callback(self._let_go, names)
            for lock in locks:
                await stack.enter_async_context(lock)
            yield

    def _let_go(self, names: Iterable[str]) -> None:
        """A lock that nobody holds or waits for is forgotten."""
        for name in names:
            self._locks[name].users -= 1
            if not self._locks[name].users:
                del self._locks[name]


class _Lock(asyncio.Lock):
    """A torrent's lock, and how many hold it or wait for it."""

    users = 0


@asynccontextmanager
async def _to_the_end(write: Coroutine[object, object, None]) -> AsyncIterator[None]:
    """Wait for a commit even when cancelled, so that memory always follows the disk."""
    task = asyncio.create_task(write)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as cancellation:
            cancelled = cancellation
        except StoreTrouble:
            break
    task.result()
    yield
    if cancelled is not None:
        raise cancelled
