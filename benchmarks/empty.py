"""The floor: aiohttp with a handler that does nothing but give back bytes that are ready.

    python -m benchmarks.empty PORT

Whatever is asked below `/api/v2/`, the answer has as many bytes as the query says.
"""

import sys

from aiohttp import web

_bodies: dict[str, bytes] = {}


async def ready(request: web.Request) -> web.Response:
    """As many bytes as the query says, kept from the first time on."""
    size = request.query_string
    if size not in _bodies:
        _bodies[size] = bytes(int(size or 0))
    return web.Response(body=_bodies[size], headers={"Content-Type": "application/json"})


if __name__ == "__main__":
    app = web.Application()
    app.router.add_route("*", "/api/v2/{path:.+}", ready)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None)
