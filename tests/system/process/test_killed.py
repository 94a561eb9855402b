"""kill -9 at any moment loses nothing, does nothing twice, and ends where it would have ended."""

import asyncio
import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from bridge.model import Delivering, Torrent
from bridge.simulator import AnswerAfterDoing, FetchedOver, Hang, MiB
from tests.system.process.conftest import eventually


def contents(grab):
    return {file.path: grab.content(file.path) for file in grab.files}


async def test_killed_in_the_middle_of_a_file_it_asks_again_from_the_byte_where_it_stopped(
    house, torbox, arr
):
    grab = torbox.publish("Show.S01E01", {"Show.S01E01.mkv": 8 * MiB})
    torbox.cdn.slow(4 * MiB)
    await arr.grabs(grab)
    await torbox.cdn.has_sent("Show.S01E01.mkv", 3 * MiB)
    await house.dies()
    held = house.part(grab, "Show.S01E01.mkv").stat().st_size
    assert 0 < held < 8 * MiB

    torbox.cdn.clear()
    await house.starts()
    row = await house.sees(grab, "pausedUP")

    assert house.delivered(row) == contents(grab)
    assert torbox.cdn.ranges_asked == [
        ("Show.S01E01.mkv", "bytes=0-"),
        ("Show.S01E01.mkv", f"bytes={held}-"),
    ]
    assert len(torbox.calls_to("createtorrent")) == 1


async def test_a_pack_is_whole_and_created_once_however_often_it_is_killed(house, torbox, arr):
    grab = torbox.publish("Pack", {f"e{n}.mkv": 3 * MiB for n in range(5)}, FetchedOver(20))
    await arr.grabs(grab)
    for kill in range(4):
        so_far = torbox.cdn.bytes_sent
        torbox.cdn.slow(4 * MiB)
        await eventually(lambda so_far=so_far: torbox.cdn.bytes_sent > so_far + MiB)
        await house.starts_again()
        assert (await house.arr.sees(grab))["progress"] < 1, f"complete after {kill} kills"
    torbox.cdn.clear()
    row = await house.sees(grab, "pausedUP")
    assert house.delivered(row) == contents(grab)
    assert len(torbox.calls_to("createtorrent")) == 1
    # Whatever was asked for, nothing that was here was asked for again.
    asked = {}
    for path, range_asked in torbox.cdn.ranges_asked:
        start = int(range_asked.removeprefix("bytes=").removesuffix("-"))
        assert start >= asked.get(path, 0)
        asked[path] = start


@pytest.mark.parametrize("endpoint", ["createtorrent", "mylist", "requestdl", "controltorrent"])
async def test_killed_during_any_call_to_torbox_it_ends_the_same(house, torbox, arr, endpoint):
    grab = torbox.publish("Show", {"a.mkv": MiB, "b/c.srt": 10}, FetchedOver(20))
    torbox.slow[endpoint] = 0.3

    async def kill_at_the_call() -> None:
        await eventually(lambda: torbox.calls_to(endpoint))
        await house.dies()
        torbox.slow.clear()
        await house.starts()

    await arr.grabs(grab)
    if endpoint != "controltorrent":
        await kill_at_the_call()
    row = await house.sees(grab, "pausedUP")
    assert house.delivered(row) == contents(grab)
    await house.arr.removes(grab)
    if endpoint == "controltorrent":
        await kill_at_the_call()
    await eventually(lambda: not torbox.items)
    await eventually(lambda: not house.delivered(row))
    assert await house.arr.polls() == []
    assert len(torbox.calls_to("createtorrent")) == 1


@pytest.mark.parametrize("comes", ["before the kill", "after the kill"])
async def test_a_create_that_worked_without_an_answer_is_not_sent_again_after_a_kill(
    house, torbox, arr, comes
):
    grab = torbox.publish("Show", {"a.mkv": MiB})
    if comes == "before the kill":
        torbox.next("createtorrent", AnswerAfterDoing(Hang()))
    else:
        torbox.slow["createtorrent"] = 2.0
    await arr.grabs(grab)
    await eventually(lambda: torbox.calls_to("createtorrent"))
    if comes == "before the kill":
        await eventually(lambda: torbox.items)
    await house.dies()
    assert len(torbox.items) == (comes == "before the kill")

    await house.starts()
    row = await house.sees(grab, "pausedUP")

    assert house.delivered(row) == contents(grab)
    assert len(torbox.items) == 1
    assert len(torbox.calls_to("createtorrent")) == 1
    await house.arr.removes(grab)
    await eventually(lambda: not torbox.items)  # it is known to be ours


async def test_a_create_that_times_out_and_worked_is_found_and_not_sent_again(house, torbox, arr):
    grab = torbox.publish("Show", {"a.mkv": MiB})
    torbox.next("createtorrent", AnswerAfterDoing(Hang()))
    await arr.grabs(grab)
    row = await house.sees(grab, "pausedUP")
    assert house.delivered(row) == contents(grab)
    assert len(torbox.items) == 1
    assert len(torbox.calls_to("createtorrent")) == 1


async def test_killed_between_the_rename_and_its_record_it_ends_complete(house, torbox, arr):
    """The folder is watched without a pause, and the kill follows at the instant it is there."""
    rounds, between = 0, False
    while not between and rounds < 12:  # a busy machine may come too late with its kill
        rounds += 1
        grab = torbox.publish(f"Show.{rounds}", {"a.mkv": 1000, "b/c.srt": 1000})
        await house.arr.grabs(grab)
        folder = house.downloads / "tv-sonarr" / grab.name
        await asyncio.to_thread(kill_when_it_appears, house.serve.process.pid, folder)
        await house.dies()
        between = remembered(house, grab).phase == Delivering(torbox.items[0].id, True)
        await house.starts()
        row = await house.sees(grab, "pausedUP")
        assert row["content_path"] == str(folder)
        assert house.delivered(row) == contents(grab)
    assert between
    assert list((house.downloads / ".incomplete").iterdir()) == []
    assert len(torbox.calls_to("createtorrent")) == rounds
    assert len(torbox.cdn.ranges_asked) == 2 * rounds


def kill_when_it_appears(pid: int, folder: Path) -> None:
    for _ in range(5_000_000):
        if folder.exists():
            break
    os.kill(pid, signal.SIGKILL)


def remembered(house, grab) -> Torrent:
    """A torrent as a bridge that does not run any more wrote it down."""
    with closing(sqlite3.connect(house.state / "bridge.db")) as connection:
        ((record,),) = connection.execute(
            "SELECT record FROM torrents WHERE hash = ?", (grab.hash,)
        ).fetchall()
    return msgspec.json.decode(record, type=Torrent)


async def test_what_was_answered_ok_is_there_after_a_kill(house, torbox, arr):
    torbox.stop("hang")
    grabs = [torbox.publish(f"Show.{number}", {"a.mkv": 1000}) for number in range(4)]
    for number, grab in enumerate(grabs):
        assert await house.arr.grabs(grab, as_file=number % 2 == 1) == "Ok."
        await house.starts_again()
        assert {row["hash"] for row in await house.arr.polls()} == {
            one.hash for one in grabs[: number + 1]
        }
    torbox.resume()
    for grab in grabs:
        row = await house.sees(grab, "pausedUP")
        assert house.delivered(row) == contents(grab)
    assert len(torbox.items) == 4
