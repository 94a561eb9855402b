"""A TorBox account: its items, its queue, its slots, and what time makes of them.

Nothing runs by itself: `settle(now)` replays, in order of time, what has happened since it was
last called, so a jump of thirty days and thirty days of polling end in the same state.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from math import floor, inf

from .habits import PLANS, Habits, Plan
from .published import Published
from .scripts import GONE, Look, QueuedThen, Script

SWEEP_SECONDS = 3600.0  # queued items are looked at every hour (§1.4)


@dataclass(eq=False)
class Item:
    """A torrent in an account."""

    id: int
    torrent: Published
    script: Script
    born_at: float  # created; it is in no list before
    name: str
    with_torrent: bool = False  # a .torrent was supplied
    magnet: str = ""
    seeds_for: float = 0.0  # seconds of seeding after the end; it holds its slot meanwhile
    allow_zip: bool = True
    paused_at: float | None = None
    paused_for: float = 0.0
    deleted_at: float = inf
    purged_at: float = inf
    used_at: float = -inf  # last download; unused content is dropped
    kept_for: float = inf
    cached_at_once: bool = False
    links_refused: int = 0  # so many requestdl are still to be answered "not ready"
    ratio: float | None = None  # instead of what the seeding time gives
    tags: list[str] = field(default_factory=list)
    alternative_hashes: list[str] = field(default_factory=list)
    controls: list[str] = field(default_factory=list)  # operations asked for, oldest first

    @property
    def hash(self) -> str:
        """The submitted v1 hash."""
        return self.torrent.hash

    def elapsed(self, at: float) -> float:
        """Seconds of its script, paused time left out."""
        until = at if self.paused_at is None else min(at, self.paused_at)
        return max(0.0, until - self.born_at - self.paused_for)

    @property
    def present_at(self) -> float:
        """When its files could first be asked for."""
        return self.born_at + self.paused_for + self.script.present_after()

    @property
    def idle_at(self) -> float:
        """When it stops occupying a slot."""
        end = self.born_at + self.paused_for + self.script.idle_after() + self.seeds_for
        return min(end, self.deleted_at, self.gone_at)

    @property
    def gone_at(self) -> float:
        """When its content is dropped; the item stays listed (§2.5)."""
        return min(self.purged_at, max(self.present_at, self.used_at) + self.kept_for)

    def exists(self, at: float) -> bool:
        """Whether it is in the account."""
        return self.born_at <= at < self.deleted_at

    def look(self, at: float) -> Look:
        """What it is doing."""
        if at >= self.gone_at:
            return GONE
        look = self.script.look(self.elapsed(at))
        if self.paused_at is not None and at >= self.paused_at and not look.finished:
            return replace(look, state="paused", active=False, moving=False)
        if look.present and at < self.present_at + self.seeds_for:
            return replace(look, state="uploading", active=True)
        return look


@dataclass(eq=False)
class QueueEntry:
    """A torrent in TorBox's own queue. Its id is no item's id."""

    id: int
    torrent: Published
    script: Script
    born_at: float
    name: str | None
    item: Item  # what it becomes
    promote_at: float | None = None  # by script; else when a slot is free
    gap_seconds: float = 0.0
    left_at: float = inf

    @property
    def hash(self) -> str:
        """The submitted v1 hash."""
        return self.torrent.hash

    def exists(self, at: float) -> bool:
        """Whether it is in the queue."""
        return self.born_at <= at < self.left_at


@dataclass(eq=False)
class Account:
    """Everything one key reaches."""

    id: int
    key: str
    auth_id: str
    habits: Habits
    plan_number: int = 1
    additional_slots: int = 0
    monthly_limit: int | None = None
    downloads_this_month: int = 0
    cooldown_until: float | None = None
    all_items: list[Item] = field(default_factory=list)
    all_entries: list[QueueEntry] = field(default_factory=list)
    settled_at: float = 0.0
    _holding: list[Item] = field(default_factory=list)

    @property
    def plan(self) -> Plan:
        """What it pays for."""
        return PLANS[self.plan_number]

    @property
    def slots(self) -> int:
        """Active torrents allowed."""
        return self.plan.slots + self.additional_slots

    def active(self, at: float) -> int:
        """Active torrents: downloading or seeding, and those promoted this moment."""
        return sum(1 for item in self._holding if item.idle_at > at and item.paused_at is None)

    def items(self, at: float) -> list[Item]:
        """In the account, newest first."""
        found = [item for item in self.all_items if item.exists(at)]
        return sorted(found, key=lambda item: (item.born_at, item.id), reverse=True)

    def entries(self, at: float) -> list[QueueEntry]:
        """In the queue, oldest first."""
        return [entry for entry in self.all_entries if entry.exists(at)]

    def item(self, id_: int, at: float) -> Item | None:
        """The item with this id, if it is there."""
        found = (item for item in self.all_items if item.id == id_)
        return next((item for item in found if item.exists(at)), None)

    def of_hash(self, hash_: str) -> Iterator[Item]:
        """Living items of a hash, also one that is promoted and not yet listed."""
        return (item for item in self.all_items if item.hash == hash_ and item.deleted_at == inf)

    def add(self, item: Item) -> None:
        """Put an item in, occupying a slot as its script says."""
        self.all_items.append(item)
        if item.idle_at > item.born_at:
            self._holding.append(item)

    def enqueue(self, entry: QueueEntry) -> None:
        """Put an entry at the end of the queue."""
        self.all_entries.append(entry)

    def settle(self, now: float) -> None:
        """Let everything happen that is due."""
        while (due := self._next_due()) is not None and due <= now:
            self._pass(due)
        self.settled_at = max(self.settled_at, now)
        self._holding = [item for item in self._holding if item.idle_at > now]
        self._forget(now)

    def _next_due(self) -> float | None:
        queue = self.entries(self.settled_at)
        if not queue:
            return None
        times = [entry.promote_at for entry in queue if entry.promote_at is not None]
        if any(entry.promote_at is None for entry in queue):
            times.append((floor(self.settled_at / SWEEP_SECONDS) + 1) * SWEEP_SECONDS)
            times += [item.idle_at for item in self._holding if item.idle_at > self.settled_at]
        return min(times)

    def _pass(self, moment: float) -> None:
        """What happens in the queue at this moment."""
        self.settled_at = max(self.settled_at, moment)
        for entry in self.entries(moment):
            if entry.promote_at is not None and entry.promote_at <= moment:
                self.promote(entry, moment)
        if not self.habits.promotes_on_sweep_only or moment % SWEEP_SECONDS == 0:
            self.fill_slots(moment)

    def fill_slots(self, moment: float) -> None:
        """Promote the oldest waiting entries into free slots."""
        for entry in self.entries(moment):
            if entry.promote_at is None and self.active(moment) < self.slots:
                self.promote(entry, moment)

    def promote(self, entry: QueueEntry, moment: float) -> Item:
        """Turn an entry into an item with a new id, listed after the gap."""
        entry.left_at = moment
        entry.item.born_at = moment + entry.gap_seconds
        self.add(entry.item)
        return entry.item

    def delete(self, item: Item, now: float) -> None:
        """Take an item out; what TorBox had of it stays in its cache."""
        if item.look(now).present:
            item.torrent.in_cache = True
        item.deleted_at = now
        self._slot_freed(now)

    def pause(self, item: Item, now: float) -> None:
        """Stop its script's time."""
        if item.paused_at is None:
            item.paused_at = now
            self._slot_freed(now)

    def resume(self, item: Item, now: float) -> None:
        """Go on where it was paused."""
        if item.paused_at is not None:
            item.paused_for += now - item.paused_at
            item.paused_at = None
            if item not in self._holding and item.idle_at > now:
                self._holding.append(item)

    def follow(self, item: Item, script: Script, now: float) -> None:
        """Give a living item another fate from now on; its age stays."""
        item.script = script.then if isinstance(script, QueuedThen) else script
        item.paused_at, item.paused_for = None, now - item.born_at
        if item not in self._holding and item.idle_at > now:
            self._holding.append(item)

    def _slot_freed(self, now: float) -> None:
        if not self.habits.promotes_on_sweep_only:
            self.fill_slots(now)

    def _forget(self, now: float) -> None:
        """Drop what no lagging list can still show."""
        horizon = now - max(self.habits.lag_seconds, 0) - self.habits.stale_seconds - 60
        if any(item.deleted_at < horizon for item in self.all_items):
            self.all_items = [item for item in self.all_items if item.deleted_at >= horizon]
        if any(entry.left_at < horizon for entry in self.all_entries):
            self.all_entries = [entry for entry in self.all_entries if entry.left_at >= horizon]
