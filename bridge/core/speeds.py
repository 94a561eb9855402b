"""How fast files may come, and whose come first.

A client's limits, the alternative ones, and the schedule; its order, and what it starts at once.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from bridge.clock import Clock
from bridge.config.schedule import Slot, off_until, slot_at
from bridge.core.ledger import Ledger
from bridge.core.queueing import rank
from bridge.delivery.delivery import Delivery
from bridge.model import Delivering, Torrent

# As clients set them (`qbittorrent/preferences.py`), in bytes a second; 0 is no limit.
USUAL, ALTERNATIVE = "dl_limit", "alt_dl_limit"
ALTERNATIVE_COUNTS = "alternative_limits"
ALTERNATIVE_DEFAULT = 10240  # what qBittorrent has before anyone set it


class Speeds:
    """Tells the delivery whenever something of it changes."""

    def __init__(
        self, ledger: Ledger, delivery: Delivery, schedule: Sequence[Slot], clock: Clock
    ) -> None:
        self._delivery = delivery
        self._schedule = schedule
        self._clock = clock
        self._preferences: Mapping[str, object] = {}
        ledger.listen(self._changed)

    def use(self, preferences: Mapping[str, object]) -> None:
        """Clients have set these preferences."""
        self._preferences = preferences
        self.apply()

    def apply(self) -> None:
        """Let what counts at this moment count; cheap, so it may be called at any time."""
        moment = datetime.fromtimestamp(self._clock.time(), UTC).astimezone()
        slot = slot_at(self._schedule, moment)
        limits = [client_limit(self._preferences), slot.limit or 0 if slot else 0]
        self._delivery.limit(min((limit for limit in limits if limit), default=0))
        reason = ""
        if slot is not None and slot.limit is None:
            until = off_until(self._schedule, moment)
            reason = f"downloads are off until {until}" if until else "downloads are off"
        self._delivery.hold(reason)

    def _changed(self, before: Torrent | None, after: Torrent | None) -> None:
        if after is not None and isinstance(after.phase, Delivering):
            self._delivery.limit(after.wishes.download_limit, after.hash)
            self._delivery.rank(after.hash, rank(after))
        elif before is not None and isinstance(before.phase, Delivering):
            self._delivery.rank(before.hash)


def client_limit(preferences: Mapping[str, object]) -> int:
    """The limit that a client set for all torrents together, and that counts now."""
    if preferences.get(ALTERNATIVE_COUNTS) is True:
        limit = preferences.get(ALTERNATIVE, ALTERNATIVE_DEFAULT)
    else:
        limit = preferences.get(USUAL, 0)
    return limit if isinstance(limit, int) and limit > 0 else 0
