"""What is sent."""

from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from msgspec import Struct


class NoticeKind(StrEnum):
    """What people may want to be told of."""

    COMPLETE = "complete"
    REPLACED = "replaced"  # failed, and its arr searches for another release
    FAILED = "failed"  # and nothing more happens by itself
    PERSON = "person"  # something waits for a person


class Notice(Struct, frozen=True):
    """One thing to tell people."""

    kind: NoticeKind
    at: float
    text: str
    hash: str = ""
    name: str = ""
    category: str = ""


TITLES = {
    "complete": "complete",
    "replaced": "failed, and is replaced",
    "failed": "failed",
    "person": "needs you",
}


class Message(Struct, frozen=True):
    """One or several notices in one message."""

    notices: tuple[Notice, ...]
    left_out: int = 0  # more happened than is kept

    @property
    def title(self) -> str:
        """For a list of messages."""
        if len(self.notices) == 1 and not self.left_out:
            notice = self.notices[0]
            return f"torbox-bridge: {notice.name or 'it'} {TITLES[notice.kind]}"
        return f"torbox-bridge: {_counted(self.notices)}"

    @property
    def text(self) -> str:
        """A line for each."""
        lines = [notice.text for notice in self.notices]
        if self.left_out:
            lines.append(f"and {self.left_out} more")
        return "\n".join(lines)

    def json(self) -> dict[str, Any]:
        """For the webhook."""
        return {
            "source": "torbox-bridge",
            "title": self.title,
            "text": self.text,
            "left_out": self.left_out,
            "events": [
                {
                    "kind": notice.kind.value,
                    "at": datetime.fromtimestamp(notice.at, UTC).isoformat(timespec="seconds"),
                    "text": notice.text,
                    "hash": notice.hash,
                    "name": notice.name,
                    "category": notice.category,
                }
                for notice in self.notices
            ],
        }


def _counted(notices: Iterable[Notice]) -> str:
    kinds = [notice.kind for notice in notices]
    parts = [f"{kinds.count(kind)} {TITLES[kind]}" for kind in dict.fromkeys(sorted(kinds))]
    return ", ".join(parts)
