"""Links to the CDN. Each is a secret: it is fetched, never shown."""

import ipaddress
import re

from yarl import URL

from bridge.clock import Clock
from bridge.errors import LinkRefused

# TorBox says one hour to start and three to use; both were seen shorter (torbox-api.md §7.5).
FRESH_SECONDS = 45 * 60.0

# The C library takes 127.1 and 0x7f000001 for addresses too.
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+", re.IGNORECASE)


class Link:
    """A link for one file, and how it has fared."""

    def __init__(self, url: str, clock: Clock) -> None:
        self.url = url
        self.was_good = False  # bytes came over it
        self._clock = clock
        self._asked_at = clock.monotonic()

    @property
    def fresh(self) -> bool:
        """Whether a new connection may still be made with it."""
        return self._clock.monotonic() - self._asked_at < FRESH_SECONDS


def safe_url(link: str, *, allow_http: bool) -> URL:
    """The link as it was given, if it leads to a public place over https (or all is allowed)."""
    try:
        url = URL(link, encoded=True)
        host = url.host
    except (ValueError, UnicodeError):
        raise LinkRefused("TorBox gave something that is no link") from None
    if not host or url.scheme not in {"http", "https"}:
        raise LinkRefused("TorBox gave something that is no link")
    if allow_http:
        return url
    if url.scheme != "https":
        raise LinkRefused("TorBox gave a link that is not https")
    if not _is_public(host.rstrip(".").lower()):
        raise LinkRefused("TorBox gave a link into a private network")
    return url


def _is_public(host: str) -> bool:
    """Whether the host, as it is written, can be on the internet. DNS is not asked."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        name, dot, last = host.rpartition(".")
        private = last in {"localhost", "local", "internal", "lan", "home", "arpa"}
        return bool(name and dot) and not private and not _NUMBER.fullmatch(last)
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_global
