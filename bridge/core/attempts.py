"""From one attempt to the next: what begins anew, and what is left to be taken away. Pure."""

from msgspec.structs import replace

from bridge.core import taking
from bridge.model import (
    Cause,
    Check,
    Cleaning,
    Clocks,
    Complete,
    Delivering,
    Failed,
    Told,
    Torrent,
    Waiting,
)


def new_attempt(torrent: Torrent, time: float, *, reason: str = "") -> Torrent:
    """The torrent from the beginning: progress and clocks start at zero (promise 6)."""
    return replace(
        torrent,
        phase=Waiting(time, reason),
        attempt=torrent.attempt + 1,
        files=taking.unruled(torrent.files),
        recreated=False,
        progress=0.0,
        cached=False,
        clocks=Clocks(),
        completed_at=0.0,
        paused=False,
        told=Told.NOT_YET,
        outlook="",
        imported_at=0.0,
        handed_over=False,
        giving_up=False,
    )


def retried(torrent: Torrent, time: float) -> Torrent | None:
    """One that failed, in a new attempt; a complete one only if its files are still wanting."""
    match torrent.phase:
        case Failed(cause=cause) if cause is not Cause.V2_ONLY:
            return new_attempt(torrent, time)
        case Complete(missing=True):
            return replace(torrent, phase=replace(torrent.phase, check=Check.AGAIN))
        case _:
            return None


def cleaning_of(torrent: Torrent, *, and_files: bool) -> Cleaning | None:
    """What a removal has to unlink; None for a torrent that never had a file here."""
    if torrent.cleaning is not None:
        return replace(torrent.cleaning, and_files=torrent.cleaning.and_files or and_files)
    if not torrent.files:
        return None
    placed = isinstance(torrent.phase, Complete) or (
        isinstance(torrent.phase, Delivering) and torrent.phase.placing
    )
    relocation = torrent.phase.relocation if isinstance(torrent.phase, Complete) else None
    return Cleaning(torrent.save_path, torrent.folder, torrent.files, placed, and_files, relocation)
