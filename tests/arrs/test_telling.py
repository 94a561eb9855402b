"""Dead grabs replace themselves: the arr is told, once, and touches nothing else."""

import logging

import pytest
from msgspec.structs import replace

from bridge.config import FailureAction, FailuresSettings
from bridge.simulator import Cached, Failing, FetchedOver, NoMetadata, Refused, Stalled

HOUR = 3600.0


async def lives_through(house, arr, seconds, step=60):
    """Time passes, and the arr polls as arrs do."""
    while seconds > 0:
        await house.passes(step, step=step)
        await arr.polls()
        await arr.idle()
        seconds -= step


DEAD = {
    "dead swarm": Stalled(at=0.2),
    "failed at TorBox": Failing(after=60),
    "metadata never": NoMetadata(),
    "refused": Refused(),
}


@pytest.mark.parametrize("script", DEAD.values(), ids=DEAD.keys())
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("Sonarr", {"apis": ("v3",)}),
        ("Sonarr", {"apis": ("v3", "v5"), "version": "5.0.0.1", "strict_history": True}),
        ("Sonarr", {"apis": ("v5",), "version": "6.0.0.1", "strict_history": True}),
        ("Radarr", {"version": "6.1.0.1"}),
        ("Lidarr", {"apis": ("v1",), "version": "3.0.0.1"}),
        ("Readarr", {"apis": ("v1",), "version": "0.4.0.1"}),
        ("Whisparr", {"version": "2.0.0.1"}),
    ],
    ids=["sonarr 4", "sonarr 5", "v5 alone", "radarr", "lidarr", "readarr", "whisparr"],
)
async def test_a_dead_release_is_blocklisted_and_the_next_one_imported(
    house, torbox, street, offers, script, kind, options
):
    arr = await street.opens(kind, **options)
    await street.starts()
    dead = torbox.publish("Dead", script=script)
    living = torbox.publish("Living", script=Cached())

    wanted = await arr.wants(offers(dead, living), episodes=3 if kind == "Sonarr" else 1)
    await arr.polls()

    async def imported():
        await lives_through(house, arr, 60)
        return wanted.state == "imported"

    await house.eventually(imported, jump=0, within=50)
    assert arr.library.blocklist == [dead.hash]
    assert torbox.item_of(dead.hash) is None
    assert len(arr.deletes()) == 1
    assert dead.hash not in house.bridge.ledger.torrents
    assert (arr.into / "Living" / "Living.mkv").read_bytes() == living.content("Living.mkv")


def failures(house, **fields):
    house.settings = replace(house.settings, failures=FailuresSettings(**fields))


async def is_replaced(house, arr, wanted):
    async def imported():
        await lives_through(house, arr, 60)
        return wanted.state == "imported"

    await house.eventually(imported, jump=0, within=30)


async def test_a_purged_release_is_replaced_when_it_is_lost_twice(
    house, torbox, street, sonarr, offers
):
    lost = torbox.publish("Lost", script=FetchedOver(3 * HOUR))
    living = torbox.publish("Living")
    wanted = await sonarr.wants(offers(lost, living))
    for _ in range(2):
        await house.eventually(lambda: torbox.item_of(lost.hash))
        await lives_through(house, sonarr, 120)
        torbox.delete(lost.hash)
        await lives_through(house, sonarr, 2400)
    await is_replaced(house, sonarr, wanted)
    assert sonarr.library.blocklist == [lost.hash]


async def test_the_same_hash_in_another_client_is_left_alone(house, torbox, street, sonarr, offers):
    dead = torbox.publish("Dead", script=Refused())
    theirs = sonarr.add_client("qBittorrent", "http://127.0.0.1:1", category="tv-sonarr")
    await sonarr.wants(offers(dead))
    # The other client has the same hash; its row is the only one for now.
    item = {"hash": dead.hash, "name": "Dead", "size": 1, "state": "downloading"}
    wanted = sonarr.library.wanted[0]
    row = type(next(iter(await rows_of(sonarr))))(theirs, item, wanted)
    sonarr.downloads.tracked = {(theirs.name, dead.hash.upper()): row}
    our_poll = sonarr.downloads.poll

    async def blind(_clients):
        """As an arr that takes the hash for the other client's."""

    sonarr.downloads.poll = blind

    async def said():
        return "does not have it in its queue" in await street.reason(dead)

    await house.eventually(said)
    await house.eventually(lambda: is_left(house, dead), jump=60)
    assert sonarr.deletes() == []
    sonarr.downloads.poll = our_poll


def is_left(house, grab):
    return house.bridge.ledger.torrents[grab.hash].told == "left"


async def rows_of(arr):
    await arr.polls()
    return list(arr.downloads.tracked.values())


