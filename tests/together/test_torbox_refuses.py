"""TorBox says no: to one torrent, to all new ones, at one endpoint. What else there is goes on."""

from itertools import pairwise

import pytest

from bridge.config import CachedPolicy, CategorySettings
from bridge.simulator import Answer, AnswerAfterDoing, Cached, FetchedOver, QueuedThen, Stalled


def no(status, code, data=None, detail="x"):
    return Answer(status, {"success": False, "error": code, "detail": detail, "data": data})


async def told(house, grab):
    return await house.arr.json(f"../bridge/torrents/{grab.hash}")


def shows(torbox, count, script=None):
    return [
        torbox.publish(f"Show.{n}", {"a": 1000}, script or FetchedOver(60)) for n in range(count)
    ]


async def test_one_torrent_that_finds_no_slot_costs_few_creates_an_hour(house, torbox, arr):
    torbox.next("createtorrent", no(400, "ACTIVE_LIMIT"), times=10000)
    [grab] = shows(torbox, 1)
    await arr.grabs(grab)
    await house.passes(3500, step=5)
    assert len(torbox.calls_to("createtorrent")) <= 8
    assert "all slots of the TorBox plan are in use, since" in (await told(house, grab))["reason"]


async def test_many_that_find_no_slot_cost_no_more_creates_than_one(house, torbox, arr):
    torbox.next("createtorrent", no(400, "ACTIVE_LIMIT"), times=10000)
    grabs = shows(torbox, 40)
    for grab in grabs:
        await arr.grabs(grab)
    await house.passes(3500, step=10)
    assert len(torbox.calls_to("createtorrent")) <= 8 + 3  # the first four go together
    reasons = [(await told(house, grab))["reason"] for grab in grabs]
    assert all(reason.startswith("all slots of the TorBox plan are in use") for reason in reasons)
    assert {reason.rpartition(" place ")[2] for reason in reasons} == {
        f"{place} here" for place in range(1, 41)
    }
    assert house.bridge.board.health.sentence == ""


async def test_a_slot_that_a_look_shows_free_is_taken_at_once_after_a_no(house, torbox, arr):
    theirs = torbox.publish("Theirs", script=Stalled(at=0.5))
    torbox.already_in_account(theirs)
    ours = shows(torbox, 2, FetchedOver(36000))
    for grab in ours:
        await arr.grabs(grab)
    await house.passes(120, step=5)
    # Somebody else's item that no look has shown yet has the last slot.
    torbox.next("createtorrent", no(400, "ACTIVE_LIMIT"), times=5)
    torbox.account.additional_slots = 1
    late = torbox.publish("Late", script=FetchedOver(36000))
    await house.stops()
    arr = await house.starts()
    await arr.grabs(late)
    await house.passes(1000, step=5)
    assert torbox.item_of(late.hash) is None
    assert len(torbox.calls_to("createtorrent")) == 2 + 5  # after 1, 2, 4 and 8 minutes
    torbox.delete(theirs.hash)
    await house.passes(330, step=5)
    assert torbox.item_of(late.hash)


async def test_a_cooldown_pauses_creates_with_one_sentence_and_is_over_when_it_says(
    house, torbox, arr
):
    torbox.plan = 2
    until = {"cooldown_until": "2030-01-01T00:30:00Z", "current_time": "2030-01-01T00:00:00Z"}
    torbox.next("createtorrent", no(400, "COOLDOWN_LIMIT", until), times=4)
    grabs = shows(torbox, 9)
    for grab in grabs:
        await arr.grabs(grab)
    await house.passes(1700, step=10)
    assert len(torbox.calls_to("createtorrent")) <= 4
    health = house.bridge.board.health
    assert "cooldown" in health.sentence
    assert health.connected
    reasons = [(await told(house, grab))["reason"] for grab in grabs]
    assert all("cooldown" in reason for reason in reasons)
    cached = torbox.publish("Cached", {"a": 1000}, Cached())
    torbox.faults.clear()
    await arr.grabs(cached)
    await house.passes(60, step=5)
    assert (await arr.sees(cached))["state"] == "pausedUP"  # it goes past the door
    assert not any(torbox.item_of(grab.hash) for grab in grabs)

    async def all_complete():
        return {row["state"] for row in await arr.polls()} == {"pausedUP"}

    await house.eventually(all_complete, jump=20)
    assert house.bridge.board.health.sentence == ""


