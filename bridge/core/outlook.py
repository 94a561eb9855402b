"""What happens next to a torrent, in one sentence for people. Pure."""

from typing import assert_never

from bridge.config import GiveUp
from bridge.core.clocks import TORBOX_FAILED_SECONDS
from bridge.core.times import clock_time
from bridge.model import (
    Clocks,
    Complete,
    Delivering,
    Failed,
    Fetching,
    Queued,
    Removing,
    Submitting,
    Torrent,
    Waiting,
)

HAND_OVER_SECONDS = 3600.0


def what_next(torrent: Torrent, give_up: GiveUp, time: float, *, hardlink: bool) -> str:
    """The next thing that is going to happen by itself."""
    if torrent.giving_up and not torrent.ended:
        return "its slot at TorBox is freed, then it fails and its arr is told"
    if torrent.paused and not torrent.ended:
        return "nothing until it is resumed"
    match torrent.phase:
        case Waiting(next_try_at=at) if at > time:
            return f"is tried again at {clock_time(at)}"
        case Waiting():
            return "is sent to TorBox when its turn comes"
        case Submitting():
            return "is looked for at TorBox, should its answer not come"
        case Queued():
            return "TorBox fetches it when a slot is free there"
        case Fetching():
            return _fetching(torrent.clocks, give_up)
        case Delivering(placing=placing):
            return "is moved to its folder" if placing else "its files come here and are checked"
        case Complete(missing=True):
            return "nothing; resume it, or add it again"
        case Complete(at=at):
            return _complete(torrent, at, hardlink=hardlink)
        case Failed():
            return torrent.outlook or "nothing; remove it, or add it again"
        case Removing():
            return "is forgotten when TorBox and the disk are clean"
        case _:
            assert_never(torrent.phase)


def _fetching(clocks: Clocks, give_up: GiveUp) -> str:
    left = seconds_left(clocks, give_up)
    if left is None:
        return "its files come here when TorBox has them all"
    minutes = max(1, round(left / 60))
    span = f"{minutes} min" if minutes < 120 else f"{minutes / 60:.1f} h"
    return f"is given up after {span} more of this, unless it moves"


def seconds_left(clocks: Clocks, give_up: GiveUp) -> float | None:
    """Until the first clock that runs has run out; None when none runs."""
    running = (
        (clocks.torbox_failed, TORBOX_FAILED_SECONDS),
        (clocks.no_metadata, give_up.no_metadata_minutes * 60),
        (clocks.no_seeds, give_up.no_seeds_hours * 3600),
        (clocks.no_growth, give_up.no_growth_hours * 3600),
    )
    return min((max(0.0, limit - gone) for gone, limit in running if gone > 0), default=None)


def _complete(torrent: Torrent, at: float, *, hardlink: bool) -> str:
    if torrent.outlook:
        return torrent.outlook
    if torrent.claims:
        return f"the arr imports it; then it is category {torrent.claims[0]}'s turn"
    if hardlink and not torrent.handed_over:
        until = clock_time(at + HAND_OVER_SECONDS)
        return f"waits for its import, until {until} at most; then the arr may remove it"
    return "the arr imports it and removes it here"
