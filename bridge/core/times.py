"""Times and durations as people read them."""

from datetime import UTC, datetime


def clock_time(seconds: float) -> str:
    """A wall time as people read it, in the zone of the machine (`TZ`)."""
    return datetime.fromtimestamp(seconds, UTC).astimezone().strftime("%H:%M")


def span(seconds: float) -> str:
    """Hours, or minutes where hours would say too little."""
    if seconds >= 7200 or (seconds >= 3600 and seconds % 3600 == 0):
        hours = seconds / 3600
        return "1 hour" if hours == 1 else f"{hours:g} hours"
    return f"{seconds / 60:g} minutes"
