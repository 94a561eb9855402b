"""TorBox says no: to one torrent, to all new ones, at one endpoint. What else there is goes on."""

from itertools import pairwise

from bridge.simulator import Answer, AnswerAfterDoing, Cached, FetchedOver, Stalled


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
