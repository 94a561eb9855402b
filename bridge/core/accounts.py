"""The account behind the key: what it allows, what is active in it, and whether it is the same.

Ids that are stored belong to one account. When the key turns out to be another's, they are
forgotten and the torrents stay (design §5).
"""

import hashlib
import logging
from collections.abc import Iterable

from msgspec.structs import replace

from bridge.clock import Clock
from bridge.core.backoff import Backoff
from bridge.core.ledger import Ledger
from bridge.core.submit import Submitter
from bridge.errors import OurMistake, TorBoxBusy, TorBoxSaysNo, TorBoxUnwell
from bridge.model import Delivering, Fetching, Queued, Seen, Submitting, Torrent, Waiting
from bridge.store.store import Store, keep
from bridge.torbox.client import TorBox
from bridge.torbox.replies import Account

log = logging.getLogger(__name__)

REFRESH_SECONDS = 3600.0
FIRST_SECONDS = 60.0  # a cached grab is over before this, and costs no call
WALK_SECONDS = 1200.0  # beyond the first page, what others delete is only noticed so
WALK_PAGE, MOST_PAGES = 1000, 10
MOST_ASKS = 3  # without an answer, before it is done without


class Accounts:
    """Asks who we are: when the key changed, when slots matter, else once an hour at most."""

    def __init__(
        self, ledger: Ledger, store: Store, torbox: TorBox, submitter: Submitter, clock: Clock
    ) -> None:
        self._ledger = ledger
        self._store = store
        self._torbox = torbox
        self._submitter = submitter
        self._clock = clock
        self.account: Account | None = None
        self.wanted = False  # somebody needs it now
        self.asking = Backoff()
        self._key = ""
        self._known_key = ""
        self._asked_at: float | None = None
        self._busy_since: float | None = None
        self._walked_at: float | None = None
        self._active: dict[int, bool] = {}

    async def load(self, kept: dict[str, str], api_key: str) -> None:
        """Start from what is stored, with the key of the settings."""
        self._submitter.account_id = int(kept.get("account", "0"))
        self._known_key = kept.get("key", "")
        self.use_key(api_key)
        if self._known_key != self._key and not self._ledger.items:
            # No ids are stored, so none can be another account's.
            await self._store.write(keep("account", "0"), keep("key", self._key))
            self._submitter.account_id, self._known_key = 0, self._key

    def use_key(self, api_key: str) -> None:
        """Another key: ids are not believed until it is known whose it is."""
        self._key = hashlib.sha256(api_key.encode()).hexdigest()[:16]

    @property
    def unsure(self) -> bool:
        """Whether stored ids may belong to another account: nothing may be done with them."""
        return self._key != self._known_key and bool(self._ledger.items)

    @property
    def free_slots(self) -> int | None:
        """Slots for uncached torrents, None while not known."""
        if self.account is None or self._walked_at is None:
            return None
        return self.account.slots - sum(self._active.values())

    @property
    def silent(self) -> bool:
        """Whether TorBox does not tell what the plan allows, however often it is asked."""
        return self.asking.failures >= MOST_ASKS

    def saw(self, items: Iterable[Seen], *, everything: bool = False) -> None:
        """Count who occupies a slot, ours and others'."""
        if everything:
            self._active, self._walked_at = {}, self._clock.monotonic()
        for seen in items:
            self._active[seen.torrent_id] = seen.active

    def gone(self, torrent_id: int) -> None:
        """An item is not in the account any more."""
        self._active.pop(torrent_id, None)

    async def refresh(self, *, outstanding: bool) -> None:
        """Ask what is due: whose key it is, and which slots are taken.

        Without an answer what was known stays, and looks go on, unless it has to be known first.
        """
        now = self._clock.monotonic()
        due, wanted, self.wanted = self._due(now, outstanding=outstanding), self.wanted, False
        walk = wanted and (self._walked_at is None or now - self._walked_at > WALK_SECONDS)
        if not (due or walk) or (now < self.asking.until and not self.unsure):
            return
        try:
            if due:
                await self._ask(now)
            if walk:
                await self._walk()
        except (TorBoxUnwell, TorBoxBusy, OurMistake) as error:
            self.asking.failed(now)
            log.info("what the account allows is asked again later: %s", error)
            if self.unsure and isinstance(error, TorBoxSaysNo):
                raise TorBoxUnwell("TorBox does not say whose the key is") from error
            if self.unsure:
                raise
        else:
            self.asking.forget()

    def _due(self, now: float, *, outstanding: bool) -> bool:
        if not outstanding:
            self._busy_since = None
        elif self._busy_since is None:
            self._busy_since = now
        if self.unsure or (self.wanted and self.account is None):
            return True
        if self._busy_since is None or now - self._busy_since < FIRST_SECONDS:
            return False
        return self._asked_at is None or now - self._asked_at > REFRESH_SECONDS

    async def _ask(self, now: float) -> None:
        account = await self._torbox.account()
        before = self._submitter.account_id
        if before and before != account.id:
            log.warning("the key belongs to another TorBox account; torrents are sent to it anew")
            await self._forget_ids()
        await self._store.write(keep("account", str(account.id)), keep("key", self._key))
        self.account, self._asked_at = account, now
        self._submitter.account_id, self._known_key = account.id, self._key

    async def _walk(self) -> None:
        """Look at the whole list once, because old items hold slots, too."""
        items: list[Seen] = []
        for page in range(MOST_PAGES):
            listed = await self._torbox.items(offset=page * WALK_PAGE, limit=WALK_PAGE)
            items += listed
            if not listed.full:
                break
        self.saw(items, everything=True)

    async def _forget_ids(self) -> None:
        self._active, self._walked_at = {}, None
        time = self._clock.time()
        for torrent_hash in [*self._ledger.items]:
            await self._ledger.change_items(torrent_hash, lambda _items: ())
        for torrent_hash in [*self._ledger.torrents]:
            await self._ledger.change(torrent_hash, lambda torrent: _sent_anew(torrent, time))


def _sent_anew(torrent: Torrent, time: float) -> Torrent | None:
    if not isinstance(torrent.phase, Submitting | Queued | Fetching | Delivering):
        return None
    if isinstance(torrent.phase, Delivering) and torrent.phase.placing:
        return None
    return replace(torrent, phase=Waiting(time, "goes to the account of the new key"))
