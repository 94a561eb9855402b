"""How a torrent changes when a client asks for something; pure functions for `commands`."""

from collections.abc import Set as AbstractSet

from msgspec.structs import replace

from bridge.core.ledger import Items
from bridge.errors import Refused
from bridge.model import Complete, Delivering, File, Source, Torrent


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


def with_priority(torrent: Torrent, indexes: AbstractSet[int], priority: int) -> Torrent:
    """The torrent with another priority of these files; Refused for what cannot come any more."""
    if isinstance(torrent.phase, Delivering) and torrent.phase.placing:
        raise Refused("its files are on their way to their folder")
    complete = isinstance(torrent.phase, Complete)
    if complete and priority and not all(torrent.files[index].brought for index in indexes):
        raise Refused("it is complete without this file, and brings no more")

    def changed(file: File) -> File:
        kept = complete and not priority and file.brought
        return replace(file, priority=priority, ruled_out=False, chosen=priority != 0, kept=kept)

    files = (
        changed(file) if index in indexes else file for index, file in enumerate(torrent.files)
    )
    return replace(torrent, files=tuple(files))


def wanted_again(items: Items) -> Items:
    """A removal that was asked for before is called off."""
    return tuple(replace(item, delete_since=None) for item in items)
