"""The local leg of a torrent as it is now: what is here, how fast it comes, what it waits for."""

from collections.abc import Iterator
from contextlib import contextmanager

from bridge.clock import Clock
from bridge.delivery.flow import Flow


class Leg:
    """Changed by the delivery only; cheap to read at any moment."""

    def __init__(self, clock: Clock, all_torrents: Flow) -> None:
        self._flow = Flow(clock)
        self._all_torrents = all_torrents
        self._files: dict[str, int] = {}
        self._verifying = 0
        self._trying = 0
        self.delivered_bytes = 0
        self.waits_for = ""  # a plain sentence, "" while bytes come

    @property
    def files(self) -> dict[str, int]:
        """Bytes here per file path; not to be changed."""
        return self._files

    @property
    def verifying(self) -> bool:
        """Whether a file that is here is being proven."""
        return self._verifying > 0

    @property
    def trying(self) -> bool:
        """Whether it is up to the CDN or a link that bytes come; if not, something else holds."""
        return self._trying > 0

    @property
    def speed(self) -> float:
        """Bytes a second over the last ten seconds."""
        return self._flow.speed

    @property
    def last_byte_at(self) -> float | None:
        """When bytes last came, on the clock's monotonic time."""
        return self._flow.last_byte_at

    def arrived(self, count: int) -> None:
        """Bytes came over the network; they are not on the disk yet."""
        self.waits_for = ""
        self._flow.arrived(count)
        self._all_torrents.arrived(count)

    def holds(self, path: str, count: int) -> None:
        """So many bytes of this file are on the disk."""
        self.delivered_bytes += count - self._files.get(path, 0)
        self._files[path] = count

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """While a file is asked for, or waits as the CDN failed or TorBox said no to a link."""
        self._trying += 1
        try:
            yield
        finally:
            self._trying -= 1

    @contextmanager
    def own_wait(self) -> Iterator[None]:
        """While it is asked for, but we hold it up ourselves."""
        self._trying -= 1
        try:
            yield
        finally:
            self._trying += 1

    @contextmanager
    def verification(self) -> Iterator[None]:
        """While a file is being proven."""
        self._verifying += 1
        try:
            yield
        finally:
            self._verifying -= 1
