"""The main job, whole: a grab becomes proven files on disk, and nothing else is harmed."""

import asyncio

import pytest

from bridge.qbittorrent.dialect import FOUR
from bridge.qbittorrent.views import Words
from bridge.simulator import (
    Answer,
    AnswerAfterDoing,
    Cached,
    Cut,
    Failing,
    FetchedOver,
    FinishedNotPresent,
    MiB,
    NoMetadata,
    QueuedThen,
    Refused,
    Stalled,
)


def contents(grab):
    return {file.path: grab.content(file.path) for file in grab.files}


async def told(house, grab):
    return await house.arr.json(f"../bridge/torrents/{grab.hash}")


async def test_a_cached_grab_becomes_proven_files_and_is_cleaned_up(house, torbox, arr):
    grab = torbox.publish("Show.S01E01", {"Show.S01E01.mkv": 3 * MiB, "Subs/en.srt": 1000})

    assert await arr.grabs(grab) == "Ok."
    row = await house.sees_state(grab, "pausedUP")

    assert row["progress"] == 1
    assert row["amount_left"] == 0
    assert row["content_path"] == f"{row['save_path']}/Show.S01E01"
    assert row["ratio_limit"] == 0
    assert house.files_of(row) == contents(grab)

    await arr.removes(grab)
    assert await arr.polls() == []
    await house.eventually(lambda: torbox.items == [])
    await house.eventually(lambda: not (house.downloads / "tv-sonarr" / "Show.S01E01").exists())
    assert not (house.downloads / ".incomplete" / grab.hash).exists()


@pytest.mark.parametrize("as_file", [False, True])
@pytest.mark.parametrize(
    "script",
    [
        Cached(after=20),
        FetchedOver(120, metadata_after=30, checking=10, moving=20),
        QueuedThen(90, gap_seconds=60, then=FetchedOver(60)),
        FinishedNotPresent(300),
    ],
    ids=["cached late", "fetched", "queued and promoted", "finished and not present"],
)
async def test_every_road_through_torbox_ends_in_whole_files(house, torbox, arr, script, as_file):
    grab = torbox.publish("Show.S01E01", {"a.mkv": MiB, "b/c.srt": 10}, script)
    await arr.grabs(grab, as_file=as_file)
    row = await house.sees_state(grab, "pausedUP", jump=5)
    assert house.files_of(row) == contents(grab)
    assert len(torbox.calls_to("createtorrent")) == 1


async def test_progress_never_goes_backward_over_both_legs(house, torbox, arr):
    grab = torbox.publish("Show", {f"{n}.mkv": 300_000 for n in range(5)}, FetchedOver(200))
    torbox.cdn.cuts_off(after=200_000, times=3)
    await arr.grabs(grab)
    seen = []

    async def complete():
        seen.append(await arr.sees(grab))
        return seen[-1]["state"] == "pausedUP"

    await house.eventually(complete, jump=2)
    progress = [row["progress"] for row in seen]
    assert progress == sorted(progress)
    assert progress[-1] == 1
    assert all(row["progress"] < 1 for row in seen if row["state"] != "pausedUP")
    assert {0 < value < 0.5 for value in progress} == {True, False}


async def test_a_complete_torrent_that_is_added_again_does_not_go_backward(house, torbox, arr):
    grab = torbox.publish("Show")
    await arr.grabs(grab)
    await house.sees_state(grab, "pausedUP")
    words, shown = Words(FOUR, str(house.downloads)), []
    house.bridge.board.listen(lambda _before, after: shown.append(words.info(after, 0)))
    await arr.grabs(grab)
    await house.calm()
    assert [row.state for row in shown] == ["checkingUP", "pausedUP"]
    assert {row.progress for row in shown} == {1}


async def test_a_torrent_without_seeds_shows_stalled_and_its_sentence_and_then_ends(
    house, torbox, arr
):
    grab = torbox.publish("Dead", script=Stalled(at=0.2))
    await arr.grabs(grab)
    row = await house.sees_state(grab, "stalledDL")
    assert 0 < row["progress"] < 0.5
    assert "stalled at TorBox" in (await told(house, grab))["reason"]

    await house.passes(3 * 3600, step=60)

    row = await arr.sees(grab)
    assert row["state"] == "stalledDL"
    assert "no seeds in 2 hours" in (await told(house, grab))["reason"]
    assert torbox.items == []
    operations = [call.params.get("operation") for call in torbox.calls_to("controltorrent")]
    assert operations == ["resume", "reannounce", "delete"]


