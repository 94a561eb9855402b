"""Each torrent says what happened to it, and a person may retry it or give it up."""

import logging
import sqlite3
from contextlib import closing

import pytest

from bridge.config import FailureAction
from bridge.simulator import FetchedOver, MiB, QueuedThen, Refused, Stalled

HOUR = 3600.0


async def lived(street, grab):
    return [one["text"] for one in (await street.told(grab))["timeline"]]


async def test_a_torrent_tells_what_happened_to_it_in_the_log_too(
    house, torbox, street, offers, caplog
):
    caplog.set_level(logging.INFO)
    sonarr = await street.opens()
    await street.starts()
    sonarr.clients[0].removes_completed = False
    grab = torbox.publish("Show", {"a.mkv": 1000}, QueuedThen(90, then=FetchedOver(60)))
    await sonarr.wants(offers(grab))
    await house.eventually(lambda: sonarr.refreshes, jump=5)

    async def asked():
        return "asked Sonarr to import it" in await lived(street, grab)

    await house.eventually(asked)
    told = (await street.told(grab))["timeline"]
    texts = [one["text"] for one in told]
    assert texts == [
        "accepted from Sonarr, category 'tv-sonarr'",
        "TorBox put it into its queue",
        "left TorBox's queue, is fetched there",
        "ready at TorBox, its file comes here",
        f"complete, in {house.downloads}/tv-sonarr/Show",
        "asked Sonarr to import it",
    ]
    times = [one["at"] for one in told]
    assert times == sorted(times)
    for text in texts:
        assert f"Show: {text}" in caplog.text


async def test_what_stalls_and_moves_in_turns_is_told_once(house, torbox, street):
    await street.starts()
    grab = torbox.publish("Slow", script=Stalled(at=0.2))
    await house.arr.grabs(grab)
    await house.sees_state(grab, "stalledDL")
    torbox.follow(grab.hash, FetchedOver(1200))
    await house.sees_state(grab, "downloading", jump=10)
    texts = await lived(street, grab)
    assert [text for text in texts if text.startswith("stalled at TorBox")] == [texts[2]]
    assert "moves again" in texts


async def test_a_link_that_expired_is_told(house, torbox, street):
    await street.starts()
    grab = torbox.publish("Show", {"a.mkv": MiB})
    torbox.cdn.answers(status=403, path="a.mkv", times=1)
    await house.arr.grabs(grab)
    await house.sees_state(grab, "pausedUP", jump=5)
    assert "link renewed for 'a.mkv'" in await lived(street, grab)


async def test_the_history_is_bounded_and_keeps_the_beginning(house, torbox, street):
    await street.starts()
    grab = torbox.publish("Show", script=Refused())
    await house.arr.grabs(grab)
    await house.sees_state(grab, "stalledDL")
    for number in range(100):
        house.bridge.aftercare.timeline.note(grab.hash, "Show", f"event {number}")
    texts = await lived(street, grab)
    assert len(texts) == 40
    assert texts[0].startswith("accepted")
    assert texts[-1] == "event 99"


async def test_the_history_survives_a_restart_and_not_the_torrent(house, torbox, street):
    await street.starts()
    grab = torbox.publish("Show", script=Refused())
    await house.arr.grabs(grab)
    await house.sees_state(grab, "stalledDL")
    before = await lived(street, grab)
    await house.restarts()
    assert (await lived(street, grab))[: len(before)] == before
    await house.arr.removes(grab)
    await house.eventually(lambda: grab.hash not in house.bridge.ledger.torrents)
    await house.stops()
    with closing(sqlite3.connect(f"{house.settings.state.path}/bridge.db")) as database:
        assert database.execute("SELECT count(*) FROM timelines").fetchone() == (0,)


