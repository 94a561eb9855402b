"""What a client wants of a torrent's files counts in every phase, and all figures agree."""

from pathlib import Path

import pytest

from bridge.config import CategorySettings
from bridge.config.amounts import Bytes
from bridge.model import Delivering
from bridge.simulator import FetchedOver, MiB

PACK = {"a.mkv": 4 * MiB, "b.mkv": 2 * MiB, "c.nfo": 1000}


def contents(grab, *paths):
    return {path: grab.content(path) for path in paths}


async def files(arr, grab) -> dict[str, dict]:
    rows = await arr.json("torrents/files", hash=grab.hash)
    return {row["name"].partition("/")[2]: row for row in rows}


async def gives(arr, grab, priority: int, *paths: str) -> int:
    """The status of `filePrio` for these files."""
    shown = await files(arr, grab)
    indexes = "|".join(str(shown[path]["index"]) for path in paths)
    data = {"hash": grab.hash, "id": indexes, "priority": priority}
    return (await arr.call("POST", "torrents/filePrio", data=data))[0]


async def agrees(arr, grab) -> dict:
    """The row, once every answer tells the same story of what is wanted and what is here."""
    row, after = None, await arr.sees(grab)
    while row != after:  # else the answers are not of one moment
        row = after
        shown = await arr.json("torrents/files", hash=grab.hash)
        facts = await arr.json("torrents/properties", hash=grab.hash)
        states = await arr.json("torrents/pieceStates", hash=grab.hash)
        after = await arr.sees(grab)
    whole = row["progress"] == 1
    here = [one["priority"] > 0 or (whole and one["progress"] == 1) for one in shown]
    assert row["size"] == sum(
        one["size"] for one, is_here in zip(shown, here, strict=True) if is_here
    )
    assert row["total_size"] == facts["total_size"] == sum(one["size"] for one in shown)
    assert row["completed"] + row["amount_left"] == row["size"]
    assert facts["total_downloaded"] == row["completed"]
    assert len(states) == facts["pieces_num"]
    assert states.count(2) == facts["pieces_have"]
    for one, is_here in zip(shown, here, strict=True):
        first, last = one["piece_range"]
        assert last < len(states)
        if whole:
            assert one["progress"] == int(is_here)
            assert not is_here or set(states[first : last + 1]) == {2}
    return row


async def test_what_was_not_wanted_is_not_shown_as_here(house, torbox, arr):
    grab = torbox.publish("Show", PACK, FetchedOver(60))
    await arr.grabs(grab, as_file=True)
    await house.sees_state(grab, "downloading")
    await agrees(arr, grab)
    assert await gives(arr, grab, 0, "b.mkv", "c.nfo") == 200
    assert (await agrees(arr, grab))["size"] == 4 * MiB
    await house.sees_state(grab, "pausedUP", jump=5)
    row = await agrees(arr, grab)
    assert (row["size"], row["amount_left"], row["availability"]) == (4 * MiB, 0, -1)
    shown = await files(arr, grab)
    assert [shown[path]["progress"] for path in PACK] == [1, 0, 0]
    states = await arr.json("torrents/pieceStates", hash=grab.hash)
    assert 0 in states


async def test_a_file_of_a_complete_torrent_may_be_unwanted_and_wanted_again(house, torbox, arr):
    """As on the real server: it is on the disk, so its torrent stays complete either way."""
    grab = torbox.publish("Show", PACK)
    await arr.grabs(grab)
    before = await house.sees_state(grab, "pausedUP")
    assert await gives(arr, grab, 0, "b.mkv") == 200
    assert (await files(arr, grab))["b.mkv"] | {"priority": 0, "progress": 1} == (
        await files(arr, grab)
    )["b.mkv"]
    row = await agrees(arr, grab)
    assert (row["size"], row["state"]) == (before["size"], "pausedUP")
    await house.restarts()
    arr = house.arr
    await arr.call("POST", "torrents/recheck", data={"hashes": grab.hash})
    await house.calm()
    assert (await agrees(arr, grab))["state"] == "pausedUP"
    assert await gives(arr, grab, 7, "b.mkv") == 200
    assert (await files(arr, grab))["b.mkv"]["priority"] == 7
    assert await gives(arr, grab, 0, "a.mkv") == 200
    await arr.removes(grab)
    await house.eventually(lambda: not Path(row["content_path"]).exists())


async def test_what_a_complete_torrent_came_without_cannot_be_wanted(house, torbox, arr):
    grab = torbox.publish("Show", PACK)
    await arr.grabs(grab, as_file=True, paused="True")
    assert await gives(arr, grab, 0, "b.mkv") == 200
    await arr.call("POST", "torrents/resume", data={"hashes": grab.hash})
    await house.sees_state(grab, "pausedUP")
    assert await gives(arr, grab, 0, "a.mkv") == 200
    assert await gives(arr, grab, 1, "a.mkv", "b.mkv") == 409
    assert await gives(arr, grab, 1, "a.mkv") == 200
    assert await gives(arr, grab, 0, "b.mkv") == 200
    row = await agrees(arr, grab)
    assert house.files_of(row) == contents(grab, "a.mkv", "c.nfo")


