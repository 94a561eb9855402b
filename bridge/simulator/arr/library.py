"""What an arr wants, has, has tried and will not try again."""

from dataclasses import dataclass, field
from itertools import count


@dataclass(frozen=True)
class Release:
    """What an indexer offers."""

    name: str
    hash: str
    magnet: str
    torrent: bytes | None = None


@dataclass
class Wanted:
    """An episode (or a season of `episodes`), a film, an album; of one title."""

    id: int
    title: int  # the series, film, artist or author
    releases: list[Release]
    episodes: int = 1
    state: str = "wanted"  # grabbed, imported, exhausted
    release: Release | None = None
    grabbed_at: float = 0.0  # the first grab
    imported_at: float = 0.0


@dataclass(frozen=True)
class Event:
    """A row of the history."""

    id: int
    kind: str
    download_id: str
    wanted: Wanted
    release: Release
    at: float


@dataclass
class Library:
    """The arr's database."""

    wanted: list[Wanted] = field(default_factory=list)
    history: list[Event] = field(default_factory=list)
    blocklist: list[str] = field(default_factory=list)  # hashes
    _ids: "count[int]" = field(default_factory=lambda: count(1))

    def want(self, title: int, releases: list[Release], episodes: int = 1) -> Wanted:
        """Add something to be had, its releases best first."""
        made = Wanted(next(self._ids), title, releases, episodes)
        self.wanted.append(made)
        return made

    def next_release(self, wanted: Wanted) -> Release | None:
        """The best one that was not blocklisted."""
        left = [one for one in wanted.releases if one.hash not in self.blocklist]
        return left[0] if left else None

    def note(self, kind: str, wanted: Wanted, release: Release, at: float) -> None:
        """One event for each episode, as in the history of a season pack."""
        for _ in range(wanted.episodes):
            number = next(self._ids)
            self.history.append(Event(number, kind, release.hash.upper(), wanted, release, at))

    def grab_of(self, download_id: str) -> Event | None:
        """The newest grab of this hash."""
        for event in reversed(self.history):
            if event.kind == "grabbed" and event.download_id == download_id:
                return event
        return None
