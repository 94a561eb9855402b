"""What is known of a torrent at this moment and not stored: the last look, holds, tries."""

from dataclasses import dataclass, field

from bridge.errors import AccountTrouble, BridgeError, DiskTrouble, TorBoxBusy, Trouble
from bridge.model import Seen


@dataclass(slots=True)
class Watch:
    """Times are the clock's monotonic seconds."""

    since: float
    seen: Seen | None = None
    seen_at: float | None = None
    grew_at: float | None = None
    sent_at: float | None = None  # when its create was answered
    missing_looks: int = 0
    missing_since: float | None = None
    purged_since: float | None = None  # listed, but without its content
    asked_at: float | None = None  # when it was last asked for by id
    idle_seconds: float = 0.0  # of trying to deliver without a byte, not stored yet
    cached_sent: bool = False  # the create said that TorBox has it: the first look comes at once
    turn: str = ""  # why it is not its turn yet
    looked_up: bool = False  # the swarm was asked for its metadata
    reannounce: bool = False  # a client asked for it
    lacking_since: float | None = None  # TorBox does not list a file of the .torrent
    hold_until: float = 0.0
    hold_reason: str = ""
    tries: int = 0

    def look_found(self, seen: Seen, now: float) -> None:
        """A good look showed the item."""
        if self.seen is None or seen.downloaded > self.seen.downloaded or seen.speed > 0:
            self.grew_at = now
        self.seen, self.seen_at, self.turn = seen, now, ""
        self.missing_looks, self.missing_since = 0, None
        if not seen.purged:
            self.purged_since = None
        elif self.purged_since is None:
            self.purged_since = now

    def look_missed(self, now: float) -> None:
        """A good look did not show the item; that alone says nothing (promise 4)."""
        self.missing_looks += 1
        if self.missing_since is None:
            self.missing_since = now

    def hold(self, now: float, seconds: float, reason: str) -> None:
        """Do nothing for this torrent for so long."""
        self.hold_until, self.hold_reason = now + seconds, reason

    def back_off(self, now: float, reason: str) -> None:
        """Hold for 15 s, doubling to five minutes."""
        self.hold(now, min(15.0 * 2**self.tries, 300.0), reason)
        self.tries = min(self.tries + 1, 10)

    def freed(self) -> None:
        """Something worked: the next trouble starts with a short wait again."""
        self.hold_until, self.hold_reason, self.tries = 0.0, "", 0


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
    failures: int = 0
    answered_at: float | None = None
    _reported: set[str] = field(default_factory=set)

    def torbox_answered(self, now: float) -> None:
        """TorBox gave a usable answer, so the key is good, too."""
        self.torbox, self.failures, self.answered_at = None, 0, now
        if self.account is not None and (
            not self.account.only_creates or self.account.until <= now
        ):
            self.account = None

    def torbox_failed(self, now: float) -> None:
        """TorBox gave none: wait 15 s, doubling to five minutes, before anything is asked again."""
        since = self.torbox.since if self.torbox else now
        wait = min(15.0 * 2 ** min(self.failures, 10), 300.0)
        self.failures += 1
        self.torbox = Hold(now + wait, "TorBox does not answer", since)

    def account_failed(self, error: AccountTrouble, now: float) -> None:
        """The account is in trouble: nothing is asked until a probe is due."""
        since = self.account.since if self.account else now
        only_creates = error.trouble in (Trouble.MONTH, Trouble.COOLDOWN)
        self.account = Hold(now + error.wait_seconds, str(error), since, only_creates)

    def disk_failed(self, error: DiskTrouble, now: float) -> None:
        """The disk refuses: nothing is written until a probe is due."""
        since = self.disk.since if self.disk else now
        self.disk = Hold(now + 30.0, str(error), since)

    def met(self, error: BridgeError, now: float) -> None:
        """Take note of an error for everyone, where it concerns everyone."""
        if isinstance(error, AccountTrouble):
            self.account_failed(error, now)
        elif isinstance(error, DiskTrouble):
            self.disk_failed(error, now)
        elif not isinstance(error, TorBoxBusy):
            self.torbox_failed(now)

    def torbox_hold(self, *, create: bool) -> Hold | None:
        """What forbids a call to TorBox now; a look that succeeds lifts it."""
        if self.account is not None and (create or not self.account.only_creates):
            return self.account
        return self.torbox

    @property
    def sentence(self) -> str:
        """Why everything waits, "" when nothing does."""
        for hold in (self.account, self.disk, self.torbox):
            if hold is not None:
                return hold.sentence
        return ""

    @property
    def connected(self) -> bool:
        """False while TorBox is unreachable or the account is in trouble (helpers then rest)."""
        account = self.account is None or self.account.only_creates
        return account and (self.torbox is None or self.failures < 2)
