"""What a change of a torrent means, in plain words for its history. Pure."""

from collections.abc import Iterator

from bridge.model import (
    Check,
    Complete,
    Delivering,
    Failed,
    Fetching,
    Queued,
    Removing,
    Situation,
    Submitting,
    Torrent,
    Waiting,
)
from bridge.names import display_name


def happenings(before: Torrent | None, after: Torrent | None) -> Iterator[str]:
    """What happened between two commits, oldest first."""
    if after is None:
        return
    if before is None or before.attempt != after.attempt:
        yield _begun(before, after)
    if before is None or before.phase != after.phase:
        text = _moved(before, after)
        if text:
            yield text
    if before is None:
        return
    if before.paused != after.paused and not after.ended and after.attempt == before.attempt:
        yield "paused" if after.paused else "resumed"
    if after.clocks.nudged and not before.clocks.nudged:
        yield "makes no progress; TorBox is asked to resume it and to look for peers"
    if after.giving_up and not before.giving_up:
        yield "a person gives it up"
    if before.category != after.category:
        if after.category in before.claims:
            yield f"{before.category!r} is done with it; {after.category!r} wants it, too"
        else:
            yield f"its category is {after.category!r} now"
    for category in after.claims:
        if category not in before.claims:
            yield f"{category!r} wants it, too"


def seen_change(before: Situation | None, after: Situation, reason: str) -> str:
    """What a change of what is shown means, "" when nothing worth telling."""
    if before is after:
        return ""
    if after in (Situation.STALLED, Situation.METADATA):
        return reason.partition(";")[0]
    if before is Situation.STALLED and after is Situation.MOVING:
        return "moves again"
    return ""


def _begun(before: Torrent | None, after: Torrent) -> str:
    if before is not None:
        return f"begins anew, attempt {after.attempt}"
    program = display_name(after.user_agent.partition("/")[0])[:40]
    sender = f" from {program}" if program else ""
    category = f", category {after.category!r}" if after.category else ""
    return f"accepted{sender}{category}"


def _moved(before: Torrent | None, after: Torrent) -> str:
    """The phase is another one, or the same one with something else in it."""
    old = None if before is None else before.phase
    match after.phase:
        case Waiting():
            return _waits(old, after.phase)
        case Queued() if not isinstance(old, Queued):
            return "TorBox put it into its queue"
        case Fetching():
            return _fetched(old, after)
        case Delivering() if not isinstance(old, Delivering):
            count = sum(file.wanted for file in after.files)
            return (
                f"ready at TorBox, {'its file comes' if count == 1 else f'{count} files come'} here"
            )
        case Complete():
            return _complete(old, after.phase, after)
        case Failed():
            return f"failed: {after.phase.reason}"
        case Removing():
            files = after.cleaning is not None and after.cleaning.and_files
            return "removed with its files" if files else "removed"
        case _:
            return ""


def _waits(old: object, phase: Waiting) -> str:
    if isinstance(old, Submitting | Queued | Fetching | Delivering):
        return phase.reason or "is sent to TorBox again"
    return ""


def _fetched(old: object, after: Torrent) -> str:
    if isinstance(old, Fetching):
        return ""
    if isinstance(old, Delivering):
        if any(file.wanted and file.torbox_id is None for file in after.files):
            return "a file is wanted that TorBox did not list; looks again"
        return "gone at TorBox while it came here; looks again"
    if isinstance(old, Queued):
        return "left TorBox's queue, is fetched there"
    return "TorBox has it already" if after.cached else "TorBox took it"


def _complete(old: object, phase: Complete, after: Torrent) -> str:
    if not isinstance(old, Complete):
        return f"complete, in {after.save_path}/{after.folder}"
    if old.check is not Check.RECHECK or phase.check is Check.RECHECK:
        return ""
    if phase.damaged:
        return f"{phase.damaged!r} is damaged"
    return "files are not in their folder any more" if phase.missing else "all its files are whole"
