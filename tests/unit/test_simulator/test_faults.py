import asyncio
import json
from itertools import pairwise

import aiohttp
import pytest

from bridge.simulator import (
    Answer,
    AnswerAfterDoing,
    Cut,
    FetchedOver,
    Hang,
    Odd,
    QueuedThen,
    Simulator,
    Weather,
)
from bridge.simulator.faults import AUTH_ERROR, HTML_502, USUAL


async def test_a_fault_meets_the_next_call_of_its_endpoint_and_no_other(torbox, call):
    torbox.next("mylist", Answer(503, {"detail": "later"}, {"retry-after": "9"}), times=2)
    assert (await call("GET", "user/me")).status == 200
    answers = [await call.mylist() for _ in range(3)]
    assert [answer.status for answer in answers] == [503, 503, 200]
    assert answers[0].headers["retry-after"] == "9"
    assert [one.fault for one in torbox.calls_to("mylist")] == ["Answer", "Answer", ""]


async def test_a_create_can_be_cut_off_and_have_worked(torbox, call):
    made = torbox.publish("Show")
    torbox.next("createtorrent", AnswerAfterDoing())
    with pytest.raises(aiohttp.ClientError):
        await call.create(made)
    assert await call.item(made)
    assert torbox.calls_to("createtorrent")[0].status is None


async def test_a_create_can_be_answered_502_and_have_worked(torbox, call):
    made = torbox.publish("Show")
    torbox.next("createtorrent", AnswerAfterDoing(HTML_502))
    assert (await call.create(made)).status == 502
    assert await call.item(made)


async def test_a_create_can_be_cut_off_without_having_worked(torbox, call):
    made = torbox.publish("Show")
    torbox.next("createtorrent", Cut())
    with pytest.raises(aiohttp.ClientError):
        await call.create(made)
    assert await call.item(made) is None


async def test_a_create_can_hang_after_having_worked(torbox, call):
    made = torbox.publish("Show")
    torbox.next("createtorrent", AnswerAfterDoing(Hang()))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await call.create(made)
    assert await call.item(made)


async def test_answers_can_be_as_slow_as_the_real_ones(torbox, call, time):
    torbox.slow = {"createtorrent": 40.0, "*": 0.3}
    await call.create(torbox.publish("Show"))
    await call.mylist()
    assert time.slept == [40.0, 0.3]


async def test_torbox_can_answer_with_pages_until_it_is_back(torbox, call):
    torbox.stop("down")
    assert (await call.mylist()).status == 502
    torbox.resume()
    assert (await call.mylist()).status == 200


async def test_torbox_can_close_connections_until_it_is_back(torbox, call):
    torbox.stop("refuse")
    with pytest.raises(aiohttp.ClientError):
        await call.mylist()
    torbox.resume()
    assert (await call.mylist()).status == 200


async def test_torbox_can_be_silent_until_it_is_back(torbox, call):
    torbox.stop("hang")
    made = torbox.publish("Show")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await call.create(made)
    asked = asyncio.create_task(call.mylist())
    while len(torbox.calls) < 2:
        await asyncio.sleep(0)
    assert not asked.done()
    torbox.resume()
    # The call that waited is answered; the create whose client had left was never done.
    assert (await asked).data == []


async def test_serving_ends_at_once_while_calls_hang(time):
    simulator = Simulator(time)
    async with aiohttp.ClientSession() as session:
        async with simulator.serving() as url:
            simulator.stop("hang")
            asked = asyncio.create_task(session.get(f"{url}/v1/api/torrents/mylist"))
            while not simulator.calls:
                await asyncio.sleep(0)
        with pytest.raises(aiohttp.ClientError):
            await asked


async def test_a_request_without_a_user_agent_is_forbidden(torbox, call):
    answer = await call("GET", "user/me", headers={"User-Agent": None})
    assert (answer.status, answer.json) == (403, None)


async def test_the_three_hundred_first_call_of_a_minute_is_refused(torbox, call, time):
    for _ in range(300):
        assert (await call("GET", "user/me")).status == 200
    refused = await call("GET", "user/me")
    assert (refused.status, refused.json) == (429, {"detail": "300 per 1 minute"})
    assert 0 < int(refused.headers["retry-after"]) <= 61
    assert (await call.mylist()).status == 200
    time.passes(60)
    assert (await call("GET", "user/me")).status == 200
    assert torbox.refusals == {"minute": 1}


