"""Webhooks as TorBox sends them: unsigned, without id, hash or state (§1.6)."""

import json
from datetime import UTC, datetime
from typing import Literal

import aiohttp

Era = Literal["type", "event"]


def payload(title: str, message: str, at: float, era: Era = "type") -> dict[str, object]:
    """The body: since v7.1 with a `type` from the title, before with `event`."""
    stamp = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    data = {"title": title, "message": message}
    if era == "event":
        return {"event": "torbox.notification", "timestamp": stamp, "data": data}
    return {"type": ".".join(title.lower().split()), "timestamp": stamp, "data": data}


async def send(url: str, body: dict[str, object]) -> int:
    """POST it, once; the receiver's status. The receiver may be slow, not forever."""
    timeout = aiohttp.ClientTimeout(total=10)
    headers = {"Content-Type": "application/json", "User-Agent": "TorBox/1.0"}
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.post(url, data=json.dumps(body), headers=headers) as response,
    ):
        return response.status
