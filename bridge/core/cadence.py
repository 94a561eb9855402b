"""When TorBox's list is looked at (design §5)."""

from bridge.core.watch import Watch

QUIET_SECONDS = 10 * 60.0  # without growth for so long, a torrent counts as stalled
QUIET_LOOK_SECONDS = 300.0
LOOKS_AFTER_CREATE = (2.0, 5.0, 15.0)
MOST_LOOKED_AT_ALONE = 3
CACHED_LOOK = (0.2,)  # TorBox has it: its files can be asked for at once
NEAREST_LOOK_SECONDS = 5.0

STALLED_WORDS = ("stalled", "incomplete")


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
