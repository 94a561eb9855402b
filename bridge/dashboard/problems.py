"""The last things that went wrong, as the log said them, each once with its count."""

import logging
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from msgspec import Struct

from bridge.logs import Redactor, TextFormatter

MOST_PROBLEMS = 30
OURS = "bridge"  # the logger whose warnings are told

# What a person can do, by what a warning says; most say it themselves.
FIXES: tuple[tuple[str, str], ...] = (
    ("API key", "Look at the key on torbox.app; a new one in a secret file is taken by itself."),
    ("plan", "Look at the plan on torbox.app."),
    ("TorBox did not answer", "Nothing: it goes on by itself when TorBox answers."),
    ("TorBox gave no usable answer", "Nothing: it goes on by itself when TorBox answers."),
    ("disk", "Run the checks: they name the folder and the command that mends it."),
    ("nothing can replace it", "Run torbox-bridge connect, and put the arr's key under arrs."),
    (
        "wrong user name, password or key",
        "Look at what that program was told; if it is none of yours, it guesses.",
    ),
    ("restart the bridge", "Restart it when nothing is coming here."),
)


class Problem(Struct, frozen=True):
    """A warning or an error; `at` is the last time, in seconds since 1970."""

    sentence: str
    at: float
    count: int
    severe: bool  # an error, not a warning
    fix: str = ""


class Problems(logging.Handler):
    """Listens to our log while it is open. Secrets are removed as in every other handler."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__(logging.WARNING)
        self._formatter = TextFormatter(redactor)
        self._problems: dict[str, Problem] = {}

    def __enter__(self) -> Self:
        logging.getLogger(OURS).addHandler(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        logging.getLogger(OURS).removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep this one, latest last."""
        sentence = self._formatter.sentence(record)
        before = self._problems.pop(sentence, None)
        severe = record.levelno >= logging.ERROR
        count = before.count + 1 if before else 1
        fix = next((fix for words, fix in FIXES if words in sentence), "")
        self._problems[sentence] = Problem(sentence, record.created, count, severe, fix)
        while len(self._problems) > MOST_PROBLEMS:
            del self._problems[next(iter(self._problems))]

    def __iter__(self) -> Iterator[Problem]:
        """Latest first. A line may arrive from another thread meanwhile."""
        return iter(list(self._problems.values())[::-1])
