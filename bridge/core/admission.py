"""Who goes next: which waiting torrents are created at TorBox now, and how. Pure (design §5).

Cached ones first, as they cost neither a slot nor the hour's budget; then the arr's priority, then
age. What does not fit waits here, in order, and is told its place.
"""

from collections.abc import Callable, Sequence
from enum import Enum

from msgspec import Struct

from bridge.config import CachedPolicy, CategorySettings
from bridge.core.queueing import rank
from bridge.core.times import clock_time
from bridge.model import Torrent


class How(Enum):
    """What to do with a waiting torrent."""

    CREATE = "create"
    TRY_CACHED = "try cached"  # create it only if TorBox has it
    REFUSE = "refuse"  # cached only, and it is not
    HOLD = "hold"


class Choice(Struct, frozen=True):
    """What is done with one waiting torrent, and the sentence if it has to wait."""

    torrent: Torrent
    how: How
    reason: str = ""
    until: float | None = None  # wall time at which a held one may be looked at again


class Room(Struct, frozen=True):
    """How many uncached creates fit at this moment."""

    budget: int  # of the hour and the minute
    used: int  # uncached adds of this hour
    limit: int  # of them in an hour
    slots: int | None  # free ones in the account; None while that is not known
    next_at: float  # wall time at which the budget has room again
    all_slots: int = 0
    shut: str = ""  # why TorBox takes no uncached torrent at all, "" while it does
    shut_since: str = ""
    opens_at: float = 0.0
    refused: frozenset[str] = frozenset()  # TorBox said no to these before

    @property
    def fits(self) -> int:
        """How many uncached creates may be started."""
        if self.shut:
            return 0
        free = self.budget if self.slots is None else min(self.budget, self.slots)
        return max(0, free)

    @property
    def second_tries(self) -> int:
        """How many creates may go to what was refused before: half of an hour is for others."""
        return max(0, max(1, self.limit // 2) - self.used)


# Whether TorBox has it: None when not known, or not known freshly enough.
Known = Callable[[str], bool | None]


def in_order(waiting: Sequence[Torrent]) -> list[Torrent]:
    """Force start, then the arr's priority, then age."""
    return sorted(waiting, key=lambda one: (*rank(one), one.added_at, one.hash))


def to_ask(
    waiting: Sequence[Torrent], known: Known, rules: Callable[[str], CategorySettings], room: Room
) -> list[str]:
    """The hashes for which it has to be known whether TorBox has them, before choosing."""
    crowded = len(waiting) > room.fits
    return [
        torrent.hash
        for torrent in in_order(waiting)
        if known(torrent.hash) is None
        and (crowded or rules(torrent.category).cached is not CachedPolicy.ANY)
    ]


def choose(
    waiting: Sequence[Torrent],
    known: Known,
    rules: Callable[[str], CategorySettings],
    room: Room,
    time: float,
) -> list[Choice]:
    """What to do with each waiting torrent, in the order in which to do it."""
    ordered = in_order(waiting)
    cached = [torrent for torrent in ordered if known(torrent.hash)]
    rest = [torrent for torrent in ordered if not known(torrent.hash)]
    choices = [Choice(torrent, How.TRY_CACHED) for torrent in cached]
    fits, again, place = room.fits, room.second_tries, 0
    for torrent in rest:
        choice = _by_policy(torrent, known(torrent.hash), rules(torrent.category), time)
        refused = torrent.hash in room.refused
        if choice is None and fits > 0 and (again > 0 or not refused):
            fits -= 1
            again -= refused
            choice = Choice(torrent, How.CREATE)
        elif choice is None:
            place += 1
            choice = _no_room(torrent, room, place, refused=refused and fits > 0)
        choices.append(choice)
    return choices


def _by_policy(
    torrent: Torrent, cached: bool | None, rules: CategorySettings, time: float
) -> Choice | None:
    """What the category says about an uncached torrent; None where it says nothing."""
    match rules.cached:
        case CachedPolicy.CACHED_ONLY if cached is None:
            return Choice(torrent, How.HOLD, "asks whether TorBox has it")
        case CachedPolicy.CACHED_ONLY:
            return Choice(torrent, How.REFUSE)
        case CachedPolicy.CACHED_FIRST:
            until = torrent.added_at + rules.cached_first_minutes * 60
            # Younger than nothing: the wall clock was set back, and the minutes cannot be told.
            if torrent.added_at <= time < until:
                return Choice(torrent, How.HOLD, "TorBox does not have it yet", until)
        case CachedPolicy.ANY:
            pass
    return None


def _no_room(torrent: Torrent, room: Room, place: int, *, refused: bool) -> Choice:
    if refused:
        reason = f"TorBox refused it before, so others go first; place {place} here"
        return Choice(torrent, How.HOLD, reason)
    if room.shut:
        tries = f"since {room.shut_since}; tries again at {clock_time(room.opens_at)}"
        reason = f"{room.shut}, {tries}; place {place} here"
        return Choice(torrent, How.HOLD, reason, room.opens_at)
    if room.slots is not None and room.slots <= 0:
        reason = f"all {room.all_slots} slots of the TorBox plan are in use; place {place} here"
        return Choice(torrent, How.HOLD, reason)
    used = f"{room.used} of {room.limit} uncached adds of this hour are used"
    reason = f"{used}, next at {clock_time(room.next_at)}; place {place} here"
    return Choice(torrent, How.HOLD, reason, room.next_at)