async def test_what_happens_next_is_said_of_every_phase(house, torbox, street):
    await street.starts()
    stalled = torbox.publish("Stalled", script=Stalled(at=0.2))
    failed = torbox.publish("Failed", script=Refused())
    done = torbox.publish("Done", {"a.mkv": 1000})
    for grab in (stalled, failed, done):
        await house.arr.grabs(grab)
    await house.sees_state(done, "pausedUP")
    await house.sees_state(stalled, "stalledDL")
    await house.passes(HOUR)
    assert (await street.told(done))["next"] == "the arr imports it and removes it here"
    assert "arrs:" in (await street.told(failed))["next"]
    assert "is given up after" in (await street.told(stalled))["next"]


async def posts(house, grab, what):
    status, _ = await house.arr.call("POST", f"../bridge/torrents/{grab.hash}/{what}")
    return status


LIVING = {
    "queued": QueuedThen(9 * HOUR),
    "fetching": FetchedOver(9 * HOUR),
    "stalled": Stalled(at=0.2),
}


@pytest.mark.parametrize("script", LIVING.values(), ids=LIVING.keys())
async def test_given_up_by_a_person_it_frees_its_slot_and_is_replaced(
    house, torbox, sonarr, offers, script
):
    bad, good = torbox.publish("Bad", script=script), torbox.publish("Good")
    wanted = await sonarr.wants(offers(bad, good))
    await house.eventually(lambda: torbox.calls_to("createtorrent"))
    await sonarr.polls()
    assert await posts(house, bad, "give-up") == 200
    await house.eventually(lambda: wanted.state == "imported")
    assert sonarr.library.blocklist == [bad.hash]
    assert torbox.item_of(bad.hash) is None
    assert torbox.queue == []


async def test_given_up_while_its_files_come_here_nothing_of_it_is_left(
    house, torbox, sonarr, offers
):
    bad, good = torbox.publish("Bad", {"a.mkv": 8 * MiB}), torbox.publish("Good")
    torbox.cdn.slow(200_000)
    wanted = await sonarr.wants(offers(bad, good))
    await house.sees_state(bad, "downloading")
    await sonarr.polls()
    torbox.cdn.clear()
    assert await posts(house, bad, "give-up") == 200
    await house.eventually(lambda: wanted.state == "imported")
    await house.eventually(lambda: bad.hash not in house.bridge.ledger.torrents)
    await house.eventually(lambda: not (house.downloads / ".incomplete" / bad.hash).exists())
    assert torbox.item_of(bad.hash) is None


async def test_what_was_only_told_to_a_person_can_be_given_up_by_them(
    house, torbox, street, offers
):
    sonarr = await street.opens()
    house.sets(failures={"refused": FailureAction.TELL})
    await street.starts()
    dead, good = torbox.publish("Dead", script=Refused()), torbox.publish("Good")
    wanted = await sonarr.wants(offers(dead, good))
    await house.eventually(lambda: house.bridge.ledger.torrents[dead.hash].told == "left")
    await sonarr.polls()
    assert await posts(house, dead, "give-up") == 200
    await house.eventually(lambda: wanted.state == "imported")


async def test_retried_by_a_person_it_begins_anew(house, torbox, street):
    await street.starts()
    grab = torbox.publish("Show", script=Refused())
    await house.arr.grabs(grab)
    await house.sees_state(grab, "stalledDL")
    grab.script = FetchedOver(60)
    assert await posts(house, grab, "retry") == 200
    await house.sees_state(grab, "pausedUP", jump=5)
    assert "begins anew, attempt 2" in await lived(street, grab)


async def test_what_cannot_be_done_is_refused(house, torbox, street):
    await street.starts()
    grab = torbox.publish("Show", {"a.mkv": 1000})
    assert await posts(house, grab, "retry") == 404
    assert await posts(house, grab, "give-up") == 404
    await house.arr.grabs(grab)
    await house.sees_state(grab, "pausedUP")
    assert await posts(house, grab, "retry") == 409
    assert await posts(house, grab, "give-up") == 409
    await house.arr.call("POST", "auth/logout")
    assert await posts(house, grab, "give-up") == 403
