"""What is complete can be moved and renamed by clients: inside the root, and never over others."""

import errno

import pytest

from bridge.delivery import moving
from bridge.delivery.delivery import Delivery
from bridge.errors import DiskTrouble
from bridge.simulator import MiB

PACK = {"Season 1/e1.mkv": MiB, "Season 1/e2.mkv": 2000, "readme.txt": 10}


async def complete(house, torbox, arr, name: str = "Show"):
    grab = torbox.publish(name, PACK)
    await arr.grabs(grab, as_file=True)
    await house.sees_state(grab, "pausedUP")
    return grab


async def asks(arr, action: str, **fields) -> tuple[int, str]:
    return await arr.call("POST", f"torrents/{action}", data=fields)


async def moved(house, grab) -> dict:
    """The row once the worker is done; until then an arr must see a download under way."""
    before = await house.arr.sees(grab)
    assert before["state"] in {"moving", "pausedUP"}
    return await house.sees_state(grab, "pausedUP")


async def says(house, grab, words: str) -> None:
    """Its sentence comes to be this; between two tries it is another for a moment."""

    async def told() -> bool:
        return words in str(await house.arr.json(f"../bridge/torrents/{grab.hash}"))

    await house.eventually(told)


def contents(grab) -> dict[str, bytes]:
    return {file.path: grab.content(file.path) for file in grab.files}


async def named(arr, grab) -> list[str]:
    return [file["name"] for file in await arr.json("torrents/files", hash=grab.hash)]


async def test_a_complete_torrent_moves_with_its_files(house, torbox, arr) -> None:
    grab = await complete(house, torbox, arr)
    place = f"{house.downloads}/kept/series"
    assert await asks(arr, "setLocation", hashes=grab.hash, location="kept/series") == (200, "")
    assert (await arr.sees(grab))["save_path"] == place, "shown at once"
    row = await moved(house, grab)
    assert (row["save_path"], row["content_path"]) == (place, f"{place}/Show")
    assert house.files_of(row) == contents(grab)
    assert not (house.downloads / "tv-sonarr" / "Show").exists()
    await arr.removes(grab)
    await house.eventually(lambda: not (house.downloads / "kept/series/Show").exists())


async def test_while_it_moves_an_arr_sees_a_download_under_way(house, torbox, arr) -> None:
    grab = await complete(house, torbox, arr)
    house.bridge.engine._loop.cancel()  # so that nobody does it
    await asks(arr, "setLocation", hashes=grab.hash, location="kept")
    row = await arr.sees(grab)
    assert (row["state"], row["progress"]) == ("moving", 1)
    again = await arr.json("torrents/info", filter="moving")
    assert [one["hash"] for one in again] == [grab.hash]


async def test_a_move_that_was_asked_for_is_done_after_a_restart(house, torbox, arr) -> None:
    grab = await complete(house, torbox, arr)
    house.bridge.engine._loop.cancel()
    await asks(arr, "setLocation", hashes=grab.hash, location="kept")
    arr = await house.restarts()
    row = await moved(house, grab)
    assert row["save_path"] == f"{house.downloads}/kept"
    assert house.files_of(row) == contents(grab)


async def test_a_move_to_where_the_name_is_taken_leaves_both_alone(house, torbox, arr) -> None:
    grab = await complete(house, torbox, arr)
    other = house.downloads / "kept" / "Show"
    other.mkdir(parents=True)
    (other / "readme.txt").write_text("somebody's")
    await asks(arr, "setLocation", hashes=grab.hash, location="kept")
    row = await moved(house, grab)
    assert row["save_path"] == f"{house.downloads}/tv-sonarr"
    assert house.files_of(row) == contents(grab)
    await arr.removes(grab)
    await house.eventually(lambda: not (house.downloads / "tv-sonarr" / "Show").exists())
    assert (other / "readme.txt").read_text() == "somebody's"


async def test_a_torrent_removed_while_it_moves_leaves_no_file(house, torbox, arr) -> None:
    grab = await complete(house, torbox, arr)
    await asks(arr, "setLocation", hashes=grab.hash, location="kept")
    await arr.removes(grab)
    await house.calm()
    left = [path for path in house.downloads.rglob("*") if path.name in {"e1.mkv", "readme.txt"}]
    assert left == []


@pytest.fixture
def refusing(monkeypatch):
    """Moves go to another disk, which answers each file with an error of this number."""

    def refuses(number: int) -> None:
        def fails(source, target, stop):
            target.write_bytes(b"be")
            raise OSError(number, "no")

        monkeypatch.setattr(moving, "_renamed", lambda source, target: False)
        monkeypatch.setattr(moving, "_copy_file", fails)

    return refuses


