"""When creates were sent, on TorBox's clock: it decides whose an item is (design §5).

The clock of the machine may be wrong or step at any time. TorBox's is in its answers, so a moment
is told by how long before an answer it was.
"""

from msgspec.structs import replace

from bridge.clock import Clock
from bridge.core import ownership
from bridge.core.ledger import Items
from bridge.model import AccountItem
from bridge.torbox.client import TorBox


class Intents:
    """Dates the intents to create, which are recorded before TorBox answers."""

    def __init__(self, torbox: TorBox, clock: Clock) -> None:
        self._torbox = torbox
        self._clock = clock
        self._sent: dict[str, float] = {}  # hash → when its open create was first sent, monotonic

    def begin(self, items: Items, torrent_hash: str, account_id: int) -> Items:
        """The items once a create is about to be sent."""
        if not ownership.unresolved(items):
            self._sent[torrent_hash] = self._clock.monotonic()
        server = self._torbox.server_time()
        at = self._clock.time() if server is None else server
        return ownership.intended(items, torrent_hash, account_id, at, undated=server is None)

    def dated(self, items: Items) -> Items:
        """The items once TorBox has answered, with the true moment of an intent still open."""
        return tuple(self._dated(item) if ownership.is_open(item) else item for item in items)

    def end(self, items: Items) -> Items:
        """The items once a create turned out to have made nothing: its intent is not kept."""
        for item in items:
            self._sent.pop(item.hash, None)
        return tuple(item for item in items if not ownership.is_open(item))

    def _dated(self, item: AccountItem) -> AccountItem:
        server, sent = self._torbox.server_time(), self._sent.get(item.hash)
        if server is None:
            return item
        if sent is not None:
            at = server - (self._clock.monotonic() - sent)
        elif item.undated:
            # Sent by an earlier process: all that is known of it is our own clock.
            at = item.intent_at + server - self._clock.time()
        else:
            return item
        return replace(item, intent_at=at, undated=False)
