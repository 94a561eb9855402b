"""The clocks of design §4: for how long a torrent was seen without what it needs."""

from msgspec.structs import replace

from bridge.config import GiveUp
from bridge.core.steps import GiveUpOn
from bridge.core.times import span
from bridge.model import Cause, Clocks, Seen, Torrent

TORBOX_FAILED_SECONDS = 10 * 60.0

FAILED_WORDS = ("failed", "error", "missing")
# What TorBox does with it instead of downloading; only so long without growth that it is dead.
BUSY_WORDS = ("checking", "moving", "allocating", "processing", "paused", "stopped")


def clock_run_out(clocks: Clocks, give_up: GiveUp) -> GiveUpOn | None:
    """The first clock of design §4 that has run out, with its sentence."""
    if clocks.torbox_failed >= TORBOX_FAILED_SECONDS:
        return GiveUpOn(Cause.TORBOX_FAILED, "TorBox says that this download failed")
    if clocks.no_metadata >= give_up.no_metadata_minutes * 60:
        return GiveUpOn(
            Cause.NO_METADATA, f"no metadata in {span(give_up.no_metadata_minutes * 60)}"
        )
    if clocks.no_seeds >= give_up.no_seeds_hours * 3600:
        return GiveUpOn(Cause.NO_SEEDS, f"no seeds in {span(give_up.no_seeds_hours * 3600)}")
    if clocks.no_growth >= give_up.no_growth_hours * 3600:
        return GiveUpOn(Cause.NO_GROWTH, f"no growth in {span(give_up.no_growth_hours * 3600)}")
    return None


def delivery_has_run_out(torrent: Torrent, give_up: GiveUp) -> bool:
    """Whether the CDN had its time: a delivery under way is stopped then."""
    return torrent.clocks.delivery >= give_up.delivery_hours * 3600


def delivery_sentence(give_up: GiveUp) -> str:
    """Why a delivery is given up."""
    return f"no byte arrived in {span(give_up.delivery_hours * 3600)} of trying"


def half_way(clocks: Clocks, give_up: GiveUp) -> bool:
    """Whether a clock has run so far that TorBox should be nudged."""
    return clocks.torbox_failed > 0 or (
        clock_run_out(
            replace(
                clocks,
                no_metadata=clocks.no_metadata * 2,
                no_seeds=clocks.no_seeds * 2,
                no_growth=clocks.no_growth * 2,
            ),
            give_up,
        )
        is not None
    )


def observed(
    clocks: Clocks, before: Seen | None, seen: Seen, seconds: float, *, paused: bool = False
) -> Clocks:
    """The clocks after one more good look, `seconds` of healthy time after the one before.

    `paused`: a client wanted it so, and no clock runs.
    """
    grew = before is not None and (
        seen.downloaded > before.downloaded or seen.progress > before.progress
    )
    if seen.ready or grew:
        return Clocks(delivery=clocks.delivery)
    failed = seen.state.startswith(FAILED_WORDS) and not seen.active and not seen.present
    if not failed and (paused or seen.state.startswith("queued")):
        return replace(clocks, torbox_failed=0.0)
    if not failed and (seen.finished or seen.state.startswith(BUSY_WORDS)):
        return replace(clocks, no_growth=clocks.no_growth + seconds, torbox_failed=0.0)
    no_metadata = not seen.files and seen.size == 0
    no_seeds = seen.seeds == 0 and seen.speed == 0 and not no_metadata
    return Clocks(
        no_metadata=clocks.no_metadata + seconds if no_metadata and not failed else 0.0,
        no_seeds=clocks.no_seeds + seconds if no_seeds and not failed else 0.0,
        no_growth=clocks.no_growth + seconds if not no_metadata and not failed else 0.0,
        torbox_failed=clocks.torbox_failed + seconds if failed else 0.0,
        delivery=clocks.delivery,
        nudged=clocks.nudged,
    )
