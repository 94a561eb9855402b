"""One log format, to standard error, from which secrets are removed on every way out.

What strangers name (torrents, files, categories) cannot forge a line: control characters are
written as escapes, and the lines of a traceback are indented.
"""

import json
import logging
import re
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from urllib.parse import quote, quote_plus

from aiohttp.http_exceptions import HttpProcessingError

from bridge.config.types import LogSettings
from bridge.logfile import FileLog

HIDDEN = "<secret>"
SHORTEST_SECRET = 4  # hiding a shorter one would hide half of every sentence
LONGEST_MESSAGE = 8_000
LONGEST_TRACEBACK = 64_000

LEVEL_NAMES = {logging.WARNING: "WARN", logging.CRITICAL: "FATAL"}

_SLASH = r"(?:/|%2F)"
_NAMES = (
    r"token|api_?-?key|pass_?key|torrent_pass|auth_?key|rss_?key|secret|password|passwd|pwd|sid"
    r"|signature|sig"
)
# What is secret by its shape, whoever wrote it: torbox-api.md §7 (links), trackers' passkeys.
PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), replacement)
    for pattern, replacement in (
        # A CDN link, whole: its path and its query both open the file. The host may say the rest.
        (
            r"\bhttps?(?:://|%3A%2F%2F)[^\s/\"'<>%]*(?:tb-cdn|storage\.torbox)\.[^\s\"'<>]*",
            "<link>",
        ),
        (rf"({_SLASH}(?:dld|zip){_SLASH})[^\s\"'<>&]+", rf"\1{HIDDEN}"),
        # User and password before a host.
        (r"(://)[^\s/@\"'<>]+@", rf"\1{HIDDEN}@"),
        (r"\b(bearer\s+)[^\s\"',;]{4,}", rf"\1{HIDDEN}"),
        (r"(\bauthorization[\"']?\s*[:=,]\s*+(?:b?[\"'])?+)(?!bearer)[^\"'\r\n)]+", rf"\1{HIDDEN}"),
        # name=value in a query or a form, also percent-encoded; "name": "value" in JSON and dicts.
        (rf"((?:{_NAMES})(?:=|%3D))[^\s&\"'<>,;)]+?(?=%26|[\s&\"'<>,;)]|$)", rf"\1{HIDDEN}"),
        (rf"((?:{_NAMES})[\"']\s*[:,]\s*b?[\"'])[^\"']+", rf"\1{HIDDEN}"),
        (r"(\bQBT_SID_\d+=)[^\s;\"']+", rf"\1{HIDDEN}"),
        # https://tracker/announce/<passkey> and https://tracker/<passkey>/announce
        (rf"({_SLASH}(?:announce|scrape)(?:\.php)?{_SLASH})[^\s/?&%\"'<>]+", rf"\1{HIDDEN}"),
        (rf"({_SLASH})[0-9a-z_-]{{10,}}(?={_SLASH}(?:announce|scrape))", rf"\1{HIDDEN}"),
    )
)
# Control characters, line separators of Unicode, and those that reorder or hide text.
UNPRINTED = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)


