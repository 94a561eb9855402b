"""Answers have the keys and JSON types of the samples in tests/data/torbox."""

import json
from pathlib import Path
from typing import Any

import pytest

from bridge.simulator import FetchedOver, FinishedNotPresent, NoMetadata, QueuedThen, Stalled
from bridge.simulator.faults import HTML_502, NO_SERVERS, RATE_TEXT

SAMPLES = Path(__file__).parents[2] / "data" / "torbox"
# null in one moment, a value in another (torbox-api.md §2).
NULLABLE = {
    "expires_at",
    "cached_at",
    "tracker",
    "tracker_message",
    "download_path",
    "md5",
    "opensubtitles_hash",
    "files",
    "cooldown_until",
}


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_text())["response"]


def body(name: str) -> Any:
    return sample(name)["body"]


def kinds(value: Any, key: str = "") -> Any:
    """A value's JSON types. Int and float are one: they are interchangeable (§2.1)."""
    match value:
        case dict():
            return {name: kinds(part, name) for name, part in value.items()}
        case list():
            return [kinds(part) for part in value[:1]]
        case _ if key in NULLABLE:
            return "nullable"
        case bool():
            return "bool"
        case int() | float():
            return "number"
        case _:
            return type(value).__name__


async def test_a_cached_item_is_shaped_as_in_the_real_capture(torbox, call):
    made = torbox.publish("Show.S01", {"a.mkv": 100, "b.txt": 10})
    await call.create(made, file=True)
    listed = (await call.mylist()).json
    wanted = body("obs-torrents-mylist-completed-list")
    assert kinds(listed) == kinds(wanted)
    one = (await call.mylist(id=listed["data"][0]["id"])).json
    assert kinds(one) == kinds(body("obs-torrents-mylist-by-id-object"))


@pytest.mark.parametrize(
    ("name", "script", "after"),
    [
        ("syn-torrents-mylist-downloading", FetchedOver(100), 31),
        ("syn-torrents-mylist-stalled", Stalled(at=0.12), 5),
        ("syn-torrents-mylist-metadl", NoMetadata(), 5),
        ("syn-torrents-mylist-finished-not-present", FinishedNotPresent(60), 5),
    ],
)
async def test_items_on_their_way_are_shaped_and_flagged_as_in_the_samples(
    torbox, call, time, name, script, after
):
    made = torbox.publish("Show.S01", {"a.mkv": 10_000_000}, script)
    created = (await call.create(made)).data
    time.passes(after)
    shown = (await call.mylist(id=created["torrent_id"])).json
    wanted = body(name)
    files = shown["data"].get("files"), wanted["data"].get("files")
    assert (files[0] is None) == (files[1] is None)
    assert kinds(shown) == kinds(wanted)
    for flag in ("active", "download_finished", "download_present", "cached", "download_state"):
        assert shown["data"][flag] == wanted["data"][flag], flag


async def test_what_is_created_cached_queued_and_refused_is_said_as_in_the_samples(torbox, call):
    slow = FetchedOver(1000)
    told = {
        "obs-createtorrent-cached": torbox.publish("Cached"),
        "obs-createtorrent-new": torbox.publish("New", None, slow),
        "obs-createtorrent-queued-data": torbox.publish("Queued", None, QueuedThen(60)),
    }
    for name, made in told.items():
        answer, wanted = await call.create(made), sample(name)
        assert answer.status == wanted["status"]
        assert kinds(answer.json) == kinds(wanted["body"])
        assert answer.json["detail"] == wanted["body"]["detail"]
        limit = wanted["headers"].get("x-ratelimit-limit")
        assert limit is None or answer.headers["x-ratelimit-limit"] == limit


async def test_refusals_of_a_create_are_word_for_word_those_of_the_samples(torbox, call):
    waiting = torbox.publish("Waiting", None, FetchedOver(1000))
    await call.create(waiting)
    told = {
        "obs-createtorrent-duplicate": await call.create(waiting),
        "obs-createtorrent-bozo-magnet-400": await call.create("magnet:?xt=urn:btih:nothing"),
        "obs-createtorrent-not-cached": await call.create(
            torbox.publish("B", None, FetchedOver(9)), add_only_if_cached="true"
        ),
        "pm-torrents-post-create-torrent--create-torrent-missing-file-magnet": await call(
            "POST", "torrents/createtorrent", data={"seed": "1"}
        ),
    }
    for name, answer in told.items():
        assert (answer.status, answer.json) == (sample(name)["status"], body(name)), name


