"""What the page is made of and what it asks for, by plain HTTP."""

import logging
import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from msgspec.structs import replace

from bridge.config import ArrSettings
from bridge.simulator import FetchedOver, Stalled

STATIC = Path(__file__).parent.parent.parent / "bridge" / "dashboard" / "static"
PASSWORD = "pass-word"


class Reader:
    """A browser without a face: it keeps its cookie and what it was told."""

    def __init__(self, url: str) -> None:
        self.url, self.run, self.since = url, "", 0
        self.torrents: dict[str, dict] = {}
        self.session = aiohttp.ClientSession(
            cookie_jar=aiohttp.CookieJar(unsafe=True), headers={"User-Agent": "Mozilla/5.0"}
        )

    async def get(self, path: str, **options) -> tuple[int, str]:
        async with self.session.get(f"{self.url}/{path}", **options) as answer:
            return answer.status, await answer.text()

    async def json(self, path: str) -> dict:
        async with self.session.get(f"{self.url}/{path}") as answer:
            assert answer.status == 200, path
            assert answer.headers["Cache-Control"] == "no-store"
            return await answer.json()

    async def logs_in(self, password: str = PASSWORD) -> None:
        data = {"username": "admin", "password": password}
        async with self.session.post(f"{self.url}/api/v2/auth/login", data=data) as answer:
            assert await answer.text() == "Ok."

    async def refreshes(self) -> dict:
        """Ask as the page does, and keep the same books."""
        told = await self.json(f"api/bridge/changes?run={self.run}&since={self.since}")
        if told["whole"]:
            self.torrents.clear()
        for torrent_hash in told["removed"]:
            self.torrents.pop(torrent_hash, None)
        self.torrents |= {torrent["hash"]: torrent for torrent in told["torrents"]}
        self.run, self.since = told["run"], told["revision"]
        return told


@pytest.fixture
async def reader(house, arr) -> AsyncIterator[Reader]:
    one = Reader(f"http://127.0.0.1:{house.port}{house.settings.server.url_base}")
    await one.logs_in()
    yield one
    await one.session.close()


async def test_the_second_answer_is_only_what_changed(house, torbox, arr, reader: Reader) -> None:
    first, second = torbox.publish("First"), torbox.publish("Second", script=Stalled(at=0.1))
    await arr.grabs(first)
    await house.sees_state(first, "pausedUP")
    assert (await reader.refreshes())["whole"]
    assert (await reader.refreshes())["torrents"] == []
    await arr.grabs(second)
    await house.calm()
    told = await reader.refreshes()
    assert not told["whole"]
    assert [torrent["name"] for torrent in told["torrents"]] == ["Second"]


async def test_what_is_removed_leaves_and_what_comes_back_is_there(
    house, torbox, arr, reader: Reader
) -> None:
    grab = torbox.publish("Show.S01E01")
    await arr.grabs(grab)
    await reader.refreshes()
    await arr.removes(grab)
    assert (await reader.refreshes())["removed"] == [grab.hash]
    assert reader.torrents == {}
    await arr.grabs(grab)
    await reader.refreshes()
    assert set(reader.torrents) == {grab.hash}


async def test_the_books_of_a_page_that_only_hears_differences_stay_right(
    house, torbox, arr, reader: Reader
) -> None:
    grabs = [torbox.publish(f"Show.S01E{n:02}", script=FetchedOver(20 * n)) for n in range(6)]
    for number, grab in enumerate(grabs):
        await arr.grabs(grab)
        await reader.refreshes()
        house.clock.jump(20)
        await house.calm()
        if number % 3 == 2:
            await arr.removes(grab)
    await house.passes(300)
    await reader.refreshes()
    fresh = Reader(reader.url)
    await fresh.logs_in()
    await fresh.refreshes()
    await fresh.session.close()
    assert reader.torrents == fresh.torrents
    assert len(fresh.torrents) == 4


async def test_after_a_restart_everything_is_told_again(house, torbox, arr, reader: Reader) -> None:
    await arr.grabs(torbox.publish("Show.S01E01"))
    await reader.refreshes()
    await house.restarts()
    reader.url = f"http://127.0.0.1:{house.port}"
    await reader.logs_in()
    assert (await reader.refreshes())["whole"]
    assert len(reader.torrents) == 1


@pytest.mark.parametrize("since", ["-1", "x", "99999999", "1e3", "٣", "9" * 40])
async def test_a_revision_that_makes_no_sense_gets_everything(
    torbox, arr, reader: Reader, since: str
) -> None:
    await arr.grabs(torbox.publish("Show.S01E01"))
    await reader.refreshes()
    reader.since = since
    assert (await reader.refreshes())["whole"]


