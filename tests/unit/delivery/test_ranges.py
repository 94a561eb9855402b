"""Ranges of bytes behave as the sets of bytes that they stand for."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from bridge.delivery.ranges import Ranges
from bridge.delivery.segments import LEAST_BYTES, Segments

SIZE = 40
CHANGES = st.lists(
    st.tuples(st.booleans(), st.integers(0, SIZE), st.integers(0, SIZE)), max_size=12
)


@given(CHANGES)
def test_adding_and_removing_is_that_of_sets(changes):
    ranges, model = Ranges(), set()
    for add, start, stop in changes:
        if add:
            ranges.add(start, stop)
            model |= set(range(start, stop))
        else:
            ranges.remove(start, stop)
            model -= set(range(start, stop))

        there = [byte for start, stop in ranges for byte in range(start, stop)]
        assert there == sorted(model)
        assert all(stop < start for (_, stop), (start, _) in pairwise(ranges))
        assert ranges.total == len(model)
        missing = [byte for start, stop in ranges.missing(SIZE) for byte in range(start, stop)]
        assert missing == sorted(set(range(SIZE)) - model)
        assert set(range(ranges.prefix)) <= model
        assert ranges.prefix not in model
        clipped = [byte for start, stop in ranges.clipped(17) for byte in range(start, stop)]
        assert clipped == sorted(byte for byte in model if byte < 17)


UNIT = LEAST_BYTES // 4
STEPS = st.lists(st.tuples(st.integers(0, 7), st.integers(1, 12), st.booleans()), max_size=60)


@given(st.integers(1, 4), st.lists(st.integers(1, 60), min_size=1, max_size=3), STEPS)
def test_however_connections_come_and_go_every_byte_is_fetched_by_one(connections, sizes, steps):
    missing, at = [], 0
    for size in sizes:
        missing.append((at * UNIT, (at + size) * UNIT))
        at += size + 3
    segments, fetched = Segments(missing, connections), []
    open_ones = []

    def fetch(segment, count):
        count = min(count, segment.left)
        fetched.append((segment.at, segment.at + count))
        segment.at += count

    for which, units, stays in steps:
        if len(open_ones) < connections and (taken := segments.take()):
            open_ones.append(taken)
        if open_ones:
            segment = open_ones[which % len(open_ones)]
            fetch(segment, units * UNIT)
            if not stays or not segment.left:
                segments.give_back(segment)
                open_ones.remove(segment)
    for segment in open_ones:
        segments.give_back(segment)
    while segment := segments.take():
        fetch(segment, segment.left)
        segments.give_back(segment)

    assert sum(stop - start for start, stop in fetched) == sum(sizes) * UNIT
    assert list(Ranges(fetched)) == list(Ranges(missing))


def test_a_large_file_is_shared_equally_and_a_small_one_not_at_all():
    shares = Segments([(0, 16 * LEAST_BYTES)], 4)
    assert {shares.take().left for _ in range(4)} == {4 * LEAST_BYTES}
    small = Segments([(0, 2 * LEAST_BYTES - 1)], 4)
    assert small.take().left == 2 * LEAST_BYTES - 1
    assert small.take() is None


def test_whoever_is_done_takes_half_of_what_the_slowest_has_left():
    segments = Segments([(0, 8 * LEAST_BYTES)], 2)
    quick, slow = segments.take(), segments.take()
    quick.at = quick.stop
    segments.give_back(quick)

    other = segments.take()

    assert (slow.left, other.left) == (2 * LEAST_BYTES, 2 * LEAST_BYTES)
    assert other.at == slow.stop


def test_blocks_are_cut_where_the_segment_ends_now():
    segments = Segments([(0, 4 * LEAST_BYTES)], 2)
    first = segments.take()
    first.at = first.stop - 5

    assert first.fitting([b"abc", b"def", b"ghi"]) == [b"abc", b"de"]
    assert first.left == 0