@pytest.mark.parametrize(
    ("plan", "gibibytes", "name"),
    [(1, 201, "essential-standard"), (3, 201, "essential-standard"), (2, 501, "pro")],
)
async def test_too_large_a_torrent_is_refused_in_the_words_of_the_plan(
    torbox, call, plan, gibibytes, name
):
    torbox.plan = plan
    made = torbox.publish("Huge", {"huge.mkv": gibibytes * 1024**3}, FetchedOver(10))
    answer = await call.create(made)
    wanted = body(f"pm-torrents-post-create-torrent--create-torrent-too-large-limit-{name}")
    assert (answer.status, answer.json) == (400, wanted)
    assert torbox.refusals["size"] == 1


async def test_a_free_plan_is_told_to_upgrade_but_still_told_who_it_is(torbox, call):
    torbox.plan = 0
    answer = await call.create(torbox.publish("A"))
    wanted = sample("obs-createtorrent-plan-restricted")
    assert (answer.status, answer.json) == (wanted["status"], wanted["body"])
    assert (await call("GET", "user/me")).data["plan"] == 0


async def test_a_full_month_and_a_cooldown_are_said_as_documented(torbox, call, time):
    made = torbox.publish("A", None, FetchedOver(10))
    torbox.account.monthly_limit = 0
    answer = await call.create(made)
    wanted = sample("pm-torrents-post-create-torrent--create-torrent-monthly-limit-fail")
    assert (answer.status, answer.json) == (wanted["status"], wanted["body"])
    torbox.account.monthly_limit = None
    torbox.account.cooldown_until = time.now + 60
    assert set((await call.create(made)).data) == {"cooldown_until", "current_time"}
    time.passes(61)
    assert (await call.create(made)).status == 200


async def test_the_user_is_described_as_in_the_sample(torbox, call):
    told = (await call("GET", "user/me")).json
    wanted = body("syn-user-me-essential")
    assert kinds(told) == kinds(wanted) | {"data": kinds(wanted)["data"] | {"server": "number"}}
    assert (told["data"]["id"], told["data"]["plan"]) == (1, 1)
    with_settings = await call("GET", "user/me", params={"settings": "true"})
    assert "mega_password" in with_settings.data["settings"]


async def test_queue_entries_are_shaped_as_in_the_sample(torbox, call):
    await call.create(torbox.publish("Show", None, QueuedThen(100)))
    answer = await call("GET", "queued/getqueued", params={"type": "torrent"})
    assert kinds(answer.json) == kinds(body("obs-queued-list"))
    usenet = await call("GET", "queued/getqueued", params={"type": "usenet"})
    assert usenet.data == []


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("object-success", {}),
        ("list-success", {"format": "list"}),
        ("list-with-files-success", {"format": "list", "list_files": "true"}),
    ],
)
async def test_what_is_cached_is_shaped_as_in_the_samples(torbox, call, name, query):
    made = [torbox.publish("A"), torbox.publish("B")]
    params = [("hash", one.hash.upper()) for one in made] + list(query.items())
    answer = await call("GET", "torrents/checkcached", params=params)
    base = "pm-torrents-get-get-torrent-cached-availability--get-torrent-cached-availability-"
    wanted = body(base + name)["data"]
    wanted = list(wanted.values()) if isinstance(wanted, dict) else wanted
    data = answer.data
    if isinstance(data, dict):
        assert set(data) == {one.hash for one in made}
        data = list(data.values())
    assert kinds(data) == kinds(wanted)


async def test_links_are_shaped_as_in_the_sample(torbox, call):
    made = torbox.publish("A", {"a.mkv": 10})
    item = (await call.create(made)).data["torrent_id"]
    answer = await call.link(item, 0)
    assert kinds(answer.json) == kinds(body("obs-requestdl-ok"))
    assert answer.json["detail"] == body("obs-requestdl-ok")["detail"]
    redirect = await call.link(item, 0, redirect="true")
    assert (redirect.status, redirect.raw) == (307, b"")
    assert "/dld/" in redirect.headers["Location"]


async def test_control_is_answered_word_for_word_as_in_the_samples(torbox, call):
    item = (await call.create(torbox.publish("A", None, FetchedOver(9)))).data["torrent_id"]
    wrong = await call.control(item, "Delete")
    told = {
        "pm-torrents-post-control-torrent--control-torrent-wrong-type": wrong,
        "pm-torrents-post-control-torrent--control-torrent-success": await call.control(
            item, "reannounce"
        ),
        "obs-control-delete-ok": await call.control(item, "delete"),
    }
    for name, answer in told.items():
        assert (answer.status, answer.json) == (sample(name)["status"], body(name)), name


