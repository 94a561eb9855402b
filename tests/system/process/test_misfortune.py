"""What TorBox, its CDN, the disk and the arrs do to a running bridge, and what is whole anyway."""

import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bridge.delivery.paths import HIDDEN
from bridge.simulator import Answer, FetchedOver, MiB
from tests.system.process.conftest import eventually


def contents(grab):
    return {file.path: grab.content(file.path) for file in grab.files}


async def forgets_all(house) -> None:
    """Stop the bridge once it has nothing more to do with any torrent.

    Only a stopped bridge can be asked, so it may have been stopped a moment before it was done.
    """

    async def nothing_is_left() -> bool:
        assert await house.serve.stops() == 0
        with closing(sqlite3.connect(house.state / "bridge.db")) as connection:
            (count,) = connection.execute("SELECT count(*) FROM torrents").fetchone()
        if count:
            await house.starts()
        return count == 0

    await eventually(nothing_is_left)


async def test_a_create_answered_429_is_repeated_when_torbox_said_and_not_before(
    house, torbox, arr
):
    grab = torbox.publish("Show")
    torbox.next("createtorrent", Answer(429, {"detail": "60 per 1 hour"}, {"retry-after": "60"}))
    assert await arr.grabs(grab) == "Ok."
    await eventually(lambda: torbox.calls_to("createtorrent"))
    assert (await arr.sees(grab))["state"] == "queuedDL"
    row = await house.sees(grab, "pausedUP")
    assert house.delivered(row) == contents(grab)
    first, second = torbox.calls_to("createtorrent")
    assert second.at - first.at >= 60


async def test_an_item_that_was_in_the_account_before_us_is_there_afterwards(house, torbox, arr):
    theirs, ours = torbox.publish("Theirs"), torbox.publish("Ours")
    item = torbox.already_in_account(theirs)
    for grab in (theirs, ours):
        await arr.grabs(grab)
    rows = [await house.sees(grab, "pausedUP") for grab in (theirs, ours)]
    assert [house.delivered(row) for row in rows] == [contents(theirs), contents(ours)]

    await arr.removes(theirs, ours)
    await eventually(lambda: torbox.item_of(ours.hash) is None)
    await forgets_all(house)  # so it is not only not deleted yet
    assert [left.id for left in torbox.items] == [item.id]
    assert [call.params["torrent_id"] for call in torbox.calls_to("controltorrent")] != [item.id]


FAULTS = {
    "ignores Range": lambda cdn, path: (
        cdn.cuts_off(path=path, after=200_000),
        cdn.ignores_range(path=path),
    ),
    "a small page": lambda cdn, path: cdn.html_page(path=path, size=300),
    "an empty page": lambda cdn, path: cdn.html_page(path=path, size=0),
    "a page of the file's size": lambda cdn, path: cdn.html_page(path=path, size=400_000),
    "a page larger than the file": lambda cdn, path: cdn.html_page(path=path, size=2 * MiB),
    "a page after a cut": lambda cdn, path: (
        cdn.cuts_off(path=path, after=200_000),
        cdn.html_page(path=path, size=200_000),
    ),
    "cuts": lambda cdn, path: cdn.cuts_off(path=path, after=123_456, times=2),
    "stalls": lambda cdn, path: cdn.stalls(path=path, after=100_000),
    "says less": lambda cdn, path: cdn.lies_about_length(path=path, by=-1000),
    "says more": lambda cdn, path: cdn.lies_about_length(path=path, by=1000),
    "lies about the total": lambda cdn, path: cdn.lies_about_total(path=path, by=7),
    "begins elsewhere": lambda cdn, path: cdn.shifts_range(path=path, by=500),
    "says no length": lambda cdn, path: cdn.hides_length(path=path),
    "is busy": lambda cdn, path: cdn.answers(429, path=path, retry_after=20),
    "is ill": lambda cdn, path: cdn.answers(503, path=path),
    "forgets its link": lambda cdn, path: cdn.answers(404, path=path),
}


async def test_whatever_the_cdn_does_the_files_are_whole(house, torbox, arr):
    paths = {fault: f"{number}.mkv" for number, fault in enumerate(FAULTS)}
    grab = torbox.publish("Pack", dict.fromkeys(paths.values(), 400_000))
    for fault, path in paths.items():
        FAULTS[fault](torbox.cdn, path)
    await arr.grabs(grab)
    row = await house.sees(grab, "pausedUP")
    delivered = house.delivered(row)
    wrong = [fault for fault, path in paths.items() if delivered[path] != grab.content(path)]
    assert wrong == []
    assert len(delivered) == len(paths)
    asked = [path for path, _ in torbox.cdn.ranges_asked]
    untouched = [fault for fault, path in paths.items() if asked.count(path) == 1]
    assert untouched == ["says no length"]  # every other fault was met, and mended


