"""How long a file waits before it is tried again: growing, bounded, never in step with others."""

import random

from bridge.errors import CdnBusy, LinkRefused, TorBoxBusy

FIRST_SECONDS = 2.0
BUSY_SECONDS = 30.0  # a 429 that does not say how long
MOST_SECONDS = 300.0
ENOUGH_BYTES = 1 << 20  # so much progress makes an earlier failure forgotten


class Patience:
    """The back-off of one file."""

    def __init__(self) -> None:
        self._failures = 0
        self._random = random.Random()  # noqa: S311  it only spreads the tries

    def exhausted(self, gained: int) -> bool:
        """Whether another link, and so perhaps another node, may help."""
        return self._failures > (3 if gained else 1)

    def seconds_after(self, error: Exception, gained: int, *, was_good: bool) -> float:
        """How long to wait after a try that brought so many bytes.

        `was_good`: the link had worked before.
        """
        if gained >= ENOUGH_BYTES:
            self._failures = 0
        self._failures += 1
        if isinstance(error, CdnBusy | TorBoxBusy):
            return error.wait_seconds * self._random.uniform(1.0, 1.1) + 0.1
        if isinstance(error, LinkRefused) and was_good and self._failures == 1:
            return 0.0  # it only grew old
        growing = FIRST_SECONDS * 2.0 ** min(self._failures - 1, 10)
        return min(growing, MOST_SECONDS) * self._random.uniform(0.5, 1.0)
