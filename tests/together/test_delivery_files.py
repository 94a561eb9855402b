"""What is wanted is what the .torrent lists, and nothing less is called complete."""

import unicodedata

import pytest
from msgspec.structs import replace

from bridge.simulator import Cached, FetchedOver, MiB
from bridge.simulator.published import TorrentFile

PACK = {"e1.mkv": MiB, "e2.mkv": MiB + 1, "Subs/E1/en.srt": 1000, "Subs/E2/en.srt": 1001}
MANY = {f"{number:03}.flac": 1000 + number for number in range(120)}


def contents(grab):
    return {file.path: grab.content(file.path) for file in grab.files}


async def told(house, grab):
    return await house.arr.json(f"../bridge/torrents/{grab.hash}")


def lists_without(grab, path):
    """TorBox lists it without this file from now on; gives what brings it back."""
    whole = grab.files
    grab.files = tuple(file for file in whole if file.path != path)
    return lambda: setattr(grab, "files", whole)


async def test_a_file_that_torbox_does_not_list_yet_is_waited_for(house, torbox, arr):
    grab = torbox.publish("Show", PACK)
    brings_back = lists_without(grab, "e2.mkv")
    await arr.grabs(grab, as_file=True)
    await house.passes(600)
    assert (await arr.sees(grab))["state"] == "queuedDL"
    assert "TorBox does not list 'e2.mkv' yet" in (await told(house, grab))["reason"]
    assert torbox.calls_to("requestdl") == []

    brings_back()

    row = await house.sees_state(grab, "pausedUP", jump=10)
    assert house.files_of(row) == contents(grab)


async def test_a_file_that_stays_away_for_fifteen_minutes_fails_the_torrent_by_name(
    house, torbox, arr
):
    grab = torbox.publish("Show", PACK)
    lists_without(grab, "Subs/E2/en.srt")
    await arr.grabs(grab, as_file=True)
    await house.passes(840)
    assert (await told(house, grab))["phase"] == "fetching"
    await house.passes(240)
    assert (await told(house, grab))["phase"] == "failed"
    assert "Subs/E2/en.srt" in (await told(house, grab))["reason"]
    assert torbox.calls_to("requestdl") == []


async def test_a_file_of_another_size_is_another_file(house, torbox, arr):
    grab = torbox.publish("Show", PACK)
    whole = grab.files
    grab.files = tuple(
        TorrentFile(file.id, file.path, file.size - 1) if file.path == "e1.mkv" else file
        for file in whole
    )
    await arr.grabs(grab, as_file=True)
    await house.passes(300)
    assert "e1.mkv" in (await told(house, grab))["reason"]
    grab.files = whole
    row = await house.sees_state(grab, "pausedUP", jump=10)
    assert house.files_of(row) == contents(grab)