@pytest.mark.parametrize(
    ("kind", "content_type"),
    [("text", "text/plain"), ("html", "text/html"), ("envelope", "application/json")],
)
async def test_the_general_limit_has_other_bodies_too(torbox, call, kind, content_type):
    torbox.limits.per_minute = 0
    torbox.limits.general_429 = kind
    answer = await call.mylist()
    assert answer.status == 429
    assert answer.headers["Content-Type"].startswith(content_type)


async def test_the_edge_limit_of_ten_a_minute_can_be_switched_on(torbox, call, time):
    torbox.limits.creates_per_minute = 10
    torbox.account.additional_slots = 20
    for n in range(10):
        assert (await call.create(torbox.publish(f"S{n}", None, FetchedOver(9999)))).status == 200
    made = torbox.publish("Last", None, FetchedOver(9999))
    assert (await call.create(made)).json == {"detail": "10 per 1 minute"}
    time.passes(60)
    assert (await call.create(made)).status == 200


async def test_too_many_links_at_once_poison_every_endpoint(torbox, call, time):
    made = torbox.publish("Show")
    item = (await call.create(made)).data["torrent_id"]
    torbox.limits.concurrent_links = 2
    torbox.next("requestdl", Hang(), times=3)
    hanging = [asyncio.create_task(call.link(item, 0)) for _ in range(3)]
    while len(torbox.calls_to("requestdl")) < 3:
        await asyncio.sleep(0)
    assert (await call.mylist()).status == 429
    torbox.resume()
    await asyncio.gather(*hanging, return_exceptions=True)
    time.passes(301)
    assert (await call.mylist()).status == 200


@pytest.mark.parametrize(
    ("form", "check"),
    [
        ("int", lambda text, now: int(text) > now),
        ("float", lambda text, now: "." in text and float(text) > now),
        ("delta", lambda text, now: 0 < int(text) <= 61),
        ("none", lambda text, now: text is None),
    ],
)
async def test_the_reset_header_has_its_forms(torbox, call, time, form, check):
    torbox.oddities.rate_headers = form
    answer = await call.mylist()
    assert check(answer.headers.get("x-ratelimit-reset"), time.now)
    assert "retry-after" not in answer.headers


async def test_retry_after_may_stand_on_a_good_answer(torbox, call):
    torbox.oddities.retry_after_when_fine = True
    answer = await call.mylist()
    assert (answer.status, answer.headers["retry-after"]) == (200, "1")


async def test_the_hourly_429_can_have_headers(torbox, call):
    torbox.limits.hourly_headers, torbox.limits.uncached_creates_per_hour = True, 0
    answer = await call.create(torbox.publish("A", None, FetchedOver(9)))
    assert (answer.status, answer.headers["x-ratelimit-limit"]) == (429, "0")


async def test_raw_control_characters_break_strict_readers_only(torbox, call):
    torbox.oddities.raw_control_characters = True
    made = torbox.publish('Odd\x01\tname \\u0007 "x"', {"a\nb.mkv": 10})
    await call.create(made)
    answer = await call.mylist()
    with pytest.raises(ValueError, match="control character"):
        json.loads(answer.raw)
    (item,) = json.loads(answer.raw, strict=False)["data"]
    assert item["name"] == made.name
    assert item["files"][0]["short_name"] == "a\nb.mkv"


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ({"detail_as": "list"}, lambda body: isinstance(body["detail"], list)),
        ({"detail_as": "object"}, lambda body: isinstance(body["detail"], dict)),
        ({"error_when_fine": "text"}, lambda body: body["error"] == "null"),
        ({"error_when_fine": "false"}, lambda body: body["error"] is False),
        ({"ids_as_text": True}, lambda body: isinstance(body["data"][0]["id"], str)),
        ({"numbers_as_floats": True}, lambda body: type(body["data"][0]["size"]) is float),
        ({"active_as": "int"}, lambda body: type(body["data"][0]["active"]) is int),
        ({"active_as": "text"}, lambda body: body["data"][0]["active"] == "true"),
        ({"old_dates": True}, lambda body: body["data"][0]["created_at"].endswith("+00:00")),
        ({"state_case": "title"}, lambda body: body["data"][0]["download_state"] == "Metadl"),
        ({"infinite_eta": -1}, lambda body: body["data"][0]["eta"] == -1),
        ({"unknown_keys": True}, lambda body: "orbit" in body["data"][0]),
        ({"progress_in_percent": True}, lambda body: body["data"][0]["progress"] == 0),
    ],
)
async def test_answers_can_be_odd_once(torbox, call, change, check):
    await call.create(torbox.publish("Show", None, FetchedOver(50, metadata_after=50)))
    torbox.next("mylist", Odd(change))
    assert check((await call.mylist()).json)
    usual = (await call.mylist()).json
    assert "progress_in_percent" in change or not check(usual)


