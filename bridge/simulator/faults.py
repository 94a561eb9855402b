"""Faults on purpose: single ones queued for the next call of an endpoint, and weather, a plan
that a seed reproduces call by call and hour by hour.
"""

import random
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any, TypeAlias

from . import replies
from .habits import Oddities
from .replies import Reply


@dataclass(frozen=True)
class Answer:
    """This answer instead of TorBox's own; nothing is done."""

    status: int = 200
    body: Any = ""  # JSON-able, or text with a content_type of its own
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = replies.JSON

    def reply(self) -> Reply:
        """As it is written."""
        return Reply(self.status, self.body, dict(self.headers), self.content_type, bare=True)


@dataclass(frozen=True)
class Cut:
    """The connection is closed without an answer; nothing is done."""


@dataclass(frozen=True)
class Hang:
    """No answer for so many seconds, or until the client leaves; then the connection is cut."""

    seconds: float = inf


@dataclass(frozen=True)
class AnswerAfterDoing:
    """It is done, and then answered otherwise: "the create that timed out and worked"."""

    then: Answer | Cut | Hang = field(default_factory=Cut)


@dataclass(frozen=True)
class Odd:
    """Done and answered as always, in a shape of §10."""

    changes: dict[str, Any] = field(default_factory=dict)

    def oddities(self, usual: Oddities) -> Oddities:
        """The usual ones with these changes."""
        return replace(usual, **self.changes)


Fault: TypeAlias = Answer | Cut | Hang | AnswerAfterDoing | Odd

CREATE = "createtorrent"
HTML_502 = Answer(502, replies.HTML_502, content_type="text/html; charset=UTF-8")
HTML_200 = Answer(200, "<html><body>Just a moment…</body></html>", content_type="text/html")
EMPTY_200 = Answer(200, b"")
RATE_TEXT = Answer(
    429, "rate limit exceeded", {"retry-after": "60"}, content_type="text/plain; charset=utf-8"
)
HOURLY = Answer(429, {"detail": "60 per 1 hour"})
CLOUDFLARE_520 = Answer(520, "<html>520</html>", content_type="text/html; charset=UTF-8")
UNAVAILABLE = Answer(503, "<html>503</html>", {"retry-after": "30"}, "text/html")


def _envelope(status: int, code: str | None, detail: str) -> Answer:
    return Answer(status, replies.no(status, code, detail).body)


AUTH_ERROR = _envelope(
    500, "AUTH_ERROR", "There was an error verifying your API key. Please try again later."
)
DATABASE_ERROR = Answer(500, replies.database_error().body)
UNKNOWN_ERROR = Answer(500, replies.unknown_error().body)
NO_SERVERS = _envelope(
    400,
    "NO_SERVERS_AVAILABLE_ERROR",
    "There are no download servers available to handle this request.",
)
CREATE_FAILED = _envelope(
    500, None, "There was an error creating your torrent. Please try again later."
)

ACTIVE_LIMIT = _envelope(
    500,
    "ACTIVE_LIMIT",
    "You have reached your active download limit of 3. Please upgrade your plan.",
)

# What weather is made of; `create_…` befalls creates only. `Hang` is left out: it lasts as long as
# the client's own time limit.
USUAL: dict[str, Fault] = {
    "html_502": HTML_502,
    "html_200": HTML_200,
    "empty_200": EMPTY_200,
    "rate_text": RATE_TEXT,
    "cloudflare_520": CLOUDFLARE_520,
    "unavailable": UNAVAILABLE,
    "auth_error": AUTH_ERROR,
    "database_error": DATABASE_ERROR,
    "unknown_error": UNKNOWN_ERROR,
    "cut": Cut(),
    "done_and_cut": AnswerAfterDoing(Cut()),
    "done_and_502": AnswerAfterDoing(HTML_502),
    "done_and_500": AnswerAfterDoing(UNKNOWN_ERROR),
    "create_failed": CREATE_FAILED,
    "create_no_servers": NO_SERVERS,
    "create_active_limit": ACTIVE_LIMIT,
    "odd_detail": Odd({"detail_as": "list"}),
    "odd_object": Odd({"detail_as": "object", "error_when_fine": "false"}),
    "odd_error": Odd({"error_when_fine": "text"}),
    "odd_characters": Odd({"raw_control_characters": True}),
    "odd_numbers": Odd({"numbers_as_floats": True, "ids_as_text": True, "infinite_eta": -1}),
    "odd_words": Odd({"state_case": "title", "unknown_keys": True, "old_dates": True}),
    "odd_list": Odd({"extra_item": True, "list_by_id": True, "empty_list": "404 success"}),
    "odd_create": Odd({"created": "no data", "queued": "success false"}),
    "odd_duplicate": Odd({"duplicate": "DIFF_ISSUE"}),
}


@dataclass(frozen=True)
class Weather:
    """Faults by chance. The same seed gives the same fault to the n-th call of an endpoint, and
    the same outages to the same hours, however the calls of different endpoints interleave.
    """

    seed: int
    chance: float = 0.1  # of a fault, for each call
    kinds: tuple[str, ...] = tuple(USUAL)
    endpoints: frozenset[str] | None = None  # None: all
    outages_per_day: float = 0.0
    outage_seconds: tuple[float, float] = (60.0, 1800.0)  # within the hour

    def fault(self, endpoint: str, number: int, now: float) -> Fault | None:
        """What befalls this call."""
        if self.is_out(now):
            return HTML_502
        if self.endpoints is not None and endpoint not in self.endpoints:
            return None
        dice = random.Random(f"{self.seed}/{endpoint}/{number}")
        kind = dice.choice(self.kinds)
        if dice.random() >= self.chance or (kind.startswith("create_") and endpoint != CREATE):
            return None
        return USUAL[kind]

    def is_out(self, now: float) -> bool:
        """Whether TorBox is down at this moment."""
        hour = int(now // 3600)
        dice = random.Random(f"{self.seed}/outage/{hour}")
        if dice.random() >= self.outages_per_day / 24:
            return False
        length = dice.uniform(*self.outage_seconds)
        start = hour * 3600 + dice.uniform(0, max(0.0, 3600 - length))
        return start <= now < start + length


@dataclass
class Faults:
    """What is queued for whom, how TorBox is down, and the weather."""

    weather: Weather | None = None
    down: str | None = None  # "down" 502 pages, "hang" silence, "refuse" closed connections
    _queued: dict[str, list[Fault]] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)

    def queue(self, endpoint: str, fault: Fault, times: int = 1) -> None:
        """The next `times` calls of the endpoint meet this fault."""
        self._queued.setdefault(endpoint, []).extend([fault] * times)

    def clear(self) -> None:
        """The sun comes out."""
        self._queued.clear()
        self.weather = None

    def draw(self, endpoint: str, now: float) -> Fault | None:
        """What befalls the next call of this endpoint: queued faults first, then the weather."""
        number = self._counts[endpoint] = self._counts.get(endpoint, 0) + 1
        queued = self._queued.get(endpoint)
        if queued:
            return queued.pop(0)
        return self.weather.fault(endpoint, number, now) if self.weather else None
