"""What clients are shown of a torrent, and its sentence (promise 11). Pure.

`downloading`, `stalledDL` and `metaDL` are claims about now, because helper tools strike on them: a
stale or self-made wait is shown as held (design §4).
"""

from typing import assert_never

from msgspec import Struct

from bridge.core import cadence, times
from bridge.core.watch import Watch
from bridge.core.weather import Weather
from bridge.delivery.leg import Leg
from bridge.model import (
    Check,
    Complete,
    Delivering,
    Failed,
    Fetching,
    Queued,
    Removing,
    Seen,
    Shown,
    Situation,
    Submitting,
    Torrent,
    Waiting,
)

FRESH_INTERVALS = 3
BYTES_SECONDS = 30.0


class Moment(Struct, frozen=True):
    """When and under which conditions a torrent is shown; `now` is monotonic."""

    now: float
    time: float
    weather: Weather
    interval_seconds: float  # between two looks
    fetching_is_off: str = ""  # why nothing is fetched just now, "" while files are
    hardlink: bool = (
        False  # arrs copy or link finished files, and are to know it before they remove
    )


def shown(torrent: Torrent, watch: Watch, leg: Leg | None, moment: Moment) -> Shown:
    """What clients see of this torrent now."""
    situation, reason = _situation(torrent, watch, leg, moment)
    progress = _progress(torrent, leg)
    seen = watch.seen
    speed, eta = _speed(torrent, seen, leg, situation, progress)
    return Shown(
        situation=situation,
        reason=reason,
        progress=progress,
        speed=speed,
        eta_seconds=eta,
        seeds=seen.seeds if seen else 0,
        peers=seen.peers if seen else 0,
        availability=_availability(torrent, seen),
        local_bytes=_local_bytes(torrent, leg),
        torbox_progress=_torbox_progress(torrent, seen),
        file_progress=_file_progress(torrent, leg),
        incomplete=not isinstance(torrent.phase, Complete),
    )


def _situation(
    torrent: Torrent, watch: Watch, leg: Leg | None, moment: Moment
) -> tuple[Situation, str]:
    phase = torrent.phase
    if torrent.giving_up and not torrent.ended:
        return Situation.HELD, _held(watch, moment) or "is given up once TorBox has let go of it"
    if torrent.paused and not torrent.ended:
        return Situation.PAUSED, "paused by a client; goes on when it is resumed"
    match phase:
        case Waiting():
            return Situation.HELD, _held(watch, moment) or _waiting(phase, watch, moment)
        case Submitting():
            return Situation.HELD, _held(watch, moment) or "is being handed to TorBox"
        case Queued():
            return Situation.HELD, "waits in TorBox's own queue until a slot is free there"
        case Fetching():
            return _fetching(torrent, watch, moment)
        case Delivering():
            return _delivering(torrent, phase, watch, leg, moment)
        case Complete():
            return _complete(torrent, phase, moment)
        case Failed():
            at = times.clock_time(phase.at)
            next_ = torrent.outlook or "remove it or add it again"
            return Situation.FAILED, f"failed at {at}: {phase.reason}; {next_}"
        case Removing():
            return Situation.HELD, "is being removed"
        case _:
            assert_never(phase)


def _complete(torrent: Torrent, phase: Complete, moment: Moment) -> tuple[Situation, str]:
    disk = moment.weather.disk.sentence if moment.weather.disk else ""
    if phase.relocation is not None:
        where = f"{phase.relocation.save_path}/{phase.relocation.folder}"
        sentence = f"complete; its files go to {where}: {disk or 'as a client asked'}"
        return Situation.RELOCATING, sentence
    if phase.check is Check.RECHECK:
        return Situation.RECHECKING, disk or "complete; its files are read once more"
    if phase.check is Check.AGAIN:
        # Whoever asked for it again is to import it only with its files.
        situation = Situation.CHECKING if phase.missing else Situation.RECHECKING
        return situation, disk or "complete; looks whether its files are still here"
    if phase.missing:
        return Situation.MISSING, f"complete, but {_what_is_missing(phase)}"
    where = f"complete, in {torrent.save_path}/{torrent.folder}"
    if torrent.outlook:
        where = f"{where}; {torrent.outlook}"
    if moment.hardlink and not torrent.handed_over:
        return Situation.SEEDING, where
    return Situation.COMPLETE, where


