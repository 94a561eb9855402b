"""What the bridge costs TorBox: the benchmark's scenarios in coarser steps of time."""

import pytest

from benchmarks import calls
from bridge.simulator import Answer

SCENARIOS = {name: (name, most, work) for name, most, work in calls.scenarios(step=30.0)}
FOREIGN = 310  # more than the pages that are ever read


@pytest.mark.parametrize("name", SCENARIOS)
async def test_a_scenario_costs_no_more_calls_and_bytes_than_promised(name):
    one = await calls.measured(*SCENARIOS[name], foreign=FOREIGN)
    assert one.total <= one.most, one.calls
    assert one.sent_bytes < calls.MOST_BYTES_AN_HOUR


async def test_a_cached_grab_begins_to_arrive_without_a_list_and_without_a_wait(house, torbox, arr):
    grab = torbox.publish("Cached", {"a.mkv": 1000})
    await arr.grabs(grab)
    await house.sees_state(grab, "pausedUP", jump=0)
    assert [(call.endpoint, "id" in call.params) for call in torbox.calls] == [
        ("createtorrent", False),
        ("mylist", True),
        ("requestdl", False),
    ]


async def test_of_many_cached_grabs_at_once_the_list_is_asked(house, torbox, arr):
    grabs = [torbox.publish(f"Cached.{number}", {"a.mkv": 1000}) for number in range(12)]
    for grab in grabs:
        await arr.grabs(grab)
    for grab in grabs:
        await house.sees_state(grab, "pausedUP")
    assert sum("id" in call.params for call in torbox.calls_to("mylist")) <= 5


async def test_an_item_that_is_not_found_just_after_its_create_is_waited_for(house, torbox, arr):
    grab = torbox.publish("Cached", {"a.mkv": 1000})
    torbox.next("mylist", Answer(404, {"success": False, "error": "ITEM_NOT_FOUND"}))
    await arr.grabs(grab)
    await house.sees_state(grab, "pausedUP", jump=0)
    assert len(torbox.calls_to("createtorrent")) == 1


async def test_foreign_items_cost_no_call():
    name, most, work = SCENARIOS["one cached file, add to delete"]
    alone = await calls.measured(name, most, work, foreign=0)
    crowded = await calls.measured(name, most, work, foreign=FOREIGN)
    assert alone.calls == crowded.calls
