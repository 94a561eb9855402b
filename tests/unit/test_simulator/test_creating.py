import aiohttp
import pytest

from bridge.simulator import (
    Cached,
    Failing,
    FetchedOver,
    NoMetadata,
    QueuedThen,
    Refused,
    Simulator,
    Stalled,
)

HOUR = 3600


async def test_a_magnet_and_a_torrent_of_one_hash_make_one_item(torbox, call):
    made = torbox.publish("Show")
    by_magnet = (await call.create(made)).data
    by_file = (await call.create(made, file=True)).data
    assert by_magnet["torrent_id"] == by_file["torrent_id"]
    assert by_magnet["hash"] == made.hash
    assert len(torbox.items) == 1


async def test_an_urlencoded_magnet_is_taken_too(torbox, call):
    made = torbox.publish("Show")
    answer = await call("POST", "torrents/createtorrent", data={"magnet": made.magnet})
    assert answer.data["hash"] == made.hash


async def test_magnet_and_file_together_are_too_many(torbox, call):
    made = torbox.publish("Show")
    answer = await call.create(made, file=True, magnet=made.magnet)
    detail = "You must provide either a file or magnet link, not both."
    assert (answer.status, answer.json["error"], answer.json["detail"]) == (400, True, detail)


@pytest.mark.parametrize(
    ("filename", "kind", "data"),
    [
        ("a.torrent", "application/x-bittorrent; charset=utf-8", None),
        ("a.bin", "application/x-bittorrent", None),
        ("a.torrent", "application/x-bittorrent", b"d4:infod4:name1:xee"),
        ("a.torrent", "application/x-bittorrent", b"<html>"),
    ],
)
async def test_a_file_that_is_no_torrent_to_the_letter_is_bozo(torbox, call, filename, kind, data):
    form = aiohttp.FormData()
    made = torbox.publish("Show")
    form.add_field("file", data or made.torrent, filename=filename, content_type=kind)
    answer = await call("POST", "torrents/createtorrent", data=form)
    assert (answer.status, answer.json["error"]) == (400, "BOZO_FILE")


async def test_base32_magnets_are_refused(torbox, call):
    answer = await call.create("magnet:?xt=urn:btih:" + "A" * 32)
    assert answer.json["error"] == "BOZO_TORRENT"


async def test_a_hash_that_nobody_has_stays_without_metadata(torbox, call, time):
    await call.create("magnet:?xt=urn:btih:" + "ab" * 20 + "&dn=Nobody")
    time.passes(HOUR)
    (item,) = (await call.mylist()).data
    assert (item["download_state"], item["name"], item["files"]) == ("metaDL", "ab" * 20, None)


async def test_a_torrent_that_nobody_published_has_its_files_and_no_seeds(torbox, call):
    made = Simulator(seed=99).publish("Elsewhere", {"a.mkv": 7, "b/c.mkv": 8})
    await call.create(made, file=True)
    (item,) = (await call.mylist()).data
    names = {file["name"] for file in item["files"]}
    assert names == {"Elsewhere/a.mkv", "Elsewhere/b/c.mkv"}
    assert item["seeds"] == 0


async def test_a_torrent_brings_the_metadata_that_a_magnet_has_to_wait_for(torbox, call, time):
    script = FetchedOver(100, metadata_after=50)
    one, other = torbox.publish("One", None, script), torbox.publish("Other", None, script)
    await call.create(one)
    await call.create(other, file=True)
    time.passes(20)
    assert (await call.item(one))["download_state"] == "metaDL"
    assert (await call.item(other))["progress"] == pytest.approx(0.2)


async def test_the_second_create_of_a_torrent_on_its_way_is_a_duplicate(torbox, call):
    made = torbox.publish("Show", None, FetchedOver(100))
    await call.create(made)
    said = []
    for kind in ("DUPLICATE_ITEM", "DIFF_ISSUE", "already queued"):
        torbox.oddities.duplicate = kind
        answer = await call.create(made)
        said.append((answer.status, answer.json["error"], answer.json["detail"]))
    assert [(status, code) for status, code, _ in said] == [
        (400, "DUPLICATE_ITEM"),
        (400, "DIFF_ISSUE"),
        (400, None),
    ]
    assert said[2][2] == "Download already queued."
    assert len(torbox.items) == 1