async def test_added_again_while_it_is_removed_it_ends_in_whole_files_and_one_item(
    house, torbox, arr
):
    grab = torbox.publish("Show", {"a.mkv": MiB})
    await arr.grabs(grab)
    await house.sees(grab, "pausedUP")
    torbox.stop("hang")
    await arr.removes(grab)
    assert await arr.polls() == []
    assert await arr.grabs(grab) == "Ok."
    assert (await arr.sees(grab))["progress"] == 0
    arr = await house.starts_again()
    assert (await arr.sees(grab))["progress"] == 0

    torbox.resume()

    row = await house.sees(grab, "pausedUP")
    assert house.delivered(row) == contents(grab)
    assert len(torbox.items) == 1
    await arr.removes(grab)
    await eventually(lambda: not torbox.items)
    await eventually(lambda: not any((house.downloads / "tv-sonarr").iterdir()))


@pytest.mark.parametrize("with_a_kill", [False, True])
async def test_deleted_while_it_is_submitted_nothing_of_it_is_left_anywhere(
    house, torbox, arr, with_a_kill
):
    grab = torbox.publish("Show", {"a.mkv": MiB}, FetchedOver(10_000))
    torbox.slow["createtorrent"] = 1.0
    await arr.grabs(grab)
    await eventually(lambda: torbox.calls_to("createtorrent"))
    await arr.removes(grab)
    assert await arr.polls() == []
    assert torbox.items == []  # the create was still under way
    if with_a_kill:
        arr = await house.starts_again()
        assert await arr.polls() == []
    await eventually(lambda: torbox.calls_to("controltorrent"))
    await eventually(lambda: not torbox.items)
    assert len(torbox.calls_to("createtorrent")) == 1
    await forgets_all(house)
    assert torbox.items == []


class HungDisk:
    """A download disk that does not answer: every thread that asks for this torrent's notes hangs.

    A pipe lies where they should; whoever opens it waits in the kernel for somebody to write.
    """

    def __init__(self, house, grab) -> None:
        incomplete = house.downloads / ".incomplete"
        self._pipe = incomplete / f"{HIDDEN}{grab.hash}.journal"
        os.mkfifo(self._pipe)

    def hangs(self, pid: int) -> bool:
        """Whether a thread of the process waits in it."""
        for task in Path(f"/proc/{pid}/task").iterdir():
            if (task / "wchan").read_text() in {"wait_for_partner", "fifo_open"}:
                return True
        return False

    def answers(self) -> None:
        """It is back, empty."""
        end = os.open(self._pipe, os.O_WRONLY)
        self._pipe.unlink()
        os.close(end)


async def test_while_the_download_disk_hangs_every_call_is_answered(house, torbox, arr):
    hung = torbox.publish("Hung", {f"{number}.mkv": 1000 for number in range(8)})
    disk = HungDisk(house, hung)
    await arr.grabs(hung)
    await eventually(lambda: torbox.calls_to("createtorrent"))
    await eventually(lambda: disk.hangs(house.serve.process.pid))

    for number in range(10):
        assert (await arr.sees(hung))["progress"] == 0
        assert (await arr.json("sync/maindata"))["server_state"]
        assert len(await arr.json("torrents/files", hash=hung.hash)) == 8
        assert await arr.grabs(torbox.publish(f"Other.{number}", {"a.mkv": 1000})) == "Ok."
    assert (await arr.call("POST", "torrents/createCategory", data={"category": "x"}))[0] == 200
    assert len(await arr.polls()) == 11

    disk.answers()
    row = await house.sees(hung, "pausedUP")
    assert house.delivered(row) == contents(hung)


async def test_a_torrent_on_a_hung_disk_can_be_removed_and_the_bridge_ends_in_time(
    house, torbox, arr
):
    hung = torbox.publish("Hung", {f"{number}.mkv": 1000 for number in range(8)})
    disk = HungDisk(house, hung)
    await arr.grabs(hung)
    await eventually(lambda: disk.hangs(house.serve.process.pid))
    await arr.removes(hung)
    assert await arr.polls() == []
    assert await house.serve.stops(signal.SIGTERM) == 0
