import pytest

from bridge.simulator import (
    Cached,
    Failing,
    FetchedOver,
    FinishedNotPresent,
    Look,
    Simulator,
    Stalled,
    Step,
    Steps,
)
from bridge.simulator.creating import Create, Wish
from bridge.simulator.torrents import read_magnet

DAY = 86400


async def test_the_newest_items_come_first_and_pages_follow_each_other(torbox, call, time):
    torbox.foreign(30)
    mine = torbox.publish("Mine")
    await call.create(mine)
    first = (await call.mylist(limit=10)).data
    second = (await call.mylist(limit=10, offset=10)).data
    rest = (await call.mylist(limit=100, offset=20)).data
    ids = [item["id"] for item in first + second + rest]
    assert first[0]["hash"] == mine.hash
    assert len(ids) == len(set(ids)) == 31
    assert (await call.mylist(offset=31)).data == []
    created = [item["created_at"] for item in first + second + rest]
    assert created == sorted(created, reverse=True)


async def test_without_bypass_the_list_may_be_ten_minutes_old(torbox, call, time):
    made = torbox.publish("Show")
    assert (await call.mylist(bypass_cache=None)).data == []
    await call.create(made)
    time.passes(599)
    assert (await call.mylist(bypass_cache=None)).data == []
    # A capital True is not honoured.
    assert (await call.mylist(bypass_cache="True")).data == []
    time.passes(2)
    assert len((await call.mylist(bypass_cache=None)).data) == 1


async def test_a_read_with_bypass_refreshes_the_one_without(torbox, call):
    await call.mylist(bypass_cache=None)
    await call.create(torbox.publish("Show"))
    assert len((await call.mylist()).data) == 1
    assert len((await call.mylist(bypass_cache=None)).data) == 1


async def test_lists_can_lag_even_with_bypass_while_single_items_are_fresh(torbox, call, time):
    torbox.lag_seconds = 60
    made = torbox.publish("Show")
    item = (await call.create(made)).data["torrent_id"]
    assert (await call.mylist()).data == []
    assert (await call.mylist(id=item)).data["hash"] == made.hash
    time.passes(61)
    assert len((await call.mylist()).data) == 1
    await call.control(item, "delete")
    assert len((await call.mylist()).data) == 1
    assert (await call.mylist(id=item)).status == 404
    time.passes(61)
    assert (await call.mylist()).data == []


@pytest.mark.parametrize(
    ("kind", "status", "data", "success"),
    [
        ("list", 200, [], True),
        ("null", 200, None, True),
        ("404", 404, None, False),
        ("404 success", 404, None, True),
    ],
)
async def test_an_empty_list_has_four_faces(torbox, call, kind, status, data, success):
    torbox.oddities.empty_list = kind
    answer = await call.mylist()
    assert (answer.status, answer.data, answer.json["success"]) == (status, data, success)


async def test_a_page_can_bring_one_item_too_many(torbox, call):
    torbox.foreign(12)
    torbox.oddities.extra_item = True
    assert len((await call.mylist(limit=10)).data) == 11


async def test_a_torrent_goes_through_all_its_states(torbox, call, time):
    script = FetchedOver(100, metadata_after=10, checking=10, moving=10)
    made = torbox.publish("Show", {"a.mkv": 1_000_000}, script)
    await call.create(made)
    seen = []
    for _ in range(14):
        item = await call.item(made)
        row = item["active"], item["download_finished"], item["download_present"]
        seen.append((item["download_state"], row))
        time.passes(10)
    assert [word for word, _ in seen] == [
        "metaDL",
        "checkingResumeData",
        *["downloading"] * 10,
        "uploading",
        "completed",
    ]
    assert seen[5][1] == (True, False, False)
    assert seen[12][1] == (True, True, False)
    assert seen[13][1] == (False, True, True)


async def test_speed_progress_and_eta_tell_one_story(torbox, call, time):
    made = torbox.publish("Show", {"a.mkv": 10_000_000}, FetchedOver(100))
    await call.create(made)
    time.passes(25)
    item = await call.item(made)
    assert item["progress"] == pytest.approx(0.25)
    assert item["total_downloaded"] == 2_500_000
    assert item["download_speed"] == pytest.approx(100_000, rel=0.01)
    assert item["eta"] == pytest.approx(75, abs=1)