async def test_a_finished_torrent_is_cached_for_everybody(torbox, call, time):
    made = torbox.publish("Show", None, FetchedOver(100))
    first = (await call.create(made)).data["torrent_id"]
    time.passes(101)
    again = await call.create(made)
    assert again.data["torrent_id"] == first
    assert again.json["detail"] == "Found Cached Torrent. Using Cached Torrent."
    await call.control(first, "delete")
    anew = await call.create(made)
    assert anew.json["detail"] == "Found Cached Torrent. Using Cached Torrent."
    assert anew.data["torrent_id"] != first


async def test_only_if_cached_adds_nothing_that_is_not(torbox, call):
    made = torbox.publish("Show", None, FetchedOver(100))
    torbox.oddities.not_cached_status = 409
    answer = await call.create(made, add_only_if_cached="true")
    assert (answer.status, answer.json["error"]) == (409, "DOWNLOAD_NOT_CACHED")
    assert torbox.items == []
    torbox.cache(made.hash)
    assert (await call.create(made, add_only_if_cached="true")).status == 200


async def test_found_cached_may_be_provisional(torbox, call, time):
    made = torbox.publish("Show", None, Cached(after=30))
    answer = await call.create(made)
    assert answer.json["detail"] == "Found Cached Torrent. Using Cached Torrent."
    assert (await call.item(made))["download_present"] is False
    time.passes(31)
    assert (await call.item(made))["download_present"] is True


async def test_the_sixty_first_uncached_create_of_an_hour_is_refused_without_headers(
    torbox, call, time
):
    torbox.account.additional_slots = 100
    made = [torbox.publish(f"Show.{n}", {"a": 10}, FetchedOver(9999)) for n in range(62)]
    for one in made[:60]:
        assert (await call.create(one)).status == 200
        time.passes(10)
    refused = await call.create(made[60])
    assert (refused.status, refused.json) == (429, {"detail": "60 per 1 hour"})
    assert not [name for name in refused.headers if "ratelimit" in name.lower()]
    assert "retry-after" not in refused.headers
    assert torbox.item_of(made[60].hash) is None
    # The window slides: the first create leaves it an hour after it came.
    time.now += HOUR - 600
    assert (await call.create(made[60])).status == 200
    assert (await call.create(made[61])).status == 429
    assert torbox.refusals == {"hourly": 2}


async def test_cached_creates_are_not_counted_to_the_hour(torbox, call):
    for n in range(65):
        assert (await call.create(torbox.publish(f"Show.{n}", {"a": 10}))).status == 200
    answer = await call.create(torbox.publish("New", None, FetchedOver(9)))
    assert answer.headers["x-ratelimit-remaining"] == "59"


async def test_limits_can_be_switched_off(torbox, call):
    torbox.enforce_limits = False
    for n in range(70):
        made = torbox.publish(f"Show.{n}", {"a": 10}, FetchedOver(9999))
        assert "torrent_id" in (await call.create(made)).data
    assert not torbox.refusals


async def test_a_paid_plan_queues_what_finds_no_slot_and_promotes_the_oldest(torbox, call, time):
    made = [torbox.publish(f"Show.{n}", None, FetchedOver(100 + n)) for n in range(5)]
    answers = [await call.create(one) for one in made]
    assert [sorted(answer.data) for answer in answers[3:]] == [
        ["active_limit", "auth_id", "current_active_downloads", "hash", "queued_id"]
    ] * 2
    assert answers[3].data["active_limit"] == 3
    assert [entry["hash"] for entry in await call.queue()] == [one.hash for one in made[3:]]
    time.passes(100.5)
    assert [entry["hash"] for entry in await call.queue()] == [made[4].hash]
    promoted = await call.item(made[3])
    assert promoted["id"] != answers[3].data["queued_id"]
    # It began when the first one ended, not when somebody looked.
    assert promoted["progress"] == pytest.approx(0.5 / 103)


async def test_a_deleted_torrent_frees_its_slot_for_the_queue(torbox, call):
    made = [torbox.publish(f"Show.{n}", None, Stalled()) for n in range(4)]
    ids = [(await call.create(one)).data.get("torrent_id") for one in made]
    await call.control(ids[0], "delete")
    assert torbox.queue == []
    assert await call.item(made[3])


@pytest.mark.parametrize(
    ("how", "status", "code"),
    [("200", 200, None), ("400", 400, "ACTIVE_LIMIT"), ("500", 500, "ACTIVE_LIMIT")],
)
async def test_full_slots_may_be_refused_instead(torbox, call, how, status, code):
    torbox.oddities.slots_full = how
    for n in range(3):
        await call.create(torbox.publish(f"Show.{n}", None, Stalled()))
    answer = await call.create(torbox.publish("Fourth", None, Stalled()))
    assert (answer.status, answer.json["success"], answer.json["error"]) == (status, False, code)
    assert torbox.refusals == {"slots": 1}


