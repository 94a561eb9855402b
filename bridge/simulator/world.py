"""Everything that TorBox knows: torrents, its cache, accounts, links. No HTTP here."""

import random
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf

from .account import Account, Item, QueueEntry
from .habits import Habits
from .limits import Windows
from .published import Published
from .scripts import NoMetadata, Script

FIRST_ITEM_ID = 7_000_000
MOST_LINKS = 50_000
FIRST_QUEUE_ID = 50  # another number space, and one that looks like small item ids


@dataclass
class Link:
    """A presigned address at the CDN. `file_id` None is the zip of all."""

    uuid: str
    token: str
    account: Account
    item: Item
    file_id: int | None
    made_at: float
    good_until: float


@dataclass
class Refused:
    """A request that TorBox turned down because of a limit."""

    at: float
    why: str  # hourly, minute, edge, slots, size, plan, month, cooldown, poisoned
    endpoint: str


@dataclass
class World:
    """The state behind the API, shared by all accounts."""

    habits: Habits
    clock: Callable[[], float]
    seed: int
    torrents: dict[str, Published] = field(default_factory=dict)
    accounts: list[Account] = field(default_factory=list)
    links: dict[str, Link] = field(default_factory=dict)
    windows: Windows = field(default_factory=Windows)
    refused: list[Refused] = field(default_factory=list)
    stranger_script: Script = field(default_factory=NoMetadata)
    cache_memo: dict[str, tuple[float, bool]] = field(default_factory=dict)
    poisoned_until: float = -inf
    linking: int = 0  # requestdl calls being answered
    _next_item: int = FIRST_ITEM_ID
    _next_queue: int = FIRST_QUEUE_ID

    def __post_init__(self) -> None:
        """Ids look random, and are the same for the same seed."""
        self._chance = random.Random(self.seed)

    @property
    def now(self) -> float:
        """Seconds since 1970."""
        return self.clock()

    def new_uuid(self) -> str:
        """A uuid that the seed reproduces."""
        return str(uuid.UUID(int=self._chance.getrandbits(128), version=4))

    def account_with(self, key: str) -> Account | None:
        """Whose key this is."""
        return next((account for account in self.accounts if account.key == key), None)

    def settle(self) -> float:
        """Let everything happen that is due; the time it is now."""
        now = self.now
        for account in self.accounts:
            account.settle(now)
        return now

    def is_cached(self, torrent: Published, now: float) -> bool:
        """Whether TorBox has the content, for whomever it fetched it."""
        return torrent.in_cache or any(
            item.look(now).present
            for account in self.accounts
            for item in account.of_hash(torrent.hash)
        )

    def new_item(
        self,
        torrent: Published,
        script: Script,
        born_at: float,
        *,
        with_torrent: bool = False,
        magnet: str = "",
        name: str | None = None,
        seeds_for: float = 0.0,
        allow_zip: bool = True,
    ) -> Item:
        """An item with the next id, in no account yet."""
        self._next_item += 1 + self._chance.randrange(40)
        return Item(
            id=self._next_item,
            torrent=torrent,
            script=script.with_metadata() if with_torrent else script,
            born_at=born_at,
            name=name or torrent.name,
            with_torrent=with_torrent,
            magnet=magnet or torrent.magnet,
            seeds_for=0.0 if script.cached else seeds_for,
            allow_zip=allow_zip,
            kept_for=self.habits.expiry_seconds,
            cached_at_once=script.cached,
            links_refused=self.habits.not_ready_times,
        )

    def new_entry(
        self, item: Item, *, name: str | None, promote_at: float | None, gap_seconds: float
    ) -> QueueEntry:
        """A queue entry that becomes this item."""
        self._next_queue += 1
        return QueueEntry(
            id=self._next_queue,
            torrent=item.torrent,
            script=item.script,
            born_at=item.born_at,
            name=name,
            item=item,
            promote_at=promote_at,
            gap_seconds=gap_seconds,
        )

    def link(self, account: Account, item: Item, file_id: int | None, now: float) -> Link:
        """A link to a file; the last one again while TorBox remembers it (§7.5)."""
        for old in reversed(self.links.values()):
            if now - old.made_at >= self.habits.link_memo_seconds:
                break
            if old.item is item and old.file_id == file_id and old.account is account:
                return old
        good_until = now + self.habits.link_seconds
        new = Link(self.new_uuid(), self.new_uuid(), account, item, file_id, now, good_until)
        self.links[new.uuid] = new
        while len(self.links) > MOST_LINKS:
            del self.links[next(iter(self.links))]  # long expired
        return new

    def refuse(self, why: str, endpoint: str) -> None:
        """Remember that a limit was hit."""
        self.refused.append(Refused(self.now, why, endpoint))

    @property
    def refusals(self) -> Counter[str]:
        """How often each limit was hit."""
        return Counter(refused.why for refused in self.refused)