async def test_both_rows_of_one_hash_are_told_apart(house, torbox, street, sonarr, offers):
    dead = torbox.publish("Dead", script=Stalled(at=0.1))
    await sonarr.wants(offers(dead))
    [ours] = await rows_of(sonarr)
    theirs = sonarr.add_client("qBittorrent", "http://127.0.0.1:1", category="tv-sonarr")
    theirs.enabled = False
    other = type(ours)(theirs, dict(ours.item), ours.wanted)
    # First, so that whoever takes the first row takes the wrong one.
    sonarr.downloads.tracked = {
        (theirs.name, ours.download_id): other,
        (ours.client.name, ours.download_id): ours,
    }
    await house.eventually(lambda: sonarr.deletes(), jump=60)
    await house.eventually(lambda: dead.hash not in house.bridge.ledger.torrents)
    assert [call.client for call in sonarr.deletes()] == ["TorBox"]
    assert list(sonarr.downloads.tracked.values()) == [other]


async def test_what_a_person_added_by_hand_is_not_taken_from_them(house, torbox, street, sonarr):
    dead = torbox.publish("Dead", script=Refused())
    await house.arr.grabs(dead)
    await sonarr.polls()
    await house.eventually(lambda: is_left(house, dead), jump=30)
    assert sonarr.deletes() == []
    assert (await house.arr.sees(dead))["state"] == "stalledDL"
    assert "Sonarr did not grab it" in await street.reason(dead)


async def test_an_arr_that_is_down_is_told_later_and_once(house, torbox, street, sonarr, offers):
    dead, living = torbox.publish("Dead", script=Refused()), torbox.publish("Living")
    wanted = await sonarr.wants(offers(dead, living))
    sonarr.down = True

    async def said():
        return "Sonarr does not answer" in await street.reason(dead)

    await house.eventually(said)
    await house.passes(6 * HOUR, step=600)
    assert sonarr.deletes() == []
    assert (await house.arr.sees(dead))["state"] == "stalledDL"
    sonarr.down = False
    await is_replaced(house, sonarr, wanted)
    assert sonarr.library.blocklist == [dead.hash]
    assert len(sonarr.deletes()) == 1


@pytest.mark.parametrize("cut", ["before", "removed", "after"])
@pytest.mark.parametrize("killed", [False, True], ids=["", "and the bridge stopped"])
async def test_a_call_whose_answer_was_lost_counts_once(
    house, torbox, street, sonarr, offers, cut, killed
):
    dead, living = torbox.publish("Dead", script=Refused()), torbox.publish("Living")
    sonarr.cuts = [cut]
    wanted = await sonarr.wants(offers(dead, living))
    await house.eventually(lambda: sonarr.deletes())
    if killed:
        await house.stops()
        await house.starts()
        sonarr.clients[0].port = house.port
    await is_replaced(house, sonarr, wanted)
    assert sonarr.library.blocklist == [dead.hash]
    grabs = [one for one in sonarr.library.history if one.kind == "grabbed"]
    assert len(grabs) == 2


async def test_no_more_of_one_title_is_replaced_in_a_day_than_the_settings_say(
    house, torbox, street, offers
):
    failures(house, most_per_title=2)
    sonarr = await street.opens()
    await street.starts()
    dead = [torbox.publish(f"Dead.{n}", script=Refused()) for n in range(4)]
    other = torbox.publish("Other", script=Refused())
    await sonarr.wants(offers(*dead), title=7)
    await sonarr.wants(offers(other), title=8)

    async def held_back():
        await lives_through(house, sonarr, 60)
        known = dead[2].hash in house.bridge.ledger.torrents
        return known and "enough of it was replaced in a day" in await street.reason(dead[2])

    await house.eventually(held_back, jump=0)
    await house.eventually(lambda: other.hash in sonarr.library.blocklist)
    assert sorted(sonarr.library.blocklist) == sorted([dead[0].hash, dead[1].hash, other.hash])
    await lives_through(house, sonarr, 20 * HOUR, step=HOUR)
    assert len(sonarr.library.blocklist) == 3

    async def all_tried():
        await lives_through(house, sonarr, 300, step=300)
        return len(sonarr.library.blocklist) == 5

    await house.eventually(all_tried, jump=0)


async def test_the_limit_of_a_day_survives_a_restart(house, torbox, street, offers):
    failures(house, most_per_day=1)
    sonarr = await street.opens()
    await street.starts()
    first, second = (torbox.publish(f"Dead.{n}", script=Refused()) for n in range(2))
    await sonarr.wants(offers(first), title=1)
    await house.eventually(lambda: sonarr.library.blocklist)
    await house.restarts()
    sonarr.clients[0].port = house.port
    await sonarr.wants(offers(second), title=2)
    await sonarr.polls()

    async def held_back():
        return "enough of it was replaced in a day" in await street.reason(second)

    await house.eventually(held_back)
    assert sonarr.library.blocklist == [first.hash]
    # A person is no loop.
    await house.arr.call("POST", f"../bridge/torrents/{second.hash}/give-up")
    await house.eventually(lambda: second.hash in sonarr.library.blocklist)


