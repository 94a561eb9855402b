"""A client's recheck reads what is complete, and a resume tries again what went wrong."""

import shutil
import threading
from pathlib import Path

import pytest

from bridge.delivery import delivery
from bridge.model import Cause, Failed
from bridge.simulator import Cached, FetchedOver, MiB, Stalled

PACK = {"a.mkv": MiB + 7, "Subs/en.srt": 100, "Subs/de.srt": 90}


def contents(grab) -> dict[str, bytes]:
    return {file.path: grab.content(file.path) for file in grab.files}


async def posts(arr, action: str, **fields) -> None:
    assert (await arr.call("POST", f"torrents/{action}", data=fields))[0] == 200, action


async def told(house, grab) -> dict:
    return await house.arr.json(f"../bridge/torrents/{grab.hash}")


async def complete(house, torbox, arr, *, as_file: bool = True, files=PACK, **fields):
    grab = torbox.publish("Show", files, **fields)
    await arr.grabs(grab, as_file=as_file)
    return grab, await house.sees_state(grab, "pausedUP")


async def rechecked(house, arr, grab) -> dict:
    await posts(arr, "recheck", hashes=grab.hash)
    await house.calm()
    return await house.arr.sees(grab)


def damage(row: dict, name: str = "a.mkv", at: int = 1000) -> None:
    """One byte is another; the size and the date are as they were."""
    path = Path(row["content_path"], name)
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


async def test_a_recheck_of_whole_files_says_so(house, torbox, arr):
    grab, before = await complete(house, torbox, arr)
    row = await rechecked(house, arr, grab)
    assert (row["state"], row["progress"], row["ratio_limit"]) == ("pausedUP", 1, 0)
    assert "all its files are whole" in str((await told(house, grab))["timeline"])
    assert row["completion_on"] == before["completion_on"]


@pytest.mark.parametrize("name", ["a.mkv", "Subs/en.srt"])
async def test_a_recheck_finds_a_byte_that_is_another(house, torbox, arr, name):
    grab, row = await complete(house, torbox, arr)
    data = Path(row["content_path"], name).read_bytes()
    damage(row, name, at=len(data) - 1)
    row = await rechecked(house, arr, grab)
    assert (row["state"], row["progress"], row["amount_left"]) == ("missingFiles", 0, row["size"])
    assert "is damaged; resume it" in (await told(house, grab))["reason"]
    await house.restarts()
    assert (await house.arr.sees(grab))["state"] == "missingFiles"
    Path(row["content_path"], name).write_bytes(data)
    row = await rechecked(house, house.arr, grab)
    assert (row["state"], row["progress"]) == ("pausedUP", 1)


async def test_files_are_read_under_the_names_that_clients_gave_them(house, torbox, arr):
    grab, row = await complete(house, torbox, arr)
    await posts(
        arr, "renameFile", hash=grab.hash, oldPath="Show/a.mkv", newPath="Show/other name.mkv"
    )
    await house.calm()
    assert (await rechecked(house, arr, grab))["state"] == "pausedUP"
    damage(row, "other name.mkv")
    assert (await rechecked(house, arr, grab))["state"] == "missingFiles"


async def test_without_a_torrent_file_the_sizes_are_compared(house, torbox, arr):
    grab, row = await complete(house, torbox, arr, as_file=False, script=Cached())
    damage(row)
    assert (await rechecked(house, arr, grab))["state"] == "pausedUP"
    path = Path(row["content_path"], "a.mkv")
    path.write_bytes(path.read_bytes()[:-1])
    assert (await rechecked(house, arr, grab))["state"] == "missingFiles"
    assert "files are not in their folder" in (await told(house, grab))["reason"]


@pytest.mark.parametrize("how", ["resume", "start", "add", "page"])
@pytest.mark.parametrize("what", ["damaged", "gone"])
async def test_what_was_found_wanting_is_fetched_again_when_a_client_asks(
    house, torbox, arr, how, what
):
    grab, row = await complete(house, torbox, arr)
    if what == "damaged":
        damage(row)
    else:
        Path(row["content_path"], "a.mkv").unlink()
    assert (await rechecked(house, arr, grab))["state"] == "missingFiles"
    if how == "add":
        await arr.grabs(grab)
    elif how == "page":
        path = f"../bridge/torrents/{grab.hash}/retry"
        assert (await arr.call("POST", path, headers={"Origin": arr.url}))[0] == 200
    else:
        await posts(arr, how, hashes=grab.hash)
    row = await house.sees_state(grab, "pausedUP")
    assert house.bridge.ledger.torrents[grab.hash].attempt == 2
    assert house.files_of(row) == contents(grab)


async def test_what_was_brought_back_meanwhile_is_not_fetched_again(house, torbox, arr):
    grab, row = await complete(house, torbox, arr)
    aside = house.downloads.parent / "aside"
    shutil.move(row["content_path"], aside)
    assert (await rechecked(house, arr, grab))["state"] == "missingFiles"
    shutil.move(aside, row["content_path"])
    await posts(arr, "resume", hashes=grab.hash)
    await house.sees_state(grab, "pausedUP")
    assert house.bridge.ledger.torrents[grab.hash].attempt == 1


