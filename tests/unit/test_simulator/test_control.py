import asyncio
import base64
import hashlib
import re

import aiohttp
import pytest

from bridge.simulator import run, torrents


@pytest.fixture
def control(torbox, call):
    async def post(verb: str, **told):
        async with call.session.post(f"{torbox.url}/simulator/{verb}", json=told) as response:
            return response.status, await response.json()

    return post


@pytest.fixture
def look(torbox, call):
    async def get(path: str):
        async with call.session.get(f"{torbox.url}/simulator/{path}") as response:
            assert response.status == 200
            return await response.json()

    return get


async def test_a_torrent_is_published_and_followed_by_http(control, look, call, time):
    script = {"kind": "queued_then", "seconds": 60, "then": {"kind": "fetched_over", "seconds": 9}}
    files = {"a.mkv": 5000, "Subs/b.srt": 10}
    status, told = await control("publish", name="Show", files=files, script=script)
    assert status == 200
    torrent = base64.b64decode(told["torrent"])
    assert torrents.read_torrent(torrent).hash == told["hash"]
    await call.create(told["magnet"])
    assert [entry["hash"] for entry in (await look(""))["queue"]] == [told["hash"]]
    assert await control("advance", seconds=70) == (200, {})
    (item,) = (await look(""))["items"]
    assert (item["hash"], item["state"]) == (told["hash"], "completed")


async def test_everything_published_can_be_fetched_and_checked(control, look, torbox, call):
    made = torbox.publish("Show", {"a.mkv": 5000})
    (told,) = await look("torrents?digests=1")
    assert told["files"][0]["sha256"] == hashlib.sha256(made.content("a.mkv")).hexdigest()
    async with call.session.get(f"{torbox.url}/simulator/torrents/{made.hash}.torrent") as response:
        assert await response.read() == made.torrent


async def test_habits_limits_and_the_account_change_by_http(control, torbox):
    change = {"lag_seconds": 5, "oddities": {"detail_as": "list"}, "limits": {"per_minute": 7}}
    assert (await control("set", **change))[0] == 200
    assert (torbox.lag_seconds, torbox.oddities.detail_as, torbox.limits.per_minute) == (
        5,
        "list",
        7,
    )
    assert (await control("account", plan_number=2, additional_slots=1))[0] == 200
    assert torbox.account.slots == 11


@pytest.mark.parametrize(
    ("verb", "told"),
    [
        ("set", {"nonsense": 1}),
        ("set", {"limits": {"nonsense": 1}}),
        ("account", {"key": "x"}),
        ("publish", {}),
        ("publish", {"name": "A", "script": {"kind": "nonsense"}}),
        ("stop", {"how": "softly"}),
        ("purge", {"hash": "0" * 40}),
        ("next", {"endpoint": "mylist", "kind": "nonsense"}),
        ("promote", {"hash": "0" * 40}),
        ("cdn", {"nonsense": 1}),
    ],
)
async def test_mistakes_are_said_and_change_nothing(control, verb, told):
    status, answer = await control(verb, **told)
    assert status == 400
    assert answer["error"]


async def test_torbox_is_stopped_and_resumed_by_http(control, call):
    await control("stop", how="down")
    assert (await call.mylist()).status == 502
    await control("resume")
    assert (await call.mylist()).status == 200


async def test_faults_and_weather_are_made_by_http(control, call, torbox):
    await control("next", endpoint="mylist", kind="html_502")
    await control("next", endpoint="mylist", answer={"status": 418}, after_doing=True, times=1)
    assert [(await call.mylist()).status for _ in range(3)] == [502, 418, 200]
    await control("weather", seed=1, chance=1, kinds=["html_502"], endpoints=["mylist"])
    assert (await call.mylist()).status == 502
    await control("weather")
    assert (await call.mylist()).status == 200
    made = torbox.publish("Show", {"a.mkv": 1000})
    await call.create(made)
    await control("cdn", path="a.mkv", status=503, times=1, bytes_per_second=1e9)
    async with call.get(await call.link_to(made, "a.mkv")) as response:
        assert response.status == 503
    await control("cdn_weather", seed=1, chance=1, kinds=["refused"])
    async with call.get(await call.link_to(made, "a.mkv")) as response:
        assert 400 <= response.status < 500
    await control("cdn", status=503, times=9)
    await control("clear")
    async with call.get(await call.link_to(made, "a.mkv")) as response:
        assert response.status == 200


async def test_what_befalls_an_item_is_said_by_its_hash(control, call, torbox):
    made = torbox.publish("Show")
    await control("already_in_account", hash=made.hash, days_ago=1)
    await control("follow", hash=made.hash, script={"kind": "stalled"})
    assert (await call.item(made))["download_state"] == "stalled (no seeds)"
    await control("purge", hash=made.hash)
    assert (await call.item(made))["download_state"] == "expired"
    await control("delete", hash=made.hash)
    assert await call.item(made) is None
    assert len((await control("foreign", count=3))[1]["ids"]) == 3
    key = (await control("rotate_key"))[1]["api_key"]
    assert key == torbox.api_key != call.key


async def test_a_script_of_steps_is_told_by_http(control, call, torbox, time):
    steps = [{"seconds": 10, "state": "odd word", "progress": 0.5}]
    script = {"kind": "steps", "steps": steps, "then": {"kind": "cached"}}
    _, told = await control("publish", name="Show", script=script)
    await call.create(told["magnet"])
    assert (await call.mylist()).data[0]["download_state"] == "odd word"
    time.passes(10)
    assert (await call.mylist()).data[0]["download_state"] == "cached"


async def test_calls_are_listed_with_files_as_sizes(look, call, torbox):
    made = torbox.publish("Show")
    await call.create(made, file=True)
    await call.mylist()
    (created,) = await look("calls?endpoint=createtorrent")
    assert created["params"]["file"] == f"<{len(made.torrent)} bytes>"
    assert len(await look("calls")) == 2


async def test_it_runs_alone_until_cancelled():
    said: asyncio.Queue[str] = asyncio.Queue()
    async with asyncio.timeout(20):
        running = asyncio.create_task(run(port=0, say=said.put_nowait))
        line = await said.get()
        url, key = re.fullmatch(r"torbox-bridge simulator ready: (\S+) key (\S+)", line).groups()
        headers = {"Authorization": f"Bearer {key}"}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.get(f"{url}/v1/api/user/me") as response,
        ):
            assert (await response.json())["data"]["plan"] == 1
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
