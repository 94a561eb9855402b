"""Which programs speak to the qBittorrent API, by what they call themselves, and how it went."""

import re
from collections.abc import Iterator
from functools import lru_cache

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler
from msgspec import Struct

from bridge.clock import Clock
from bridge.names import display_name

MOST_CALLERS = 20
MOST_CHARACTERS = 60
ARRS = ("Sonarr", "Radarr", "Lidarr", "Readarr", "Whisparr", "Prowlarr")

_PRODUCT = re.compile(r"([^\s/()]+)(?:/([^\s()]+))?")
_LOGIN = "auth/login"
_BROWSER = "Mozilla"


class Caller(Struct, frozen=True):
    """A program that has called; times are seconds since 1970, 0 for never."""

    name: str
    version: str
    arr: bool
    let_in_at: float = 0.0
    refused_at: float = 0.0  # a login with a wrong name or password
    category: str = ""  # that it asked for last


class Callers:
    """Remembers the last callers. Browsers are people, and left out."""

    def __init__(self, clock: Clock, base: str) -> None:
        self._clock = clock
        self._api = f"{base}/api/v2/"
        self._callers: dict[str, Caller] = {}

    def __iter__(self) -> Iterator[Caller]:
        return iter(self._callers.values())

    @web.middleware
    async def watch(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Innermost: it sees what was let in, and every login."""
        response = await handler(request)
        if request.path.startswith(self._api):
            self._note(request, response)
        return response

    def _note(self, request: web.Request, response: web.StreamResponse) -> None:
        name, version = named(request.headers.get(hdrs.USER_AGENT, ""))
        if not name or name == _BROWSER:
            return
        before = self._callers.pop(name, Caller(name, version, name in ARRS))
        now = self._clock.time()
        refused = request.path.endswith(_LOGIN) and not _let_in(response)
        category = ""
        if "category" in request.rel_url.raw_query_string:
            category = display_name(request.query.get("category", ""))[:MOST_CHARACTERS]
        self._callers[name] = Caller(
            name,
            version,
            before.arr,
            let_in_at=before.let_in_at if refused else now,
            refused_at=now if refused else before.refused_at,
            category=category or before.category,
        )
        while len(self._callers) > MOST_CALLERS:
            del self._callers[next(iter(self._callers))]


@lru_cache(maxsize=64)
def named(agent: str) -> tuple[str, str]:
    """The program's name and version: `Sonarr/4.0.19 (debian 12)` is Sonarr, 4.0.19."""
    found = _PRODUCT.match(display_name(agent))
    if found is None:
        return "", ""
    return found[1][:MOST_CHARACTERS], (found[2] or "")[:MOST_CHARACTERS]


def _let_in(response: web.StreamResponse) -> bool:
    return isinstance(response, web.Response) and response.text == "Ok."
