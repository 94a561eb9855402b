"""What people want to be told of, collected, held through quiet hours, and sent. Off by default."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from bridge.clock import Clock
from bridge.config import NotifySettings
from bridge.core.background import Background, Work
from bridge.core.ledger import Ledger
from bridge.errors import NotSent
from bridge.model import Complete, Failed, Told, Torrent
from bridge.notify.message import Message, Notice, NoticeKind

log = logging.getLogger(__name__)

MOST_WAITING = 200
LOOK_SECONDS = 30.0
LOOKS_BEFORE_TOLD = 2  # what is gone a moment later is nobody's business
LOOKS_BEFORE_AGAIN = 60  # half an hour without it
TRIES = (30.0, 120.0, 600.0)
MINUTE = 60.0


class Sender(Protocol):
    """A way to people."""

    name: str

    async def send(self, message: Message) -> None:
        """NotSent unless it arrived."""


@dataclass(slots=True)
class Lasting:
    """Something that waits for a person, and how often it was looked at."""

    looks: int = 0
    missed: int = 0
    told: bool = False


class Notifier(Background):
    """Collects notices and sends them. `async with` runs it.

    `attention` tells what waits for a person just now: a sentence for each cause.
    """

    def __init__(
        self,
        settings: NotifySettings,
        ledger: Ledger,
        senders: Sequence[Sender],
        attention: Callable[[], Mapping[str, str]],
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._senders = senders
        self._attention = attention
        self._clock = clock
        self._waiting: deque[Notice] = deque()
        self._left_out = 0
        self._lasting: dict[str, Lasting] = {}
        self._arrived = asyncio.Event()
        if senders:
            ledger.listen(self._changed)

    async def _begin(self) -> Iterable[Work]:
        return [self._send_all(), self._look()] if self._senders else []

    # What happens

    def replaced(self, torrent_hash: str, name: str, text: str) -> None:
        """An arr was told of a failure, and searches on."""
        self._add(NoticeKind.REPLACED, f"{name}: {text}", torrent_hash, name)

    def _changed(self, before: Torrent | None, after: Torrent | None) -> None:
        if before is None or after is None:
            return
        if isinstance(after.phase, Complete) and not isinstance(before.phase, Complete):
            self._tell(NoticeKind.COMPLETE, after, "complete")
        failed = isinstance(after.phase, Failed) and after.told is Told.LEFT
        if failed and before.told is not Told.LEFT:
            assert isinstance(after.phase, Failed)
            outlook = f"; {after.outlook}" if after.outlook else ""
            self._tell(NoticeKind.FAILED, after, f"failed: {after.phase.reason}{outlook}")

    def _tell(self, kind: NoticeKind, torrent: Torrent, text: str) -> None:
        said = f"{torrent.name}: {text}"
        self._add(kind, said, torrent.hash, torrent.name, torrent.category)

    def _add(
        self,
        kind: NoticeKind,
        text: str,
        torrent_hash: str = "",
        name: str = "",
        category: str = "",
    ) -> None:
        if not self._senders or kind.value not in self._settings.about:
            return
        if len(self._waiting) >= MOST_WAITING:
            self._left_out += 1
            return
        at = self._clock.time()
        self._waiting.append(Notice(kind, at, text, torrent_hash, name, category))
        self._arrived.set()

    async def _look(self) -> None:
        """What needs a person, told once it has lasted, and again only after it was gone."""
        while True:
            now = self._attention()
            for cause, sentence in now.items():
                lasting = self._lasting.setdefault(cause, Lasting())
                lasting.looks, lasting.missed = lasting.looks + 1, 0
                if lasting.looks >= LOOKS_BEFORE_TOLD and not lasting.told:
                    lasting.told = True
                    self._add(NoticeKind.PERSON, sentence)
            for cause in self._lasting.keys() - now.keys():
                lasting = self._lasting[cause]
                lasting.looks, lasting.missed = 0, lasting.missed + 1
                if not lasting.told or lasting.missed >= LOOKS_BEFORE_AGAIN:
                    del self._lasting[cause]
            await self._clock.sleep(LOOK_SECONDS)

    # Sending

    async def _send_all(self) -> None:
        while True:
            self._arrived.clear()
            if not self._waiting:
                await self._arrived.wait()
            together = await self._hold_back()
            notices, self._waiting = tuple(self._waiting), deque()
            left_out, self._left_out = self._left_out, 0
            for message in _messages(notices, left_out, together=together):
                await asyncio.gather(*(self._send(sender, message) for sender in self._senders))

    async def _hold_back(self) -> bool:
        """Wait for the digest and for the end of the quiet hours; whether there was a wait."""
        held = False
        while True:
            time = self._clock.time()
            due = self._waiting[0].at + self._settings.digest_minutes * MINUTE
            wait = max(due, quiet_end(self._settings.quiet_hours, time)) - time
            if wait <= 0:
                return held
            held = True
            await self._clock.sleep(wait)

    async def _send(self, sender: Sender, message: Message) -> None:
        for wait in (*TRIES, None):
            try:
                await sender.send(message)
                return
            except NotSent as error:
                if wait is None:
                    log.warning("a notification was not sent: %s", error)
                    return
                log.info("a notification is sent again later: %s", error)
                await self._clock.sleep(wait)


def quiet_end(hours: str, time: float) -> float:
    """When the quiet hours that `time` lies in are over, since 1970; 0 outside of them.

    `hours` is "22:00-07:00" in the machine's time, "" for none.
    """
    if not hours:
        return 0.0
    begin, end = (_minutes(part) for part in hours.split("-"))
    local = datetime.fromtimestamp(time, UTC).astimezone()
    now = local.hour * 60 + local.minute
    inside = begin <= now < end if begin <= end else now >= begin or now < end
    if not inside:
        return 0.0
    left = (end - now) % (24 * 60)
    return time - local.second + left * MINUTE


def _minutes(text: str) -> int:
    hours, minutes = text.strip().split(":")
    return int(hours) * 60 + int(minutes)


def _messages(notices: tuple[Notice, ...], left_out: int, *, together: bool) -> Iterable[Message]:
    if together or left_out:
        return [Message(notices, left_out)]
    return [Message((notice,)) for notice in notices]
