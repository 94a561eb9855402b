"""Asking TorBox where a file is, and noticing when there is nothing to ask for any more."""

from collections import Counter

from bridge.clock import Clock
from bridge.core.timeline import Timeline
from bridge.errors import TorBoxGone, TorBoxSaysNo, TorBoxUnwell
from bridge.model import File, Torrent
from bridge.torbox.client import TorBox

DOUBT_SECONDS = 300.0


class Linking:
    """The links of one delivery. TorBox answers alike for "not yet" and for "not there" (§7.4).

    So when it has refused a link for some minutes, the item itself is asked for.
    """

    def __init__(self, torrent: Torrent, torbox: TorBox, timeline: Timeline, clock: Clock) -> None:
        assert torrent.torrent_id is not None
        self._torrent = torrent
        self._torrent_id = torrent.torrent_id
        self._torbox = torbox
        self._timeline = timeline
        self._clock = clock
        self._asked: Counter[int] = Counter()
        self._doubt_at: float | None = None  # monotonic; when the item is to be asked for

    async def link(self, file: File) -> str:
        """A link to this file; TorBoxGone when the item has no content (any more)."""
        if file.torbox_id is None:
            raise TorBoxUnwell(f"TorBox does not list {file.path!r} yet")
        self._asked[file.torbox_id] += 1
        if self._asked[file.torbox_id] == 2:  # told once: a long download needs many
            torrent, what = self._torrent, f"link renewed for {file.path!r}"
            self._timeline.note(torrent.hash, torrent.name, what)
        try:
            link = await self._torbox.link(self._torrent_id, file.torbox_id)
        except TorBoxUnwell:
            await self._doubt()
            raise
        except TorBoxGone as error:
            await self._ask_for_the_item()
            raise TorBoxSaysNo(f"TorBox gives no link to {file.path!r}") from error
        self._doubt_at = None
        return link

    async def _doubt(self) -> None:
        now = self._clock.monotonic()
        if self._doubt_at is None:
            self._doubt_at = now + DOUBT_SECONDS
        if now < self._doubt_at:
            return
        self._doubt_at = now + DOUBT_SECONDS
        await self._ask_for_the_item()

    async def _ask_for_the_item(self) -> None:
        """Raise TorBoxGone unless it is there with its content."""
        seen = await self._torbox.item(self._torrent_id)
        if seen.purged:
            raise TorBoxGone("TorBox does not have this item's content any more")
