"""What is complete was proven by the .torrent, wherever it came from."""

import pytest
from msgspec.structs import replace

from bridge.core.sources import proof_for
from bridge.delivery import Proof
from bridge.model import File
from bridge.simulator import Answer, Cached, FetchedOver, MiB

PACK = {"e1.mkv": 2 * MiB + 11, "e2.mkv": MiB, "Subs/e1.srt": 1000}


def contents(grab):
    return {file.path: grab.content(file.path) for file in grab.files}


async def told(house, grab):
    return await house.arr.json(f"../bridge/torrents/{grab.hash}")


async def test_with_a_torrent_file_wrong_bytes_are_found_and_only_they_come_again(
    house, torbox, arr
):
    grab = torbox.publish("Show", PACK)
    torbox.cdn.wrong_bytes("e1.mkv", at=MiB)
    await arr.grabs(grab, as_file=True)

    row = await house.sees_state(grab, "pausedUP")

    assert house.files_of(row) == contents(grab)
    ranges = [asked for path, asked in torbox.cdn.ranges_asked if path == "e1.mkv"]
    assert ranges[0] == "bytes=0-"
    first, _, last = ranges[1].removeprefix("bytes=").partition("-")
    assert int(last) - int(first) < MiB
    assert len(ranges) == 2


async def test_the_torrent_file_of_a_fetched_magnet_is_asked_for_once_and_proves_it(
    house, torbox, arr
):
    grab = torbox.publish("Show", PACK, FetchedOver(60))
    torbox.cdn.wrong_bytes("e2.mkv", at=5)
    await arr.grabs(grab)

    row = await house.sees_state(grab, "pausedUP", jump=2)

    assert house.files_of(row) == contents(grab)
    assert len(torbox.calls_to("exportdata")) == 1
    assert len([path for path, _ in torbox.cdn.ranges_asked if path == "e2.mkv"]) == 2
    status, _ = await arr.call("GET", "torrents/export", params={"hash": grab.hash})
    assert status == 200
    assert len(torbox.calls_to("exportdata")) == 1


async def test_a_cached_magnet_costs_no_call_for_a_torrent_file(house, torbox, arr):
    grab = torbox.publish("Show", PACK, Cached())
    await arr.grabs(grab)
    await house.sees_state(grab, "pausedUP")
    assert torbox.calls_to("exportdata") == []


@pytest.mark.parametrize(
    "answer",
    [
        Answer(500, {"success": False, "error": "DATABASE_ERROR", "detail": "no", "data": None}),
        Answer(429, {"detail": "300 per 1 minute"}),
        Answer(200, "this is no torrent", content_type="application/x-bittorrent"),
        Answer(404, "<html>"),
    ],
    ids=["refused", "busy", "garbage", "page"],
)
async def test_a_magnet_without_a_torrent_file_is_delivered_as_torbox_lists_it(
    house, torbox, arr, answer
):
    grab = torbox.publish("Show", PACK, FetchedOver(60))
    torbox.next("exportdata", answer)
    await arr.grabs(grab)

    row = await house.sees_state(grab, "pausedUP", jump=2)

    assert house.files_of(row) == contents(grab)
    assert len(torbox.calls_to("exportdata")) == 1


async def test_the_torrent_file_of_another_torrent_is_not_believed(house, torbox, arr):
    other = torbox.publish("Other", {"e1.mkv": 2 * MiB + 11})
    grab = torbox.publish("Show", PACK, FetchedOver(60))
    torbox.next("exportdata", Answer(200, other.torrent, content_type="application/x-bittorrent"))
    await arr.grabs(grab)

    row = await house.sees_state(grab, "pausedUP", jump=2)

    assert house.files_of(row) == contents(grab)


async def test_bytes_that_stay_wrong_fail_the_torrent_with_a_sentence(house, torbox, arr):
    grab = torbox.publish("Show", PACK)
    torbox.cdn.wrong_bytes("e1.mkv", at=MiB, times=3)
    await arr.grabs(grab, as_file=True)

    await house.sees_state(grab, "stalledDL", jump=5)

    reason = (await told(house, grab))["reason"]
    assert "e1.mkv came wrong three times" in reason
    assert torbox.cdn.ranges_asked.count(("e1.mkv", "bytes=0-")) == 1


async def test_a_renamed_file_is_proven_under_its_new_name(house, torbox, arr):
    grab = torbox.publish("Show", PACK, FetchedOver(600))
    torbox.cdn.wrong_bytes("e1.mkv", at=MiB)
    await arr.grabs(grab, as_file=True)
    await house.sees_state(grab, "downloading")
    data = {"hash": grab.hash, "oldPath": "Show/e1.mkv", "newPath": "Show/e2-or-so.mkv"}
    assert (await arr.call("POST", "torrents/renameFile", data=data))[0] == 200

    row = await house.sees_state(grab, "pausedUP", jump=20)

    expected = contents(grab)
    expected["e2-or-so.mkv"] = expected.pop("e1.mkv")
    assert house.files_of(row) == expected
    assert len([path for path, _ in torbox.cdn.ranges_asked if path == "e1.mkv"]) == 2


async def test_wanted_files_are_those_of_a_torrent_file_that_comes_later(house, torbox, arr):
    grab = torbox.publish("Show", PACK, FetchedOver(600))
    await arr.grabs(grab)
    await house.eventually(lambda: house.bridge.ledger.torrents[grab.hash].files)
    grab.files = tuple(file for file in grab.files if file.path != "Subs/e1.srt")
    await house.bridge.ledger.change(
        grab.hash, lambda now: replace(now, files=now.files[:2], has_torrent=False)
    )
    assert await arr.grabs(grab, as_file=True) == "Ok."

    await house.eventually(lambda: house.bridge.engine.watch(grab.hash).hold_reason, jump=20)

    assert "Subs/e1.srt" in house.bridge.engine.watch(grab.hash).hold_reason


def test_a_proof_speaks_of_files_by_the_names_they_have_here():
    files = (File("b", 1, origin="a"), File("c", 2, origin="b"), File("d", 3))
    proof = Proof(4, bytes(40), (("a", 1), (None, 1), ("b", 2), ("d", 4), ("e", 5)))

    named = proof_for(files, proof)

    assert named.layout == (("b", 1), (None, 1), ("c", 2), ("", 4), ("", 5))