async def test_stalled_failed_and_stuck_torrents_stay_so(torbox, call, time):
    made = {
        "stalled (no seeds)": torbox.publish("A", None, Stalled(at=0.4, over=10)),
        "incomplete": torbox.publish("B", None, Stalled(state="incomplete")),
        "failed (Aborted)": torbox.publish("C", None, Failing(after=10)),
    }
    stuck = torbox.publish("D", None, FinishedNotPresent())
    torbox.enforce_limits = False
    for one in [*made.values(), stuck]:
        await call.create(one)
    time.passes(3 * DAY)
    for word, one in made.items():
        item = await call.item(one)
        assert (item["download_state"], item["download_present"]) == (word, False)
    assert (await call.item(made["failed (Aborted)"]))["active"] is False
    item = await call.item(stuck)
    assert (item["download_finished"], item["download_present"]) == (True, False)


async def test_any_words_can_be_said_for_a_while(torbox, call, time):
    steps = (Step(10, Look("Unheard Of (really)", 0.5)), Step(10, Look("", 0.6)))
    made = torbox.publish("Show", None, Steps(steps, then=Cached()))
    await call.create(made)
    words = []
    for _ in range(3):
        words.append((await call.item(made))["download_state"])
        time.passes(10)
    assert words == ["Unheard Of (really)", "", "cached"]


async def test_a_purged_item_stays_listed_without_its_content(torbox, call, time):
    made = torbox.publish("Show")
    item = (await call.create(made)).data["torrent_id"]
    torbox.purge(made.hash)
    shown = await call.item(made)
    flags = [shown[key] for key in ("active", "download_finished", "download_present", "cached")]
    assert flags == [False, True, False, False]
    assert (await call.link(item, 0)).json["error"] == "DATABASE_ERROR"


async def test_unused_content_is_dropped_after_thirty_days_and_used_content_is_not(
    torbox, call, time
):
    kept, dropped = torbox.publish("Kept", {"a": 10}), torbox.publish("Dropped", {"a": 10})
    await call.create(kept)
    await call.create(dropped)
    time.passes(20 * DAY)
    async with call.get(await call.link_to(kept, "a")) as response:
        assert response.status == 200
    time.passes(11 * DAY)
    assert (await call.item(kept))["download_present"] is True
    assert (await call.item(dropped))["download_state"] == "expired"


async def test_somebody_elses_items_were_there_before(torbox, call):
    made = torbox.publish("Theirs")
    torbox.already_in_account(made, days_ago=2)
    (item,) = (await call.mylist()).data
    assert item["download_present"] is True
    assert item["created_at"] < (await call("GET", "user/me")).data["updated_at"]
    assert (await call.create(made)).data["torrent_id"] == item["id"]


async def test_the_answers_date_is_the_simulators(torbox, call, time):
    time.now = 1_700_000_000.0
    assert (await call.mylist()).headers["Date"] == "Tue, 14 Nov 2023 22:13:20 GMT"


async def test_paused_torrents_stand_still_and_hold_no_slot(torbox, call, time):
    made = torbox.publish("Show", None, FetchedOver(100))
    item = (await call.create(made)).data["torrent_id"]
    time.passes(10)
    await call.control(item, "pause")
    time.passes(1000)
    shown = await call.item(made)
    assert (shown["download_state"], shown["active"]) == ("paused", False)
    assert shown["progress"] == pytest.approx(0.1)
    assert torbox.account.active(time.now) == 0
    await call.control(item, "resume")
    time.passes(10)
    assert (await call.item(made))["progress"] == pytest.approx(0.2)
    assert torbox.account.active(time.now) == 1


async def test_cached_torrents_cannot_be_controlled_but_deleted(torbox, call):
    item = (await call.create(torbox.publish("Show"))).data["torrent_id"]
    assert (await call.control(item, "pause")).json["error"] == "UNKNOWN_ERROR"
    assert (await call.control(item, "delete")).status == 200
    assert (await call.control(item, "delete")).status == 404
    assert (await call("DELETE", "torrents/controltorrent")).status == 405


async def test_a_reannounce_can_revive_a_dead_torrent(torbox, call, time):
    made = torbox.publish("Show", None, Stalled(at=0.0))
    made.on_control["reannounce"] = FetchedOver(10)
    item = (await call.create(made)).data["torrent_id"]
    time.passes(1000)
    await call.control(item, "reannounce")
    assert torbox.item_of(made.hash).controls == ["reannounce"]
    time.passes(5)
    assert (await call.item(made))["progress"] == pytest.approx(0.5)