def _what_is_missing(phase: Complete) -> str:
    what = f"{phase.damaged!r} is damaged" if phase.damaged else "files are not in their folder"
    return f"{what}; resume it, or add it again, and it is fetched again"


def _held(watch: Watch, moment: Moment) -> str:
    """The sentence of what holds this torrent up, "" when nothing does."""
    for hold in (moment.weather.account, moment.weather.torbox):
        if hold is not None:
            since = times.clock_time(moment.time - (moment.now - hold.since))
            again = times.clock_time(moment.time + max(0.0, hold.until - moment.now))
            return f"{hold.sentence}, since {since}; tries again at {again}"
    if watch.hold_until > moment.now:
        again = times.clock_time(moment.time + watch.hold_until - moment.now)
        return f"{watch.hold_reason}; tries again at {again}"
    return ""


def _waiting(phase: Waiting, watch: Watch, moment: Moment) -> str:
    if phase.next_try_at <= moment.time and watch.turn:
        return watch.turn
    return phase.reason or "waits for its turn"


def _fetching(torrent: Torrent, watch: Watch, moment: Moment) -> tuple[Situation, str]:
    seen = watch.seen
    if seen is None or watch.seen_at is None:
        return Situation.HELD, _held(watch, moment) or "waits for the first look at TorBox"
    if moment.now - watch.seen_at > FRESH_INTERVALS * moment.interval_seconds:
        since = times.clock_time(moment.time - (moment.now - watch.seen_at))
        return Situation.HELD, _held(watch, moment) or f"TorBox was last seen at {since}"
    if watch.missing_looks:
        return Situation.HELD, "TorBox does not list it just now; looks again"
    if seen.ready:
        return Situation.HELD, _held(watch, moment) or "ready at TorBox; its files come here next"
    if seen.purged:
        return Situation.HELD, "TorBox lists it without its content; is sent again if that stays so"
    if seen.finished or seen.state.startswith(("checking", "moving", "uploading")):
        return Situation.CHECKING, "TorBox checks and stores the finished download"
    if seen.state.startswith(("queued", "paused", "stopped")):
        return Situation.HELD, f"TorBox shows it as {seen.state}"
    if not seen.files and seen.size == 0:
        return Situation.METADATA, _with_clock("TorBox looks for its metadata", torrent, moment)
    percent = f"{seen.progress * 100:.0f} %"
    if cadence.quiet(watch, moment.now):
        sentence = f"stalled at TorBox at {percent}, {seen.seeds} seeds"
        return Situation.STALLED, _with_clock(sentence, torrent, moment)
    return Situation.MOVING, f"TorBox fetches it: {percent}, {seen.seeds} seeds"


def _with_clock(sentence: str, torrent: Torrent, moment: Moment) -> str:
    clocks = torrent.clocks
    waited = max(clocks.no_metadata, clocks.no_seeds, clocks.no_growth, clocks.torbox_failed)
    if waited < 60:
        return sentence
    return f"{sentence}, for {_minutes(waited)} now; it is given up when its time runs out"