async def test_the_status_says_what_torbox_allows_and_what_is_used(
    house, torbox, arr, reader: Reader
) -> None:
    await arr.grabs(torbox.publish("Show.S01E01", script=FetchedOver(3600)))
    await house.passes(120)
    status = (await reader.refreshes())["status"]
    assert status["adds"]["used"] == 1
    assert status["adds"]["limit"] == 55
    assert status["calls"]["used"] >= 1
    assert status["fetching"] == 1
    assert status["free_bytes"] > 0
    assert status["connected"] is True
    assert status["holds"] == []


async def test_an_outage_is_told_with_its_sentence_since_when_and_what_to_do(
    house, torbox, arr, reader: Reader
) -> None:
    torbox.stop()
    await arr.grabs(torbox.publish("Show.S01E01"))
    await house.eventually(lambda: house.bridge.engine.weather.torbox)
    status = (await reader.refreshes())["status"]
    (hold,) = status["holds"]
    assert hold["kind"] == "torbox"
    assert hold["sentence"] == status["sentence"] == "TorBox does not answer"
    assert abs(hold["since"] - status["time"]) < 60
    assert hold["next_at"] > hold["since"]
    assert hold["fix"]
    assert status["problems"][0]["sentence"].startswith("everything waits: ")
    assert "goes on by itself" in status["problems"][0]["fix"]


async def test_an_arr_shows_as_connected_with_its_category_and_a_browser_does_not(
    arr, reader: Reader
) -> None:
    await arr.polls()
    await reader.refreshes()
    callers = (await reader.refreshes())["status"]["callers"]
    (sonarr,) = callers
    assert (sonarr["name"], sonarr["version"], sonarr["arr"]) == ("Sonarr", "4.0.19.2979", True)
    assert sonarr["category"] == "tv-sonarr"
    assert sonarr["let_in_at"] > 0
    assert sonarr["refused_at"] == 0


async def test_an_arr_with_a_wrong_password_shows_as_refused(house, reader: Reader) -> None:
    data = {"username": "admin", "password": "wrong"}
    url, agent = f"{reader.url}/api/v2/auth/login", {"User-Agent": "Radarr/6.1.0.1 (alpine)"}
    async with aiohttp.ClientSession() as radarr:
        async with radarr.post(url, data=data, headers=agent) as answer:
            assert await answer.text() == "Fails."
        refused = (await reader.refreshes())["status"]["callers"][-1]
        assert refused["name"] == "Radarr"
        assert refused["refused_at"] > refused["let_in_at"] == 0
        house.clock.jump(2)
        right = data | {"password": PASSWORD}
        async with radarr.post(url, data=right, headers=agent) as answer:
            assert await answer.text() == "Ok."
    caller = (await reader.refreshes())["status"]["callers"][-1]
    assert caller["let_in_at"] > caller["refused_at"] > 0


async def test_what_to_type_into_an_arr_is_told_but_not_the_password(house, reader: Reader) -> None:
    told = await reader.json("api/bridge/setup")
    assert told["username"] == "admin"
    assert told["password_file"].endswith("/qbittorrent-password")
    assert told["downloads"] == str(house.downloads)
    assert PASSWORD not in str(told)


@pytest.mark.parametrize("path", ["changes", "setup", "throughput", "torrents"])
async def test_no_data_without_a_login(house, arr, path: str) -> None:
    stranger = Reader(f"http://127.0.0.1:{house.port}")
    assert await stranger.get(f"api/bridge/{path}") == (403, "Forbidden")
    await stranger.session.close()


async def test_another_sites_page_gets_nothing_even_with_the_cookie(reader: Reader) -> None:
    status, _ = await reader.get("api/bridge/changes", headers={"Origin": "http://evil.example"})
    assert status == 401


async def test_the_page_below_a_url_base_loads_from_there(house) -> None:
    house.sets(server={"url_base": "/bridge"})
    await house.starts()
    reader = Reader(f"http://127.0.0.1:{house.port}")
    status, _ = await reader.get("bridge", allow_redirects=False)
    assert status == 308
    status, page = await reader.get("bridge/")
    assert (status, "<!doctype html>" in page) == (200, True)
    assert (await reader.get("bridge/static/app.js"))[0] == 200
    assert (await reader.get("static/app.js"))[0] == 404
    await reader.session.close()