@pytest.mark.parametrize(
    "number", [errno.ENOSPC, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EIO]
)
async def test_a_move_that_the_disk_cannot_take_is_given_up(
    number, house, torbox, arr, refusing
) -> None:
    grab = await complete(house, torbox, arr)
    refusing(number)
    await asks(arr, "setLocation", hashes=grab.hash, location="kept")
    row = await moved(house, grab)
    assert row["save_path"] == f"{house.downloads}/tv-sonarr"
    assert house.files_of(row) == contents(grab)
    assert list((house.downloads / "kept").iterdir()) == []
    assert house.bridge.engine.weather.disk is None, "nobody waits for it"
    told = await arr.json(f"../bridge/torrents/{grab.hash}")
    assert "is not moved" in str(told)


async def test_a_torrent_that_cannot_be_moved_can_be_removed(
    house, torbox, arr, refusing, monkeypatch
) -> None:
    grab = await complete(house, torbox, arr)

    async def is_unwell(_delivery) -> None:
        raise DiskTrouble("the disk refuses")

    monkeypatch.setattr(Delivery, "check_ready", is_unwell)
    refusing(errno.EIO)
    await asks(arr, "setLocation", hashes=grab.hash, location="kept")
    await house.eventually(lambda: house.bridge.engine.weather.disk is not None)
    await arr.removes(grab)
    await house.eventually(lambda: grab.hash not in house.bridge.ledger.torrents)
    assert [path for path in house.downloads.rglob("*") if path.is_file()] == []


async def test_what_came_is_removed_though_it_is_not_wanted_any_more(house, torbox, arr) -> None:
    grab = await complete(house, torbox, arr)
    await asks(arr, "filePrio", hash=grab.hash, id=0, priority=0)
    await arr.removes(grab)
    await house.eventually(lambda: not (house.downloads / "tv-sonarr/Show").exists())


NOWHERE = ["/etc", "../..", ".incomplete", "a\x01b", "a\nb", "a" * 256, "a/" * 1500]


@pytest.mark.parametrize("place", NOWHERE, ids=range(len(NOWHERE)))
async def test_nothing_moves_out_of_the_root(house, torbox, arr, place: str) -> None:
    grab = await complete(house, torbox, arr)
    before = await arr.sees(grab)
    status, text = await asks(arr, "setLocation", hashes=grab.hash, location=place)
    assert (status, text) == (409, "Cannot make save path")
    into_itself = f"{before['content_path']}/below"
    assert (await asks(arr, "setLocation", hashes=grab.hash, location=into_itself))[0] == 409
    assert await arr.sees(grab) == before


async def test_the_folder_and_the_files_of_a_complete_torrent_are_renamed(
    house, torbox, arr
) -> None:
    grab = await complete(house, torbox, arr)
    place = {"hash": grab.hash, "oldPath": "Show/readme.txt", "newPath": "Show/Notes/read me.txt"}
    assert await asks(arr, "renameFile", **place) == (200, "")
    await moved(house, grab)
    season = {"hash": grab.hash, "oldPath": "Show/Season 1", "newPath": "Show/Season 01"}
    assert await asks(arr, "renameFolder", **season) == (200, "")
    row = await moved(house, grab)
    files = contents(grab)
    expected = {
        "Season 01/e1.mkv": files["Season 1/e1.mkv"],
        "Season 01/e2.mkv": files["Season 1/e2.mkv"],
        "Notes/read me.txt": files["readme.txt"],
    }
    assert house.files_of(row) == expected
    assert set(await named(arr, grab)) == {f"Show/{path}" for path in expected}
    assert not (house.downloads / "tv-sonarr/Show/Season 1").exists()

    own = {"hash": grab.hash, "oldPath": "Show", "newPath": "Other"}
    assert await asks(arr, "renameFolder", **own) == (200, "")
    row = await moved(house, grab)
    assert row["content_path"] == f"{house.downloads}/tv-sonarr/Other"
    assert house.files_of(row) == expected
    await arr.removes(grab)
    await house.eventually(lambda: not (house.downloads / "tv-sonarr" / "Other").exists())


@pytest.mark.parametrize("new", ["Show/../../evil", "Elsewhere/readme.txt", "/etc/x", "Show/a\x00"])
async def test_a_file_cannot_be_renamed_out_of_its_folder(house, torbox, arr, new: str) -> None:
    grab = await complete(house, torbox, arr)
    place = {"hash": grab.hash, "oldPath": "Show/readme.txt", "newPath": new}
    assert (await asks(arr, "renameFile", **place))[0] == 409
    row = await moved(house, grab)
    assert house.files_of(row) == contents(grab)


