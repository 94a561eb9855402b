"""The figures of a delivery that are kept across restarts: progress and its clock. Pure."""

from msgspec.structs import replace

from bridge.core.ledger import Change
from bridge.core.showing import leg_progress
from bridge.core.watch import Watch
from bridge.delivery.leg import Leg
from bridge.model import Delivering, Torrent

PROGRESS_STEP = 0.01
IDLE_STEP_SECONDS = 60.0
ARRIVING_SECONDS = 5.0


def delivered(
    torrent: Torrent, watch: Watch, leg: Leg, now: float, seconds: float
) -> Change | None:
    """What to keep after `seconds` more of a delivery; None while it is not worth a commit.

    The delivery clock counts only time in which the CDN was asked, or TorBox said no to a link, and
    no byte arrived: a slow line is no failure, nor is what holds us up, the disk or an ill TorBox.
    """
    arriving = leg.last_byte_at is not None and now - leg.last_byte_at < ARRIVING_SECONDS
    idle_seconds = watch.idle_seconds + (seconds if leg.trying else 0.0)
    watch.idle_seconds = 0.0 if arriving else idle_seconds
    progress = leg_progress(torrent, leg)
    outdated = arriving and torrent.clocks.delivery > 0
    grown = progress >= torrent.progress + PROGRESS_STEP
    if not grown and not outdated and watch.idle_seconds < IDLE_STEP_SECONDS:
        return None
    idle, watch.idle_seconds = watch.idle_seconds, 0.0

    def change(torrent: Torrent) -> Torrent | None:
        if not isinstance(torrent.phase, Delivering):
            return None
        delivery = 0.0 if arriving else torrent.clocks.delivery + idle
        return replace(
            torrent,
            progress=max(torrent.progress, progress),
            clocks=replace(torrent.clocks, delivery=delivery),
        )

    return change