async def test_keys_and_addresses_that_are_wrong_are_answered_as_in_the_samples(torbox, call):
    nobody = await call("GET", "user/me", headers={"Authorization": None})
    wrong = await call("GET", "user/me", headers={"Authorization": "Bearer wrong"})
    nowhere = await call("GET", "nope")
    for name, answer in {
        "obs-no-auth-403": nobody,
        "obs-bad-token-403": wrong,
        "obs-endpoint-not-found": nowhere,
    }.items():
        assert (answer.status, answer.json) == (sample(name)["status"], body(name)), name


async def test_parameters_that_cannot_be_read_are_answered_as_fastapi_does(torbox, call):
    answer = await call.mylist(id="abc")
    assert (answer.status, answer.json) == (422, body("syn-422-validation"))
    assert (await call("GET", "torrents/requestdl", params={"torrent_id": "1"})).status == 422
    assert (await call.mylist(bypass_cache="maybe")).status == 422
    assert (await call("POST", "torrents/controltorrent", json={})).status == 422
    assert (await call("POST", "torrents/controltorrent", data="x=1")).status == 422


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("obs-502-html", HTML_502),
        ("obs-429-text", RATE_TEXT),
        ("obs-createtorrent-no-servers-400", NO_SERVERS),
    ],
)
async def test_ready_made_faults_are_the_samples(torbox, call, name, fault):
    torbox.next("mylist", fault)
    answer, wanted = await call.mylist(), sample(name)
    assert answer.status == wanted["status"]
    assert answer.json == wanted.get("body") if "body" in wanted else True
    assert answer.raw.decode() == wanted.get("body_text", answer.raw.decode())
    kind = wanted["headers"]["content-type"].lower().replace(" ", "")
    assert answer.headers["Content-Type"].lower().replace(" ", "") == kind
    assert (await call.mylist()).status == 200


async def test_torrent_info_and_export_are_answered_as_in_the_samples(torbox, call):
    made = torbox.publish("Show", {"a.mkv": 5}, FetchedOver(9))
    info = await call("GET", "torrents/torrentinfo", params={"hash": made.hash})
    wanted = body("pm-torrents-get-get-torrent-info--get-torrent-info-success")
    wanted["data"]["trackers"] = [""]
    assert kinds(info.json) == kinds(wanted)
    unknown = await call("GET", "torrents/torrentinfo", params={"hash": "0" * 40})
    assert unknown.json == body("pm-torrents-get-get-torrent-info--get-torrent-info-fail")
    item = (await call.create(made)).data["torrent_id"]
    export = await call("GET", "torrents/exportdata", params={"torrent_id": item, "type": "file"})
    assert export.raw == made.torrent
    wrong = await call("GET", "torrents/exportdata", params={"torrent_id": item, "type": "x"})
    assert wrong.json == body("pm-torrents-get-export-torrent-data--export-torrent-data-fail")


async def test_a_magnet_is_turned_into_a_torrent_where_the_swarm_knows_it(torbox, call):
    made = torbox.publish("Show", {"a.mkv": 5}, FetchedOver(9))
    body = {"magnet": made.magnet}
    answer = await call("POST", "torrents/magnettofile", json=body)
    assert answer.raw == made.torrent
    unknown = {"magnet": f"magnet:?xt=urn:btih:{'0' * 40}"}
    assert (await call("POST", "torrents/magnettofile", json=unknown)).status == 500
    assert (await call("POST", "torrents/magnettofile", json={})).status == 422
    posted = await call("POST", "torrents/torrentinfo", data=body)
    assert posted.data["hash"] == made.hash


async def test_what_came_from_the_cache_is_not_exported(torbox, call):
    cached = (await call.create(torbox.publish("Cached"))).data["torrent_id"]
    fetched = torbox.publish("Fetched", None, FetchedOver(9))
    item = (await call.create(fetched)).data["torrent_id"]
    query = {"torrent_id": cached, "type": "magnet"}
    answer = await call("GET", "torrents/exportdata", params=query)
    fail = "pm-torrents-get-export-torrent-data--export-torrent-data-fail-500"
    assert (answer.status, answer.json) == (500, body(fail))
    query["torrent_id"] = item
    assert (await call("GET", "torrents/exportdata", params=query)).data == fetched.magnet
    assert (await call("GET", "torrents/exportdata", params={"torrent_id": item})).status == 422


async def test_stats_say_false_where_others_say_null(torbox, call):
    assert (await call("GET", "stats")).json["error"] is False


async def test_a_create_without_waiting_is_answered_without_an_id(torbox, call):
    made = torbox.publish("A")
    data = {"magnet": made.magnet}
    answer = await call("POST", "torrents/asynccreatetorrent", data=data)
    assert answer.json == body("obs-asynccreate-ok")
    assert torbox.item_of(made.hash) is not None
