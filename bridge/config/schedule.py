"""Times of the week in which downloads are slower, or off."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from bridge.config.amounts import Bytes

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SLOT = re.compile(
    r"(?:(?P<first>[a-z]{3})(?:-(?P<last>[a-z]{3}))?\s+)?"
    r"(?P<start>\d{1,2}:\d\d)\s*-\s*(?P<stop>\d{1,2}:\d\d)\s+(?P<limit>.+)",
    re.IGNORECASE | re.ASCII,
)


class Slot:
    """`[day[-day]] HH:MM-HH:MM <amount a second, or off>`, local time; ValueError if it is not.

    A slot that ends before it begins goes on after midnight; one of no length is a whole day.
    """

    def __init__(self, text: str) -> None:
        found = _SLOT.fullmatch(text.strip())
        if not found:
            raise ValueError("not a time of the week")
        first = DAYS.index((found["first"] or "mon").lower())
        last = DAYS.index((found["last"] or found["first"] or "sun").lower())
        self.days = frozenset((first + day) % 7 for day in range((last - first) % 7 + 1))
        self.start, self.stop = _minute(found["start"]), _minute(found["stop"])
        limit = found["limit"].lower().removesuffix("/s").strip()
        self.limit = None if limit == "off" else Bytes(limit)  # None: nothing is fetched
        self._text = text.strip()

    def covers(self, moment: datetime) -> bool:
        """Whether this moment of local time lies in it."""
        day, minute = moment.weekday(), moment.hour * 60 + moment.minute
        if self.start < self.stop:
            return day in self.days and self.start <= minute < self.stop
        yesterday = (day - 1) % 7
        return (day in self.days and minute >= self.start) or (
            yesterday in self.days and minute < self.stop
        )

    def end_after(self, moment: datetime) -> datetime:
        """When it ends, of a moment that it covers."""
        minutes = (self.stop - moment.hour * 60 - moment.minute) % (24 * 60) or 24 * 60
        return moment.replace(second=0, microsecond=0) + timedelta(minutes=minutes)

    def __str__(self) -> str:
        return self._text

    __repr__ = __str__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Slot) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)


def slot_at(schedule: Sequence[Slot], moment: datetime) -> Slot | None:
    """The first that covers this moment of local time."""
    return next((slot for slot in schedule if slot.covers(moment)), None)


def off_until(schedule: Sequence[Slot], moment: datetime) -> str:
    """When downloads go on, as people write it, "" if never; slots that adjoin are one time."""
    at = moment
    while (slot := slot_at(schedule, at)) is not None and slot.limit is None:
        at = slot.end_after(at)
        if at - moment > timedelta(days=7):
            return ""
    day = f"{DAYS[at.weekday()]} " if at - moment > timedelta(days=1) else ""
    return f"{day}{at:%H:%M}"


def _minute(text: str) -> int:
    hour, minute = map(int, text.split(":"))
    if minute > 59 or hour * 60 + minute > 24 * 60:
        raise ValueError("not a time of day")
    return hour * 60 + minute