async def bad_seconds(house, seconds, step=10):
    """For how long everything was held up, and for how long helpers were told to rest."""
    held = off = 0
    for _ in range(0, seconds, step):
        await house.passes(step, step=step)
        held += step * (house.bridge.board.health.sentence != "")
        off += step * (not house.bridge.board.health.connected)
    return held, off


async def test_what_torbox_refuses_with_a_new_word_waits_alone_and_ever_longer(house, torbox, arr):
    torbox.plan = 2
    good = torbox.publish("Good", {"a": 1000}, FetchedOver(600))
    await arr.grabs(good)
    await house.passes(60, step=5)
    blocked = no(400, "TORRENT_BLOCKED", detail="This torrent is blocked.")
    torbox.next("createtorrent", blocked, times=10000)
    grabs = shows(torbox, 10)
    for grab in grabs:
        await arr.grabs(grab)
    assert await bad_seconds(house, 3600) == (0, 0)
    assert (await arr.sees(good))["state"] == "pausedUP"
    assert len(torbox.calls_to("createtorrent")) <= 32  # half of the hour's is for others
    for grab in grabs:
        one = await told(house, grab)
        assert one["phase"] == "waiting"
        assert "This torrent is blocked" in one["reason"] or "refused it before" in one["reason"]
    torbox.faults.clear()
    late = torbox.publish("Late", {"a": 1000}, FetchedOver(60))
    await arr.grabs(late)
    await house.passes(120, step=5)
    assert (await arr.sees(late))["state"] == "pausedUP"

    async def all_complete():
        return {row["state"] for row in await arr.polls()} == {"pausedUP"}

    await house.eventually(all_complete, jump=60)


async def test_a_create_that_torbox_could_not_do_is_looked_for_and_sent_again_ever_later(
    house, torbox, arr
):
    could_not = no(500, "UNKNOWN_ERROR", detail="There was an error creating your torrent.")
    torbox.next("createtorrent", could_not, times=10000)
    other = torbox.publish("Other", {"a": 1000}, FetchedOver(36000))
    torbox.already_in_account(other)
    [grab] = shows(torbox, 1)
    await arr.grabs(grab)
    await house.passes(10, step=5)
    assert "There was an error creating your torrent" in (await told(house, grab))["reason"]
    assert await bad_seconds(house, 4 * 3600, step=30) == (0, 0)
    sent = [call.at for call in torbox.calls_to("createtorrent")]
    assert 5 <= len(sent) <= 9
    gaps = [later - earlier for earlier, later in pairwise(sent)]
    assert gaps[-1] > 2 * gaps[0]
    asked = [call.at for call in torbox.calls_to("getqueued")]
    assert all(any(one < at < other for at in asked) for one, other in pairwise(sent))
    torbox.faults.clear()
    await house.sees_state(grab, "pausedUP", jump=60)


async def test_a_create_that_worked_though_torbox_says_no_is_not_sent_twice(house, torbox, arr):
    torbox.next("createtorrent", AnswerAfterDoing(no(500, "UNKNOWN_ERROR")))
    [grab] = shows(torbox, 1)
    await arr.grabs(grab)
    await house.sees_state(grab, "pausedUP", jump=5)
    assert len(torbox.calls_to("createtorrent")) == 1


