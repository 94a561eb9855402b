"""Notes by which address arrs reach us, for `core.reached`."""

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from bridge.core.reached import Reached
from bridge.qbittorrent.session import SESSION


class NoteAddress:
    """A middleware that looks at two headers and changes nothing."""

    def __init__(self, reached: Reached) -> None:
        self._reached = reached

    @web.middleware
    async def watch(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Whoever has a session was let in."""
        if SESSION in request:
            headers = request.headers
            self._reached.note(headers.get(hdrs.USER_AGENT, ""), headers.get(hdrs.HOST, ""))
        return await handler(request)
