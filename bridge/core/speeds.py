"""How fast files may come: a client's limits, the alternative ones, and the schedule."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from bridge.clock import Clock
from bridge.config.schedule import Slot
from bridge.core.ledger import Ledger
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
        slot = self._slot()
        limits = [client_limit(self._preferences), slot.limit or 0 if slot else 0]
        self._delivery.limit(min((limit for limit in limits if limit), default=0))
        off = slot is not None and slot.limit is None
        self._delivery.hold(f"downloads are off until {slot.ends}" if slot and off else "")

    def _slot(self) -> Slot | None:
        moment = datetime.fromtimestamp(self._clock.time(), UTC).astimezone()
        return next((slot for slot in self._schedule if slot.covers(moment)), None)

    def _changed(self, _before: Torrent | None, after: Torrent | None) -> None:
        if after is not None and isinstance(after.phase, Delivering):
            self._delivery.limit(after.wishes.download_limit, after.hash)


def client_limit(preferences: Mapping[str, object]) -> int:
    """The limit that a client set for all torrents together, and that counts now."""
    if preferences.get(ALTERNATIVE_COUNTS) is True:
        limit = preferences.get(ALTERNATIVE, ALTERNATIVE_DEFAULT)
    else:
        limit = preferences.get(USUAL, 0)
    return limit if isinstance(limit, int) and limit > 0 else 0
