"""The page itself: three files from memory. They hold no data, so anybody may read them."""

import hashlib
from pathlib import Path

from aiohttp import hdrs, web
from msgspec import Struct

FOLDER = Path(__file__).parent / "static"
TYPES = {
    "index.html": "text/html",
    "app.js": "text/javascript",
    "style.css": "text/css",
    "icon.svg": "image/svg+xml",
}
# Stricter than the real server's: nothing inline, nothing from elsewhere, no frame around it.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


class _Asset(Struct, frozen=True):
    body: bytes
    content_type: str
    tag: str


class Page:
    """Serves the page below `base`; every address in it is relative."""

    def __init__(self) -> None:
        self._assets = {name: _asset(name) for name in TYPES}

    def routes(self, base: str) -> list[web.RouteDef]:
        """`/` and what it loads."""
        table = [
            web.get(f"{base}/", self.index),
            web.get(f"{base}/static/{{name}}", self.static),
        ]
        if base:
            table.append(web.get(base, self.moved))
        return table

    async def index(self, request: web.Request) -> web.StreamResponse:
        """The page without any data: it asks for that itself, with the session's cookie."""
        return self._send(request, "index.html")

    async def static(self, request: web.Request) -> web.StreamResponse:
        """What the page loads."""
        name = request.match_info["name"]
        if name not in self._assets or name == "index.html":
            raise web.HTTPNotFound
        return self._send(request, name)

    async def moved(self, request: web.Request) -> web.StreamResponse:
        """Relative addresses need the slash at the end."""
        raise web.HTTPPermanentRedirect(f"{request.path}/")

    def _send(self, request: web.Request, name: str) -> web.StreamResponse:
        asset = self._assets[name]
        headers = {
            hdrs.ETAG: asset.tag,
            hdrs.CACHE_CONTROL: "no-cache",  # asked again each time: an update shows at once
            "Content-Security-Policy": POLICY,
            "X-Frame-Options": "DENY",
        }
        if asset.tag in request.headers.get(hdrs.IF_NONE_MATCH, ""):
            return web.Response(status=304, headers=headers)
        return web.Response(
            body=asset.body, content_type=asset.content_type, charset="utf-8", headers=headers
        )


def _asset(name: str) -> _Asset:
    body = (FOLDER / name).read_bytes()
    return _Asset(body, TYPES[name], f'"{hashlib.sha256(body).hexdigest()[:20]}"')