async def test_cached_and_finished_torrents_hold_no_slot(torbox, call, time):
    for n in range(3):
        await call.create(torbox.publish(f"Cached.{n}"))
        await call.create(torbox.publish(f"Fetched.{n}", None, FetchedOver(10)))
    time.passes(11)
    assert torbox.account.active(time.now) == 0
    assert "torrent_id" in (await call.create(torbox.publish("New", None, Stalled()))).data


async def test_a_queued_torrent_is_promoted_under_a_new_id_after_a_gap(torbox, call, time):
    made = torbox.publish("Show", None, QueuedThen(60, gap_seconds=20, then=FetchedOver(100)))
    queued_id = (await call.create(made)).data["queued_id"]
    assert [entry["id"] for entry in await call.queue()] == [queued_id]
    time.passes(61)
    assert await call.queue() == []
    assert await call.item(made) is None
    assert (await call.create(made)).json["error"] == "DUPLICATE_ITEM"
    time.passes(20)
    item = await call.item(made)
    assert item["id"] != queued_id
    assert item["progress"] == pytest.approx(0.01)


async def test_as_queued_waits_for_the_hourly_sweep(torbox, call, time):
    made = torbox.publish("Show", None, FetchedOver(9999))
    assert "queued_id" in (await call.create(made, as_queued="true")).data
    time.passes(HOUR)
    assert await call.item(made)


async def test_a_queue_entry_can_be_started_and_deleted(torbox, call):
    one, other = (torbox.publish(name, None, QueuedThen(9999)) for name in ("One", "Other"))
    for made in (one, other):
        await call.create(made)
    first, second = [entry["id"] for entry in await call.queue()]
    body = {"queued_id": first, "operation": "start"}
    assert (await call("POST", "queued/controlqueued", json=body)).status == 200
    body = {"queued_id": second, "operation": "delete"}
    assert (await call("POST", "queued/controlqueued", json=body)).status == 200
    assert await call.queue() == []
    assert await call.item(one)
    assert await call.item(other) is None
    assert (await call("POST", "queued/controlqueued", json=body)).status == 404


@pytest.mark.parametrize("row", ["no data", "null ids"])
async def test_a_create_may_work_without_saying_the_id(torbox, call, row):
    torbox.oddities.created = row
    made = torbox.publish("Show")
    answer = await call.create(made)
    assert answer.json["success"] is True
    assert (answer.data or {}).get("torrent_id") is None
    assert await call.item(made)


async def test_a_queued_create_may_say_that_it_failed(torbox, call):
    torbox.oddities.queued = "success false"
    answer = await call.create(torbox.publish("Show", None, QueuedThen(60)))
    assert answer.json == {
        "success": False,
        "error": None,
        "detail": "Torrent Queued Successfully",
        "data": None,
    }
    assert len(await call.queue()) == 1


async def test_a_dead_row_makes_room_for_a_new_item(torbox, call, time):
    made = torbox.publish("Show", None, Failing(after=10))
    first = (await call.create(made)).data["torrent_id"]
    time.passes(11)
    assert (await call.item(made))["download_state"] == "failed (Aborted)"
    made.script = FetchedOver(10)
    second = (await call.create(made)).data["torrent_id"]
    assert second != first
    assert [item["id"] for item in (await call.mylist()).data] == [second]


async def test_a_purged_item_may_stay_beside_the_new_one(torbox, call):
    torbox.purged_stay_beside_new = True
    made = torbox.publish("Show")
    first = (await call.create(made)).data["torrent_id"]
    torbox.purge(made.hash)
    second = (await call.create(made)).data["torrent_id"]
    assert {item["id"] for item in (await call.mylist()).data} == {first, second}


async def test_a_torrent_can_be_refused_in_any_words(torbox, call):
    made = torbox.publish("Show", None, Refused("DOWNLOAD_TOO_LARGE", "Too large.", 400))
    answer = await call.create(made)
    assert (answer.status, answer.json["error"]) == (400, "DOWNLOAD_TOO_LARGE")
    torbox.refuses_private = True
    private = await call.create(torbox.publish("Private", private=True))
    assert private.json["detail"].startswith("Private torrent downloading is currently disabled")


async def test_a_hundred_files_are_zipped_unless_asked_not_to(torbox, call):
    made = torbox.publish("Pack", {f"{n:03}.txt": 10 for n in range(100)})
    item = (await call.create(made, allow_zip="true")).data["torrent_id"]
    (file,) = (await call.mylist(id=item)).data["files"]
    assert (file["zipped"], file["mimetype"]) == (True, "application/zip")
    await call.control(item, "delete")
    item = (await call.create(made, allow_zip="false")).data["torrent_id"]
    assert len((await call.mylist(id=item)).data["files"]) == 100


