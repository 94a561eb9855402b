"""TorBox says no: to one torrent, to all new ones, at one endpoint. What else there is goes on."""

from bridge.simulator import Answer, Cached, FetchedOver, Stalled


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
