"""Answers as qBittorrent gives them: text, JSON, or three bare headers (qbittorrent.md §1)."""

from collections.abc import Mapping

from aiohttp import hdrs, web

from bridge.qbittorrent.dialect import PLAIN_TEXT, Dialect
from bridge.qbittorrent.encoding import encode
from bridge.qbittorrent.packing import Body

JSON = "application/json"
SMALLEST_PACKED = 1024  # smaller bodies are sent as they are
SMALLEST_GAIN = 24


BODY = web.ResponseKey("body", Body)


class Bare(web.Response):
    """What the parser of the real server says no with: no body, three headers, and goodbye."""

    def __init__(self, status: int) -> None:
        super().__init__(status=status)
        self.force_close()


def text(body: str, status: int = 200) -> web.Response:
    """A line of text; errors are always this."""
    return octets(body.encode("utf-8", "replace"), PLAIN_TEXT, status)


def nothing() -> web.Response:
    """Done, and nothing to say."""
    return text("")


def json(value: object) -> web.Response:
    """The value as qBittorrent writes JSON."""
    return octets(encode(value), JSON)


def ready(body: Body) -> web.Response:
    """JSON that was written before; `pack` puts it in."""
    response = octets(b"", JSON)
    response[BODY] = body
    return response


def octets(body: bytes, content_type: str, status: int = 200) -> web.Response:
    """Bytes of this type."""
    return web.Response(body=body, status=status, headers={hdrs.CONTENT_TYPE: content_type})


async def pack(request: web.Request, response: web.StreamResponse) -> None:
    """Send it as gzip where the client takes that and it pays, else as it is."""
    if not isinstance(response, web.Response) or not isinstance(response.body, bytes):
        return
    body = response.get(BODY) or Body(response.body)
    if _pays(request, response, body):
        packed = await body.packed()
        if len(packed) + SMALLEST_GAIN < len(body):
            response.body = packed
            response.headers[hdrs.CONTENT_ENCODING] = "gzip"
            return
    response.body = body.plain


class Wardrobe:
    """Dresses every answer: exactly the headers of the real server, in its order, no `Server`."""

    def __init__(self, dialect: Dialect) -> None:
        self._security = security_headers(dialect)
        # By the names that an answer came with: there are few sets of them, all of our making.
        self._orders: dict[tuple[str, ...], list[tuple[str, str]]] = {}

    def dress(self, response: web.StreamResponse) -> None:
        """Put the headers on."""
        headers = response.headers
        bare = isinstance(response, Bare)
        if not bare:
            if response.keep_alive:
                headers.setdefault(hdrs.CONNECTION, "keep-alive")
            for name, value in self._security.items():
                headers.setdefault(name, value)
        names = tuple(headers)
        order = self._orders.get(names)
        if order is None:
            left_out = {"server", "content-type"} if bare else {"server"}
            spelled = [(_spelled(name), name) for name in names if name.lower() not in left_out]
            order = self._orders[names] = sorted(spelled)
        ordered = [(spelled, headers[name]) for spelled, name in order]
        headers.clear()
        headers.extend(ordered)


def security_headers(dialect: Dialect) -> Mapping[str, str]:
    """What goes with every answer (qbittorrent.md §1.5)."""
    headers = {
        "content-security-policy": dialect.content_policy,
        "referrer-policy": "same-origin",
        "x-content-type-options": "nosniff",
        "x-frame-options": "SAMEORIGIN",
        "x-xss-protection": "1; mode=block",
    }
    if dialect.later:
        headers["cross-origin-opener-policy"] = "same-origin"
    return headers


def _spelled(name: str) -> str:
    # 5.1.0 writes this one in capitals, and so sorts it first.
    return name if name == hdrs.CONTENT_DISPOSITION else name.lower()


def _pays(request: web.Request, response: web.Response, body: Body) -> bool:
    if len(body) <= SMALLEST_PACKED or hdrs.CONTENT_ENCODING in response.headers:
        return False
    return _takes_gzip(request.headers.get(hdrs.ACCEPT_ENCODING, ""))


def _takes_gzip(accepted: str) -> bool:
    for choice in accepted.lower().split(","):
        coding, _, quality = choice.strip().partition(";")
        if coding.strip() in {"gzip", "*"}:
            return quality.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False
