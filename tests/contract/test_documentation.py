"""`docs/qbittorrent-api.md` names every endpoint that is served, and none that is not."""

import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).parent.parent.parent / "docs" / "qbittorrent-api.md").read_text("utf-8")


def documented() -> dict[str, tuple[str, bool]]:
    """Endpoint → its method, and whether only dialect 5 has it."""
    rows = re.findall(r"^\| `(\w+/\w+)` \| (\w+) \| (.*) \|$", PAGE, re.MULTILINE)
    return {path: (method, words.startswith("dialect 5")) for path, method, words in rows}


@pytest.mark.parametrize("dialect", ["4", "5"])
async def test_every_endpoint_served_is_documented_and_no_other(house, dialect: str) -> None:
    house.sets(qbittorrent={"dialect": dialect})
    await house.starts()
    served: dict[str, set[str]] = {}
    for route in house.bridge.app.router.routes():
        path = route.resource.canonical
        if path.startswith("/api/v2/"):
            served.setdefault(path.removeprefix("/api/v2/"), set()).add(route.method)
    said = {
        path: method
        for path, (method, only_later) in documented().items()
        if dialect == "5" or not only_later
    }
    assert {path: "GET" if "GET" in methods else "POST" for path, methods in served.items()} == said
    assert all("POST" in methods for methods in served.values())