async def test_what_torbox_calls_our_mistake_holds_up_this_torrent_only(house, torbox, arr):
    other = torbox.publish("Other", {"a": 1000}, FetchedOver(600))
    await arr.grabs(other)
    await house.passes(60, step=5)
    torbox.next("createtorrent", no(400, "INVALID_OPTION", detail="bad option"))
    [grab] = shows(torbox, 1)
    await arr.grabs(grab)
    assert await bad_seconds(house, 900) == (0, 0)
    assert "bad option" in (await told(house, grab))["reason"]
    assert (await arr.sees(other))["state"] == "pausedUP"
    await house.sees_state(grab, "pausedUP", jump=60)


async def test_an_item_that_torbox_does_not_delete_holds_up_nothing_else(house, torbox, arr):
    dead = torbox.publish("Dead", script=Stalled(at=0.3))
    other = torbox.publish("Other", {"a": 1000}, FetchedOver(1200))
    await arr.grabs(other)
    await arr.grabs(dead)
    await house.passes(120, step=10)
    torbox.next("controltorrent", no(500, "UNKNOWN_ERROR"), times=100000)
    await arr.removes(dead)
    assert await bad_seconds(house, 3600) == (0, 0)
    assert 4 <= len(torbox.calls_to("controltorrent")) <= 9
    assert (await arr.sees(other))["state"] == "pausedUP"
    torbox.faults.clear()
    await house.eventually(lambda: not torbox.item_of(dead.hash), jump=30)


async def test_a_list_that_torbox_does_not_give_is_still_an_outage(house, torbox, arr):
    [grab] = shows(torbox, 1, FetchedOver(7200))
    await arr.grabs(grab)
    await house.passes(60, step=5)
    torbox.next("mylist", no(500, "DATABASE_ERROR"), times=4)
    held, off = await bad_seconds(house, 600)
    assert held > 60
    assert off > 0
    assert house.bridge.board.health.sentence == ""


async def test_without_a_word_about_the_account_a_torrent_goes_on(house, torbox, arr):
    torbox.next("user/me", no(500, "DATABASE_ERROR"), times=10000)
    [grab] = shows(torbox, 1, FetchedOver(1200))
    await arr.grabs(grab)
    assert await bad_seconds(house, 1500) == (0, 0)
    assert (await arr.sees(grab))["state"] == "pausedUP"
    assert 3 <= len(torbox.calls_to("user/me")) <= 6


async def test_without_a_word_about_the_account_many_are_sent_after_a_few_minutes(
    house, torbox, arr
):
    torbox.next("user/me", no(500, "DATABASE_ERROR"), times=10000)
    grabs = shows(torbox, 5, FetchedOver(300))
    for grab in grabs:
        await arr.grabs(grab)
    await house.passes(120, step=10)
    assert "what the TorBox plan allows" in (await told(house, grabs[4]))["reason"]
    await house.passes(180, step=10)
    assert len(torbox.calls_to("createtorrent")) == 5

    async def all_complete():
        return {row["state"] for row in await arr.polls()} == {"pausedUP"}

    await house.eventually(all_complete, jump=20)


async def test_an_account_that_was_known_stays_known_while_it_cannot_be_asked(house, torbox, arr):
    first = shows(torbox, 4, FetchedOver(7200))
    for grab in first:
        await arr.grabs(grab)
    await house.passes(120, step=10)
    torbox.next("user/me", no(500, "DATABASE_ERROR"), times=10000)
    await house.passes(2 * 3600, step=60)
    assert torbox.queue == []
    assert torbox.refusals.total() == 0
    assert len(torbox.calls_to("user/me")) >= 3


async def test_whose_a_new_key_is_is_asked_with_rests_and_before_anything_is_done(
    house, torbox, arr
):
    [grab] = shows(torbox, 1, FetchedOver(4000))
    await arr.grabs(grab)
    await house.passes(300, step=30)
    other = torbox.add_account("99999999-1111-4222-8333-444444444444", 77)
    await house.stops()
    house.sets(torbox={"api_key": "99999999-1111-4222-8333-444444444444"})
    torbox.next("user/me", no(500, "DATABASE_ERROR"), times=10000)
    asked = len(torbox.calls_to("user/me"))
    await house.starts()
    await house.passes(900, step=10)
    assert 3 <= len(torbox.calls_to("user/me")) - asked <= 9
    assert other.all_items == []
    torbox.faults.clear()
    await house.eventually(lambda: other.all_items, jump=10)


