"""Whether TorBox takes what it does not have cached: its no to one such create is a no to all.

Full slots, a cooldown and a lack of servers concern no single torrent. What TorBox has cached needs
no slot and goes past the door; nothing fails at it.
"""

from dataclasses import dataclass

from bridge.errors import Shut, TorBoxBusy

LONGEST_WAIT_SECONDS = 900.0


@dataclass(slots=True)
class Door:
    """Closed by a refusal, for twice as long as the time before. Times are monotonic seconds."""

    why: Shut | None = None  # None while it is open
    sentence: str = ""
    since: float = 0.0
    until: float = 0.0
    refusals: int = 0  # since one was let in
    took_at: float | None = None  # when TorBox last took any torrent
    _fewest_free: int | None = None  # slots that a look has shown free since it was closed

    @property
    def ajar(self) -> bool:
        """Whether only one may try: the last one was refused."""
        return self.refusals > 0

    def open(self) -> None:
        """Nothing is known against it."""
        self.why, self.sentence, self.refusals, self._fewest_free = None, "", 0, None

    def refused(self, error: TorBoxBusy, now: float) -> None:
        """TorBox refused one because it takes none."""
        assert error.shut is not None
        if self.why is None:
            self.since = self.since if self.ajar else now
            wait = error.wait_seconds
            if error.shut is not Shut.COOLDOWN:  # whose end is known
                wait = min(wait * 2.0 ** min(self.refusals, 10), LONGEST_WAIT_SECONDS)
            self.refusals += 1
            self.until, self._fewest_free = now + wait, None
        elif error.shut is Shut.COOLDOWN:
            self.until = max(self.until, now + error.wait_seconds)
        # Several that were under way together are one refusal.
        if self.why is not Shut.COOLDOWN:
            self.why, self.sentence = error.shut, str(error)

    def took(self, now: float, *, cached: bool) -> None:
        """TorBox took one; for one that is cached it needed no slot."""
        self.took_at = now
        if not cached:
            self.open()

    def passes(self, now: float, free_slots: int | None) -> None:
        """Open again when its time is over, or when a look shows a slot that was not free."""
        freed = False
        if free_slots is not None and self.why is Shut.SLOTS:
            freed = self._fewest_free is not None and free_slots > self._fewest_free
            before = free_slots if self._fewest_free is None else self._fewest_free
            self._fewest_free = min(free_slots, before)
        if self.why is not None and (freed or self.until <= now):
            self.why, self.sentence = None, ""
