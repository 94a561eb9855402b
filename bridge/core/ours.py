"""What in an arr is ours to touch, as pure functions: no other row is ever named to it.

The same hash may be in another client of the same arr: a row is ours only if it names a download
client entry that points at us.
"""

from collections.abc import Collection, Iterable

from msgspec import Struct
from yarl import URL

from bridge.arrs.replies import FAILED, GRABBED, IMPORTED, Entry, Event, Row
from bridge.core.reached import Address


class WhereWeAre(Struct, frozen=True):
    """How an arr may have us in its settings."""

    seen: frozenset[Address]  # by which addresses arrs of its kind reached us
    public: Address | None  # server.public_url
    port: int  # server.port
    url_base: str


def our_entries(entries: Iterable[Entry], named: str, where: WhereWeAre) -> tuple[Entry, ...]:
    """The download client entries that point at us.

    Surest first: the one that the settings name; those at an address by which we were reached;
    those at our public address; those at our port, if they all mean one and the same machine.
    """
    known = tuple(entries)
    if named:
        return tuple(entry for entry in known if entry.name == named)
    sure = where.seen | ({where.public} if where.public else set())
    found = tuple(entry for entry in known if _addresses(entry) & sure)
    if found:
        return found
    likely = [
        entry for entry in known if (entry.port, entry.url_base) == (where.port, where.url_base)
    ]
    one_machine = len({entry.host for entry in likely}) == 1
    return tuple(likely) if one_machine and not where.seen else ()


def our_rows(rows: Iterable[Row], torrent_hash: str, names: Collection[str]) -> tuple[Row, ...]:
    """The rows of this torrent in these entries, and of nothing else."""
    wanted = torrent_hash.upper()
    return tuple(row for row in rows if row.download_id == wanted and row.client in names)


def newest_grab(events: Iterable[Event]) -> Event | None:
    """The grab that brought the torrent here, from events that are newest first."""
    return next((event for event in events if event.kind == GRABBED), None)


def was_imported(events: Iterable[Event]) -> bool:
    """Whether the newest thing that counts is an import, not a grab or a failure."""
    for event in events:
        if event.kind in IMPORTED:
            return True
        if event.kind in (GRABBED, FAILED):
            return False
    return False


def failed_after(events: Iterable[Event], event_id: int) -> bool:
    """Whether the arr counts the download as failed since that event."""
    return any(event.kind == FAILED and event.id > event_id for event in events)


def address_of(url: str) -> Address | None:
    """An address as entries have it; None for no URL."""
    parsed = URL(url)
    if not parsed.host or parsed.port is None:
        return None
    return parsed.host.lower(), parsed.port, parsed.path.rstrip("/")


def _addresses(entry: Entry) -> set[Address]:
    host = entry.host.strip("[]")
    found = {(host, entry.port, entry.url_base)}
    if entry.port in (80, 443):
        # A client leaves the usual port out of its Host header, whichever of both it is.
        found |= {(host, 80, entry.url_base), (host, 443, entry.url_base)}
    return found
