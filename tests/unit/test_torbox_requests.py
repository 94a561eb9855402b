"""What is sent to TorBox: the exact bytes matter (torbox-api.md §1.3, §10)."""

import json
from typing import Any

import pytest
from aiohttp import web

from bridge.errors import (
    AccountTrouble,
    Trouble,
)
from bridge.torbox.client import TorBox
from tests.unit.torbox_words import (
    KEY,
    MAGNET,
    OK,
    create,
    error_of,
    listing,
)


async def test_a_magnet_is_sent_as_multipart_with_lower_case_booleans_and_without_a_name(
    torbox: TorBox, canned: Any
) -> None:
    await create(torbox_says_ok(torbox, canned))

    (asked,) = canned.asked
    assert (asked.method, asked.path) == ("POST", "/v1/api/torrents/createtorrent")
    assert asked.headers["Authorization"] == f"Bearer {KEY}"
    assert asked.headers["User-Agent"] == "torbox-bridge/test"
    assert asked.headers["Content-Type"].startswith("multipart/form-data; boundary=")
    parts = parts_of(asked)
    assert {name: body for name, (_, body) in parts.items()} == {
        "magnet": MAGNET.encode(),
        "seed": b"3",
        "allow_zip": b"false",
    }


async def test_a_torrent_is_sent_as_a_file_whose_type_has_no_charset(
    torbox: TorBox, canned: Any
) -> None:
    await create(torbox_says_ok(torbox, canned), torrent=b"d4:info\x00\xffe", only_if_cached=True)

    parts = parts_of(canned.asked[0])
    assert set(parts) == {"file", "seed", "allow_zip", "add_only_if_cached"}
    head, body = parts["file"]
    assert b"\r\nContent-Type: application/x-bittorrent\r\n" in head + b"\r\n"
    assert b'filename="a.torrent"' in head
    assert body == b"d4:info\x00\xffe"
    assert parts["add_only_if_cached"][1] == b"true"


async def test_a_link_is_asked_with_the_key_in_the_query_and_in_no_header(
    torbox: TorBox, canned: Any
) -> None:
    canned.says(OK | {"data": "https://cdn.example/dld/x?token=y"})

    assert await torbox.link(7, 0) == "https://cdn.example/dld/x?token=y"
    (asked,) = canned.asked
    assert asked.query == {"token": KEY, "torrent_id": "7", "file_id": "0"}
    assert "Authorization" not in asked.headers


async def test_lists_bypass_the_cache_and_are_paged(torbox: TorBox, canned: Any) -> None:
    canned.says(listing())

    await torbox.items(offset=100)
    await torbox.queue()

    assert canned.asked[0].path == "/v1/api/torrents/mylist"
    assert canned.asked[0].query == {"bypass_cache": "true", "offset": "100", "limit": "100"}
    assert canned.asked[1].path == "/v1/api/queued/getqueued"
    assert canned.asked[1].query == {"type": "torrent", "bypass_cache": "true"}


async def test_controls_are_json_for_one_item_and_never_for_all(
    torbox: TorBox, canned: Any
) -> None:
    canned.says(OK)

    await torbox.control(7, "reannounce")
    await torbox.control_queued(8, "start")

    first, second = canned.asked
    assert first.path == "/v1/api/torrents/controltorrent"
    assert json.loads(first.body) == {"torrent_id": 7, "operation": "reannounce", "all": False}
    assert second.path == "/v1/api/queued/controlqueued"
    assert json.loads(second.body) == {"queued_id": 8, "operation": "start", "all": False}


async def test_hashes_are_checked_in_hundreds(torbox: TorBox, canned: Any) -> None:
    asked = [f"{number:040X}" for number in range(250)]

    async def have_even(request: web.Request) -> web.Response:
        hashes = (await request.json())["hashes"]
        data = {h: {"name": "n", "size": 1, "hash": h} for h in hashes if int(h, 16) % 2 == 0}
        return web.json_response(OK | {"data": data})

    canned.does(have_even)

    assert await torbox.cached(asked) == {f"{number:040x}" for number in range(0, 250, 2)}
    assert [len(json.loads(a.body)["hashes"]) for a in canned.asked] == [100, 100, 50]
    assert await torbox.cached([]) == frozenset()
    assert len(canned.asked) == 3


async def test_the_account_is_asked_without_its_settings(torbox: TorBox, canned: Any) -> None:
    canned.says(OK | {"data": {"id": 4, "plan": 2, "additional_concurrent_slots": 5}})

    assert (await torbox.account()).slots == 15
    assert canned.asked[0].query == {"settings": "false"}


async def test_a_new_key_is_used_from_the_next_call_on(torbox: TorBox, canned: Any) -> None:
    canned.says(OK)
    await torbox.queue()
    torbox.use_key(" another \n")
    await torbox.queue()

    assert [a.headers["Authorization"] for a in canned.asked] == [f"Bearer {KEY}", "Bearer another"]


@pytest.mark.parametrize("key", ["", "  ", "two words", "schlüssel", "line\nbreak", "nul\0"])
async def test_a_key_that_cannot_be_one_is_never_sent(
    torbox: TorBox, canned: Any, key: str
) -> None:
    torbox.use_key(key)

    for call in (torbox.items(), torbox.link(1, 1)):
        error = await error_of(call)
        assert isinstance(error, AccountTrouble)
        assert error.trouble is Trouble.KEY
        assert not key.strip() or key not in str(error)
    assert canned.asked == []


def torbox_says_ok(torbox: TorBox, canned: Any) -> TorBox:
    canned.says(OK | {"data": {"torrent_id": 1}})
    return torbox


def parts_of(asked: Any) -> dict[str, tuple[bytes, bytes]]:
    """Name → (head, body) of a multipart body."""
    boundary = asked.headers["Content-Type"].partition("boundary=")[2].strip('"').encode()
    parts = {}
    for part in asked.body.split(b"--" + boundary)[1:-1]:
        head, _, body = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        name = head.partition(b'name="')[2].partition(b'"')[0].decode()
        parts[name] = (b"\r\n" + head, body.removesuffix(b"\r\n"))
    return parts
