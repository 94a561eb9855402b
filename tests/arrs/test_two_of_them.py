"""Sonarr and Radarr, or two Sonarrs, that want one hash: both import it, and nothing is left."""

import asyncio

import pytest

from bridge.config import ImportMode
from bridge.core.ours import was_imported
from bridge.simulator import FetchedOver, MiB, Stalled

FILES = {"a.mkv": MiB, "a.nfo": 100}


async def two_arrs(street, kinds, first: dict, second: dict):
    arrs = [await street.opens(kind) for kind in kinds]
    await street.starts()
    for arr, fields in zip(arrs, (first, second), strict=True):
        for name, value in fields.items():
            setattr(arr.clients[0], name, value)
        await arr.clients[0].test()
    return arrs


async def imported_by(house, arr, wanted) -> None:
    async def done() -> bool:
        await arr.polls()
        return wanted.state == "imported"

    await house.eventually(done, jump=5)


@pytest.mark.parametrize("mode", list(ImportMode))
@pytest.mark.parametrize("label", ["", "imported"])
@pytest.mark.parametrize("kinds", [("Sonarr", "Radarr"), ("Radarr", "Sonarr")])
async def test_both_import_it_and_nothing_is_left(
    house, torbox, street, offers, mode, label, kinds
):
    house.sets(downloads={"import_mode": mode})
    fields = {"imported_category": label}
    first, second = await two_arrs(street, kinds, fields, fields)
    grab = torbox.publish("Both", FILES, FetchedOver(60))
    wanted = [await arr.wants(offers(grab)) for arr in (first, second)]
    await imported_by(house, first, wanted[0])
    await imported_by(house, second, wanted[1])
    for arr in (first, second):
        assert (arr.into / "Both" / "a.mkv").read_bytes() == grab.content("a.mkv")

    if label and mode is ImportMode.HARDLINK:
        # Copied and put there by the second: as with one arr, it is for others to end.
        house.arr.category = label
        row = await house.sees_state(grab, "pausedUP", jump=0)
        assert house.files_of(row) == {name: grab.content(name) for name in FILES}
        return

    async def gone() -> bool:
        for arr in (first, second):
            await arr.polls()
        return grab.hash not in house.bridge.ledger.torrents

    await house.eventually(gone, jump=5)
    await house.eventually(lambda: torbox.item_of(grab.hash) is None)
    left = [one for one in house.downloads.rglob("*") if one.is_file()]
    assert [one for one in left if one.suffix in (".mkv", ".nfo")] == []


async def test_a_second_sonarr_gets_what_the_first_keeps(house, torbox, street, offers):
    """A Sonarr for 4K beside the usual one, whose Remove Completed is off."""
    usual, large = await two_arrs(
        street, ("Sonarr", "Sonarr"), {"removes_completed": False}, {"category": "tv-4k"}
    )
    large.into = large.into.parent / "library-4k"
    large.into.mkdir()
    grab = torbox.publish("Both", FILES, FetchedOver(60))
    wanted = [await arr.wants(offers(grab)) for arr in (usual, large)]
    await imported_by(house, usual, wanted[0])
    await imported_by(house, large, wanted[1])
    # Copied: what the first one keeps is still here, and still its own.
    row = await house.sees_state(grab, "pausedUP", jump=0)
    assert house.files_of(row) == {name: grab.content(name) for name in FILES}


async def test_what_is_dead_is_replaced_in_both_one_after_the_other(house, torbox, street, offers):
    first, second = await two_arrs(street, ("Sonarr", "Radarr"), {}, {})
    dead = torbox.publish("Dead", FILES, Stalled(at=0))
    others = [torbox.publish(name, FILES) for name in ("Other 1", "Other 2")]
    wanted = [
        await arr.wants(offers(dead, other))
        for arr, other in zip((first, second), others, strict=True)
    ]
    for arr, one in zip((first, second), wanted, strict=True):

        async def replaced(arr=arr, one=one) -> bool:
            await arr.polls()
            return one.state == "imported"

        await house.eventually(replaced, jump=120)
        assert [one.lower() for one in arr.library.blocklist] == [dead.hash]
    assert (first.into / "Other 1").is_dir()
    assert (second.into / "Other 2").is_dir()
    await house.eventually(lambda: dead.hash not in house.bridge.ledger.torrents)


async def test_the_firsts_import_seen_late_is_not_taken_for_the_seconds(
    house, torbox, street, offers
):
    house.sets(downloads={"import_mode": ImportMode.HARDLINK})
    first, second = await two_arrs(street, ("Sonarr", "Radarr"), {"imported_category": "done"}, {})
    second.clients[0].enabled = False
    grab = torbox.publish("Both", FILES)
    wanted = [await arr.wants(offers(grab)) for arr in (first, second)]
    # The bridge reads that it was imported, and only then the category is set.
    asks, client = house.bridge.aftercare._importer._askers[0]._contact.arr, first.clients[0]
    events, set_category = asks.events, client.set_category
    read, passed = asyncio.Event(), asyncio.Event()

    async def slowly(torrent_hash):
        found = await events(torrent_hash)
        if was_imported(found):
            read.set()
            await passed.wait()
        return found

    async def later(torrent_hash, category):
        await read.wait()
        await set_category(torrent_hash, category)

    asks.events, client.set_category = slowly, later
    await house.sees_state(grab, "stalledUP", jump=1)
    importing = asyncio.create_task(first.polls())
    await house.eventually(importing.done)
    assert wanted[0].state == "imported"
    house.arr.category = "radarr"
    row = await house.sees_state(grab, "stalledUP", jump=1)
    asked = first.refreshes
    passed.set()
    await house.eventually(lambda: first.refreshes > asked)  # the last that is done about it
    assert (await house.arr.sees(grab))["state"] == "stalledUP"
    assert house.files_of(row)