async def test_a_seeding_torrent_holds_its_slot_until_it_stops(torbox, call, time):
    made = torbox.publish("Show", {"a.mkv": 1_000_000}, FetchedOver(10), private=True)
    item = (await call.create(made, file=True, seed="1")).data["torrent_id"]
    time.passes(100)
    shown = await call.item(made)
    assert (shown["download_state"], shown["active"], shown["private"]) == ("uploading", True, True)
    assert (shown["download_present"], shown["seed_torrent"]) == (True, True)
    assert shown["ratio"] > 0
    torbox.seeds(made.hash, ratio=2.5)
    assert (await call.item(made))["ratio"] == 2.5
    torbox.stop_seeding(made.hash)
    assert (await call.item(made))["active"] is False
    assert (await call.link(item, 0)).status == 200


async def test_seeding_ends_with_the_plans_time(torbox, call, time):
    made = torbox.publish("Show", None, FetchedOver(10))
    await call.create(made, seed="2")
    time.passes(DAY)
    assert (await call.item(made))["active"] is True
    time.passes(11)
    assert (await call.item(made))["active"] is False


async def test_a_cache_check_may_be_an_hour_old(torbox, call, time):
    made = torbox.publish("Show", None, FetchedOver(10))
    body = {"hashes": [made.hash, "0" * 40]}
    assert (await call("POST", "torrents/checkcached", json=body)).data == {}
    torbox.cache(made.hash)
    assert (await call("POST", "torrents/checkcached", json=body)).data == {}
    time.passes(3600)
    assert set((await call("POST", "torrents/checkcached", json=body)).data) == {made.hash}
    torbox.uncache(made.hash)
    assert set((await call("POST", "torrents/checkcached", json=body)).data) == {made.hash}
    assert "x-ratelimit-limit" in (await call.create(made)).headers
    assert torbox.calls_to("createtorrent")[-1].status == 200
    assert (await call.item(made))["download_present"] is False


async def test_nothing_cached_is_empty_or_null(torbox, call):
    query = {"hash": "0" * 40, "format": "list"}
    assert (await call("GET", "torrents/checkcached", params=query)).data == []
    torbox.oddities.nothing_cached = "null"
    assert (await call("GET", "torrents/checkcached", params=query)).data is None
    query["format"] = "xml"
    assert (await call("GET", "torrents/checkcached", params=query)).status == 400


async def test_a_single_file_is_listed_bare_or_in_a_folder(torbox, call):
    made = torbox.publish("Film.mkv", {"Film.mkv": 10}, single_file=True)
    await call.create(made)
    assert [file["name"] for file in (await call.item(made))["files"]] == ["Film.mkv"]
    torbox.single_file_in_folder = True
    assert [file["name"] for file in (await call.item(made))["files"]] == ["Film/Film.mkv"]


async def test_a_renamed_item_keeps_its_files_root(torbox, call):
    made = torbox.publish("Show", {"a.mkv": 10})
    await call.create(made)
    torbox.rename(made.hash, "Something else")
    item = await call.item(made)
    assert (item["name"], item["files"][0]["name"]) == ("Something else", "Show/a.mkv")


async def test_editing_replaces_lists_and_needs_the_content(torbox, call):
    made, later = torbox.publish("Show"), torbox.publish("Later", None, FetchedOver(100))
    ids = [(await call.create(one)).data["torrent_id"] for one in (made, later)]
    answers = [
        await call("PUT", "torrents/edittorrent", json={"torrent_id": id_, "tags": ["ours"]})
        for id_ in ids
    ]
    assert [answer.status for answer in answers] == [200, 500]
    assert (await call.item(made))["tags"] == ["ours"]


async def test_checksums_are_given_only_when_asked_to(torbox, call):
    made = torbox.publish("Show", {"a.mkv": 1000})
    await call.create(made)
    assert (await call.item(made))["files"][0]["md5"] is None
    torbox.gives_md5 = True
    assert (await call.item(made))["files"][0]["md5"] == made.md5("a.mkv")


async def test_polling_for_hours_and_one_leap_end_in_the_same_state():
    def fill(simulator):
        for n in range(20):
            made = simulator.publish(f"Show.{n}", {"a": 100}, FetchedOver(5000 + 700 * n))
            wish = Wish(read_magnet(made.magnet), seed=3)
            Create(simulator.world, simulator.account, wish).answer()

    polled, leapt = Simulator(lambda: 1e9), Simulator(lambda: 1e9)
    fill(polled)
    fill(leapt)
    for _ in range(300):
        polled.advance(100)
    leapt.advance(30_000)
    assert [(i.name, i.born_at) for i in polled.items] == [(i.name, i.born_at) for i in leapt.items]
    assert [e.id for e in polled.queue] == [e.id for e in leapt.queue]
    assert 3 < len(polled.items) < 20