async def test_one_item_may_come_as_a_list_and_a_link_as_an_object(torbox, call):
    item = (await call.create(torbox.publish("Show"))).data["torrent_id"]
    torbox.oddities.list_by_id = torbox.oddities.link_as_object = True
    assert (await call.mylist(id=item)).data[0]["id"] == item
    assert (await call.link(item, 0)).data["url"].startswith(torbox.url)


async def test_a_deleted_items_link_may_be_not_found(torbox, call):
    item = (await call.create(torbox.publish("Show"))).data["torrent_id"]
    torbox.oddities.deleted_link_is_404 = True
    await call.control(item, "delete")
    assert (await call.link(item, 0)).json["error"] == "ITEM_NOT_FOUND"
    assert (await call.link(item + 1, 0)).json["error"] == "DATABASE_ERROR"


def test_the_same_seed_brings_the_same_weather_however_calls_interleave():
    one = Weather(seed=7, chance=0.3, outages_per_day=4)
    other = Weather(seed=7, chance=0.3, outages_per_day=4)
    calls = [(name, n) for name in ("mylist", "createtorrent") for n in range(100)]
    told = {key: one.fault(*key, now=1e9) for key in calls}
    assert {key: other.fault(*key, now=1e9) for key in reversed(calls)} == told
    assert 30 < sum(fault is not None for fault in told.values()) < 90
    different = Weather(seed=8, chance=0.3, outages_per_day=4)
    assert {key: different.fault(*key, now=1e9) for key in calls} != told


def test_outages_come_about_as_often_and_last_as_long_as_was_said():
    weather = Weather(seed=3, chance=0, outages_per_day=6, outage_seconds=(600, 600))
    minutes = [weather.is_out(1e9 + 60 * n) for n in range(30 * 24 * 60)]
    begun = sum(now and not before for before, now in pairwise(minutes))
    assert 100 < begun < 260
    assert 9 * begun <= sum(minutes) <= 12 * begun


@pytest.mark.parametrize("kind", sorted(USUAL))
async def test_every_kind_of_weather_leaves_the_simulator_in_order(torbox, call, kind):
    torbox.weather = Weather(seed=1, chance=1.0, kinds=(kind,))
    made = torbox.publish("Show", None, QueuedThen(5))
    for ask in (lambda: call.create(made), call.mylist, call.queue):
        try:
            await ask()
        except (aiohttp.ClientError, KeyError, TypeError, ValueError):
            continue
    torbox.weather = None
    assert (await call.mylist()).status == 200
    assert len(torbox.calls) >= 4


async def test_weather_can_be_for_some_endpoints_only(torbox, call):
    torbox.weather = Weather(1, chance=1.0, kinds=("html_502",), endpoints=frozenset({"mylist"}))
    assert (await call.mylist()).status == 502
    assert (await call("GET", "user/me")).status == 200


async def test_weather_of_creates_befalls_creates_only(torbox, call):
    torbox.weather = Weather(seed=1, chance=1.0, kinds=("create_no_servers",))
    assert (await call.mylist()).status == 200
    answer = await call.create(torbox.publish("Show"))
    assert answer.json["error"] == "NO_SERVERS_AVAILABLE_ERROR"


async def test_a_server_error_on_the_key_is_no_bad_key(torbox, call):
    torbox.next("user/me", AUTH_ERROR)
    answer = await call("GET", "user/me")
    assert (answer.status, answer.json["error"]) == (500, "AUTH_ERROR")


async def test_calls_are_remembered_without_the_key(torbox, call):
    made = torbox.publish("Show")
    item = (await call.create(made, file=True, name="Other")).data["torrent_id"]
    await call.link(item, 0)
    created, linked = torbox.calls
    assert created.params["file"] == made.torrent
    assert created.params["name"] == "Other"
    assert (created.method, created.status, created.account) == ("POST", 200, 1)
    assert created.headers["user-agent"].startswith("torbox-bridge-tests")
    assert linked.params == {"torrent_id": str(item), "file_id": "0"}
    assert "the-key" not in repr(torbox.calls)
    assert torbox.bytes_sent == created.sent_bytes + linked.sent_bytes > 0


async def test_the_root_says_that_the_api_runs(torbox, call):
    async with call.session.get(torbox.url) as response:
        assert "up and running" in await response.text()