async def test_a_name_that_somebody_elses_file_has_is_left_alone(house, torbox, arr) -> None:
    grab = await complete(house, torbox, arr)
    theirs = house.downloads / "tv-sonarr/Show/theirs.txt"
    theirs.write_text("theirs")
    place = {"hash": grab.hash, "oldPath": "Show/readme.txt", "newPath": "Show/theirs.txt"}
    assert await asks(arr, "renameFile", **place) == (200, "")
    await moved(house, grab)
    assert "Show/readme.txt" in await named(arr, grab)
    assert theirs.read_text() == "theirs"
    assert (house.downloads / "tv-sonarr/Show/readme.txt").read_bytes() == grab.content(
        "readme.txt"
    )


async def test_two_files_cannot_be_given_one_name_one_after_the_other(house, torbox, arr) -> None:
    grab = await complete(house, torbox, arr)
    house.bridge.engine._loop.cancel()  # so that the first rename still waits
    places = [f"Show/Season 1/e{number}.mkv" for number in (1, 2)]
    taken = {"hash": grab.hash, "newPath": "Show/Season 1/x.mkv"}
    assert await asks(arr, "renameFile", oldPath=places[0], **taken) == (200, "")
    assert (await asks(arr, "renameFile", oldPath=places[1], **taken))[0] == 409
    assert len(set(await named(arr, grab))) == len(PACK)


async def test_a_file_where_a_folder_should_be_keeps_only_one_torrent_waiting(
    house, torbox, arr
) -> None:
    in_the_way = house.downloads / "kept"
    in_the_way.write_text("theirs")
    moves, stays = await complete(house, torbox, arr), torbox.publish("Stays", PACK)
    place = f"{in_the_way}/series"
    assert await asks(arr, "setLocation", hashes=moves.hash, location=place) == (200, "")
    assert await arr.grabs(stays, savepath=place) == "Ok."

    row = await moved(house, moves)
    assert row["save_path"] == f"{house.downloads}/tv-sonarr"
    assert house.files_of(row) == contents(moves)
    await complete(house, torbox, arr, "Another")
    assert house.bridge.engine.weather.disk is None, "nobody waits for it"
    await says(house, stays, f"a file lies where the folder {place} should be")
    assert (await arr.sees(stays))["state"] == "queuedDL"

    assert in_the_way.read_text() == "theirs"
    in_the_way.unlink()
    await house.sees_state(stays, "pausedUP")


async def test_a_file_that_comes_into_the_way_later_is_told_of(house, torbox, arr) -> None:
    grab = torbox.publish("Show", PACK)
    torbox.cdn.stalls(after=100, path="readme.txt")
    torbox.cdn.stalls(after=1000, path="Season 1/e1.mkv")
    await arr.grabs(grab, savepath="kept")
    await house.has_begun("e1.mkv")
    in_the_way = house.downloads / "tv-sonarr/kept"
    in_the_way.write_text("theirs")
    torbox.cdn.release()

    await says(house, grab, f"a file lies where the folder {in_the_way} should be")
    assert house.bridge.engine.weather.disk is None, "nobody waits for it"
    in_the_way.unlink()
    row = await house.sees_state(grab, "pausedUP")
    assert house.files_of(row) == contents(grab)


@pytest.mark.parametrize("new", ["theirs/readme.txt", "readme.txt/readme.txt"])
async def test_no_file_is_renamed_to_below_a_file(house, torbox, arr, new: str) -> None:
    grab = await complete(house, torbox, arr)
    (house.downloads / "tv-sonarr/Show/theirs").write_text("theirs")
    place = {"hash": grab.hash, "oldPath": "Show/readme.txt", "newPath": f"Show/{new}"}
    assert await asks(arr, "renameFile", **place) == (200, "")
    row = await moved(house, grab)
    assert house.files_of(row) == contents(grab) | {"theirs": b"theirs"}
    assert "Show/readme.txt" in await named(arr, grab)


async def test_a_place_that_no_disk_takes_is_refused_before_anything_waits_for_it(
    house, torbox, arr
) -> None:
    grab = torbox.publish("Show", PACK)
    for place in ("a/" * 1500, "ü" * 200):
        assert await arr.grabs(grab, savepath=place) == "Fails."
        status, _ = await asks(arr, "createCategory", category="deep", savePath=place)
        assert status == 409
    assert await arr.grabs(grab, category="ü" * 200) == "Ok."
    row = (await arr.json("torrents/info", category="ü" * 200))[0]
    assert row["hash"] == grab.hash
