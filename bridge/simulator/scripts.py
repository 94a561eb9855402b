"""What becomes of a torrent at TorBox over time: pure functions of the seconds since it began.

The states are TorBox's words (torbox-api.md §3.1), the flags its table (§3.2).
"""

from dataclasses import dataclass, field, replace
from math import inf


@dataclass(frozen=True)
class Look:
    """An item at one moment. `active` occupies a slot; `present` files can be asked for."""

    state: str
    progress: float = 0.0
    metadata: bool = True
    active: bool = True
    finished: bool = False
    present: bool = False
    seeds: int = 0
    peers: int = 0
    moving: bool = False  # bytes grow


METADATA = Look("metaDL", metadata=False)
DONE = Look("completed", progress=1, active=False, finished=True, present=True, seeds=12, peers=3)
FROM_CACHE = replace(DONE, state="cached")
GONE = Look("expired", progress=1, active=False, finished=True)


class Script:
    """What becomes of a torrent. Times are seconds since its start, paused time left out."""

    cached = False  # whether TorBox has it before anyone asks

    def look(self, elapsed: float) -> Look:
        """The item, so long after its start."""
        raise NotImplementedError

    def idle_after(self) -> float:
        """When the item stops occupying a slot by itself; `inf` for never."""
        raise NotImplementedError

    def present_after(self) -> float:
        """When its files can be asked for; `inf` for never."""
        return self.idle_after()

    def with_metadata(self) -> "Script":
        """The same story for one who handed over the .torrent."""
        return self


@dataclass(frozen=True)
class Cached(Script):
    """TorBox has it. The answer "Found Cached" is provisional: files may come `after` seconds."""

    after: float = 0.0
    cached = True

    def look(self, elapsed: float) -> Look:
        """Present from `after` on; until then "cached" is only a word."""
        if elapsed >= self.after:
            return FROM_CACHE
        return replace(FROM_CACHE, finished=False, present=False, progress=0)

    def idle_after(self) -> float:
        """Cached items use no slot (§6.2)."""
        return 0.0

    def present_after(self) -> float:
        """When the provisional answer comes true."""
        return self.after


@dataclass(frozen=True)
class FetchedOver(Script):
    """Fetched from the swarm at an even pace, then moved to storage for `moving` seconds."""

    seconds: float
    metadata_after: float = 0.0
    checking: float = 0.0
    moving: float = 0.0
    seeds: int = 12

    def look(self, elapsed: float) -> Look:
        """Metadata, checking, downloading, moving to storage, done."""
        if elapsed < self.metadata_after:
            return METADATA
        elapsed -= self.metadata_after
        if elapsed < self.checking:
            return Look("checkingResumeData", seeds=self.seeds, peers=3)
        elapsed -= self.checking
        if elapsed < self.seconds:
            share = elapsed / self.seconds
            return Look("downloading", share, seeds=self.seeds, peers=3, moving=True)
        if elapsed < self.seconds + self.moving:
            return replace(DONE, state="uploading", present=False, active=True)
        return DONE

    def idle_after(self) -> float:
        """The end of everything."""
        return self.metadata_after + self.checking + self.seconds + self.moving

    def with_metadata(self) -> Script:
        """No metadata to fetch."""
        return replace(self, metadata_after=0.0)


@dataclass(frozen=True)
class Stalled(Script):
    """Stops at a share of its bytes and stays there. `state` is free: `incomplete`, `paused` …"""

    at: float = 0.3
    over: float = 0.0  # seconds to get there
    state: str = "stalled (no seeds)"

    def look(self, elapsed: float) -> Look:
        """Downloading until `at`, then nothing more."""
        if elapsed < self.over:
            share = self.at * elapsed / self.over
            return Look("downloading", share, seeds=1, peers=1, moving=True)
        return Look(self.state, self.at)

    def idle_after(self) -> float:
        """It holds its slot for ever."""
        return inf


@dataclass(frozen=True)
class NoMetadata(Script):
    """A bare hash that nobody answers for."""

    def look(self, elapsed: float) -> Look:
        """For ever `metaDL`."""
        return METADATA

    def idle_after(self) -> float:
        """It holds its slot for ever."""
        return inf

    def with_metadata(self) -> Script:
        """The .torrent brings the metadata, not the seeds."""
        return Stalled(at=0.0)


