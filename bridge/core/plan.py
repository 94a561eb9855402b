"""Every decision about a torrent, as pure functions of what is known. Nothing here acts."""

from datetime import UTC, datetime
from typing import TypeAlias, assert_never

from msgspec import Struct
from msgspec.structs import replace

from bridge.config import GiveUp
from bridge.core.wanted import is_zipped
from bridge.core.watch import Watch
from bridge.core.weather import Weather
from bridge.model import (
    Cause,
    Check,
    Clocks,
    Complete,
    Delivering,
    Failed,
    Fetching,
    Queued,
    Removing,
    Seen,
    Submitting,
    Torrent,
    Waiting,
)

GONE_LOOKS, GONE_SECONDS = 3, 15 * 60.0
TORBOX_FAILED_SECONDS = 10 * 60.0
QUIET_SECONDS = 10 * 60.0  # without growth for so long, a torrent counts as stalled
QUIET_LOOK_SECONDS = 300.0
LONGEST_WAIT_SECONDS = 24 * 3600.0
REMOVING_SECONDS = 7 * 24 * 3600.0
LOOKS_AFTER_CREATE = (2.0, 5.0, 15.0)
MOST_LOOKED_AT_ALONE = 3
CACHED_LOOK = (0.2,)  # TorBox has it: its files can be asked for at once
NEAREST_LOOK_SECONDS = 5.0

STALLED_WORDS = ("stalled", "incomplete")
FAILED_WORDS = ("failed", "error", "missing")
PATIENT_WORDS = ("queued", "paused", "stopped", "checking", "moving", "allocating", "processing")


class Wait(Struct, frozen=True):
    """Nothing to do before `until` (monotonic), or before something changes when it is None."""

    until: float | None = None


class Clean(Struct, frozen=True):
    """Unlink what an earlier life of this hash left on the disk."""


class Submit(Struct, frozen=True):
    """Ask TorBox to create it, looking for the hash first where an earlier create is unclear."""

    look_first: bool
    only_if_cached: bool = False


class Refuse(Struct, frozen=True):
    """Its category takes only cached torrents, and this one is not."""


class Resolve(Struct, frozen=True):
    """A create's outcome is unknown: look for the hash, in the queue and then in the list."""


class Nudge(Struct, frozen=True):
    """Resume and reannounce once, before anything is given up."""


class PauseThere(Struct, frozen=True):
    """Tell TorBox to pause the item, or to resume it."""

    paused: bool


class LookUp(Struct, frozen=True):
    """Ask once what the swarm knows of a magnet whose metadata TorBox does not have yet."""


class Reannounce(Struct, frozen=True):
    """A client asked TorBox to look for peers again."""


class Deliver(Struct, frozen=True):
    """Bring the files here, or go on doing so."""


class Place(Struct, frozen=True):
    """Rename the proven files to where clients expect them."""


class CheckFiles(Struct, frozen=True):
    """See whether a complete torrent's files are still here."""


class Relocate(Struct, frozen=True):
    """Move or rename a complete torrent's files, as a client asked."""


class AskById(Struct, frozen=True):
    """The lists do not show it any more: ask for the item itself."""

    torrent_id: int


class Recreate(Struct, frozen=True):
    """TorBox has nothing of use: delete what is left there and send it again, once per attempt."""

    why: str
    cause: Cause  # when it comes to nothing a second time
    reason: str


PURGED = Recreate(
    "TorBox does not have its content any more", Cause.GONE, "TorBox lost its content twice"
)
ZIPPED = Recreate(
    "TorBox has zipped its files",
    Cause.NO_FILES,
    "TorBox gives its files only as a zip, though asked not to",
)


class GiveUpOn(Struct, frozen=True):
    """Free the slot at TorBox, then fail with this sentence."""

    cause: Cause
    reason: str


class CleanTorBox(Struct, frozen=True):
    """Delete what is ours at TorBox, then forget the torrent."""


Step: TypeAlias = (
    Wait
    | Clean
    | Submit
    | Refuse
    | Resolve
    | Nudge
    | PauseThere
    | LookUp
    | Reannounce
    | Deliver
    | Place
    | CheckFiles
    | Relocate
    | AskById
    | Recreate
    | GiveUpOn
    | CleanTorBox
)

FOR_TORBOX = (
    Submit,
    Resolve,
    Nudge,
    PauseThere,
    LookUp,
    Reannounce,
    AskById,
    Recreate,
    GiveUpOn,
    CleanTorBox,
    Deliver,
)
FOR_DISK = (Deliver, Place, Clean, CheckFiles, Relocate)
NEEDS_DISK = (Deliver, Place, CheckFiles, Relocate)  # a removal may be what makes room again


