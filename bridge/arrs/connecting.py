"""Adding the bridge to an arr as a download client, or mending the entry that is there.

An entry is written as the arr's own page would write it: from its template, or from what it has,
with only those fields changed that make it reach us.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from bridge.arrs import replies
from bridge.arrs.arr import Arr
from bridge.arrs.replies import Entry
from bridge.errors import ArrRefused, ArrUnwell

TEST_SECONDS = 100.0
QBITTORRENT = "QBittorrent"


class Address(Struct, frozen=True):
    """How the arr is to reach us, and as whom."""

    host: str
    port: int
    url_base: str
    ssl: bool
    username: str
    password: str


class Connected(Struct, frozen=True):
    """The entry as it is now in the arr."""

    name: str
    category: str
    is_new: bool
    warning: str  # what the arr's Test remarks without refusing, "" for nothing


async def connect(
    arr: Arr, address: Address, known: Entry | None, name: str, category: str
) -> Connected:
    """Have the arr test the entry, then keep it. ArrRefused with its words if the Test fails.

    `category` "" keeps the one that is there, or takes the arr's usual one.
    """
    body = await _template(arr) if known is None else await _entry(arr, known.id)
    if known is None:
        body |= {"name": name, "enable": True, "removeCompletedDownloads": True}
    _write(body, address, category)
    warning = await _test(arr, body)
    # Tested already: a remark must not keep it from being saved.
    forced = {"forceSave": "true"} if warning else {}
    if known is None:
        await arr.wire.call(
            "POST", await arr.path("downloadclient"), params=forced, body=body, seconds=TEST_SECONDS
        )
    else:
        path = await arr.path(f"downloadclient/{known.id}")
        await arr.wire.call("PUT", path, params=forced, body=body, seconds=TEST_SECONDS)
    kept = replies.category(replies.fields(body), imported=False)
    return Connected(str(body.get("name", "")), kept, known is None, warning)


async def _test(arr: Arr, body: Mapping[str, Any]) -> str:
    path = await arr.path("downloadclient/test")
    try:
        await arr.wire.call("POST", path, body=body, seconds=TEST_SECONDS)
    except ArrRefused as error:
        if not error.only_warnings:
            raise
        return str(error)
    return ""


async def _template(arr: Arr) -> dict[str, Any]:
    reply = await arr.wire.call("GET", await arr.path("downloadclient/schema"))
    return _found(arr, reply.body, "implementation", QBITTORRENT)


async def _entry(arr: Arr, number: int) -> dict[str, Any]:
    reply = await arr.wire.call("GET", await arr.path("downloadclient"))
    return _found(arr, reply.body, "id", number)


def _found(arr: Arr, body: object, key: str, value: object) -> dict[str, Any]:
    for record in body if isinstance(body, list) else []:
        if isinstance(record, dict) and record.get(key) == value:
            return {name: said for name, said in record.items() if name != "presets"}
    raise ArrUnwell(f"{arr.name} does not know qBittorrent as a download client")


def _write(body: dict[str, Any], address: Address, category: str) -> None:
    said = {
        "host": address.host,
        "port": address.port,
        "urlBase": address.url_base,
        "useSsl": address.ssl,
        "username": address.username,
        "password": address.password,
        "apiKey": "",  # Sonarr would use it instead of the password
    }
    for field in body.get("fields") or []:
        name = str(field.get("name", ""))
        if name in said:
            field["value"] = said[name]
        elif category and name.endswith("Category") and "Imported" not in name:
            field["value"] = category
