"""TorBox's answers as they come off the wire: any bytes into an envelope, never an exception.

Understands torbox-api.md §1.2: an envelope of success, error, detail and data of any types, bodies
that are none, dates in two formats, numbers in three.
"""

import json
import logging
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from msgspec import Struct

logger = logging.getLogger(__name__)

MOST_ODDITIES, LONGEST_WORD = 200, 80
LARGE = 2**18
LARGEST = 2**63 - 1  # what SQLite can hold; no id or size is larger
EPOCH_AFTER = 1577836800.0  # larger values are a time, smaller ones a wait (torbox-api.md §5)

_LINK = re.compile(r"(?:[a-z][a-z0-9+.-]*://|magnet:|token=)\S+", re.IGNORECASE)


class Oddities:
    """What of TorBox's words was new to us: logged once each, and not without end."""

    def __init__(self) -> None:
        self._seen: set[tuple[str, str]] = set()

    def note(self, what: str, word: str) -> None:
        """Log this word, unless it was logged before."""
        word = word[:LONGEST_WORD]
        if (what, word) in self._seen or len(self._seen) >= MOST_ODDITIES:
            return
        self._seen.add((what, word))
        # A stranger's word: only harmless characters of it reach the log.
        logger.info("TorBox: unknown %s: %s", what, re.sub(r"[^\w .,-]", "?", word, flags=re.A))


class Reply(Struct, frozen=True):
    """One answer of TorBox's. `success` is None when the body is not TorBox's envelope."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    parsed: bool = False  # the body is a JSON object
    success: bool | None = None
    code: str = ""  # upper case; "" when `error` says nothing
    error: bool = False  # `error` says that something is wrong
    detail: str = ""  # one line, without links, to be shown
    data: object = None
    sent_at: float = 0.0  # what the call is counted under

    @property
    def ok(self) -> bool:
        """Whether TorBox did what was asked (torbox-api.md §0, fact 1)."""
        return self.success is True and self.status < 400 and not self.error

    @property
    def is_large(self) -> bool:
        """Whether making something of it takes long enough to be done beside the loop."""
        return len(self.body) > LARGE

    @property
    def is_file(self) -> bool:
        """Whether it is a .torrent instead of an envelope."""
        kind = self.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        kinds = ("application/x-bittorrent", "application/octet-stream")
        return self.status == 200 and kind in kinds and len(self.body) > 0

    @property
    def says(self) -> str:
        """The detail in lower case, to look words up in."""
        return self.detail.lower()


def read(
    status: int, headers: Mapping[str, str], body: bytes, *, secret: str = "", sent_at: float = 0.0
) -> Reply:
    """Understand an answer as far as possible; `secret` is kept out of what will be shown."""
    envelope = _json(body)
    if not isinstance(envelope, dict):
        return Reply(status, headers, body, sent_at=sent_at)
    error = envelope.get("error")
    wrong = error not in (None, False, "", "null")
    success, detail = envelope.get("success"), _flat(envelope.get("detail"))
    return Reply(
        status=status,
        headers=headers,
        body=body,
        parsed=True,
        success=success if isinstance(success, bool) else None,
        code=_code(error) if isinstance(error, str) and wrong else "",
        error=wrong,
        detail=detail.replace(secret, "(key)") if secret else detail,
        data=envelope.get("data"),
        sent_at=sent_at,
    )


def _json(body: bytes) -> object:
    # Names with raw control characters come with a 200 (surprise 1), hence not strict.
    try:
        return json.loads(body.decode("utf-8-sig", "replace"), strict=False)
    except (ValueError, RecursionError):
        return None


def _code(error: str) -> str:
    return error.upper() if re.fullmatch(r"\w{1,60}", error, re.ASCII) else "UNREADABLE"


def _flat(detail: object) -> str:
    """A detail of any type as one short line."""
    if isinstance(detail, list):
        line = "; ".join(_flat(part) for part in detail[:5])
    elif isinstance(detail, dict):
        line = next(
            (_flat(detail[key]) for key in ("msg", "message", "detail") if key in detail), ""
        )
    elif isinstance(detail, str):
        line = detail
    else:
        line = ""
    line = _LINK.sub("(link)", text(line))
    return "".join(character for character in line if character.isprintable())[:300]


def text(value: object) -> str:
    """A string that can be written anywhere: no lone surrogates. "" for anything else."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def number(value: object) -> float | None:
    """A finite number, also from a numeric string."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def whole(value: object) -> int | None:
    """A whole number from 0 to what the store can hold; exact beyond 2**53, too."""
    if isinstance(value, str):
        value = int(value) if value.isascii() and value.isdigit() and len(value) < 20 else value
    if isinstance(value, int) and not isinstance(value, bool):
        return value if 0 <= value <= LARGEST else None
    found = number(value)
    return int(found) if found is not None and 0 <= found <= 2**62 else None


def flag(value: object) -> bool:
    """A boolean, also as 1 or "true"."""
    return (
        value is True or value == 1 or (isinstance(value, str) and value.lower() in ("true", "1"))
    )


def when(value: object) -> float | None:
    """A date of TorBox's as seconds since 1970: `…Z`, `….78989+00:00`, or nothing readable."""
    if not isinstance(value, str):
        return None
    try:
        date = datetime.fromisoformat(value.strip())
        at = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
    return at if at > 0 else None


def answered_at(reply: Reply) -> float | None:
    """What the answer's `Date` header says, TorBox's clock."""
    return _http_date(reply.headers.get("Date", ""))


def wait_asked(reply: Reply, now: float) -> float | None:
    """Seconds that the answer's headers ask to wait; only to be believed of 429 and 503.

    `Retry-After` as seconds or a date, else `x-ratelimit-reset` as a time (whole or not) or a wait.
    """
    server_now = answered_at(reply) or now
    asked = reply.headers.get("Retry-After", "")
    seconds = number(asked)
    if seconds is None and (date := _http_date(asked)) is not None:
        seconds = date - server_now
    if seconds is None:
        seconds = number(reply.headers.get("x-ratelimit-reset"))
    if seconds is None:
        return None
    return max(0.0, seconds - server_now if seconds > EPOCH_AFTER else seconds)


def _http_date(value: str) -> float | None:
    try:
        return parsedate_to_datetime(value).timestamp()
    except (ValueError, OverflowError, TypeError):
        return None