def next_step(
    torrent: Torrent, watch: Watch, weather: Weather, give_up: GiveUp, now: float, time: float
) -> Step:
    """What to do with this torrent at this moment; `now` is monotonic, `time` since 1970."""
    step = _wanted_step(torrent, watch, give_up, now, time)
    if isinstance(step, Wait):
        return _in_monotonic(step, now, time)
    if watch.hold_until > now:
        return Wait(watch.hold_until)
    hold = None
    if isinstance(step, FOR_TORBOX):
        hold = weather.torbox_hold(create=isinstance(step, Submit))
    if hold is not None:
        # The next look lifts it; until then nothing else asks TorBox anything.
        return Wait(max(hold.until, now + 1.0))
    if isinstance(step, NEEDS_DISK) and weather.disk is not None and weather.disk.until > now:
        return Wait(weather.disk.until)
    return step


def _wanted_step(torrent: Torrent, watch: Watch, give_up: GiveUp, now: float, time: float) -> Step:
    if torrent.cleaning is not None:
        return Clean()
    phase = torrent.phase
    if torrent.giving_up and isinstance(phase, Waiting | Queued | Fetching | Delivering):
        return GiveUpOn(Cause.GIVEN_UP, "given up by a person")
    if isinstance(phase, Fetching) and _to_be_paused(torrent, watch):
        return PauseThere(torrent.paused)
    if torrent.paused and not isinstance(phase, Complete | Failed | Removing | Submitting):
        return Wait()
    if watch.objection and isinstance(phase, Waiting | Queued | Fetching):
        return GiveUpOn(Cause.NO_FILES, watch.objection)
    match phase:
        case Waiting():
            # Longer than anyone is ever asked to wait: the wall clock was set back.
            if time < phase.next_try_at <= time + LONGEST_WAIT_SECONDS:
                return Wait(phase.next_try_at)
            return Submit(phase.look_first)
        case Submitting():
            return Resolve()
        case Queued():
            # A promotion leaves a gap in which neither list shows it.
            return _gone_step(watch, None) if missing_long_enough(watch, now) else Wait()
        case Fetching():
            return _fetching_step(torrent, phase, watch, give_up, now)
        case Delivering():
            if delivery_has_run_out(torrent, give_up):
                return GiveUpOn(Cause.DELIVERY, _delivery_sentence(give_up))
            return Place() if phase.placing else Deliver()
        case Complete():
            if phase.relocation is not None:
                return Relocate()
            return Wait() if phase.check is Check.NONE else CheckFiles()
        case Failed():
            return Wait()
        case Removing():
            return CleanTorBox()
        case _:
            assert_never(phase)


def delivery_has_run_out(torrent: Torrent, give_up: GiveUp) -> bool:
    """Whether the CDN had its time: a delivery under way is stopped then."""
    return torrent.clocks.delivery >= give_up.delivery_hours * 3600


def _to_be_paused(torrent: Torrent, watch: Watch) -> bool:
    """What is finished there needs neither a pause nor its end, and TorBox may refuse both."""
    ready = watch.seen is not None and watch.seen.ready
    return torrent.paused != torrent.paused_at_torbox and not ready


def _in_monotonic(wait: Wait, now: float, time: float) -> Wait:
    return wait if wait.until is None else Wait(now + max(0.0, wait.until - time))


def _fetching_step(
    torrent: Torrent, phase: Fetching, watch: Watch, give_up: GiveUp, now: float
) -> Step:
    verdict = clock_run_out(torrent.clocks, give_up)
    if watch.peek:
        return AskById(phase.torrent_id)
    if watch.missing_looks:
        step = _gone_step(watch, phase.torrent_id)
        # Its item may have been deleted just before a kill: then it is given up, not sent again.
        if verdict is not None and torrent.clocks.nudged and isinstance(step, AskById):
            return verdict
        return step
    if watch.reannounce:
        return Reannounce()
    if watch.seen is None:
        return Wait()
    if watch.seen.ready:
        return ZIPPED if is_zipped(torrent, watch.seen) else Deliver()
    if not watch.looked_up and not torrent.files and watch.seen.size == 0:
        return LookUp()
    if watch.purged_since is not None and now - watch.purged_since >= GONE_SECONDS:
        return PURGED
    if verdict is not None:
        return verdict if torrent.clocks.nudged else Nudge()
    if not torrent.clocks.nudged and _half_way(torrent.clocks, give_up):
        return Nudge()
    return Wait()