async def test_bytes_of_a_file_that_is_unwanted_half_way_are_not_counted_for_another(
    house, torbox, arr
):
    grab = torbox.publish("Show", PACK)
    torbox.cdn.slow(MiB)
    await arr.grabs(grab, as_file=True)
    await torbox.cdn.has_sent("a.mkv", MiB)
    await house.has_begun("a.mkv")
    await arr.call("POST", "torrents/pause", data={"hashes": grab.hash})
    await house.calm()
    assert await gives(arr, grab, 0, "a.mkv", "c.nfo") == 200
    await arr.call("POST", "torrents/resume", data={"hashes": grab.hash})
    (shown,) = [one for one in house.bridge.board if one.torrent.hash == grab.hash]
    here = sum(
        shown.shown.file_progress[index] * file.size
        for index, file in enumerate(shown.torrent.files)
        if file.wanted
    )
    assert shown.shown.local_bytes == pytest.approx(here)
    torbox.cdn.clear()
    row = await house.sees_state(grab, "pausedUP")
    assert house.files_of(row) == contents(grab, "b.mkv")
    await agrees(arr, grab)


async def test_files_come_in_the_order_of_their_priorities(house, torbox):
    house.sets(downloads={"parallel_files": 1})
    arr = await house.starts()
    grab = torbox.publish("Show", {"a.mkv": 4000, "b.mkv": 3000, "c.mkv": 2000, "d.nfo": 10})
    await arr.grabs(grab, as_file=True, paused="True")
    assert await gives(arr, grab, 6, "c.mkv") == 200
    assert await gives(arr, grab, 7, "d.nfo") == 200
    assert await gives(arr, grab, -1, "b.mkv") == 200
    await arr.call("POST", "torrents/resume", data={"hashes": grab.hash})
    await house.sees_state(grab, "pausedUP")
    # The first is whichever was looked at first; all others wait for their turns.
    first, *others = [path for path, _ in torbox.cdn.ranges_asked]
    assert others == [one for one in ("d.nfo", "c.mkv", "a.mkv", "b.mkv") if one != first]


# A client's wish and the rules of a category


async def with_rules(house, **rules):
    house.sets(categories={"tv-sonarr": CategorySettings(**rules)})
    return await house.starts()


async def test_a_file_that_a_client_asked_for_comes_whatever_the_rules_leave_out(house, torbox):
    arr = await with_rules(house, exclude=("*.nfo",), smallest=Bytes("3 MB"))
    grab = torbox.publish("Show", PACK)
    await arr.grabs(grab, as_file=True, paused="True")
    assert await gives(arr, grab, 1, "c.nfo") == 200
    await house.restarts()
    arr = house.arr
    await arr.call("POST", "torrents/resume", data={"hashes": grab.hash})
    row = await house.sees_state(grab, "pausedUP")
    assert house.files_of(row) == contents(grab, "a.mkv", "c.nfo")
    await agrees(arr, grab)


async def test_the_rules_do_not_come_back_when_the_delivery_begins_again(house, torbox):
    arr = await with_rules(house, exclude=("*.nfo",))
    grab = torbox.publish("Show", PACK)
    torbox.cdn.slow(MiB)
    await arr.grabs(grab, as_file=True)
    await house.has_begun("a.mkv")
    assert (await files(arr, grab))["c.nfo"]["priority"] == 0
    assert await gives(arr, grab, 6, "c.nfo") == 200
    torbox.delete(grab.hash)
    torbox.cdn.clear()
    row = await house.sees_state(grab, "pausedUP", jump=20)
    assert house.bridge.ledger.torrents[grab.hash].recreated
    assert house.files_of(row) == contents(grab, *PACK)


async def test_rules_that_leave_nothing_are_no_objection_where_a_client_asked_for_a_file(
    house, torbox
):
    arr = await with_rules(house, include=("*.avi",))
    grab = torbox.publish("Show", PACK)
    await arr.grabs(grab, as_file=True)
    await house.sees_state(grab, "stalledDL")
    assert await gives(arr, grab, 1, "b.mkv") == 200
    await arr.grabs(grab, as_file=True)
    row = await house.sees_state(grab, "pausedUP")
    assert house.files_of(row) == contents(grab, "b.mkv")


async def test_what_was_chosen_before_torbox_had_the_metadata_counts(house, torbox, arr):
    # Long enough to be seen before its .torrent is, whose order counts from then on.
    grab = torbox.publish("Show", PACK, FetchedOver(900, metadata_after=300))
    await arr.grabs(f"magnet:?xt=urn:btih:{grab.hash}")
    await house.eventually(lambda: torbox.calls_to("torrentinfo"))
    await house.calm()
    order = list(await files(arr, grab))
    assert await gives(arr, grab, 0, "a.mkv") == 200
    await house.sees_state(grab, "downloading", jump=10)
    assert list(await files(arr, grab)) == order, "clients call a file by its place"
    assert (await files(arr, grab))["a.mkv"]["priority"] == 0
    row = await house.sees_state(grab, "pausedUP", jump=10)
    assert house.files_of(row) == contents(grab, "b.mkv", "c.nfo")
    assert not isinstance(house.bridge.ledger.torrents[grab.hash].phase, Delivering)
