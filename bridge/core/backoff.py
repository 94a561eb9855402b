"""Asking less and less often for what TorBox does not give, while all else goes on."""

import math
from dataclasses import dataclass

FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 60.0, 900.0


@dataclass(slots=True)
class Backoff:
    """When one question may be asked again: a minute, doubling to a quarter of an hour."""

    failures: int = 0
    until: float = -math.inf  # monotonic

    def failed(self, now: float) -> None:
        """It was asked, and there was no answer to it."""
        wait = FIRST_WAIT_SECONDS * 2.0 ** min(self.failures, 10)
        self.failures += 1
        self.until = now + min(wait, LONGEST_WAIT_SECONDS)

    def forget(self) -> None:
        """It was answered, or the trouble is not this question's."""
        self.failures, self.until = 0, -math.inf
