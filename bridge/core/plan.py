"""Every decision about a torrent, as pure functions of what is known. Nothing here acts."""

from typing import assert_never

from bridge.config import GiveUp
from bridge.core.clocks import clock_run_out, delivery_has_run_out, delivery_sentence, half_way
from bridge.core.steps import (
    FOR_TORBOX,
    NEEDS_DISK,
    PURGED,
    ZIPPED,
    AskById,
    CheckFiles,
    Clean,
    CleanTorBox,
    Deliver,
    GiveUpOn,
    LookUp,
    Nudge,
    PauseThere,
    Place,
    Reannounce,
    Relocate,
    Resolve,
    Step,
    Submit,
    Wait,
)
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
    Phase,
    Queued,
    Removing,
    Submitting,
    Torrent,
    Waiting,
)

GONE_LOOKS, GONE_SECONDS = 3, 15 * 60.0
PAUSED_WORDS, PAUSED_SECONDS = ("paused", "stopped"), 10 * 60.0
LONGEST_WAIT_SECONDS = 24 * 3600.0


def is_live(torrent: Torrent) -> bool:
    """Whether something may come to be done for it by itself."""
    if torrent.cleaning is not None:
        return True
    phase = torrent.phase
    if not torrent.ended:
        return not (torrent.paused and isinstance(phase, Waiting) and not phase.look_first)
    return isinstance(phase, Complete) and (phase.check != "" or phase.relocation is not None)


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
        return _paused_step(phase, time)
    if watch.objection and isinstance(phase, Waiting | Queued | Fetching):
        return GiveUpOn(Cause.NO_FILES, watch.objection)
    match phase:
        case Waiting():
            return Submit(phase.look_first) if _is_over(phase, time) else Wait(phase.next_try_at)
        case Submitting():
            return Resolve()
        case Queued():
            # A promotion leaves a gap in which neither list shows it.
            return _gone_step(watch, None) if missing_long_enough(watch, now) else Wait()
        case Fetching():
            return _fetching_step(torrent, phase, watch, give_up, now)
        case Delivering():
            if delivery_has_run_out(torrent, give_up):
                return GiveUpOn(Cause.DELIVERY, delivery_sentence(give_up))
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


def _is_over(waiting: Waiting, time: float) -> bool:
    # Before it began, or longer than anyone is asked to wait: the wall clock was set back.
    return not waiting.since <= time < waiting.next_try_at <= time + LONGEST_WAIT_SECONDS


def _paused_step(phase: Phase, time: float) -> Step:
    """Nothing, but to find what an unclear create left at TorBox, so that it can be paused, too."""
    if isinstance(phase, Waiting) and phase.look_first:
        return Resolve() if _is_over(phase, time) else Wait(phase.next_try_at)
    return Wait()


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
    if watch.seen.state.startswith(PAUSED_WORDS) and _long_quiet(torrent.clocks):
        return Nudge()  # nobody here paused it
    if watch.purged_since is not None and now - watch.purged_since >= GONE_SECONDS:
        return PURGED
    if verdict is not None:
        return verdict if torrent.clocks.nudged else Nudge()
    if not torrent.clocks.nudged and half_way(torrent.clocks, give_up):
        return Nudge()
    return Wait()


def _long_quiet(clocks: Clocks) -> bool:
    return clocks.no_growth >= PAUSED_SECONDS and not clocks.nudged


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
