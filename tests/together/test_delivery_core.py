"""What the core makes of a delivery: figures, restarts, and files that went missing."""

import asyncio
import shutil

from msgspec.structs import replace

from bridge.model import Delivering
from bridge.simulator import MiB


def contents(grab):
    return {file.path: grab.content(file.path) for file in grab.files}


async def told(house, grab):
    return await house.arr.json(f"../bridge/torrents/{grab.hash}")


async def half_delivered(house, grab, path, count):
    """Pause it after so many bytes of a file."""
    house.torbox.cdn.stalls(after=count, path=path)  # of no other file that comes sooner
    await house.arr.grabs(grab)
    await house.torbox.cdn.has_sent(path, count)
    await house.has_begun(path)
    await house.arr.call("POST", "torrents/pause", data={"hashes": grab.hash})
    await house.calm()


async def test_after_a_restart_what_is_here_is_shown_before_anything_else_comes(house, torbox, arr):
    grab = torbox.publish("Show", {"a.mkv": 8 * MiB})
    await half_delivered(house, grab, "a.mkv", 4 * MiB)
    (part,) = house.downloads.rglob("a.mkv")
    here = part.stat().st_size
    arr = await house.restarts()

    await house.eventually(lambda: house.bridge.board.get(grab.hash).shown.local_bytes, jump=0)

    assert here >= 2 * MiB
    assert house.bridge.board.get(grab.hash).shown.local_bytes == here
    (row,) = await arr.polls()
    assert row["completed"] >= here
    await arr.call("POST", "torrents/resume", data={"hashes": grab.hash})
    row = await house.sees_state(grab, "pausedUP", jump=5)
    assert house.files_of(row) == contents(grab)


async def test_files_that_went_missing_before_they_were_placed_are_fetched_again(
    house, torbox, arr
):
    grab = torbox.publish("Show", {"a.mkv": MiB})
    await half_delivered(house, grab, "a.mkv", MiB // 2)
    shutil.rmtree(house.downloads / ".incomplete" / grab.hash)
    await house.bridge.ledger.change(
        grab.hash, lambda now: replace(now, phase=replace(now.phase, placing=True))
    )
    await arr.call("POST", "torrents/resume", data={"hashes": grab.hash})

    row = await house.sees_state(grab, "pausedUP", jump=5)
    assert house.files_of(row) == contents(grab)


async def test_a_folder_of_others_that_took_the_name_survives_a_delete_before_the_rename(
    house, torbox, arr
):
    grab = torbox.publish("Show", {"a.mkv": MiB})
    await half_delivered(house, grab, "a.mkv", MiB // 2)
    await house.bridge.ledger.change(
        grab.hash, lambda now: replace(now, phase=replace(now.phase, placing=True))
    )
    theirs = house.downloads / "tv-sonarr" / "Show" / "a.mkv"
    theirs.parent.mkdir()
    theirs.write_bytes(b"theirs")

    await arr.removes(grab)

    await house.eventually(lambda: grab.hash not in house.bridge.ledger.torrents)
    assert theirs.read_bytes() == b"theirs"
    assert not (house.downloads / ".incomplete" / grab.hash).exists()


async def test_no_more_files_can_be_chosen_once_the_rename_is_next(house, torbox, arr):
    grab = torbox.publish("Show", {"a.mkv": MiB, "b.mkv": 1000})
    await half_delivered(house, grab, "a.mkv", MiB // 2)
    chosen = {"hash": grab.hash, "id": "1", "priority": "0"}
    assert (await arr.call("POST", "torrents/filePrio", data=chosen))[0] == 200
    await house.bridge.ledger.change(
        grab.hash, lambda now: replace(now, phase=replace(now.phase, placing=True))
    )

    status, _ = await arr.call("POST", "torrents/filePrio", data=chosen | {"priority": "1"})

    assert status == 409
    assert [file.wanted for file in house.bridge.ledger.torrents[grab.hash].files] == [True, False]


async def test_files_below_another_root_are_left_alone_and_their_torrent_is_forgotten(
    house, torbox, arr
):
    grab = torbox.publish("Show", {"a.mkv": 1000})
    await arr.grabs(grab)
    row = await house.sees_state(grab, "pausedUP")
    await house.stops()
    house.sets(downloads={"path": str(house.downloads.with_name("elsewhere"))})
    arr = await house.starts()

    await arr.removes(grab)

    await house.eventually(lambda: grab.hash not in house.bridge.ledger.torrents)
    assert house.files_of(row) == contents(grab)


async def test_all_that_ever_came_here_is_counted_over_restarts(house, torbox, arr):
    async def counted() -> tuple[int, int]:
        state = (await house.arr.json("sync/maindata"))["server_state"]
        return state["dl_info_data"], state["alltime_dl"]

    grab = torbox.publish("Show", {"a.mkv": 3 * MiB})
    await arr.grabs(grab)
    await house.sees_state(grab, "pausedUP")
    assert await counted() == (3 * MiB, 3 * MiB)
    await house.restarts()
    assert await counted() == (0, 3 * MiB)
    other = torbox.publish("Other", {"b.mkv": MiB})
    await house.arr.grabs(other)
    await house.sees_state(other, "pausedUP")
    assert await counted() == (MiB, 4 * MiB)


async def test_the_bytes_and_the_speed_of_the_whole_are_shown(house, torbox, arr):
    grab = torbox.publish("Show", {"a.mkv": 3 * MiB, "b.mkv": MiB})
    await arr.grabs(grab)
    speeds = []

    async def complete():
        speeds.append((await arr.json("transfer/info"))["dl_info_speed"])
        return (await arr.sees(grab))["state"] == "pausedUP"

    await house.eventually(complete, jump=0.2)

    assert (await arr.json("transfer/info"))["dl_info_data"] == 4 * MiB
    assert max(speeds) > 0

    async def quiet():
        return (await arr.json("transfer/info"))["dl_info_speed"] == 0

    await house.eventually(quiet)
    await house.calm()


async def test_a_delivery_is_counted_by_itself_while_it_runs(house, torbox, arr):
    grab = torbox.publish("Show", {"a.mkv": 4 * MiB})
    torbox.cdn.stalls(after=2 * MiB)
    await arr.grabs(grab)
    await torbox.cdn.has_sent("a.mkv", 2 * MiB)
    torrent = house.bridge.ledger.torrents[grab.hash]
    assert isinstance(torrent.phase, Delivering)
    async with asyncio.timeout(10):
        # It does not wait for the delivery, which holds the files.
        await house.bridge.engine._delivery.measure(grab.hash, torrent.folder, torrent.files)
    torbox.cdn.release()
    await house.sees_state(grab, "pausedUP")
