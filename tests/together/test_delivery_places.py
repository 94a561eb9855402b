"""Each file lies where the API says: at (download_path while incomplete, else save_path)/name."""

import os
from pathlib import Path

import pytest

from bridge.simulator import Cached, FetchedOver, MiB

PACK = {"Season 1/e1.mkv": 3 * MiB, "Season 1/e2.mkv": 2 * MiB, "Subs/e1.srt": 1000}


def contents(grab):
    return {file.path: grab.content(file.path) for file in grab.files}


def on_disk(house):
    """Every file of a torrent below the download folder; the bridge's own notes left out."""
    # A walk passes over a folder that goes while it is looked at.
    return {
        str(Path(folder, name))
        for folder, _, names in os.walk(house.downloads)
        for name in names
        if not name.startswith(".torbox-bridge-")
    }


async def claimed(house, grab):
    """The row, and where the API says that each file lies."""
    row = await house.arr.sees(grab)
    files = await house.arr.json("torrents/files", hash=grab.hash)
    place = Path(row["download_path"] or row["save_path"])
    return row, {str(place / file["name"]): file for file in files}


class Watcher:
    """Polls as an arr does, and compares what is claimed with what lies on the disk."""

    def __init__(self, house, grab):
        self.house, self.grab = house, grab
        self.states = set()
        self.partly = 0

    async def polls(self):
        before, places = await claimed(self.house, self.grab)
        there = on_disk(self.house)
        after, _ = await claimed(self.house, self.grab)
        moved = any(
            before[key] != after[key] for key in ("download_path", "save_path", "content_path")
        )
        moves = any(
            row["state"] == "checkingDL" and row["download_path"] for row in (before, after)
        )
        if not moved and not moves:
            assert there <= set(places), before["state"]
            assert all(file["progress"] == 0 for at, file in places.items() if at not in there)
            self.partly += len(there) > 0 and before["amount_left"] > 0
        assert all(
            Path(at).is_relative_to(before["content_path"])
            for at in places
            if not before["download_path"]
        )
        self.states.add(after["state"])
        return after["state"] == "pausedUP"


@pytest.mark.parametrize("single_file", [False, True])
@pytest.mark.parametrize("as_file", [False, True])
@pytest.mark.parametrize("script", [Cached(), FetchedOver(60)], ids=["cached", "fetched"])
async def test_at_every_poll_every_file_lies_where_it_is_said_to_lie(
    house, torbox, arr, script, as_file, single_file
):
    name = "Film.mkv" if single_file else "Show"
    files = {"Film.mkv": 5 * MiB} if single_file else PACK
    grab = torbox.publish(name, files, script, single_file=single_file)
    torbox.cdn.slow(8 * MiB)
    torbox.cdn.cuts_off(after=MiB, times=2)
    watcher = Watcher(house, grab)
    await arr.grabs(grab, as_file=as_file)

    await house.eventually(watcher.polls, jump=0.5)

    assert {"queuedDL", "downloading", "pausedUP"} <= watcher.states
    assert watcher.partly
    row, places = await claimed(house, grab)
    assert on_disk(house) == set(places)
    assert row["content_path"] == f"{row['save_path']}/{name}"
    assert not (house.downloads / ".incomplete" / grab.hash).exists()


async def test_after_a_restart_in_the_middle_each_file_still_lies_where_it_is_said_to(
    house, torbox, arr
):
    grab = torbox.publish("Show", PACK)
    torbox.cdn.stalls(after=2 * MiB, path="Season 1/e1.mkv")
    await arr.grabs(grab)
    await torbox.cdn.has_sent("Season 1/e1.mkv", 2 * MiB)
    await house.has_begun("e1.mkv")
    await house.stops()
    torbox.cdn.clear()
    await house.starts()
    watcher = Watcher(house, grab)

    await house.eventually(watcher.polls, jump=0.5)

    row = await house.arr.sees(grab)
    assert house.files_of(row) == contents(grab)
    first, second = (asked for path, asked in torbox.cdn.ranges_asked if path.endswith("e1.mkv"))
    assert first == "bytes=0-" != second


async def test_when_its_name_is_taken_meanwhile_it_gets_another_and_is_found(house, torbox, arr):
    grab = torbox.publish("Show", PACK)
    torbox.cdn.slow(4 * MiB)
    await arr.grabs(grab)
    await torbox.cdn.has_sent("Season 1/e1.mkv", MiB)
    theirs = house.downloads / "tv-sonarr" / "Show"
    theirs.mkdir(parents=True)
    (theirs / "mine.txt").write_text("mine")
    torbox.cdn.clear()

    row = await house.sees_state(grab, "pausedUP")

    assert row["content_path"] == str(house.downloads / "tv-sonarr" / "Show (2)")
    assert house.files_of(row) == contents(grab)
    assert [path.name for path in theirs.iterdir()] == ["mine.txt"]
    assert list((house.downloads / ".incomplete").iterdir()) == []


async def test_removed_in_the_middle_nothing_of_it_is_left(house, torbox, arr):
    grab = torbox.publish("Show", PACK)
    torbox.cdn.slow(2 * MiB)
    await arr.grabs(grab)
    await torbox.cdn.has_sent("Season 1/e1.mkv", MiB)

    await arr.removes(grab)

    await house.eventually(lambda: grab.hash not in house.bridge.ledger.torrents)
    assert list((house.downloads / ".incomplete").iterdir()) == []


async def test_renamed_after_it_failed_nothing_of_it_is_left_once_it_is_removed(house, torbox, arr):
    grab = torbox.publish("Show", PACK)
    torbox.cdn.slow(2 * MiB)
    await arr.grabs(grab, as_file=True)
    await torbox.cdn.has_sent("Season 1/e1.mkv", MiB)
    await house.has_begun("e1.mkv")
    assert (await arr.call("POST", f"../bridge/torrents/{grab.hash}/give-up"))[0] < 300

    async def failed():
        return (await arr.json(f"../bridge/torrents/{grab.hash}"))["phase"] == "failed"

    await house.eventually(failed)
    assert any(path.is_file() for path in (house.downloads / ".incomplete").rglob("*.mkv"))
    path = {"oldPath": "Show/Season 1/e1.mkv", "newPath": "Show/other.mkv"}
    renamed = await arr.call("POST", "torrents/renameFile", data={"hash": grab.hash} | path)
    assert renamed[0] == 200
    await arr.removes(grab)

    await house.eventually(lambda: grab.hash not in house.bridge.ledger.torrents)
    assert list((house.downloads / ".incomplete").iterdir()) == []