async def test_each_cause_is_treated_as_the_settings_say(house, torbox, street, offers):
    failures(house, refused=FailureAction.TELL, no_seeds=FailureAction.BLOCKLIST)
    sonarr = await street.opens()
    await street.starts()
    refused = torbox.publish("Refused", script=Refused())
    seedless = torbox.publish("Seedless", script=Stalled(at=0.1))
    spare = torbox.publish("Spare")
    first = await sonarr.wants(offers(refused, spare))
    second = await sonarr.wants(offers(seedless, spare))

    async def blocklisted():
        await lives_through(house, sonarr, 300)
        return sonarr.library.blocklist

    await house.eventually(blocklisted, jump=0)
    await house.eventually(lambda: is_left(house, refused))
    assert sonarr.library.blocklist == [seedless.hash]
    assert (first.state, second.state) == ("grabbed", "wanted")
    assert (await house.arr.sees(refused))["state"] == "stalledDL"
    assert sonarr.deletes()[0].query["skipRedownload"] == "true"


async def test_without_keys_there_is_the_sentence_and_one_line_in_the_log(
    house, torbox, street, caplog
):
    caplog.set_level(logging.INFO)
    await house.starts()
    dead = [torbox.publish(f"Dead.{n}", script=Refused()) for n in range(3)]
    for grab in dead:
        await house.arr.grabs(grab)
        await house.sees_state(grab, "stalledDL")

    async def said():
        return ["arrs:" in await street.reason(grab) for grab in dead] == [True] * 3

    await house.eventually(said)
    assert caplog.text.count("blocklisted and searched anew") == 1


async def test_what_failed_before_there_was_a_key_is_not_told_by_itself(
    house, torbox, street, offers
):
    sonarr = await street.opens()
    with_keys = house.settings
    house.settings = replace(house.settings, arrs=())
    await street.starts()
    dead = torbox.publish("Dead", script=Refused())
    await sonarr.wants(offers(dead))

    async def said():
        return "arrs:" in await street.reason(dead)

    await house.eventually(said)
    house.settings = with_keys
    await house.restarts()
    sonarr.clients[0].port = house.port
    # Another one fails now, and is told: the first had as much time.
    later = torbox.publish("Later", script=Refused())
    await sonarr.wants(offers(later))
    await house.eventually(lambda: later.hash in sonarr.library.blocklist)
    await lives_through(house, sonarr, HOUR)
    assert sonarr.library.blocklist == [later.hash]
    assert is_left(house, dead)


async def test_a_wrong_key_is_said_and_repeated_nowhere(house, torbox, street, offers, caplog):
    caplog.set_level(logging.DEBUG)
    sonarr = await street.opens(key="f" * 31 + "0")
    await street.starts()
    dead = torbox.publish("Dead", script=Refused())
    await sonarr.wants(offers(dead))

    async def said():
        return "Sonarr does not accept the API key" in await street.reason(dead)

    await house.eventually(said)
    assert "f" * 31 not in caplog.text
    assert "f" * 31 not in await street.reason(dead)


async def test_an_arr_that_is_slow_holds_nothing_up(house, torbox, street, sonarr, offers):
    dead, living = torbox.publish("Dead", script=Refused()), torbox.publish("Living")
    await sonarr.wants(offers(dead), title=1)
    await house.sees_state(dead, "stalledDL")
    sonarr.slow = 30.0
    await house.arr.grabs(living)
    await house.sees_state(living, "pausedUP")
    assert await house.arr.polls()
    sonarr.slow = 0.0


async def test_what_the_arr_counts_as_failed_already_is_not_failed_again(
    house, torbox, street, sonarr, offers
):
    dead = torbox.publish("Dead", script=Stalled(at=0.1))
    await sonarr.wants(offers(dead))
    await sonarr.polls()
    # A person marked it as failed in the arr's history; it stays in the client.
    sonarr.searches_again = False
    sonarr.mark_failed(dead.hash.upper())
    await house.eventually(lambda: is_left(house, dead), jump=60)
    assert "counts it as failed already" in await street.reason(dead)
    assert sonarr.library.blocklist == [dead.hash]


async def test_an_arr_that_does_not_have_us_as_a_client_is_said(house, torbox, street, offers):
    sonarr = await street.opens()
    await street.starts()
    dead = torbox.publish("Dead", script=Refused())
    wanted = sonarr.library.want(1, offers(dead))
    # As through a proxy that tells us another name than the one in the arr's settings.
    sonarr.library.note("grabbed", wanted, wanted.releases[0], house.clock.time())
    sonarr.clients[0].port = 1
    await house.arr.grabs(dead)
    await house.eventually(lambda: is_left(house, dead), jump=5)
    assert "set server.public_url, or client under arrs" in await street.reason(dead)
    assert sonarr.deletes() == []


async def test_the_client_that_the_settings_name_is_the_one(house, torbox, street, offers):
    sonarr = await street.opens()
    [named] = house.settings.arrs
    house.settings = replace(house.settings, arrs=(replace(named, client="TorBox at home"),))
    await house.starts()
    dead, living = torbox.publish("Dead", script=Refused()), torbox.publish("Living")
    street.meets(sonarr, "TorBox at home")
    wanted = await sonarr.wants(offers(dead, living))
    await is_replaced(house, sonarr, wanted)
    assert [call.client for call in sonarr.deletes()] == ["TorBox at home"]
