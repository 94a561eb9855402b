"""The door for what TorBox does not have cached: how long it stays closed, and what opens it."""

import pytest

from bridge.core.door import Door
from bridge.errors import Shut, TorBoxBusy

FULL = TorBoxBusy("full", 60.0, shut=Shut.SLOTS)
COOLDOWN = TorBoxBusy("cooldown", 3000.0, shut=Shut.COOLDOWN)


def test_each_refusal_closes_it_for_twice_as_long_up_to_a_quarter_of_an_hour():
    door, now, waits = Door(), 0.0, []
    for _ in range(6):
        door.refused(FULL, now)
        waits.append(door.until - now)
        now = door.until
        door.passes(now, None)
        assert door.why is None
        assert door.ajar
    assert waits == [60, 120, 240, 480, 900, 900]
    assert door.since == 0.0


def test_refusals_of_what_was_under_way_together_are_one():
    door = Door()
    for at in range(4):
        door.refused(FULL, float(at))
    assert (door.until, door.refusals) == (60.0, 1)


@pytest.mark.parametrize("first", [FULL, COOLDOWN])
def test_a_cooldown_ends_when_it_says_whatever_else_was_said(first):
    door = Door()
    door.refused(first, 0.0)
    door.refused(COOLDOWN, 10.0)
    door.refused(FULL, 20.0)
    assert (door.why, door.sentence, door.until) == (Shut.COOLDOWN, "cooldown", 3010.0)
    door.passes(3009.0, 5)
    assert door.why is Shut.COOLDOWN
    door.passes(3010.0, 5)
    assert door.why is None


def test_a_slot_that_becomes_free_opens_it_and_one_that_was_free_before_does_not():
    door = Door()
    door.refused(FULL, 0.0)
    for free in (None, 2, 2, 1, 0, 0):
        door.passes(10.0, free)
        assert door.why is Shut.SLOTS
    door.passes(10.0, 1)
    assert door.why is None


def test_what_was_cached_needed_no_slot_and_what_was_not_forgets_all_refusals():
    door = Door()
    door.refused(FULL, 0.0)
    door.took(1.0, cached=True)
    assert (door.why, door.took_at) == (Shut.SLOTS, 1.0)
    door.took(2.0, cached=False)
    assert (door.why, door.ajar, door.took_at) == (None, False, 2.0)
