"""What is known of a torrent at this moment and not stored: the last look, holds, tries."""

from dataclasses import dataclass

from bridge.model import Seen

LONGEST_HOLD_SECONDS = 900.0


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
    freeing_since: float | None = None  # TorBox refuses to delete its item
    cleaning_looks: int = 0  # for an unclear create of what is to be cleaned up
    purged_since: float | None = None  # listed, but without its content
    asked_at: float | None = None  # when it was last asked for by id
    idle_seconds: float = 0.0  # of trying to deliver without a byte, not stored yet
    cached_sent: bool = False  # the create said that TorBox has it: the first look comes at once
    peek: bool = False  # the same, and so few are that it may be asked for by its id
    turn: str = ""  # why it is not its turn yet
    looked_up: bool = False  # the swarm was asked for its metadata
    reannounce: bool = False  # a client asked for it
    export_tried: bool = False  # TorBox was asked for the .torrent of a magnet
    objection: str = ""  # why its category's rules do not want it downloaded at all
    lacking_at: float | None = None  # TorBox did not list a file of the .torrent
    lacking_seconds: float = 0.0  # observed: for how long it has not
    hold_until: float = 0.0
    hold_reason: str = ""
    tries: int = 0
    noes: int = 0  # that TorBox has said to this torrent, one after the other
    no_until: float = 0.0  # before that it is not sent again

    def look_found(self, seen: Seen, now: float) -> None:
        """A good look showed the item."""
        if self.seen is None or seen.downloaded > self.seen.downloaded or seen.speed > 0:
            self.grew_at = now
        self.seen, self.seen_at, self.turn = seen, now, ""
        self.met()
        if not seen.purged:
            self.purged_since = None
        elif self.purged_since is None:
            self.purged_since = now

    def met(self) -> None:
        """It is there after all, whatever lists did not show."""
        self.missing_looks, self.missing_since, self.cleaning_looks = 0, None, 0

    def sent(self, now: float) -> None:
        """TorBox took it: what was seen of an object before this one says nothing any more."""
        self.met()
        self.sent_at, self.seen, self.seen_at, self.grew_at = now, None, None, None
        self.purged_since, self.asked_at = None, None
        self.noes, self.no_until = 0, 0.0
        self.lacking_at, self.lacking_seconds = None, 0.0

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

    def refused(self, now: float, reason: str) -> None:
        """TorBox did not do something for this one: hold for a minute, doubling."""
        self.hold(now, self.said_no(now, LONGEST_HOLD_SECONDS), reason)

    def said_no(self, now: float, longest_seconds: float) -> float:
        """TorBox says no to this one; gives the seconds to wait, from a minute on, doubling."""
        seconds: float = min(60.0 * 2**self.noes, longest_seconds)
        self.noes = min(self.noes + 1, 20)
        self.no_until = now + seconds
        return seconds

    def freed(self) -> None:
        """Something worked: the next trouble starts with a short wait again."""
        self.hold_until, self.hold_reason, self.tries = 0.0, "", 0
