"""What holds all torrents up at once: TorBox's health, the account, the disk."""

import logging
from collections.abc import Awaitable
from dataclasses import dataclass, field

from bridge.clock import Clock
from bridge.core.door import Door
from bridge.errors import (
    AccountTrouble,
    BridgeError,
    DiskTrouble,
    OurMistake,
    Shut,
    StoreTrouble,
    TorBoxBusy,
    TorBoxError,
    TorBoxSaysNo,
    TorBoxUnwell,
    Trouble,
)

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Hold:
    """Why everything of a kind waits, and until when it is not tried again."""

    until: float
    sentence: str
    since: float
    only_creates: bool = False  # looks and links work; new torrents do not


@dataclass(slots=True)
class Weather:
    """What holds all torrents up at once: TorBox's health, the account, the disk.

    Times are the clock's monotonic seconds.
    """

    torbox: Hold | None = None
    account: Hold | None = None
    disk: Hold | None = None
    door: Door = field(default_factory=Door)
    failures: int = 0
    answered_at: float | None = None
    _month_since: float | None = None

    def torbox_answered(self, now: float) -> None:
        """TorBox gave a usable answer, so the key is good, too."""
        self.torbox, self.failures, self.answered_at = None, 0, now
        if self.account is not None and (
            not self.account.only_creates or self.account.until <= now
        ):
            self.account = None

    def torbox_failed(self, now: float, sentence: str = "TorBox does not answer") -> None:
        """TorBox gave none: wait 15 s, doubling to five minutes, before anything is asked again."""
        since = self.torbox.since if self.torbox else now
        wait = min(15.0 * 2 ** min(self.failures, 10), 300.0)
        self.failures += 1
        self.torbox = Hold(now + wait, sentence, since)

    def account_failed(self, error: AccountTrouble, now: float) -> None:
        """The account is in trouble: nothing is asked until a probe is due."""
        since = self.account.since if self.account else now
        only_creates = error.trouble is Trouble.MONTH
        if only_creates:
            since = self._month_since = self._month_began(now)
        self.account = Hold(now + error.wait_seconds, str(error), since, only_creates)

    def _month_began(self, now: float) -> float:
        """Since when the month is used up: its hold ends before each try, and that was no end."""
        took_at = self.door.took_at
        if self._month_since is None or (took_at is not None and took_at > self._month_since):
            return now
        return self._month_since

    def new_key(self) -> None:
        """Another key: what was wrong with the old one says nothing."""
        self.account = self._month_since = None
        self.door.open()

    def disk_failed(self, error: DiskTrouble, now: float) -> None:
        """The disk refuses: nothing is written until a probe is due."""
        since = self.disk.since if self.disk else now
        self.disk = Hold(now + 30.0, str(error), since)

    def wrote(self, last_byte_at: float | None) -> None:
        """Bytes that arrive again are the proof that the disk takes them."""
        disk = self.disk
        if disk is not None and last_byte_at is not None and last_byte_at > disk.until:
            self.disk = None

    def met(self, error: BridgeError, now: float) -> None:
        """Take note of an error for everyone, where it concerns everyone.

        TorBox's no to one thing is an answer, and says nothing of the others.
        """
        before = self.sentence
        if isinstance(error, AccountTrouble):
            self.account_failed(error, now)
        elif isinstance(error, DiskTrouble):
            self.disk_failed(error, now)
        elif isinstance(error, StoreTrouble | OurMistake):
            self.torbox_failed(now, str(error))
        elif isinstance(error, TorBoxUnwell) and not isinstance(error, TorBoxSaysNo):
            self.torbox_failed(now)
        if self.sentence != before:
            log.warning("everything waits: %s", error)

    async def guard(self, asking: Awaitable[None], clock: Clock) -> None:
        """Ask TorBox something that concerns no single torrent, and take note of its refusal."""
        try:
            await asking
        except (TorBoxBusy, TorBoxSaysNo) as error:
            log.info("TorBox is asked again later: %s", error)
        except (TorBoxError, StoreTrouble) as error:
            self.met(error, clock.monotonic())

    def torbox_hold(self, *, create: bool) -> Hold | None:
        """What forbids a call to TorBox now; a look that succeeds lifts it."""
        if self.account is not None and (create or not self.account.only_creates):
            return self.account
        return self.torbox

    @property
    def holds(self) -> dict[str, Hold | None]:
        """What can hold everything up, by name; None for what does not just now."""
        return {"account": self.account, "disk": self.disk, "torbox": self.torbox}

    @property
    def sentence(self) -> str:
        """Why everything waits, "" when nothing does."""
        for hold in self.holds.values():
            if hold is not None:
                return hold.sentence
        return self.door.sentence if self.door.why is Shut.COOLDOWN else ""

    @property
    def connected(self) -> bool:
        """False while TorBox is unreachable or the account is in trouble (helpers then rest)."""
        account = self.account is None or self.account.only_creates
        return account and (self.torbox is None or self.failures < 2)
