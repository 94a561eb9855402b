"""What waits for a person just now, in a sentence for each cause."""

from collections.abc import Iterable

from bridge.core.contacts import Contact
from bridge.core.weather import Weather
from bridge.torbox.replies import Account

DAY = 86400.0
SOON_SECONDS = 3 * DAY


def needs_a_person(
    weather: Weather, account: Account | None, contacts: Iterable[Contact], time: float
) -> dict[str, str]:
    """By cause, so that a number that changes in a sentence makes no new one of it."""
    found = {}
    if weather.disk is not None:
        found["disk"] = weather.disk.sentence
    if weather.account is not None:
        found["account"] = weather.account.sentence
    ends_at = account.premium_expires_at if account is not None else None
    if ends_at is not None and 0 < ends_at - time < SOON_SECONDS:
        days = max(1, round((ends_at - time) / DAY))
        found["plan"] = f"the TorBox plan ends in {days} {'day' if days == 1 else 'days'}"
    for contact in contacts:
        if contact.trouble is not None and contact.trouble.key:
            found[f"arr {contact.name}"] = contact.trouble.sentence
    return found
