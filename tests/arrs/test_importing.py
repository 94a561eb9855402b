"""Good grabs are imported as soon as they are whole, and removed only when that is known."""

from msgspec.structs import replace

from bridge.config import ImportMode
from bridge.simulator import FetchedOver

HOUR = 3600.0


def linked(house):
    house.sets(downloads={"import_mode": ImportMode.HARDLINK})


async def test_the_arr_is_asked_to_import_at_once_and_does(house, torbox, sonarr, offers):
    grab = torbox.publish("Show", script=FetchedOver(60))
    wanted = await sonarr.wants(offers(grab))
    # Nobody polls here but because of the bridge's call.
    await house.eventually(lambda: wanted.state == "imported")
    await house.eventually(lambda: grab.hash not in house.bridge.ledger.torrents)
    assert sonarr.refreshes == 1
    assert (sonarr.into / "Show" / "Show.mkv").read_bytes() == grab.content("Show.mkv")


async def test_many_at_once_are_asked_for_together(house, torbox, sonarr, offers):
    torbox.limits.slots = False
    grabs = [torbox.publish(f"Show.{n}", {"a.mkv": 1000}) for n in range(20)]
    wanted = [await sonarr.wants(offers(grab)) for grab in grabs]
    await house.eventually(lambda: all(one.state == "imported" for one in wanted), jump=0)
    assert sonarr.refreshes < 20


async def test_where_files_are_linked_it_seeds_until_the_import_is_known(
    house, torbox, street, offers
):
    linked(house)
    sonarr = await street.opens()
    await street.starts()
    grab = torbox.publish("Show", {"a.mkv": 1000, "b.mkv": 10})
    polled = sonarr.downloads.poll

    async def blind(_clients):
        """As an arr that is busy with something else."""

    sonarr.downloads.poll = blind
    wanted = await sonarr.wants(offers(grab), episodes=2)
    row = await house.sees_state(grab, "stalledUP")
    assert (row["ratio_limit"], row["progress"]) == (-1, 1)
    sonarr.downloads.poll = polled
    await sonarr.polls()
    assert wanted.state == "imported"
    # Copied, and not moved: it was not allowed to.
    assert house.files_of(row)
    await house.eventually(lambda: grab.hash not in house.bridge.ledger.torrents)
    await house.eventually(lambda: not house.files_of(row))
    assert (sonarr.into / "Show" / "a.mkv").read_bytes() == grab.content("a.mkv")


async def test_where_files_are_linked_an_hour_is_long_enough(house, torbox, street):
    linked(house)
    await street.starts()
    grab = torbox.publish("Show", {"a.mkv": 1000})
    await house.arr.grabs(grab)
    await house.sees_state(grab, "stalledUP")
    await house.passes(3500)
    assert (await house.arr.sees(grab))["state"] == "stalledUP"
    row = await house.sees_state(grab, "pausedUP", jump=20)
    assert row["ratio_limit"] == 0


async def test_where_files_are_linked_the_wait_survives_a_restart(house, torbox, street):
    linked(house)
    await street.starts()
    grab = torbox.publish("Show", {"a.mkv": 1000})
    await house.arr.grabs(grab)
    await house.sees_state(grab, "stalledUP")
    await house.stops()
    house.clock.jump(2 * HOUR)
    await house.starts()
    await house.sees_state(grab, "pausedUP")


async def test_another_category_means_imported(house, torbox, street):
    linked(house)
    await street.starts()
    grab = torbox.publish("Show", {"a.mkv": 1000})
    await house.arr.grabs(grab)
    await house.sees_state(grab, "stalledUP")
    for path, data in (
        ("torrents/createCategory", {"category": "done"}),
        ("torrents/setCategory", {"hashes": grab.hash, "category": "done"}),
    ):
        assert (await house.arr.call("POST", path, data=data))[0] == 200
    house.arr.category = "done"
    await house.sees_state(grab, "pausedUP", jump=0)
    assert house.bridge.ledger.torrents[grab.hash].imported_at


async def test_it_is_not_handed_over_while_part_of_a_pack_is_not_imported(
    house, torbox, street, offers
):
    linked(house)
    sonarr = await street.opens()
    await street.starts()
    grab = torbox.publish("Pack", {"a.mkv": 1000, "b.mkv": 10})
    wanted = await sonarr.wants(offers(grab), episodes=2)
    release = offers(grab)[0]
    sonarr.downloads.refuses[grab.hash.upper()] = "Not an upgrade for existing episode file"
    # One episode is in, the row of the other remains.
    sonarr.library.note("downloadFolderImported", wanted, release, house.clock.time())

    async def said():
        return "Not an upgrade" in await street.reason(grab)

    await house.eventually(said)
    assert (await house.arr.sees(grab))["state"] == "stalledUP"


async def test_what_the_arr_says_against_importing_is_said(house, torbox, street, sonarr, offers):
    grab = torbox.publish("Show", {"a.mkv": 1000})
    sonarr.downloads.refuses[grab.hash.upper()] = "Sample"
    await sonarr.wants(offers(grab))
    await house.sees_state(grab, "pausedUP")

    async def said():
        return (await street.reason(grab)).endswith("Sonarr does not import it: Sample")

    await house.eventually(said)


async def test_an_arr_that_is_down_is_asked_when_it_is_back(house, torbox, sonarr, offers):
    grab = torbox.publish("Show", {"a.mkv": 1000})
    wanted = await sonarr.wants(offers(grab))
    sonarr.down = True
    await house.sees_state(grab, "pausedUP")
    await house.passes(600)
    assert sonarr.refreshes == 0
    sonarr.down = False
    await house.eventually(lambda: wanted.state == "imported")


async def test_an_arr_that_has_not_this_category_is_left_in_peace(house, torbox, street, offers):
    sonarr = await street.opens()
    radarr = await street.opens("Radarr")
    await street.starts()
    await radarr.polls()
    wanted = await sonarr.wants(offers(torbox.publish("Show", {"a.mkv": 1000})))
    await house.eventually(lambda: wanted.state == "imported")
    assert (sonarr.refreshes, radarr.refreshes) == (1, 0)


async def test_without_keys_nothing_is_asked_and_the_arr_imports_by_itself(
    house, torbox, street, offers
):
    sonarr = await street.opens()
    house.settings = replace(house.settings, arrs=())
    await street.starts()
    grab = torbox.publish("Show", {"a.mkv": 1000})
    wanted = await sonarr.wants(offers(grab))
    await house.sees_state(grab, "pausedUP")
    await house.passes(600)
    assert (wanted.state, sonarr.calls) == ("grabbed", [])
    await sonarr.polls()
    assert wanted.state == "imported"
