"""JSON for the page: quick for thousands of rows, and never refused because of a name."""

import json

import msgspec
from aiohttp import web

_ENCODER = msgspec.json.Encoder()


def answer(value: object, status: int = 200) -> web.Response:
    """The value as JSON. Nobody keeps it: the next one differs."""
    return web.Response(
        body=_encode(value),
        status=status,
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


def _encode(value: object) -> bytes:
    try:
        return _ENCODER.encode(value)
    except UnicodeEncodeError:  # half a character: the standard library writes it as an escape
        return json.dumps(msgspec.to_builtins(value)).encode()