async def test_what_was_not_changed_is_not_sent_again(reader: Reader) -> None:
    for path in ("", "static/app.js", "static/style.css", "static/icon.svg"):
        async with reader.session.get(f"{reader.url}/{path}") as answer:
            tag = answer.headers["ETag"]
        status, body = await reader.get(path, headers={"If-None-Match": tag})
        assert (status, body) == (304, "")


@pytest.mark.parametrize("name", ["index.html", "none.js", "..%2fpage.py", "%2e%2e/page.py"])
async def test_nothing_but_the_pages_own_files_is_served(reader: Reader, name: str) -> None:
    assert (await reader.get(f"static/{name}"))[0] == 404


async def test_the_page_may_load_and_ask_nothing_from_elsewhere(reader: Reader) -> None:
    async with reader.session.get(f"{reader.url}/") as answer:
        policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    text = "".join(file.read_text() for file in STATIC.iterdir())
    addresses = set(re.findall(r"https?://[\w./]+", text))
    assert addresses <= {"http://www.w3.org/2000/svg"}


def test_the_page_weighs_under_100_kilobytes_in_all() -> None:
    assert sum(file.stat().st_size for file in STATIC.iterdir()) < 100_000


def test_text_is_only_ever_set_as_text() -> None:
    code = (STATIC / "app.js").read_text()
    for way in ("innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval(", "Function("):
        assert way not in code
    assert re.findall(r'\son\w+="', (STATIC / "index.html").read_text()) == []


async def test_the_arrs_of_the_settings_are_asked_only_while_somebody_looks(
    house, aiohttp_server
) -> None:
    asked = []

    async def status(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.json_response({"appName": "Radarr", "version": "6.1.0"})

    app = web.Application()
    app.router.add_get("/api/v3/system/status", status)
    server = await aiohttp_server(app)
    arr = ArrSettings(name="films", url=str(server.make_url("")), api_key="arr-key-1")
    house.settings = replace(house.settings, arrs=(arr,))
    await house.starts()
    await house.passes(3600, step=600)
    before = len(asked)
    reader = Reader(f"http://127.0.0.1:{house.port}")
    await reader.logs_in()

    async def told() -> list[dict]:
        return (await reader.refreshes())["status"]["arrs"]

    await house.eventually(told, jump=0)
    first, *rest = await told()
    assert (first["name"], first["ok"]) == ("films", True)
    assert first["sentence"] == "Radarr 6.1.0 answers"
    assert [one["ok"] for one in rest] == [False]  # it knows nothing of folders
    looks = len(asked)
    assert looks > before
    await told()
    await house.calm()
    assert len(asked) == looks
    await reader.session.close()


async def test_a_problem_is_told_once_with_its_count_and_without_secrets(
    house, arr, reader: Reader, ears
) -> None:
    key = house.settings.torbox.api_key
    log = logging.getLogger("bridge.anything")
    for _ in range(3):
        log.warning("it failed with %s and https://x.tb-cdn.io/dld/1?token=2\nforged", key)
    log.error("another")
    log.info("a story is no problem")
    problems = (await reader.refreshes())["status"]["problems"]
    assert [(problem["count"], problem["severe"]) for problem in problems] == [
        (1, True),
        (3, False),
    ]
    assert problems[1]["sentence"] == "it failed with <secret> and <link>\\nforged"
    assert len(ears.leaks) == 6
    ears.leaks.clear()  # said here on purpose


async def test_no_more_problems_are_kept_than_a_person_reads(house, arr, reader: Reader) -> None:
    for number in range(200):
        logging.getLogger("bridge.anything").warning("problem %d", number)
    problems = (await reader.refreshes())["status"]["problems"]
    assert [problem["sentence"] for problem in problems[:2]] == ["problem 199", "problem 198"]
    assert len(problems) == 10


async def test_the_plan_is_known_as_soon_as_anybody_asked(house, arr, reader: Reader) -> None:
    assert (await reader.refreshes())["status"]["plan"] is None
    await reader.json("api/bridge/checks")
    plan = (await reader.refreshes())["status"]["plan"]
    assert (plan["name"], plan["slots"], plan["slots_used"]) == ("Essential", 3, None)


async def test_the_slots_in_use_are_counted_over_the_whole_account(
    house, torbox, arr, reader: Reader
) -> None:
    torbox.already_in_account(torbox.publish("Foreign", script=FetchedOver(1e6)), days_ago=0.01)
    for name in ("First", "Second"):
        await arr.grabs(torbox.publish(name, script=FetchedOver(7200)))
    await house.passes(120)
    plan = (await reader.refreshes())["status"]["plan"]
    assert (plan["slots_used"], plan["slots"]) == (3, 3)
