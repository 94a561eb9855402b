"""Whose item is it: only what we created is ever deleted."""

from hypothesis import given
from hypothesis import strategies as st

from bridge.core import ownership

HASH, NOW = "a" * 40, 1_800_000_000.0


def named(created_at, torrent_id=7):
    items = ownership.intended((), HASH, 1, NOW)
    return ownership.identified(items, torrent_id, None, created_at)


def test_an_item_created_after_our_intent_is_ours():
    assert named(NOW + 30)[0].ours is True


def test_two_minutes_of_a_wrong_clock_are_forgiven():
    assert named(NOW - 119)[0].ours is True
    assert named(NOW - 121)[0].ours is False


def test_without_a_date_nothing_is_judged():
    assert named(None)[0].ours is None


def test_a_foreign_entry_stays_foreign_when_it_is_promoted_under_a_new_id():
    items = ownership.intended((), HASH, 1, NOW)
    items = ownership.identified(items, None, 55, NOW - 86400)
    items = ownership.identified(items, 7, None, NOW + 600)
    assert [(item.torrent_id, item.queued_id, item.ours) for item in items] == [(7, None, False)]


def test_an_older_item_that_is_met_in_place_of_ours_is_not_ours():
    items = ownership.identified(named(NOW + 30), 3, None, NOW - 86400)
    assert [(item.torrent_id, item.ours) for item in items] == [(3, False)]


def test_an_item_without_a_date_does_not_inherit_whose_it_is():
    items = ownership.identified(named(NOW + 30), 3, None, None)
    assert [(item.torrent_id, item.ours) for item in items] == [(3, None)]


def test_a_second_intent_waits_for_the_first_to_be_resolved():
    once = ownership.intended((), HASH, 1, NOW)
    assert ownership.intended(once, HASH, 1, NOW + 50) == once
    assert ownership.unresolved(once)


def test_meeting_the_same_object_again_leaves_no_open_intent():
    items = named(NOW + 5)
    items = ownership.intended(items, HASH, 1, NOW + 1000)
    items = ownership.identified(items, 7, None, NOW + 5)
    assert not ownership.unresolved(items)
    assert len(items) == 1
    assert items[0].ours is True


@given(st.lists(st.integers(1, 5), max_size=8), st.floats(-1e6, -121))
def test_an_item_older_than_every_intent_is_never_ours(ids, age):
    items = ownership.intended((), HASH, 1, NOW)
    for torrent_id in [*ids, 9]:
        items = ownership.identified(
            ownership.intended(items, HASH, 1, NOW + torrent_id), torrent_id, None, NOW + age
        )
    assert not any(item.ours for item in items)