@pytest.fixture
def reading(monkeypatch):
    """A recheck that reads until it is let go, or stopped."""

    class Reading:
        begun, go = threading.Event(), threading.Event()
        times = 0

    real = delivery.damaged_files

    def slowly(folder, files, proof, stop):
        Reading.times += 1
        Reading.begun.set()
        while not Reading.go.wait(0.01) and not stop.is_set():
            pass
        return real(folder, files, proof, stop)

    monkeypatch.setattr(delivery, "damaged_files", slowly)
    yield Reading
    Reading.go.set()


async def test_while_it_reads_that_is_shown_and_nothing_else_waits(house, torbox, arr, reading):
    grab, _ = await complete(house, torbox, arr)
    await posts(arr, "recheck", hashes=grab.hash)
    await house.eventually(reading.begun.is_set, jump=0)
    row = await arr.sees(grab)
    assert (row["state"], row["progress"]) == ("checkingUP", 1)
    assert len(await arr.json("torrents/info", filter="checking")) == 1
    other = torbox.publish("Other", {"b.mkv": 1000, "b.srt": 10})
    await arr.grabs(other, as_file=True)
    await house.sees_state(other, "pausedUP")
    reading.go.set()
    await house.sees_state(grab, "pausedUP")


async def test_what_an_arr_imports_while_it_is_read_is_no_trouble_with_the_disk(
    house, torbox, arr, reading
):
    grab, row = await complete(house, torbox, arr)
    await posts(arr, "recheck", hashes=grab.hash)
    await house.eventually(reading.begun.is_set, jump=0)
    troubles = []
    house.bridge.board.listen(
        lambda _before, after: troubles.append(house.bridge.engine.weather.disk)
    )
    for path in Path(row["content_path"]).rglob("*.*"):
        path.unlink()
    reading.go.set()
    await house.sees_state(grab, "missingFiles")
    assert troubles
    assert not any(troubles)


async def test_a_torrent_can_be_removed_while_it_is_read(house, torbox, arr, reading):
    grab, row = await complete(house, torbox, arr)
    await posts(arr, "recheck", hashes=grab.hash)
    await house.eventually(reading.begun.is_set, jump=0)
    await arr.removes(grab)
    await house.eventually(lambda: not Path(row["content_path"]).exists())
    await house.eventually(lambda: grab.hash not in house.bridge.ledger.torrents)


async def test_a_recheck_that_a_restart_cut_off_is_done_again(house, torbox, arr, reading):
    grab, row = await complete(house, torbox, arr)
    damage(row)
    await posts(arr, "recheck", hashes=grab.hash)
    await house.eventually(reading.begun.is_set, jump=0)
    await house.restarts()
    assert (await house.arr.sees(grab))["state"] == "checkingUP"
    reading.go.set()
    await house.sees_state(grab, "missingFiles")
    assert reading.times == 2


async def test_before_it_is_complete_a_recheck_changes_nothing(house, torbox, arr):
    grab = torbox.publish("Show", PACK, FetchedOver(600))
    await arr.grabs(grab)
    before = await house.sees_state(grab, "downloading")
    row = await rechecked(house, arr, grab)
    assert row["state"] == before["state"]


# What failed


async def failed(house, torbox, arr):
    grab = torbox.publish("Show", PACK, Stalled(at=0))
    await arr.grabs(grab, as_file=True)

    def over() -> bool:
        return isinstance(house.bridge.ledger.torrents[grab.hash].phase, Failed)

    await house.eventually(over, jump=120)
    assert await arr.logs_in() == "Ok."
    return grab


@pytest.mark.parametrize("verb", ["resume", "start"])
async def test_what_failed_is_tried_again_when_a_client_resumes_it(house, torbox, arr, verb):
    grab = await failed(house, torbox, arr)
    await posts(arr, verb, hashes="all")
    await house.calm()
    assert isinstance(house.bridge.ledger.torrents[grab.hash].phase, Failed), "not all at once"
    grab.script = FetchedOver(60)
    await posts(arr, verb, hashes=grab.hash)
    row = await house.sees_state(grab, "pausedUP", jump=5)
    assert house.bridge.ledger.torrents[grab.hash].attempt == 2
    assert house.files_of(row) == contents(grab)


async def test_what_torbox_cannot_take_at_all_is_not_tried_again(house, arr):
    magnet = f"magnet:?xt=urn:btmh:1220{'e' * 64}"
    assert await arr.grabs(magnet) == "Ok."
    await posts(arr, "resume", hashes="e" * 64)
    await house.calm()
    phase = house.bridge.ledger.torrents["e" * 64].phase
    assert isinstance(phase, Failed)
    assert phase.cause is Cause.V2_ONLY