def _gone_step(watch: Watch, torrent_id: int | None) -> Step:
    """Three good looks without it, over fifteen minutes, and a fresh look by id."""
    if watch.missing_looks < GONE_LOOKS or watch.missing_since is None:
        return Wait()
    if (watch.seen_at or watch.since) > watch.missing_since:
        return Wait()
    return AskById(torrent_id) if torrent_id is not None else Resolve()


def missing_long_enough(watch: Watch, now: float) -> bool:
    """Whether a look by id may now be believed when it says that the item is gone."""
    return watch.missing_since is not None and now - watch.missing_since >= GONE_SECONDS


def clock_run_out(clocks: Clocks, give_up: GiveUp) -> GiveUpOn | None:
    """The first clock of design §4 that has run out, with its sentence."""
    if clocks.torbox_failed >= TORBOX_FAILED_SECONDS:
        return GiveUpOn(Cause.TORBOX_FAILED, "TorBox says that this download failed")
    if clocks.no_metadata >= give_up.no_metadata_minutes * 60:
        return GiveUpOn(
            Cause.NO_METADATA, f"no metadata in {_span(give_up.no_metadata_minutes * 60)}"
        )
    if clocks.no_seeds >= give_up.no_seeds_hours * 3600:
        return GiveUpOn(Cause.NO_SEEDS, f"no seeds in {_span(give_up.no_seeds_hours * 3600)}")
    if clocks.no_growth >= give_up.no_growth_hours * 3600:
        return GiveUpOn(Cause.NO_GROWTH, f"no growth in {_span(give_up.no_growth_hours * 3600)}")
    return None


def _half_way(clocks: Clocks, give_up: GiveUp) -> bool:
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


def observed(clocks: Clocks, before: Seen | None, seen: Seen, seconds: float) -> Clocks:
    """The clocks after one more good look, `seconds` of healthy time after the one before."""
    grew = before is None or seen.downloaded > before.downloaded
    if seen.ready or (grew and seen.downloaded > 0 and before is not None):
        return Clocks(delivery=clocks.delivery)
    failed = seen.state.startswith(FAILED_WORDS) and not seen.active and not seen.present
    patient = seen.finished or seen.state.startswith(PATIENT_WORDS)
    if patient and not failed:
        return replace(clocks, torbox_failed=0.0)
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


def quiet(watch: Watch, now: float) -> bool:
    """Whether nothing is expected soon: stalled, or no growth for ten minutes."""
    if watch.seen is not None and watch.seen.state.startswith(STALLED_WORDS):
        return True
    return now - (watch.grew_at or watch.sent_at or watch.since) > QUIET_SECONDS


def look_interval(watches: list[Watch], poll_seconds: float, now: float) -> float:
    """Seconds between two looks at the list, from what is outstanding (design §5)."""
    moving = [watch for watch in watches if not quiet(watch, now)]
    if not moving:
        return max(QUIET_LOOK_SECONDS, poll_seconds)
    finishing = [
        watch.seen.eta_seconds
        for watch in moving
        if watch.seen is not None and watch.seen.eta_seconds is not None
    ]
    return max(NEAREST_LOOK_SECONDS, min([poll_seconds, *finishing]))


def next_look_at(
    watches: list[Watch], poll_seconds: float, last_look: float | None, now: float
) -> float | None:
    """When to look at the list next (monotonic), None when nothing is outstanding."""
    if not watches:
        return None
    if last_look is None:
        return now
    due = last_look + look_interval(watches, poll_seconds, now)
    # Many creates share their looks: twenty grabs at once are no reason for sixty.
    apart = last_look + (NEAREST_LOOK_SECONDS if len(watches) > MOST_LOOKED_AT_ALONE else 0.0)
    for watch in watches:
        if watch.sent_at is None:
            continue
        first = CACHED_LOOK if watch.cached_sent else ()
        soon = [watch.sent_at + after for after in (*first, *LOOKS_AFTER_CREATE)]
        soon = [at for at in soon if at > last_look]
        due = min([due, *(at if watch.cached_sent else max(at, apart) for at in soon)])
    return due


def clock_time(seconds: float) -> str:
    """A wall time as people read it, in the zone of the machine (`TZ`)."""
    return datetime.fromtimestamp(seconds, UTC).astimezone().strftime("%H:%M")


def _delivery_sentence(give_up: GiveUp) -> str:
    return f"no byte arrived in {_span(give_up.delivery_hours * 3600)} of trying"


def _span(seconds: float) -> str:
    if seconds >= 7200 or (seconds >= 3600 and seconds % 3600 == 0):
        hours = seconds / 3600
        return "1 hour" if hours == 1 else f"{hours:g} hours"
    return f"{seconds / 60:g} minutes"
