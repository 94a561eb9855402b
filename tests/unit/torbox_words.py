"""TorBox's answers as tests write them, and what a call comes to."""

from typing import Any

import pytest

from bridge.errors import BridgeError
from bridge.torbox.client import TorBox
from bridge.torbox.replies import Created

KEY = "0f0f0f0f-secret-key"
MAGNET = "magnet:?xt=urn:btih:" + "a" * 40 + "&tr=https%3A%2F%2Ft.example%2Fpasskey"
OK = {"success": True, "error": None, "detail": "fine", "data": None}


def fails(code: Any = None, detail: Any = "no", data: Any = None) -> dict[str, Any]:
    return {"success": False, "error": code, "detail": detail, "data": data}


def item(torrent_id: int = 1, **fields: Any) -> dict[str, Any]:
    return {"id": torrent_id, "hash": f"{torrent_id:040x}", "name": f"n{torrent_id}"} | fields


def listing(*items: Any) -> dict[str, Any]:
    return OK | {"data": list(items)}


def file(file_id: int, name: str, size: int = 5, **fields: Any) -> dict[str, Any]:
    return {"id": file_id, "name": name, "size": size} | fields


COOLDOWN = {
    "cooldown_until": "2026-01-01T00:10:00Z",
    "current_time": "2026-01-01T00:00:00+00:00",
}


async def create(torbox: TorBox, **more: Any) -> Created:
    return await torbox.create(**{"magnet": MAGNET, "torrent": None, "seed": 3} | more)


async def error_of(call: Any) -> Any:
    try:
        await call
    except BridgeError as error:
        return error
    pytest.fail("it worked")