async def test_metadata_that_never_comes_ends_after_half_an_hour(house, torbox, arr):
    grab = torbox.publish("Nobody", script=NoMetadata())
    await arr.grabs(grab)
    row = await house.sees_state(grab, "metaDL")
    assert (row["size"], row["total_size"], row["amount_left"]) == (0, -1, 0)
    await house.passes(3600, step=60)
    assert "no metadata in 30 minutes" in (await told(house, grab))["reason"]


async def test_torboxs_word_failed_is_believed_only_after_ten_minutes(house, torbox, arr):
    grab = torbox.publish("Failing", script=Failing(after=60))
    await arr.grabs(grab)
    await house.passes(300, step=30)
    assert (await told(house, grab))["phase"] == "fetching"
    await house.passes(900, step=30)
    assert (await told(house, grab))["phase"] == "failed"


async def test_a_definite_refusal_fails_at_once_with_torboxs_words(house, torbox, arr):
    grab = torbox.publish("Bad", script=Refused())
    assert await arr.grabs(grab) == "Ok."
    await house.sees_state(grab, "stalledDL")
    assert "Invalid Magnet Link" in (await told(house, grab))["reason"]


async def test_a_create_answered_429_is_no_try_and_succeeds_later(house, torbox, arr):
    grab = torbox.publish("Show")
    torbox.next("createtorrent", Answer(429, {"detail": "60 per 1 hour"}))
    await arr.grabs(grab)
    await house.calm()
    assert (await arr.sees(grab))["state"] == "queuedDL"
    await house.sees_state(grab, "pausedUP", jump=60)


@pytest.mark.parametrize(
    "answer", [Cut(), Answer(502, "<html>bad gateway</html>"), Answer(200, "<html>hello</html>")]
)
async def test_a_create_that_worked_without_saying_so_is_not_sent_twice(house, torbox, arr, answer):
    grab = torbox.publish("Show", script=FetchedOver(60))
    torbox.next("createtorrent", AnswerAfterDoing(answer))
    await arr.grabs(grab)
    row = await house.sees_state(grab, "pausedUP", jump=5)
    assert house.files_of(row) == contents(grab)
    assert len(torbox.calls_to("createtorrent")) == 1


async def test_an_item_that_was_there_before_us_is_there_afterwards(house, torbox, arr):
    grab = torbox.publish("Show", script=Cached())
    theirs = torbox.already_in_account(grab)
    await arr.grabs(grab)
    row = await house.sees_state(grab, "pausedUP")
    assert house.files_of(row) == contents(grab)
    await arr.removes(grab)
    await house.passes(3600)
    assert [item.id for item in torbox.items] == [theirs.id]
    assert torbox.calls_to("controltorrent") == []


async def test_delete_during_submitting_is_answered_at_once_and_cleans_up_afterwards(
    house, torbox, arr
):
    grab = torbox.publish("Show", script=FetchedOver(600))
    torbox.slow["createtorrent"] = 0.3
    await arr.grabs(grab)
    await house.eventually(lambda: torbox.calls_to("createtorrent"), jump=0)
    await arr.removes(grab)
    assert await arr.polls() == []
    await house.eventually(lambda: torbox.items, jump=0)
    await house.eventually(lambda: not torbox.items)
    await house.eventually(lambda: grab.hash not in house.bridge.ledger.torrents)


async def test_added_again_while_it_is_removed_it_gets_a_new_attempt(house, torbox, arr):
    grab = torbox.publish("Show", {"a.mkv": MiB})
    await arr.grabs(grab)
    row = await house.sees_state(grab, "pausedUP")
    torbox.stop("hang")
    await arr.removes(grab)
    assert await arr.grabs(grab) == "Ok."
    assert (await arr.sees(grab))["progress"] == 0
    torbox.resume()
    row = await house.sees_state(grab, "pausedUP")
    assert house.files_of(row) == contents(grab)
    assert len(torbox.items) == 1


