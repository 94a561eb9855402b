"""What answers mean that no sample shows: every outcome tells what can be done."""

import asyncio
import json
from typing import Any

import pytest
from aiohttp import web

from bridge.clock import Clock
from bridge.config import TorBoxSettings
from bridge.errors import (
    AccountTrouble,
    OurMistake,
    Shut,
    TorBoxBusy,
    TorBoxGone,
    TorBoxRefused,
    TorBoxSaysNo,
    TorBoxUnreached,
    TorBoxUnwell,
    Trouble,
)
from bridge.torbox import wire
from bridge.torbox.client import TorBox
from bridge.torbox.limits import CREATE, Limits
from bridge.torbox.replies import Created
from tests.unit.torbox_words import (
    COOLDOWN,
    KEY,
    OK,
    create,
    error_of,
    fails,
)


@pytest.mark.parametrize(
    ("status", "body", "created"),
    [
        (200, OK | {"data": {"torrent_id": "12", "hash": "A" * 40}}, Created(12, hash="a" * 40)),
        (200, OK | {"data": {"torrent_id": 12.0, "queued_id": None}}, Created(12)),
        (200, OK | {"data": {"torrent_id": None, "queued_id": None}}, Created()),
        (200, OK | {"data": [{"queued_id": 3}]}, Created(queued_id=3)),
        (200, OK | {"data": "what"}, Created()),
        (200, fails(None, "Torrent Queued Successfully"), Created()),
        (200, fails("null", "Torrent queued successfully.", {"queued_id": 9}), Created(None, 9)),
        (400, fails(None, "Download already queued."), Created(already=True)),
        (400, fails("DOWNLOAD_ALREADY_QUEUED", ["x"]), Created(already=True)),
        (409, fails("DUPLICATE_ITEM", None, {"torrent_id": 4}), Created(4, already=True)),
        (
            200,
            OK | {"error": "null", "detail": {"msg": "FOUND CACHED TORRENT"}},
            Created(cached=True),
        ),
    ],
)
async def test_a_create_that_worked_is_seen_to_have_worked(
    torbox: TorBox, canned: Any, status: int, body: Any, created: Created
) -> None:
    canned.says(body, status)

    assert await create(torbox) == created


@pytest.mark.parametrize("status", [200, 400, 403, 409, 500])
@pytest.mark.parametrize(
    ("code", "detail"),
    [
        ("BOZO_TORRENT", "x"),
        ("DOWNLOAD_TOO_LARGE", "x"),
        ("TOO_MUCH_DATA", "x"),
        (None, "Private torrent downloading is currently disabled"),
    ],
)
async def test_definite_refusals_are_definite_under_every_status(
    torbox: TorBox, canned: Any, status: int, code: str | None, detail: str
) -> None:
    canned.says(fails(code, detail), status)

    assert isinstance(await error_of(create(torbox)), TorBoxRefused)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (403, "<html>error code: 1010</html>"),
        (500, fails("AUTH_ERROR", "There was an error verifying your API key.")),
        (200, ""),
        (200, "<html>maintenance</html>"),
        (200, "[]"),
        (200, "null"),
        (200, '{"success": true'),
        (200, b"\xff\xfe\x00"),
        (200, "[" * 100_000),
        (200, '{"success": ' + "9" * 5000 + "}"),
        (200, {"success": "yes"}),
        (200, OK | {"error": "SOMETHING"}),
        (302, ""),
        (204, ""),
        (413, "<html>too large</html>"),
        (503, "unavailable"),
        (521, "<html>origin is down</html>"),
    ],
)
async def test_no_other_answer_fails_a_torrent_or_the_account(
    torbox: TorBox, canned: Any, status: int, body: Any
) -> None:
    canned.says(body, status, {"Location": "https://elsewhere.example/"} if status == 302 else {})

    assert type(await error_of(create(torbox))) is TorBoxUnwell
    assert len(canned.asked) == 1


@pytest.mark.parametrize(
    ("status", "body", "nothing_done"),
    [
        (200, fails(), False),
        (400, fails(), False),
        (400, fails("DIFF_ISSUE"), False),
        (400, fails("DATABASE_ERROR"), False),
        (400, fails("SOME_NEW_ERROR"), False),
        (400, fails("not a code at all"), False),
        (404, fails("ITEM_NOT_FOUND"), False),
        (500, fails("DATABASE_ERROR"), False),
        (500, fails("SOMETHING_NEW"), False),
        (400, fails("SOMETHING_NEW"), True),
        (403, fails("NOT_OWNER"), True),
    ],
)
async def test_a_no_in_torboxs_own_words_is_told_from_silence(
    torbox: TorBox, canned: Any, status: int, body: Any, nothing_done: bool
) -> None:
    canned.says(body, status)

    error = await error_of(create(torbox))
    assert isinstance(error, TorBoxSaysNo)
    assert error.nothing_done is nothing_done
    assert "x" in str(error)
    if status != 404:
        for call in (torbox.item(1), torbox.control(1, "delete"), torbox.link(1, 1)):
            assert isinstance(await error_of(call), TorBoxSaysNo)
        assert type(await error_of(torbox.items())) is TorBoxUnwell


