"""The clock of the machine is wrong, or steps; TorBox's is right."""

import pytest

from bridge.simulator import Answer, AnswerAfterDoing, Cached, Cut, FetchedOver, Simulator, Stalled
from tests.conftest import KEY, House, JumpClock

HOUR, DAY = 3600.0, 86400.0


class WrongClock(JumpClock):
    """A wall clock that is `wrong_by` seconds ahead of TorBox's."""

    wrong_by = 0.0

    def time(self) -> float:
        return self.true_time() + self.wrong_by

    def true_time(self) -> float:
        return super().time()


@pytest.fixture
def clock():
    return WrongClock()


@pytest.fixture
async def house(tmp_path, clock):
    torbox = Simulator(clock=clock.true_time, api_key=KEY, seed=1)
    async with torbox.serving() as url:
        house = House(tmp_path, clock, torbox, url)
        yield house
        await house.stops()


async def told(house, grab):
    return await house.arr.json(f"../bridge/torrents/{grab.hash}")


async def is_removed(house, grab):
    await house.arr.removes(grab)
    await house.eventually(lambda: grab.hash not in house.bridge.ledger.torrents, jump=5)


@pytest.mark.parametrize("wrong_by", [-4 * HOUR, 4 * HOUR])
async def test_somebody_elses_item_stays_whatever_our_clock_says(house, torbox, clock, wrong_by):
    clock.wrong_by = wrong_by
    grab = torbox.publish("Theirs", {"a": 1000}, Cached())
    theirs = torbox.already_in_account(grab, days_ago=1 / 24)
    arr = await house.starts()
    await arr.grabs(grab)
    await house.sees_state(grab, "pausedUP")
    await is_removed(house, grab)
    assert torbox.items == [theirs]


@pytest.mark.parametrize("wrong_by", [-4 * HOUR, 10 * 60.0])
async def test_our_item_is_deleted_whatever_our_clock_says(house, torbox, clock, wrong_by):
    clock.wrong_by = wrong_by
    grab = torbox.publish("Dead", script=Stalled(at=0.2))
    arr = await house.starts()
    await arr.grabs(grab)
    await house.sees_state(grab, "stalledDL")
    await is_removed(house, grab)
    assert torbox.items == []


@pytest.mark.parametrize("step", [-DAY, 10 * 60.0])
async def test_our_item_is_deleted_when_our_clock_has_stepped_before_it(house, torbox, clock, step):
    arr = await house.starts()
    first = torbox.publish("First", {"a": 1000})
    await arr.grabs(first)
    await house.sees_state(first, "pausedUP")
    await is_removed(house, first)
    clock.wrong_by = step
    grab = torbox.publish("Dead", script=Stalled(at=0.2))
    await arr.grabs(grab)
    await house.sees_state(grab, "stalledDL")
    await is_removed(house, grab)
    assert torbox.items == []


@pytest.mark.parametrize("restarts", [False, True])
async def test_our_item_is_deleted_though_its_create_was_not_answered(
    house, torbox, clock, restarts
):
    clock.wrong_by = 10 * 60.0
    grab = torbox.publish("Dead", script=Stalled(at=0.2))
    torbox.next("createtorrent", AnswerAfterDoing(Cut()))
    arr = await house.starts()
    await arr.grabs(grab)
    await house.eventually(lambda: torbox.items, jump=0)
    if restarts:
        await house.restarts()
    await house.sees_state(grab, "stalledDL")
    await is_removed(house, grab)
    assert torbox.items == []


async def test_a_step_forward_does_not_empty_the_hour_twice(house, torbox, clock):
    torbox.plan = 2
    torbox.account.additional_slots = 200
    arr = await house.starts()
    for number in range(80):
        await arr.grabs(torbox.publish(f"Show.{number}", {"a": 1000}, FetchedOver(60)))
    await house.passes(900, step=10)
    clock.wrong_by = 2 * HOUR
    await house.passes(600, step=10)
    assert len(torbox.calls_to("createtorrent")) == 55
    assert torbox.refusals.total() == 0


@pytest.mark.parametrize("step", [-10 * HOUR, -DAY, HOUR])
async def test_what_torbox_asked_to_wait_is_waited_whatever_our_clock_does(
    house, torbox, clock, step
):
    torbox.next("createtorrent", Answer(429, {"detail": "slow down"}, {"retry-after": "3000"}))
    arr = await house.starts()
    grab = torbox.publish("Show", {"a": 1000}, Cached())
    await arr.grabs(grab)
    await house.passes(60, step=10)
    clock.wrong_by = step
    await house.passes(2700, step=60)
    assert len(torbox.calls_to("createtorrent")) == 1
    await house.passes(600, step=30)
    assert (await arr.sees(grab))["state"] == "pausedUP"


async def test_a_step_forward_does_not_send_an_unclear_create_twice(house, torbox, clock):
    torbox.lag_seconds = 270
    torbox.next("createtorrent", AnswerAfterDoing(Cut()))
    arr = await house.starts()
    await arr.grabs(torbox.publish("Show", {"a": 1000}, FetchedOver(7200)))
    await house.passes(100, step=5)
    clock.wrong_by = HOUR
    await house.passes(400, step=5)
    assert len(torbox.calls_to("createtorrent")) == 1
