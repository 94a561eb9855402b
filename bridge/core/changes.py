"""How a torrent changes when a client asks for something; pure functions for `commands`."""

from msgspec.structs import replace

from bridge.core.ledger import Items
from bridge.model import Source, Torrent


def with_source(torrent: Torrent, source: Source) -> Torrent:
    """Keep a .torrent that was handed over for a magnet."""
    if torrent.has_torrent or source.torrent is None:
        return torrent
    known = bool(torrent.files)
    return replace(
        torrent,
        has_torrent=True,
        private=source.private,
        trackers=source.trackers or torrent.trackers,
        root=torrent.root or source.root,
        files=torrent.files if known else source.files,
        size=torrent.size if known else source.size,
        piece_length=source.piece_length,
        comment=source.comment,
        created_by=source.created_by,
        created_at=source.created_at,
    )


def paused(torrent: Torrent, *, paused: bool) -> Torrent | None:
    if torrent.ended or torrent.paused == paused:
        return None
    return replace(torrent, paused=paused)


def in_order(torrent: Torrent, *, order: int) -> Torrent:
    """The torrent at another place among those that wait."""
    return replace(torrent, order=order)


def wanted_again(items: Items) -> Items:
    """A removal that was asked for before is called off."""
    return tuple(replace(item, delete_since=None) for item in items)