async def test_two_accounts_have_their_own_items_and_limits(torbox, call):
    torbox.add_account("other-key", 2)
    made = torbox.publish("Show")
    await call.create(made)
    call.key = "other-key"
    assert (await call.mylist()).data == []
    assert (await call("GET", "user/me")).data["id"] == 2


async def test_a_rotated_key_is_bad_at_once(torbox, call):
    new = torbox.rotate_key()
    assert (await call.mylist()).json["error"] == "BAD_TOKEN"
    call.key = new
    assert (await call.mylist()).status == 200


async def test_a_body_beyond_the_limit_is_too_much_data(torbox, call):
    torbox.limits.body_bytes = 1000
    async with torbox.serving() as url:
        call.url = url
        answer = await call.create(torbox.publish("Show", {"a": 2_000_000}), file=True)
    assert (answer.status, answer.json["error"]) == (400, "TOO_MUCH_DATA")


async def test_a_bare_hash_without_metadata_holds_its_slot(torbox, call, time):
    for n in range(3):
        await call.create(torbox.publish(f"Show.{n}", None, NoMetadata()))
    time.passes(30 * 86400)
    assert "queued_id" in (await call.create(torbox.publish("Next", None, Stalled()))).data


async def test_another_users_finished_fetch_serves_ours_at_once(torbox, call):
    made = torbox.publish("Show", None, FetchedOver(9999))
    first = (await call.create(made)).data["torrent_id"]
    torbox.cache(made.hash)
    again = await call.create(made)
    assert again.json["detail"] == "Found Cached Torrent. Using Cached Torrent."
    assert again.data["torrent_id"] == first
    assert (await call.item(made))["download_present"] is True


async def test_options_are_taken_to_the_letter(torbox, call):
    made = torbox.publish("Show")
    assert (await call.create(made, seed="4")).json["error"] == "INVALID_OPTION"
    assert (await call.create(made, seed="x")).status == 422
    assert (await call.create(made, allow_zip="perhaps")).status == 422
    assert torbox.items == []


async def test_a_name_given_at_the_create_is_the_items_and_not_its_files(torbox, call):
    made = torbox.publish("Show", {"a.mkv": 5})
    await call.create(made, name="Mine")
    item = await call.item(made)
    assert (item["name"], item["files"][0]["name"]) == ("Mine", "Show/a.mkv")


async def test_deleting_everything_deletes_everything(torbox, call):
    torbox.foreign(3)
    body = {"operation": "delete", "all": True}
    assert (await call("POST", "torrents/controltorrent", json=body)).status == 200
    assert torbox.items == []
    answer = await call("POST", "torrents/controltorrent", json={"operation": "delete"})
    assert answer.json["error"] == "MISSING_REQUIRED_OPTION"
    body = {"operation": "delete", "torrent_id": "7"}
    assert (await call("POST", "torrents/controltorrent", json=body)).status == 422


async def test_a_queue_entry_is_deleted_with_all_the_others(torbox, call):
    for name in ("One", "Other"):
        await call.create(torbox.publish(name, None, QueuedThen(9999)))
    query = {"id": torbox.queue[0].id}
    assert (await call("GET", "queued/getqueued", params=query)).data["id"] == query["id"]
    body = {"operation": "delete", "all": True}
    assert (await call("POST", "queued/controlqueued", json=body)).status == 200
    assert torbox.queue == []
    assert (await call("GET", "queued/getqueued", params=query)).status == 200  # ten minutes old
    query["bypass_cache"] = "true"
    assert (await call("GET", "queued/getqueued", params=query)).status == 404
    assert (await call("POST", "queued/controlqueued", json={"operation": "x"})).status == 400


async def test_promotion_can_wait_for_the_sweep_alone(torbox, call, time):
    torbox.promotes_on_sweep_only = True
    made = [torbox.publish(f"Show.{n}", None, FetchedOver(60)) for n in range(4)]
    for one in made:
        await call.create(one)
    time.passes(120)
    assert await call.item(made[3]) is None
    time.passes(HOUR)
    assert (await call.item(made[3]))["download_present"] is True


async def test_an_entry_can_be_promoted_by_hand(torbox, call):
    made = torbox.publish("Show", None, QueuedThen(9999))
    await call.create(made)
    torbox.promote(made.hash)
    assert (await call.item(made))["download_state"] == "downloading"
