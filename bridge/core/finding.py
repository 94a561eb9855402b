"""Where a failed torrent stands in the arrs: the row of a queue that may be deleted, if any."""

from collections.abc import Sequence

from msgspec import Struct

from bridge.arrs.replies import Event, Row
from bridge.core import ours
from bridge.core.contacts import Contact
from bridge.errors import ArrError
from bridge.model import Torrent


class Found(Struct, frozen=True):
    """A row that may be deleted, and what the arr's history says of it."""

    contact: Contact
    row: Row
    grab: Event
    last_event: int


# An arr notes a grab after our answer, and lists it within 90 seconds of its next poll.
LOOKS_FOR_GRAB, LOOKS_FOR_ROW = 5, 12


class Nowhere(Struct, frozen=True):
    """No row may be deleted, which may change by itself: it is looked so many times."""

    sentence: str
    looks: int = LOOKS_FOR_GRAB
    until: float | None = None  # monotonic: when an arr that rests is asked again


class Finder:
    """Asks the arrs, one after the other, whose torrent this is."""

    def __init__(self, contacts: Sequence[Contact]) -> None:
        self._contacts = contacts

    async def find(self, torrent: Torrent, *, first: bool) -> Found | Nowhere:
        """The row to delete; only where the history has a grab for the hash."""
        silent: list[Contact] = []
        nowhere = Nowhere("no arr has grabbed it; remove it or add it again")
        for contact in self._contacts:
            if contact.resting:
                silent.append(contact)
                continue
            try:
                async with contact.asking():
                    found = await self._find_in(contact, torrent, first=first)
            except ArrError:
                silent.append(contact)
                continue
            if isinstance(found, Found):
                return found
            nowhere = found or nowhere
        if silent:
            troubles = [one.trouble for one in silent if one.trouble is not None]
            until = min((one.until for one in troubles), default=None)
            sentence = troubles[0].sentence if troubles else f"{silent[0].name} does not answer"
            return Nowhere(f"{sentence}; is told later", until=until)
        return nowhere

    async def _find_in(
        self, contact: Contact, torrent: Torrent, *, first: bool
    ) -> Found | Nowhere | None:
        """None where the torrent is no concern of this arr."""
        if not await contact.ours(torrent):
            return await self._without_entry(contact, torrent)
        rows = await contact.rows(torrent)
        events = await contact.arr.events(torrent.hash)
        grab = ours.newest_grab(events)
        if grab is None:
            sentence = f"{contact.name} did not grab it; remove it there, or add it again"
            return Nowhere(sentence) if rows else None
        if ours.failed_after(events, grab.id):
            return Nowhere(f"{contact.name} counts it as failed already; remove it there")
        if not rows:
            if first:
                await contact.arr.refresh()
            return Nowhere(f"{contact.name} does not have it in its queue", LOOKS_FOR_ROW)
        return Found(contact, rows[0], grab, max(event.id for event in events))

    async def _without_entry(self, contact: Contact, torrent: Torrent) -> Nowhere | None:
        """An arr that grabbed it, and of whose download clients none is known to be us."""
        if await contact.ours() or ours.newest_grab(await contact.arr.events(torrent.hash)) is None:
            return None
        return Nowhere(
            f"{contact.name} grabbed it, and which of its download clients is the bridge is not"
            " known: set server.public_url, or client under arrs"
        )
