"""How a torrent changes when a client asks for something; pure functions for `commands`."""

from collections.abc import Sequence

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


def claimed(torrent: Torrent, category: str) -> Torrent:
    """The torrent once another arr has asked for it, under a category of its own."""
    if not category or category == torrent.category or category in torrent.claims:
        return torrent
    if not torrent.category:
        return replace(torrent, category=category)
    return replace(torrent, claims=(*torrent.claims, category))


def in_category(torrent: Torrent, category: str) -> Torrent:
    """The torrent in this category, which is then no claim beside it any more."""
    return replace(without_claim(torrent, category), category=category)


def claim_of(torrent: Torrent, polled: Sequence[str]) -> str:
    """The category whose claim a delete gives up, by those that the asking session polls.

    Where two arrs cannot be told apart it is the one that has the torrent: it has files to import
    and failures to clear away, while the others see it wait. So it is for a category that asked
    for nothing here: an arr gives what it has imported another one before it deletes.
    """
    if torrent.category in polled:
        return torrent.category
    return next((one for one in polled if one in torrent.claims), torrent.category)


def without_claim(torrent: Torrent, category: str) -> Torrent:
    """The torrent once that arr does not want it any more."""
    return replace(torrent, claims=tuple(one for one in torrent.claims if one != category))


def wanted_again(items: Items) -> Items:
    """A removal that was asked for before is called off."""
    return tuple(replace(item, delete_since=None) for item in items)
