"""What the bridge costs TorBox: the benchmark's scenarios in coarser steps of time."""

import pytest

from benchmarks import calls

SCENARIOS = {name: (name, most, work) for name, most, work in calls.scenarios(step=30.0)}
FOREIGN = 310  # more than the pages that are ever read


@pytest.mark.parametrize("name", SCENARIOS)
async def test_a_scenario_costs_no_more_calls_and_bytes_than_promised(name):
    one = await calls.measured(*SCENARIOS[name], foreign=FOREIGN)
    assert one.total <= one.most, one.calls
    assert one.sent_bytes < calls.MOST_BYTES_AN_HOUR


async def test_foreign_items_cost_no_call():
    name, most, work = SCENARIOS["one cached file, add to delete"]
    alone = await calls.measured(name, most, work, foreign=0)
    crowded = await calls.measured(name, most, work, foreign=FOREIGN)
    assert alone.calls == crowded.calls
