"""A file that a client wants after all, while TorBox does not list it."""

from bridge.model import Delivering, Failed
from bridge.simulator import Cached, MiB


async def wanted_after_all(house, torbox, arr):
    """The second file is made wanted while the first comes; the torrent, and what lists it."""
    grab = torbox.publish("Show", {"e1.mkv": 8 * MiB, "e2.mkv": MiB}, Cached())
    whole = grab.files
    grab.files = tuple(file for file in whole if file.path != "e2.mkv")
    torbox.cdn.slow(MiB)
    await arr.grabs(grab, as_file=True, paused="True")
    await house.calm()
    names = [file["name"] for file in await arr.json("torrents/files", hash=grab.hash)]
    choice = {"hash": grab.hash, "id": names.index("Show/e2.mkv")}
    await arr.call("POST", "torrents/filePrio", data={**choice, "priority": 0})
    await arr.call("POST", "torrents/resume", data={"hashes": grab.hash})
    await house.eventually(lambda: isinstance(phase_of(house, grab), Delivering), jump=1)
    await arr.call("POST", "torrents/filePrio", data={**choice, "priority": 1})
    torbox.cdn.clear()
    return grab, whole


def phase_of(house, grab):
    return house.bridge.ledger.torrents[grab.hash].phase


async def test_a_file_wanted_after_all_comes_once_torbox_lists_it(house, torbox, arr):
    grab, whole = await wanted_after_all(house, torbox, arr)

    async def waits():
        told = await arr.json(f"../bridge/torrents/{grab.hash}")
        return "TorBox does not list 'e2.mkv' yet" in told["reason"]

    await house.eventually(waits, jump=5)
    grab.files = whole
    row = await house.sees_state(grab, "pausedUP", jump=5)
    assert house.files_of(row) == {file.path: grab.content(file.path) for file in whole}


async def test_a_file_wanted_after_all_that_torbox_never_lists_fails_the_torrent(
    house, torbox, arr
):
    grab, _whole = await wanted_after_all(house, torbox, arr)
    await house.eventually(lambda: isinstance(phase_of(house, grab), Failed), jump=10)
    assert "TorBox does not list 'e2.mkv'" in phase_of(house, grab).reason
