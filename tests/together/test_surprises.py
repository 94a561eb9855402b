"""TorBox's surprises (docs/torbox-api.md), each for the whole life of a grab and not for one call.

The shapes of answers are the simulator's oddities. Whatever TorBox's answers look like, what is
cached and what has to be fetched arrives whole, is created once and leaves nothing behind.
"""

import pytest

from bridge.simulator import Answer, Cached, FetchedOver, QueuedThen
from bridge.simulator.habits import Oddities

SHAPES = {
    "1 raw control characters": {"raw_control_characters": True},
    "3 an empty list is a 404 that says success": {"empty_list": "404 success"},
    "5 error is false": {"error_when_fine": "false"},
    "5 error is the word null": {"error_when_fine": "text"},
    "6 detail is a list": {"detail_as": "list"},
    "6 detail is an object": {"detail_as": "object"},
    "7 full slots are refused with 200": {"slots_full": "200"},
    "7 full slots are refused with 400": {"slots_full": "400"},
    "7 full slots are refused with 500": {"slots_full": "500"},
    "8 queued, and not a success": {"queued": "success false"},
    "9 created, and no data": {"created": "no data"},
    "9 created, and no ids": {"created": "null ids"},
    "9 queued, and no data": {"queued": "no data"},
    "10 a duplicate is already queued": {"duplicate": "already queued"},
    "10 a duplicate is a DIFF_ISSUE": {"duplicate": "DIFF_ISSUE"},
    "13 an empty list is null": {"empty_list": "null"},
    "13 an empty list is a 404": {"empty_list": "404"},
    "13 nothing cached is null": {"nothing_cached": "null"},
    "14 one item comes as a list": {"list_by_id": True},
    "15 one item too many": {"extra_item": True},
    "20 words in capitals": {"state_case": "upper"},
    "20 words in titles": {"state_case": "title"},
    "30 reset as a time with a fraction": {"rate_headers": "float"},
    "30 reset as a wait": {"rate_headers": "delta"},
    "30 no headers": {"rate_headers": "none"},
    "30 retry-after on good answers": {"retry_after_when_fine": True},
    "36 ids as text": {"ids_as_text": True},
    "36 numbers as floats": {"numbers_as_floats": True},
    "36 eta of -1": {"infinite_eta": -1},
    "36 progress in percent": {"progress_in_percent": True},
    "36 active as a number": {"active_as": "int"},
    "36 active as text": {"active_as": "text"},
    "37 dates as of 2023": {"old_dates": True},
    "43 keys that nobody knows": {"unknown_keys": True},
    "a link in an object": {"link_as_object": True},
}
HABITS = {
    "11 promoted under another id after a gap": {"promotion_gap_seconds": 90.0},
    "11 promoted by the hourly sweep only": {"promotes_on_sweep_only": True},
    "16 lists lag by a minute and a half": {"lag_seconds": 90.0},
    "22 a single file in a folder": {"single_file_in_folder": True},
    "24 a link is not ready for three times": {"not_ready_times": 3},
    "25 the same link again for a while": {"link_memo_seconds": 120.0},
    "38 a purged row stays beside the new one": {"purged_stay_beside_new": True},
}


async def goes_well(house, torbox, arr) -> None:
    """One cached, one fetched, one queued, one of a single file: arrive, are removed, are gone."""
    foreign = torbox.foreign(3)
    torbox.limits.creates_per_minute = 10
    grabs = [
        torbox.publish("Cached", {"a.mkv": 3000, "b/c.srt": 10}),
        torbox.publish("Fetched", {"a.mkv": 3000}, FetchedOver(90, metadata_after=30)),
        torbox.publish("Queued", {"a.mkv": 3000}, QueuedThen(60, then=FetchedOver(30))),
        torbox.publish("Single.mkv", single_file=True, files={"Single.mkv": 3000}),
    ]
    for grab in grabs:
        await arr.grabs(grab)

    async def all_complete() -> bool:
        return {row["state"] for row in await arr.polls()} == {"pausedUP"}

    await house.eventually(all_complete, jump=15)
    rows = {row["hash"]: row for row in await arr.polls()}
    for grab in grabs:
        whole = {file.path: grab.content(file.path) for file in grab.files}
        assert house.files_of(rows[grab.hash]) == whole
    await arr.removes(*grabs)
    await house.eventually(lambda: not house.bridge.ledger.torrents, jump=15)
    assert {item.id for item in torbox.items} == {item.id for item in foreign}
    assert torbox.queue == []


@pytest.mark.parametrize("name", SHAPES)
async def test_answers_of_any_shape_are_understood_all_life_long(house, torbox, arr, name):
    torbox.oddities = Oddities(**SHAPES[name])
    await goes_well(house, torbox, arr)
    assert len(torbox.calls_to("createtorrent")) <= 5  # of four; one may have found no slot


@pytest.mark.parametrize("name", HABITS)
async def test_habits_of_any_kind_are_lived_with(house, torbox, arr, name):
    for habit, value in HABITS[name].items():
        setattr(torbox, habit, value)
    await goes_well(house, torbox, arr)
    assert len(torbox.calls_to("createtorrent")) == 4


async def test_38_a_purged_row_beside_the_new_item_is_never_taken_for_it(house, torbox, arr):
    torbox.purged_stay_beside_new = True
    grab = torbox.publish("Show", {"a.mkv": 3000}, FetchedOver(300))
    old = torbox.already_in_account(grab)
    torbox.purge(grab.hash)
    await arr.grabs(grab)
    await house.passes(120, step=10)
    new = next(item for item in torbox.items if item is not old)
    assert house.bridge.ledger.torrents[grab.hash].torrent_id == new.id
    await house.sees_state(grab, "pausedUP", jump=15)
    await arr.removes(grab)
    await house.eventually(lambda: not house.bridge.ledger.torrents, jump=15)
    assert torbox.items == [old]
    assert old.controls == []


async def test_18_and_19_finished_and_completed_are_not_taken_for_present(house, torbox, arr):
    script = Cached(after=600)  # says "cached" at once, and nothing of it is there
    grab = torbox.publish("Show", {"a.mkv": 3000}, script)
    await arr.grabs(grab)
    await house.passes(300, step=20)
    assert torbox.calls_to("requestdl") == []
    await house.sees_state(grab, "pausedUP", jump=20)


@pytest.mark.parametrize("endpoint", ["createtorrent", "mylist", "requestdl", "controltorrent"])
@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, ""),
        Answer(200, "<html>maintenance</html>", content_type="text/html"),
        Answer(500, {"success": False, "error": "AUTH_ERROR", "detail": "later", "data": None}),
        Answer(429, {"detail": "300 per 1 minute"}),
    ],
    ids=["2 empty", "2 a page", "35 the key could not be looked up", "4 a 429 without success"],
)
async def test_a_useless_answer_to_any_call_is_got_over(house, torbox, arr, endpoint, answer):
    torbox.next(endpoint, answer)
    grab = torbox.publish("Show", {"a.mkv": 3000}, FetchedOver(60))
    await arr.grabs(grab)
    row = await house.sees_state(grab, "pausedUP", jump=10)
    assert house.files_of(row) == {"a.mkv": grab.content("a.mkv")}
    await arr.removes(grab)
    await house.eventually(lambda: not torbox.items, jump=10)