def _minutes(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= 7200 else f"{seconds / 60:.0f} min"


def _delivering(
    torrent: Torrent, phase: Delivering, watch: Watch, leg: Leg | None, moment: Moment
) -> tuple[Situation, str]:
    if moment.weather.disk is not None:
        return Situation.HELD, moment.weather.disk.sentence
    if phase.placing and watch.hold_until > moment.now:
        return Situation.HELD, f"all files are here, but {watch.hold_reason}"
    if phase.placing:
        return Situation.CHECKING, "all files are here; moves them to their folder"
    if leg is None:
        return Situation.HELD, _held(watch, moment) or "waits for its turn to come here"
    if moment.fetching_is_off and not leg.verifying:
        return Situation.HELD, moment.fetching_is_off
    percent = f"{_local_share(torrent, leg) * 100:.0f} %"
    if leg.last_byte_at is not None and moment.now - leg.last_byte_at <= BYTES_SECONDS:
        return Situation.MOVING, f"comes here from TorBox: {percent}"
    if leg.verifying:
        return Situation.CHECKING, "checks the files that arrived"
    waiting = _held(watch, moment) or leg.waits_for or "waits for its turn to come here"
    return Situation.HELD, waiting


def _wanted_size(torrent: Torrent) -> int:
    return sum(file.size for file in torrent.files if file.brought)


def _local_bytes(torrent: Torrent, leg: Leg | None) -> int:
    if isinstance(torrent.phase, Complete):
        return _wanted_size(torrent)
    return _wanted_bytes(torrent, leg) if leg else 0


def _wanted_bytes(torrent: Torrent, leg: Leg) -> int:
    """What is here of the files that are wanted: of another one bytes may have come before."""
    if all(file.wanted for file in torrent.files):
        return leg.delivered_bytes
    return sum(leg.files.get(file.path, 0) for file in torrent.files if file.wanted)


def _local_share(torrent: Torrent, leg: Leg) -> float:
    size = _wanted_size(torrent)
    return min(_wanted_bytes(torrent, leg) / size, 1.0) if size else 1.0


def _progress(torrent: Torrent, leg: Leg | None) -> float:
    """One bar over both legs, a high-water mark, below 1 until the torrent is complete."""
    if isinstance(torrent.phase, Complete):
        return 0.0 if torrent.phase.missing else 1.0
    progress = torrent.progress
    if isinstance(torrent.phase, Delivering) and leg is not None:
        progress = max(progress, leg_progress(torrent, leg))
    return min(progress, 0.999)


def leg_progress(torrent: Torrent, leg: Leg) -> float:
    """The bar while files come here: the second half, or all of it for a cached torrent."""
    share = _local_share(torrent, leg)
    return share if torrent.cached else 0.5 + share / 2


def _torbox_progress(torrent: Torrent, seen: Seen | None) -> float:
    if isinstance(torrent.phase, Delivering | Complete):
        return 1.0
    return seen.progress if seen else 0.0


def _speed(
    torrent: Torrent, seen: Seen | None, leg: Leg | None, situation: Situation, progress: float
) -> tuple[int, int | None]:
    if situation is not Situation.MOVING:
        return 0, None
    if leg is not None and isinstance(torrent.phase, Delivering):
        left = _wanted_size(torrent) - _wanted_bytes(torrent, leg)
        speed = round(leg.speed)
        return speed, round(left / speed) if speed > 0 else None
    if seen is None or seen.speed <= 0:
        return 0, None
    # The local leg is reckoned at the same speed: nothing better is known yet.
    eta = (seen.size or torrent.size) * (2 - seen.progress) / seen.speed
    return seen.speed, round(eta)


def _availability(torrent: Torrent, seen: Seen | None) -> float:
    if isinstance(torrent.phase, Complete):
        return -1.0
    if isinstance(torrent.phase, Failed):
        return 0.0
    return max(seen.availability, 1.0) if seen else 1.0


def _file_progress(torrent: Torrent, leg: Leg | None) -> tuple[float, ...]:
    if isinstance(torrent.phase, Complete):
        return tuple(float(file.brought) for file in torrent.files)
    if leg is None:
        return tuple(0.0 for _ in torrent.files)
    return tuple(
        min(leg.files.get(file.path, 0) / file.size, 1.0) if file.size else 0.0
        for file in torrent.files
    )