class Redactor:
    """Takes secrets out of text: those it was told of, and what looks like one."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._forms: set[str] = set()
        self._known: re.Pattern[str] | None = None
        self.add(*secrets)

    def add(self, *secrets: str) -> None:
        """Hide these as well from now on, also as they appear in URLs and in quoted text."""
        for secret in secrets:
            if len(secret) >= SHORTEST_SECRET:
                self._forms |= {secret, quote(secret, ""), quote(secret), quote_plus(secret)}
                self._forms |= {repr(secret)[1:-1], json.dumps(secret)[1:-1]}
        longest_first = sorted(self._forms, key=len, reverse=True)
        if longest_first:
            self._known = re.compile("|".join(map(re.escape, longest_first)))

    def clean(self, text: str) -> str:
        """The text without secrets."""
        if self._known is not None:
            text = self._known.sub(HIDDEN, text)
        for pattern, replacement in PATTERNS:
            text = pattern.sub(replacement, text)
        return text


def printable(text: str) -> str:
    """The text on one line: every control character written as an escape like `\\n`."""
    return UNPRINTED.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)


class TextFormatter(logging.Formatter):
    """`2026-11-24 20:31:02 INFO  sentence`, in local time; a traceback follows, indented."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self.redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        """One line for the record, and four spaces before each line of a traceback."""
        time = datetime.fromtimestamp(record.created).astimezone()
        level = LEVEL_NAMES.get(record.levelno, record.levelname)
        lines = [f"{time:%Y-%m-%d %H:%M:%S} {level:<5} {self.sentence(record)}"]
        lines += [f"    {line}" for line in self.traceback(record)]
        return "\n".join(lines)

    def sentence(self, record: logging.LogRecord) -> str:
        """The message with its arguments, without secrets, on one line."""
        try:
            text = record.getMessage()
        except (TypeError, ValueError, KeyError):
            text = f"{record.msg} (its arguments do not fit)"
        return printable(self._cut(text, LONGEST_MESSAGE))

    def traceback(self, record: logging.LogRecord) -> list[str]:
        """The lines of the record's traceback and stack, without secrets."""
        text = self.formatException(record.exc_info) if record.exc_info else record.exc_text or ""
        if record.stack_info:
            text += "\n" + self.formatStack(record.stack_info)
        cleaned = self._cut(text, LONGEST_TRACEBACK)
        return [printable(line) for line in cleaned.split("\n") if line.strip()]

    def _cut(self, text: str, longest: int) -> str:
        # Cleaned before it is cut for good, or half a secret could remain at the edge.
        cleaned = self.redactor.clean(text[: 2 * longest])
        return cleaned if len(cleaned) <= longest else cleaned[:longest] + " …"


class SentenceFormatter(TextFormatter):
    """The sentence alone, for a log that keeps time and level by itself."""

    def format(self, record: logging.LogRecord) -> str:
        """One line without its time."""
        return self.sentence(record)


class JsonFormatter(TextFormatter):
    """One JSON object a line, for programs that collect logs."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON, with the same sentence as in text."""
        time = datetime.fromtimestamp(record.created, UTC)
        entry = {
            "time": time.isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "part": record.name,
            "message": self.sentence(record),
        }
        traceback = self.traceback(record)
        if traceback:
            entry["traceback"] = "\n".join(traceback)
        return json.dumps(entry, ensure_ascii=False)


def set_up(
    settings: LogSettings,
    secrets: Iterable[str],
    folder: Path | None = None,
    logbook: logging.Handler | None = None,
) -> Redactor:
    """Log to standard error, and to files in `folder` if there is one, as the settings say.

    These secrets never appear, in `logbook` neither; more may be added later.
    """
    redactor = Redactor(secrets)
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    if folder is not None and settings.files > 0:
        handlers.append(FileLog(folder, settings.files))
    root = logging.getLogger()
    for other in root.handlers[:]:
        root.removeHandler(other)
    formatter = JsonFormatter if settings.format == "json" else TextFormatter
    for handler in handlers:
        handler.setFormatter(formatter(redactor))
    if logbook is not None:
        logbook.setFormatter(SentenceFormatter(redactor))
        handlers.append(logbook)
    for handler in handlers:
        handler.addFilter(_is_about_us)
        root.addHandler(handler)
    root.setLevel(settings.level.upper())
    logging.captureWarnings(True)
    # logging's own report of a failed line prints the arguments as they are.
    logging.raiseExceptions = False
    sys.excepthook = _log_uncaught
    return redactor


def _is_about_us(record: logging.LogRecord) -> bool:
    """False for what aiohttp tells, with a traceback, of requests that are not HTTP at all.

    They come from port scans and from https:// on our port, and anybody can send thousands.
    """
    error = record.exc_info[1] if record.exc_info else None
    return not (record.name == "aiohttp.server" and isinstance(error, HttpProcessingError))


def _log_uncaught(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    """Python prints what nobody caught as it is; this prints it through the log."""
    if issubclass(kind, KeyboardInterrupt):
        return
    sentence = "this should not happen, and ends the bridge; please report it"
    logging.getLogger("bridge").critical(sentence, exc_info=(kind, error, traceback))