async def test_the_same_hash_added_twice_is_one_torrent(house, torbox, arr):
    grab = torbox.publish("Show", script=FetchedOver(60))
    assert await arr.grabs(grab) == "Ok."
    assert await arr.grabs(grab, as_file=True) == "Ok."
    assert len(await arr.polls()) == 1
    assert (await arr.call("GET", "torrents/export", params={"hash": grab.hash}))[0] == 200
    await house.sees_state(grab, "pausedUP", jump=5)
    assert len(torbox.calls_to("createtorrent")) == 1


async def test_a_complete_torrent_added_again_is_fetched_again_only_if_its_files_are_gone(
    house, torbox, arr
):
    grab = torbox.publish("Show", {"a.mkv": MiB, "b.srt": 100})
    await arr.grabs(grab)
    first = await house.sees_state(grab, "pausedUP")
    await arr.grabs(grab)
    await house.calm()
    assert (await arr.sees(grab))["state"] == "pausedUP"
    assert len(torbox.calls_to("requestdl")) == 2

    (house.downloads / "tv-sonarr" / "Show" / "a.mkv").unlink()
    await arr.grabs(grab)
    await house.eventually(lambda: len(torbox.calls_to("requestdl")) == 4)
    row = await house.sees_state(grab, "pausedUP")
    assert row["content_path"] == first["content_path"]
    assert house.files_of(row) == contents(grab)


async def test_a_failed_torrent_added_again_gets_a_new_attempt(house, torbox, arr):
    grab = torbox.publish("Show", script=Refused())
    await arr.grabs(grab)
    await house.sees_state(grab, "stalledDL")
    grab.script = Cached()
    assert await arr.grabs(grab) == "Ok."
    await house.sees_state(grab, "pausedUP")


async def test_purged_at_torbox_it_is_created_again_once(house, torbox, arr):
    grab = torbox.publish("Show", script=FetchedOver(7200))
    await arr.grabs(grab)
    await house.sees_state(grab, "downloading")
    torbox.delete(grab.hash)
    await house.passes(2400, step=30)
    assert len(torbox.calls_to("createtorrent")) == 2
    torbox.delete(grab.hash)
    await house.passes(2400, step=30)
    assert len(torbox.calls_to("createtorrent")) == 2
    assert (await told(house, grab))["phase"] == "failed"


async def test_torbox_stopped_for_an_hour_loses_nothing_and_all_goes_on(house, torbox, arr):
    going = torbox.publish("Going", script=FetchedOver(5400))
    dead = torbox.publish("Dead", script=Stalled(at=0.2))
    await arr.grabs(going)
    await arr.grabs(dead)
    await house.sees_state(dead, "stalledDL")
    torbox.stop("down")
    for _ in range(12):
        await house.passes(300, step=60)
        assert {row["hash"] for row in await arr.polls()} == {going.hash, dead.hash}
    assert (await arr.sees(dead))["state"] == "queuedDL"
    assert (await arr.json("transfer/info"))["connection_status"] == "disconnected"
    late = torbox.publish("Late")
    assert await arr.grabs(late) == "Ok."

    torbox.resume()

    await house.sees_state(late, "pausedUP", jump=10)
    await house.sees_state(dead, "stalledDL", jump=10)
    assert (await arr.json("transfer/info"))["connection_status"] == "connected"
    await house.sees_state(going, "pausedUP", jump=30)
    assert len(torbox.calls_to("createtorrent")) - 3 <= 1


async def test_the_bridge_stopped_for_thirty_days_fails_nothing(house, torbox, arr):
    grab = torbox.publish("Going", script=FetchedOver(40 * 86400))
    dead = torbox.publish("Dead", script=Stalled(at=0.2))
    await arr.grabs(grab)
    await arr.grabs(dead)
    await house.sees_state(dead, "stalledDL")
    await house.stops()
    house.clock.jump(30 * 86400)
    arr = await house.starts()
    await house.passes(600)
    assert (await told(house, grab))["phase"] == "fetching"
    assert (await told(house, dead))["phase"] == "fetching"


