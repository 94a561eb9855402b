"""A torrent as the page shows it in its list."""

from msgspec import Struct

from bridge.core.board import Entry


class Row(Struct, frozen=True):
    """One line of the list. Bytes, bytes a second, seconds since 1970."""

    hash: str
    name: str
    category: str
    phase: str
    situation: str
    reason: str  # the sentence
    progress: float  # one bar over both legs
    cached: bool  # only the local leg counts
    torbox_progress: float
    local_bytes: int
    size: int
    speed: int
    eta_seconds: int | None
    seeds: int
    peers: int
    attempt: int
    added_at: float
    completed_at: float | None


def row(entry: Entry) -> Row:
    """The line of this torrent."""
    torrent, shown = entry.torrent, entry.shown
    return Row(
        hash=torrent.hash,
        name=torrent.name,
        category=torrent.category,
        phase=type(torrent.phase).__name__.lower(),
        situation=shown.situation.value,
        reason=shown.reason,
        progress=round(shown.progress, 4),
        cached=torrent.cached,
        torbox_progress=round(shown.torbox_progress, 4),
        local_bytes=shown.local_bytes,
        size=torrent.size,
        speed=shown.speed,
        eta_seconds=shown.eta_seconds,
        seeds=shown.seeds,
        peers=shown.peers,
        attempt=torrent.attempt,
        added_at=torrent.added_at,
        completed_at=torrent.completed_at or None,
    )
