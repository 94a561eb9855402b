"""`speedtest`: the CDN's nodes and their test files (torbox-api.md §1.6)."""

from aiohttp import web

from .account import Account
from .replies import Reply, fine

TEST_BYTES = 1024 * 1024


async def nodes(request: web.Request, _account: Account | None) -> Reply:
    """Two nodes, both here; the second is nearest."""
    here = f"{request.scheme}://{request.host}"
    listed = [
        {
            "region": region,
            "name": name,
            "domain": here,
            "path": f"/speedtest/{name}.bin",
            "url": f"{here}/speedtest/{name}.bin",
            "closest": name == "store-002",
            "coordinates": {"lat": 0.0, "lng": 0.0},
        }
        for region, name in (("wnam", "store-001"), ("weur", "store-002"))
    ]
    return fine("Speedtest links retrieved successfully.", listed)


async def serve(request: web.Request) -> web.StreamResponse:
    """A test file, or the part of it that was asked for."""
    asked = request.http_range
    body = bytes(TEST_BYTES)[asked.start or 0 : asked.stop]
    return web.Response(
        status=206 if asked.stop else 200, body=body, content_type="application/octet-stream"
    )