async def test_a_create_that_was_cached_is_given_back_to_the_hour(
    torbox: TorBox, canned: Any
) -> None:
    canned.says(OK | {"data": {"torrent_id": 1}})
    canned.says(OK | {"detail": "Found Cached Torrent. Using Cached Torrent."})

    await create(torbox)
    assert torbox.limits.budget(CREATE).used == 1
    await create(torbox)
    assert torbox.limits.budget(CREATE).used == 1


@pytest.mark.parametrize(
    ("status", "body", "seconds", "shut"),
    [
        (200, fails(None, "x", COOLDOWN), 600, Shut.COOLDOWN),
        (400, fails("COOLDOWN_LIMIT", "wait", {"cooldown_until": "?"}), 600, Shut.COOLDOWN),
        (200, fails(None, "limit of 3", {"active_limit": 3}), 60, Shut.SLOTS),
        (400, fails("ACTIVE_LIMIT"), 60, Shut.SLOTS),
        (500, fails("NO_SERVERS_AVAILABLE_ERROR"), 120, Shut.SERVERS),
        (200, fails("RATE_LIMIT"), 60, None),
    ],
)
async def test_what_only_takes_time_says_how_long(
    torbox: TorBox, canned: Any, status: int, body: Any, seconds: float, shut: Shut | None
) -> None:
    canned.says(body, status)

    error = await error_of(create(torbox))

    assert isinstance(error, TorBoxBusy)
    assert error.wait_seconds == pytest.approx(seconds)
    assert error.shut is shut


@pytest.mark.parametrize(
    ("status", "body", "trouble"),
    [
        (401, fails("BAD_TOKEN"), Trouble.KEY),
        (401, {"detail": "Not authenticated"}, Trouble.KEY),
        (403, {"detail": "Not authenticated"}, Trouble.KEY),
        (403, fails("bad_token"), Trouble.KEY),
        (403, fails("PLAN_RESTRICTED_FEATURE"), Trouble.PLAN),
        (400, fails("MONTHLY_LIMIT"), Trouble.MONTH),
        (200, fails(None, "x", {"monthly_limit": 10, "current_downloads": 10}), Trouble.MONTH),
    ],
)
async def test_trouble_with_the_account_is_told_from_trouble_at_torbox(
    torbox: TorBox, canned: Any, status: int, body: Any, trouble: Trouble
) -> None:
    canned.says(body, status)

    for call in (create(torbox), torbox.items(), torbox.item(1), torbox.control(1, "delete")):
        error = await error_of(call)
        assert isinstance(error, AccountTrouble)
        assert error.trouble is trouble


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (422, {"detail": [{"loc": ["x"], "msg": "m", "type": "t"}]}),
        (400, fails("INVALID_OPTION")),
        (404, fails("ENDPOINT_NOT_FOUND")),
        (404, {"detail": "Not Found"}),
        (405, {"detail": "Method Not Allowed"}),
        (400, fails(True, "You must provide either a file or magnet link.")),
    ],
)
async def test_our_own_mistakes_are_called_so_and_mean_nothing_for_an_item(
    torbox: TorBox, canned: Any, status: int, body: Any
) -> None:
    canned.says(body, status)

    for call in (create(torbox), torbox.items(), torbox.item(1), torbox.link(1, 1)):
        assert type(await error_of(call)) is OurMistake


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "30"}, 30),
        ({"Retry-After": "7.5", "x-ratelimit-reset": "99"}, 7.5),
        ({"Retry-After": "Fri, 01 Jan 2027 00:02:00 GMT"}, 120),
        ({"x-ratelimit-reset": "1798761690"}, 90),
        ({"x-ratelimit-reset": "1798761690.5"}, 90.5),
        ({"x-ratelimit-reset": "45"}, 45),
        ({"Retry-After": "never", "x-ratelimit-reset": "nan"}, 60),
        ({"Retry-After": "1e99"}, 14400),
        ({"Retry-After": "-5"}, 1),
    ],
)
async def test_a_429_is_waited_out_as_its_headers_say_by_torboxs_own_clock(
    torbox: TorBox, canned: Any, headers: dict[str, str], seconds: float
) -> None:
    # TorBox's clock is far from ours: only the difference within one answer counts.
    canned.says("slow down", 429, {"Date": "Fri, 01 Jan 2027 00:00:00 GMT"} | headers)

    assert (await error_of(torbox.items())).wait_seconds == pytest.approx(seconds, abs=0.6)
    error = await error_of(torbox.items())
    if seconds > 5:  # else it is simply waited
        assert isinstance(error, TorBoxBusy)
        assert len(canned.asked) == 1
    assert torbox.unwell_since is None