async def test_what_was_removed_before_thirty_days_off_is_still_deleted_at_torbox(
    house, torbox, arr
):
    grab = torbox.publish("Show", script=FetchedOver(600))
    await arr.grabs(grab)
    await house.eventually(lambda: torbox.items)
    torbox.stop("refuse")
    await arr.removes(grab)
    await house.passes(120)
    await house.stops()
    house.clock.jump(30 * 86400)
    await house.starts()
    await house.passes(3600, step=60)
    torbox.resume()
    await house.eventually(lambda: grab.hash not in house.bridge.ledger.torrents, jump=30)
    assert torbox.items == []


async def test_a_removal_that_torbox_never_takes_is_given_up_after_seven_days(house, torbox, arr):
    grab = torbox.publish("Show", script=FetchedOver(600))
    await arr.grabs(grab)
    await house.eventually(lambda: torbox.items)
    torbox.next("controltorrent", Answer(500, "Internal Server Error"), times=10_000)
    await arr.removes(grab)
    await house.passes(6.9 * 86400, step=3600)
    assert grab.hash in house.bridge.ledger.torrents
    await house.passes(0.2 * 86400, step=600)
    assert grab.hash not in house.bridge.ledger.torrents


async def test_bad_weather_of_the_cdn_ends_in_whole_files(house, torbox, arr):
    grab = torbox.publish("Pack", {f"e{n}.mkv": 400_000 for n in range(6)})
    torbox.cdn.ignores_range(path="e0.mkv")
    torbox.cdn.html_page(path="e1.mkv", size=400_000)
    torbox.cdn.cuts_off(after=100_000, path="e2.mkv")
    torbox.cdn.lies_about_total(by=5, path="e3.mkv")
    torbox.cdn.answers(status=503, path="e4.mkv")
    torbox.cdn.lies_about_length(by=-1000, path="e5.mkv")
    await arr.grabs(grab)
    row = await house.sees_state(grab, "pausedUP", jump=5)
    assert house.files_of(row) == contents(grab)


async def test_two_torrents_of_one_name_have_a_folder_each(house, torbox, arr):
    one = torbox.publish("Show", {"a.mkv": 1000})
    other = torbox.publish("Show", {"a.mkv": 2000})
    await arr.grabs(one)
    await arr.grabs(other)
    first = await house.sees_state(one, "pausedUP")
    second = await house.sees_state(other, "pausedUP")
    assert first["content_path"] != second["content_path"]
    assert house.files_of(first) == contents(one)
    assert house.files_of(second) == contents(other)
    await arr.removes(one)
    await house.eventually(lambda: not house.files_of(first))
    assert house.files_of(second) == contents(other)


async def test_paused_it_waits_and_resumed_it_goes_on(house, torbox, arr):
    grab = torbox.publish("Show")
    await arr.grabs(grab, paused="True")
    await house.passes(120)
    assert (await arr.sees(grab))["state"] == "pausedDL"
    assert torbox.calls == []
    await arr.call("POST", "torrents/resume", data={"hashes": grab.hash})
    await house.sees_state(grab, "pausedUP")


async def test_with_nothing_outstanding_torbox_is_not_asked(house, torbox, arr):
    grab = torbox.publish("Show")
    await arr.grabs(grab)
    await house.sees_state(grab, "pausedUP")
    calls = len(torbox.calls)
    await house.passes(6 * 3600, step=600)
    assert len(torbox.calls) == calls


async def test_a_cached_file_costs_four_calls_from_add_to_delete(house, torbox, arr):
    torbox.foreign(250)
    grab = torbox.publish("Show")
    await arr.grabs(grab)
    await house.sees_state(grab, "pausedUP", jump=0.1)
    await arr.removes(grab)
    await house.eventually(lambda: torbox.item_of(grab.hash) is None)
    endpoints = [call.endpoint for call in torbox.calls]
    assert endpoints == ["createtorrent", "mylist", "requestdl", "controltorrent"]


async def test_a_private_torrent_seeds_on_until_its_limits_are_met(house, torbox, arr):
    grab = torbox.publish("Private", private=True, script=FetchedOver(60))
    await arr.grabs(grab, as_file=True, ratioLimit="1.5")
    await house.sees_state(grab, "pausedUP", jump=5)
    torbox.seeds(grab.hash, ratio=0.5)
    await arr.removes(grab)
    await house.passes(3 * 3600, step=300)
    assert torbox.item_of(grab.hash)
    assert torbox.calls_to("createtorrent")[0].params["seed"] == "1"
    torbox.seeds(grab.hash, ratio=1.6)
    await house.eventually(lambda: torbox.item_of(grab.hash) is None, jump=300)