@pytest.mark.parametrize(
    ("answer", "times"),
    [
        (no(500, "DATABASE_ERROR"), 10000),
        (Answer(429, {"detail": "x"}, {"retry-after": "7000"}), 1),
        (Answer(502, "<html>bad gateway</html>", content_type="text/html"), 10000),
    ],
    ids=["no in words", "429", "a page"],
)
async def test_a_queue_that_cannot_be_read_keeps_no_other_torrent_waiting(
    house, torbox, arr, answer, times
):
    ready = torbox.publish("Ready", {"a.mkv": 1000}, FetchedOver(600))
    waits = torbox.publish("Waits", {"a.mkv": 1000}, QueuedThen(4000, then=FetchedOver(600)))
    await arr.grabs(waits)
    await arr.grabs(ready)
    await house.passes(60, step=5)
    torbox.next("getqueued", answer, times=times)
    assert await bad_seconds(house, 900) == (0, 0)
    assert (await arr.sees(ready))["state"] == "pausedUP"
    await house.passes(2700, step=60)
    assert (await told(house, waits))["phase"] == "queued"
    await house.sees_state(waits, "pausedUP", jump=30)  # the list shows it in the end
    assert len(torbox.calls_to("createtorrent")) == 2


async def test_an_unclear_create_is_found_in_the_list_though_the_queue_cannot_be_read(
    house, torbox, arr
):
    torbox.next("createtorrent", AnswerAfterDoing(no(500, "UNKNOWN_ERROR")))
    torbox.next("getqueued", no(500, "DATABASE_ERROR"), times=10000)
    [grab] = shows(torbox, 1)
    await arr.grabs(grab)
    await house.sees_state(grab, "pausedUP", jump=5)
    assert len(torbox.calls_to("createtorrent")) == 1


async def test_in_neither_list_is_not_believed_while_the_queue_cannot_be_read(house, torbox, arr):
    torbox.next("createtorrent", AnswerAfterDoing(no(500, "UNKNOWN_ERROR")))
    torbox.next("getqueued", no(500, "DATABASE_ERROR"), times=10000)
    grab = torbox.publish("Waits", {"a.mkv": 1000}, QueuedThen(7200))
    await arr.grabs(grab)
    assert await bad_seconds(house, 3600) == (0, 0)
    assert len(torbox.calls_to("createtorrent")) == 1


async def test_what_is_cached_cannot_be_asked_and_nothing_else_waits(house, torbox):
    only = CategorySettings(cached=CachedPolicy.CACHED_ONLY)
    house.sets(categories={"*": CategorySettings(), "c": only})
    arr = await house.starts()
    torbox.next("checkcached", no(500, "DATABASE_ERROR"), times=100000)
    other = torbox.publish("Other", {"a": 1000}, FetchedOver(1200))
    grab = torbox.publish("Show", {"a": 1000}, Cached())
    await arr.grabs(grab, category="c")
    await arr.grabs(other)
    many = [torbox.publish(f"More.{n}", {"a": 1000}, FetchedOver(600)) for n in range(5)]
    for one in many:
        await arr.grabs(one)
    assert await bad_seconds(house, 3600) == (0, 0)
    assert {row["state"] for row in await arr.polls()} == {"pausedUP"}
    assert len(torbox.calls_to("checkcached")) <= 9
    assert (await told(house, grab))["phase"] == "waiting"
    torbox.faults.clear()
    house.arr.category = "c"
    await house.sees_state(grab, "pausedUP", jump=30)