async def test_wait_headers_of_good_answers_mean_nothing(torbox: TorBox, canned: Any) -> None:
    canned.says(OK, headers={"Retry-After": "600", "x-ratelimit-reset": "600"})

    await torbox.items()
    await torbox.items()
    assert len(canned.asked) == 2


async def test_a_503_that_names_a_time_is_left_alone_until_then(
    torbox: TorBox, canned: Any
) -> None:
    canned.says("", 503, {"Retry-After": "100"})

    assert type(await error_of(torbox.items())) is TorBoxUnwell
    assert isinstance(await error_of(torbox.items()), TorBoxBusy)


async def test_a_hung_torbox_is_given_up_and_the_outcome_is_unknown(
    canned: Any, memory: Any
) -> None:
    clock = Clock(factor=10_000)  # socket limits are then one real second
    released = asyncio.Event()

    async def hang(_request: web.Request) -> web.Response:
        await released.wait()
        return web.Response()

    canned.does(hang)
    settings = TorBoxSettings(api_key=KEY, api_url=canned.url)
    async with TorBox(settings, Limits(clock, memory), clock, "test") as torbox:
        error = await error_of(create(torbox))
        released.set()
    assert type(error) is TorBoxUnwell
    assert "time-out" in str(error)
    assert [endpoint for endpoint, _ in memory.calls] == [CREATE]


async def test_a_cut_answer_and_an_endless_one_are_no_answers(
    torbox: TorBox, canned: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "LARGEST_BODY", 100_000)

    async def cut(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "500"})
        await response.prepare(request)
        await response.write(b'{"success": true, "data": []')
        request.transport.close()  # type: ignore[union-attr]
        return response

    canned.does(cut)
    canned.says(json.dumps(OK) + " " * 200_000)

    for _ in range(2):
        assert type(await error_of(torbox.items())) is TorBoxUnwell


async def test_nobody_at_the_address_is_torbox_being_unwell(memory: Any, canned: Any) -> None:
    clock = Clock()
    settings = TorBoxSettings(api_key=KEY, api_url="http://127.0.0.1:1")
    async with TorBox(settings, Limits(clock, memory), clock, "test") as torbox:
        assert type(await error_of(torbox.items())) is TorBoxUnreached
        assert torbox.unwell_since is not None


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, fails("ITEM_NOT_FOUND")),
        (400, fails(None, ["Torrent not found."])),
        (400, fails("NEW_CODE", "This download does not exist.")),
        (404, fails()),
        (404, OK),
    ],
)
async def test_what_is_gone_is_gone(torbox: TorBox, canned: Any, status: int, body: Any) -> None:
    canned.says(body, status)

    for call in (
        torbox.control(1, "delete"),
        torbox.control_queued(1, "delete"),
        torbox.link(1, 2),
    ):
        assert type(await error_of(call)) is TorBoxGone


@pytest.mark.parametrize("data", [None, "", {}, [], 5, "ftp://x/y", "nonsense", "https://x/\n"])
async def test_an_answer_without_a_link_is_no_link(torbox: TorBox, canned: Any, data: Any) -> None:
    canned.says(OK | {"data": data})

    if data == "https://x/\n":
        assert await torbox.link(1, 2) == "https://x/"
    else:
        assert type(await error_of(torbox.link(1, 2))) is TorBoxUnwell


async def test_a_link_may_come_in_an_object(torbox: TorBox, canned: Any) -> None:
    canned.says(OK | {"data": {"url": "https://x/y"}})

    assert await torbox.link(1, 2) == "https://x/y"


async def test_a_plan_that_is_new_is_taken_for_a_small_one(torbox: TorBox, canned: Any) -> None:
    canned.says(OK | {"data": {"id": 1, "plan": 9, "premium_expires_at": None}})

    account = await torbox.account()
    assert (account.slots, account.premium_expires_at, account.cooldown_until) == (3, None, None)


async def test_an_account_that_cannot_be_read_is_not_taken_for_another_one(
    torbox: TorBox, canned: Any
) -> None:
    canned.says(OK | {"data": {"plan": 1}})

    assert type(await error_of(torbox.account())) is TorBoxUnwell
