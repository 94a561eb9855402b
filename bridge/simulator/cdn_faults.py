"""What can go wrong with a file's bytes, each a number of times, for one file or for any."""

from dataclasses import dataclass, field
from math import inf


@dataclass(frozen=True)
class Spoiled:
    """How one response of the CDN is spoiled. Offsets are of the response, except `wrong_at`."""

    path: str | None = None  # below the torrent's root, or its last part; None: any file
    cut_after: int | None = None  # bytes, then the connection closes
    stall_after: int | None = None  # bytes, then silence until the client leaves
    ignore_range: bool = False
    html_bytes: int | None = None  # a page of this size instead
    page_type: str = "text/html"  # what the page claims to be
    status: int | None = None
    retry_after: int | str | None = None
    length_by: int = 0  # Content-Length and total are wrong by so much, and so is the body
    total_by: int = 0  # only the total of Content-Range is
    shift_by: int = 0  # a range that begins elsewhere, and says so
    wrong_at: int | None = None  # this byte of the file is wrong
    garbled: bool = False  # all of its bytes are wrong
    no_length: bool = False  # chunked, of unknown length
    body_by: int = 0  # the body is longer or shorter than Content-Range says; nothing else is
    part_bytes: int | None = None  # a range that ends after so many bytes, and says so
    unsaid_range: bool = False  # 206 without Content-Range
    encoding: str | None = None  # the Content-Encoding that is claimed
    headers: tuple[tuple[str, str], ...] = ()  # more of them, such as an ETag
    reset: bool = False  # a cut throws away what is under way
    redirect_to: str | None = None


@dataclass
class Faults:
    """Spoiled responses still to come, first match first, and the pace."""

    bytes_per_second: float = inf
    _coming: list[tuple[Spoiled, float]] = field(default_factory=list)

    def spoil(self, spoiled: Spoiled, times: float = 1) -> None:
        """The next `times` responses of its file are spoiled like this."""
        self._coming.append((spoiled, times))

    def draw(self, path: str, start: int, stop: int) -> Spoiled:
        """How this response for bytes `start` to `stop` of a file is spoiled."""
        for index, (spoiled, times) in enumerate(self._coming):
            if not _concerns(spoiled, path, start, stop):
                continue
            self._coming[index] = (spoiled, times - 1)
            if times <= 1:
                del self._coming[index]
            return spoiled
        return Spoiled()

    def clear(self) -> None:
        """Nothing is spoiled any more."""
        self._coming.clear()
        self.bytes_per_second = inf

    # The ways to say it, for tests to read like sentences.

    def cuts_off(self, *, after: int, path: str | None = None, times: float = 1) -> None:
        """The connection closes in the middle."""
        self.spoil(Spoiled(path, cut_after=after), times)

    def stalls(self, *, after: int, path: str | None = None, times: float = 1) -> None:
        """Silence in the middle, until the client leaves or `release()`."""
        self.spoil(Spoiled(path, stall_after=after), times)

    def ignores_range(self, *, path: str | None = None, times: float = 1) -> None:
        """200 with the whole file, whatever range is asked."""
        self.spoil(Spoiled(path, ignore_range=True), times)

    def html_page(
        self, *, size: int = 2048, status: int = 200, path: str | None = None, times: float = 1
    ) -> None:
        """A page instead of the file, of any size and status."""
        self.spoil(Spoiled(path, html_bytes=size, status=status), times)

    def answers(
        self,
        status: int,
        *,
        retry_after: int | str | None = None,
        path: str | None = None,
        times: float = 1,
    ) -> None:
        """An error status instead of the file."""
        self.spoil(Spoiled(path, status=status, retry_after=retry_after), times)

    def lies_about_length(self, *, by: int, path: str | None = None, times: float = 1) -> None:
        """Headers and body agree with each other, and not with the file."""
        self.spoil(Spoiled(path, length_by=by), times)

    def lies_about_total(self, *, by: int, path: str | None = None, times: float = 1) -> None:
        """The total in Content-Range is not the file's size."""
        self.spoil(Spoiled(path, total_by=by), times)

    def shifts_range(self, *, by: int, path: str | None = None, times: float = 1) -> None:
        """206 for a range that was not asked for."""
        self.spoil(Spoiled(path, shift_by=by), times)

    def hides_length(self, *, path: str | None = None, times: float = 1) -> None:
        """A body without Content-Length."""
        self.spoil(Spoiled(path, no_length=True), times)

    def wrong_bytes(self, path: str | None = None, *, at: int = 0, times: float = 1) -> None:
        """One byte of the file is wrong; only responses that cover it count."""
        self.spoil(Spoiled(path, wrong_at=at), times)

    def redirects(self, *, to: str, path: str | None = None, times: float = 1) -> None:
        """302 to elsewhere."""
        self.spoil(Spoiled(path, redirect_to=to), times)

    def slow(self, bytes_per_second: float) -> None:
        """Each connection gets no more than this."""
        self.bytes_per_second = bytes_per_second


def _concerns(spoiled: Spoiled, path: str, start: int, stop: int) -> bool:
    if spoiled.path is not None and path != spoiled.path and not path.endswith(f"/{spoiled.path}"):
        return False
    return spoiled.wrong_at is None or start <= spoiled.wrong_at < stop