@pytest.mark.parametrize("as_file", [False, True])
async def test_names_that_only_some_disks_tell_apart_are_all_delivered(house, torbox, arr, as_file):
    names = ["A.mkv", "a.mkv", "Ä.mkv", "A\u0308.mkv", "s/a?.srt", "s/a*.srt", "CON/x.", "B", "b/c"]
    grab = torbox.publish(
        "Show", {name: 1000 + (n // 2 if n < 4 else n) for n, name in enumerate(names)}
    )
    await arr.grabs(grab, as_file=as_file)

    row = await house.sees_state(grab, "pausedUP", jump=10)

    files = house.files_of(row)
    assert sorted(files.values()) == sorted(contents(grab).values())
    assert len({unicodedata.normalize("NFC", path).casefold() for path in files}) == len(names)
    if as_file:
        assert files["A.mkv"] == grab.content("A.mkv")
        assert files["a (2).mkv"] == grab.content("a.mkv")


async def test_time_in_which_torbox_was_down_does_not_fail_it(house, torbox, arr):
    grab = torbox.publish("Show", PACK)
    brings_back = lists_without(grab, "e2.mkv")
    await arr.grabs(grab, as_file=True)
    await house.passes(120)
    torbox.stop("down")
    await house.passes(3600, step=120)
    torbox.resume()
    await house.passes(420, step=30)
    assert (await told(house, grab))["phase"] == "fetching"
    brings_back()
    row = await house.sees_state(grab, "pausedUP", jump=10)
    assert house.files_of(row) == contents(grab)


async def test_an_unwanted_file_that_torbox_lacks_is_not_waited_for(house, torbox, arr):
    grab = torbox.publish("Show", PACK, FetchedOver(600))
    lists_without(grab, "e2.mkv")
    await arr.grabs(grab, as_file=True)
    await house.sees_state(grab, "downloading")
    index = [file["name"] for file in await arr.json("torrents/files", hash=grab.hash)].index(
        "Show/e2.mkv"
    )
    await arr.call(
        "POST", "torrents/filePrio", data={"hash": grab.hash, "id": index, "priority": 0}
    )
    row = await house.sees_state(grab, "pausedUP", jump=10)
    assert house.files_of(row) == contents(grab)


def zipped(torbox, grab):
    """Somebody let TorBox zip it, as it does from a hundred files on."""
    torbox.item_of(grab.hash).allow_zip = True


@pytest.mark.parametrize("as_file", [False, True])
async def test_files_that_torbox_zipped_are_asked_for_again_once_and_come_unzipped(
    house, torbox, arr, as_file
):
    grab = torbox.publish("Album", MANY, FetchedOver(60))
    await arr.grabs(grab, as_file=as_file)
    await house.eventually(lambda: torbox.items, jump=0.1)
    zipped(torbox, grab)

    row = await house.sees_state(grab, "pausedUP", jump=5)

    assert house.files_of(row) == contents(grab)
    assert len(torbox.calls_to("createtorrent")) == 2
    assert len(torbox.items) == 1


async def test_what_stays_a_zip_fails_with_that_reason_and_is_not_delivered(house, torbox, arr):
    grab = torbox.publish("Album", MANY, Cached())
    torbox.already_in_account(grab)  # somebody else's: it is not ours to delete
    zipped(torbox, grab)
    await arr.grabs(grab)

    await house.sees_state(grab, "stalledDL", jump=5)

    assert "only as a zip" in (await told(house, grab))["reason"]
    assert len(torbox.items) == 1
    assert torbox.calls_to("controltorrent") == []
    assert torbox.calls_to("requestdl") == []


async def test_one_zip_for_many_files_is_known_by_the_torrent_file(house, torbox, arr):
    grab = torbox.publish("Album", {"a.flac": 10, "b.flac": 20}, FetchedOver(60))
    whole = grab.files
    grab.files = (TorrentFile(0, "Album.zip", 500),)
    await arr.grabs(grab, as_file=True)
    await house.eventually(lambda: torbox.calls_to("controltorrent"), jump=5)
    grab.files = whole
    row = await house.sees_state(grab, "pausedUP", jump=5)
    assert house.files_of(row) == contents(grab)
    assert len(torbox.calls_to("createtorrent")) == 2


async def test_a_torrent_file_that_comes_late_tells_the_files_of_a_zip(house, torbox, arr):
    grab = torbox.publish("Album", {"a.flac": 10, "b.flac": 20}, Cached())
    whole = grab.files
    grab.files = (TorrentFile(0, "Album.zip", 500),)
    await arr.grabs(grab, paused="True")
    await house.calm()
    await arr.grabs(grab, as_file=True)
    one = house.bridge.ledger.torrents[grab.hash].files[:1]
    listed = (replace(one[0], path="Album.zip", size=500),)
    await house.bridge.ledger.change(grab.hash, lambda now: replace(now, files=listed))
    # A cached torrent is looked at as soon as its create is answered: the files change before that.
    torbox.slow["createtorrent"] = 0.3
    await arr.call("POST", "torrents/resume", data={"hashes": grab.hash})
    await house.eventually(lambda: torbox.calls_to("controltorrent"), jump=5)
    grab.files = whole
    row = await house.sees_state(grab, "pausedUP", jump=5)
    assert house.files_of(row) == contents(grab)
    assert len(torbox.calls_to("createtorrent")) == 2
