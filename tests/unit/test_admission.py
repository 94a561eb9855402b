"""Who goes next, decided from what is known."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bridge.config import CachedPolicy, CategorySettings
from bridge.core.admission import How, Room, choose, in_order, to_ask
from bridge.model import Torrent, Waiting, Wishes

TIME = 1_800_000_000.0
ROOM = Room(budget=10, used=0, limit=55, slots=3, next_at=TIME, all_slots=3)


def a_torrent(number, **fields):
    made = {"save_path": "/d", "name": f"Show {number}", "magnet": "m", "added_at": TIME + number}
    return Torrent(hash=f"{number:040}", v1="", v2="", phase=Waiting(), **(made | fields))


def policy(cached, **fields):
    return lambda _category: CategorySettings(cached=CachedPolicy(cached), **fields)


def hows(waiting, known=lambda _hash: False, rules=None, room=ROOM, time=TIME):
    rules = rules or policy("any")
    return [choice.how for choice in choose(waiting, known, rules, room, time)]


def test_force_start_goes_before_priority_and_priority_before_age():
    old, first, forced = a_torrent(1), a_torrent(2, order=-1), a_torrent(3)
    forced = replace(forced, wishes=Wishes(force_start=True))
    assert in_order([old, first, forced]) == [forced, first, old]


def test_nobody_is_asked_about_the_cache_while_all_fit():
    few, many = [a_torrent(n) for n in range(3)], [a_torrent(n) for n in range(4)]
    assert to_ask(few, lambda _: None, policy("any"), ROOM) == []
    assert len(to_ask(many, lambda _: None, policy("any"), ROOM)) == 4
    assert len(to_ask(few, lambda _: None, policy("cached_only"), ROOM)) == 3


def test_cached_ones_need_no_room():
    full = replace(ROOM, slots=0, budget=0)
    waiting = [a_torrent(1), a_torrent(2)]
    assert hows(waiting, lambda one: one == waiting[1].hash, room=full) == [
        How.TRY_CACHED,
        How.HOLD,
    ]


def test_each_held_one_is_told_its_place():
    choices = choose([a_torrent(n) for n in range(5)], lambda _: False, policy("any"), ROOM, TIME)
    assert [choice.how for choice in choices] == [How.CREATE] * 3 + [How.HOLD] * 2
    assert "place 1" in choices[3].reason
    assert "place 2" in choices[4].reason


def test_cached_only_refuses_only_what_is_known_not_to_be_cached():
    assert hows([a_torrent(1)], lambda _: None, policy("cached_only")) == [How.HOLD]
    assert hows([a_torrent(1)], lambda _: False, policy("cached_only")) == [How.REFUSE]
    assert hows([a_torrent(1)], lambda _: True, policy("cached_only")) == [How.TRY_CACHED]


def test_cached_first_does_not_wait_for_a_time_to_which_the_wall_clock_was_set_back():
    rules = policy("cached_first", cached_first_minutes=10)
    assert hows([a_torrent(1)], rules=rules, time=TIME - 86400) == [How.CREATE]


def test_cached_first_waits_its_minutes_and_then_is_like_any_other():
    rules = policy("cached_first", cached_first_minutes=10)
    assert hows([a_torrent(0)], rules=rules, time=TIME + 599) == [How.HOLD]
    assert hows([a_torrent(0)], rules=rules, time=TIME + 600) == [How.CREATE]


@given(
    count=st.integers(0, 30),
    budget=st.integers(0, 12),
    slots=st.none() | st.integers(-2, 12),
    cached=st.sets(st.integers(0, 29)),
)
def test_never_more_uncached_creates_than_fit_and_nobody_is_left_out(count, budget, slots, cached):
    waiting = [a_torrent(number) for number in range(count)]
    room = replace(ROOM, budget=budget, slots=slots)
    choices = choose(waiting, lambda one: int(one) in cached, policy("any"), room, TIME)
    assert {choice.torrent.hash for choice in choices} == {torrent.hash for torrent in waiting}
    creates = sum(choice.how is How.CREATE for choice in choices)
    assert creates <= max(0, budget if slots is None else min(budget, slots))
    assert sum(choice.how is How.TRY_CACHED for choice in choices) == len(
        cached & set(range(count))
    )


def test_what_torbox_refused_before_gets_half_of_the_hour_and_at_least_one_try():
    waiting = [a_torrent(n) for n in range(3)]
    before = frozenset(torrent.hash for torrent in waiting[:2])
    room = replace(ROOM, refused=before, used=26)
    assert hows(waiting, room=room) == [How.CREATE, How.HOLD, How.CREATE]
    assert hows(waiting, room=replace(room, used=27)) == [How.HOLD, How.HOLD, How.CREATE]
    smallest = replace(room, limit=1, used=0, budget=1)
    assert hows(waiting[:1], room=smallest) == [How.CREATE]


def test_while_the_door_is_shut_only_cached_ones_go_and_all_others_are_told_since_when():
    shut = replace(ROOM, shut="all slots are in use", shut_since="12:00", opens_at=TIME + 60)
    waiting = [a_torrent(1), a_torrent(2)]
    choices = choose(waiting, lambda one: one == waiting[1].hash, policy("any"), shut, TIME)
    assert [choice.how for choice in choices] == [How.TRY_CACHED, How.HOLD]
    assert choices[1].reason.startswith("all slots are in use, since 12:00; tries again at ")
    assert choices[1].until == TIME + 60
