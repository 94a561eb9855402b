"""Sliding windows: TorBox's own count of what each key did."""

from collections import deque
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Room:
    """What a window said about one more request."""

    allowed: bool
    limit: int
    remaining: int
    reset_seconds: float  # until the oldest counted request leaves the window


@dataclass
class Windows:
    """Requests counted by key and purpose. A refused request is not counted."""

    counted: dict[tuple[str, str], deque[float]] = field(default_factory=dict)

    def take(self, key: tuple[str, str], limit: int, seconds: float, now: float) -> Room:
        """Count one request if there is room."""
        times = self.counted.setdefault(key, deque())
        while times and times[0] <= now - seconds:
            times.popleft()
        allowed = len(times) < limit
        if allowed:
            times.append(now)
        reset = times[0] + seconds - now if times else 0.0
        return Room(allowed, limit, limit - len(times), reset)