@dataclass(frozen=True)
class Failing(Script):
    """TorBox gives up `after` seconds: `failed (reason)`."""

    after: float = 0.0
    reason: str = "Aborted"
    at: float = 0.2
    word: str = "failed"  # or error, missing, reported missing …

    def look(self, elapsed: float) -> Look:
        """Downloading, then failed."""
        if elapsed < self.after:
            share = self.at * elapsed / self.after
            return Look("downloading", share, seeds=1, moving=True)
        state = f"{self.word} ({self.reason})" if self.reason else self.word
        return Look(state, self.at, active=False)

    def idle_after(self) -> float:
        """Failed items free their slot."""
        return self.after

    def present_after(self) -> float:
        """Never."""
        return inf


@dataclass(frozen=True)
class FinishedNotPresent(Script):
    """Out of the swarm `after` seconds, then moved to storage for `seconds` (§3.2, row two)."""

    seconds: float = inf
    after: float = 0.0

    def look(self, elapsed: float) -> Look:
        """Finished long before its files can be asked for."""
        return FetchedOver(self.after, moving=self.seconds).look(elapsed)

    def idle_after(self) -> float:
        """The end of the move."""
        return self.after + self.seconds


@dataclass(frozen=True)
class Step:
    """A stretch of time with any words and flags, for what no other script tells."""

    seconds: float
    look: Look


@dataclass(frozen=True)
class Steps(Script):
    """Any looks one after the other; the last one stays. `then` goes on from its own start."""

    steps: tuple[Step, ...]
    then: Script

    def look(self, elapsed: float) -> Look:
        """The step that the moment falls into."""
        for step in self.steps:
            if elapsed < step.seconds:
                return step.look
            elapsed -= step.seconds
        return self.then.look(elapsed)

    def _lead(self) -> float:
        return sum(step.seconds for step in self.steps)

    def idle_after(self) -> float:
        """As the last script says."""
        return self._lead() + self.then.idle_after()

    def present_after(self) -> float:
        """As the last script says."""
        return self._lead() + self.then.present_after()

    def with_metadata(self) -> Script:
        """Only the last script changes."""
        return replace(self, then=self.then.with_metadata())


@dataclass(frozen=True)
class QueuedThen(Script):
    """Waits `seconds` in TorBox's queue, then in neither list for `gap_seconds`, then `then`."""

    seconds: float
    gap_seconds: float = 0.0
    then: Script = field(default_factory=lambda: FetchedOver(10))

    def look(self, elapsed: float) -> Look:
        """As an item it is what `then` says."""
        return self.then.look(elapsed)

    def idle_after(self) -> float:
        """As `then` says."""
        return self.then.idle_after()

    def present_after(self) -> float:
        """As `then` says."""
        return self.then.present_after()

    def with_metadata(self) -> Script:
        """Only `then` changes."""
        return replace(self, then=self.then.with_metadata())


@dataclass(frozen=True)
class Refused(Script):
    """TorBox refuses to create it, with any status, code and words."""

    code: str | bool | None = "BOZO_TORRENT"
    detail: str = "Invalid Magnet Link. Please try again."
    status: int = 400

    def look(self, elapsed: float) -> Look:
        """It never becomes an item; a foreign one would be this."""
        return Look("error", active=False)

    def idle_after(self) -> float:
        """At once."""
        return 0.0

    def present_after(self) -> float:
        """Never."""
        return inf


KINDS: dict[str, type[Script]] = {
    "cached": Cached,
    "fetched_over": FetchedOver,
    "stalled": Stalled,
    "no_metadata": NoMetadata,
    "failing": Failing,
    "finished_not_present": FinishedNotPresent,
    "queued_then": QueuedThen,
    "refused": Refused,
    "steps": Steps,
}


def from_json(told: dict[str, object]) -> Script:
    """A script as the HTTP control writes it: `{"kind": "fetched_over", "seconds": 30}`."""
    fields = {key: value for key, value in told.items() if key != "kind"}
    then = fields.get("then")
    if isinstance(then, dict):
        fields["then"] = from_json(then)
    steps = fields.get("steps")
    if isinstance(steps, list):
        fields["steps"] = tuple(Step(step.pop("seconds"), Look(**step)) for step in steps)
    return KINDS[str(told.get("kind"))](**fields)
