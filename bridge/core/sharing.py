"""Share limits of what is never shared from here: whether they are reached. Pure.

Limits that came with the grab are the arr's, which moves and removes by them: they are reached as
soon as the torrent is complete, by being shown as nothing. A ratio or time that was never seeded
would have cleaners delete what no arr has imported yet. Limits that are set later are those of a
cleaner or a person who reckons with them, and deletes by them: they count from the completion on,
as they stand.
"""

from math import inf

from msgspec.structs import replace

from bridge.model import Torrent, Wishes


def limited(torrent: Torrent, wishes: Wishes, time: float) -> Torrent:
    """The torrent with the limits of these wishes, which were set just now."""
    return replace(torrent, wishes=replace(wishes, limits_at=time))


def at_their_word(torrent: Torrent) -> bool:
    """Whether limits came late, and no arr is known to be done with the torrent."""
    wishes = torrent.wishes
    late = wishes.limits_at > 0 and torrent.completed_at > 0 and not torrent.imported_at
    return late and max(wishes.ratio_limit, wishes.seeding_minutes, wishes.inactive_minutes) >= 0


def run_out(torrent: Torrent, time: float) -> Torrent | None:
    """The torrent with its limits reached, once the time that was set has passed."""
    minutes = torrent.wishes.seeding_minutes
    ends_at = torrent.completed_at + minutes * 60.0 if minutes >= 0 else inf
    if not at_their_word(torrent) or time < ends_at:
        return None
    wishes = torrent.wishes
    return replace(torrent, wishes=replace(wishes, limits_at=-wishes.limits_at))