async def test_hash_in_any_spelling_of_a_magnet_is_the_same_torrent(house, torbox, arr):
    import base64

    grab = torbox.publish("Show", script=FetchedOver(60))
    base32 = base64.b32encode(bytes.fromhex(grab.hash)).decode()
    assert await arr.grabs(f"magnet:?xt=urn:btih:{base32}&dn=Show") == "Ok."
    assert [row["hash"] for row in await arr.polls()] == [grab.hash]
    await house.sees_state(grab, "pausedUP", jump=5)


async def test_a_v2_only_torrent_is_taken_and_fails_with_the_reason(house, torbox, arr):
    v2 = "c" * 64
    assert await arr.grabs(f"magnet:?xt=urn:btmh:1220{v2}&dn=New") == "Ok."
    [row] = await arr.polls()
    assert (row["hash"], row["state"]) == (v2, "stalledDL")
    assert "v2" in (await arr.json(f"../bridge/torrents/{v2}"))["reason"]
    assert torbox.calls == []


async def test_many_grabs_at_once_are_all_taken_and_all_end(house, torbox, arr):
    torbox.limits.slots = False
    grabs = [torbox.publish(f"Show.{n}", {"a.mkv": 1000 + n}) for n in range(30)]
    answers = await asyncio.gather(*(arr.grabs(grab) for grab in grabs))
    assert set(answers) == {"Ok."}
    assert len(await arr.polls()) == 30

    async def all_complete():
        return {row["state"] for row in await arr.polls()} == {"pausedUP"}

    await house.eventually(all_complete, jump=10, within=40)
    assert torbox.refusals.total() == 0


async def test_paused_at_torbox_too_and_resumed_there(house, torbox, arr):
    grab = torbox.publish("Show", script=FetchedOver(600))
    await arr.grabs(grab)
    await house.sees_state(grab, "downloading")
    await arr.call("POST", "torrents/pause", data={"hashes": grab.hash})
    await house.sees_state(grab, "pausedDL")
    await house.passes(1800, step=60)
    assert (await arr.sees(grab))["state"] == "pausedDL"
    await arr.call("POST", "torrents/resume", data={"hashes": grab.hash})
    await house.sees_state(grab, "pausedUP", jump=10)
    operations = [call.params.get("operation") for call in torbox.calls_to("controltorrent")]
    assert operations == ["pause", "resume"]


async def test_a_magnet_shows_name_size_and_files_before_torbox_has_its_metadata(
    house, torbox, arr
):
    grab = torbox.publish(
        "Show", {"a.mkv": MiB, "b/c.srt": 10}, FetchedOver(60, metadata_after=900)
    )
    await arr.grabs(f"magnet:?xt=urn:btih:{grab.hash}")
    await house.sees_state(grab, "metaDL")

    async def described():
        return (await arr.sees(grab))["size"] == grab.size

    await house.eventually(described)
    row = await arr.sees(grab)
    assert (row["name"], row["state"]) == ("Show", "metaDL")
    files = await arr.json("torrents/files", hash=grab.hash)
    assert {file["size"] for file in files} == {MiB, 10}
    assert len(torbox.calls_to("torrentinfo")) == 1
    row = await house.sees_state(grab, "pausedUP", jump=20)
    assert house.files_of(row) == contents(grab)


async def test_a_seeding_item_that_torbox_cannot_answer_for_keeps_no_other_waiting(
    house, torbox, arr
):
    grabs = [torbox.publish(name, private=True, script=FetchedOver(60)) for name in ("A", "B")]
    for grab in grabs:
        await arr.grabs(grab, as_file=True, ratioLimit="1")
    for grab in grabs:
        await house.sees_state(grab, "pausedUP", jump=5)
        torbox.seeds(grab.hash, ratio=0.5)
    await arr.removes(*grabs)
    await house.passes(300, step=60)
    for grab in grabs:
        torbox.seeds(grab.hash, ratio=2)
    torbox.next("mylist", Answer(500, {"success": False, "error": "DATABASE_ERROR", "data": None}))

    await house.eventually(lambda: len(torbox.items) == 1, jump=300)
    await house.eventually(lambda: not torbox.items, jump=300)
