"""A fast connection wakes the loop for many bytes at once, and always for its last ones."""

import asyncio
import select
import socket

import pytest

from bridge.clock import Clock
from bridge.delivery import Delivery
from bridge.delivery.wakeups import MARGIN_BYTES, MOST_BYTES, Wakeups
from tests.unit.delivery.conftest import HASH

MIB = 1 << 20
FAST = (100 * MIB, 1.0)  # bytes, seconds


@pytest.fixture
def ends():
    """The two ends of a connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        ours = socket.create_connection(server.getsockname())
        theirs, _ = server.accept()
    with ours, theirs:
        yield ours, theirs


def wakes(ours: socket.socket) -> bool:
    return bool(select.select([ours], [], [], 0.2)[0])


def test_a_fast_connection_wakes_for_many_bytes_at_once(ends):
    ours, theirs = ends
    wakeups = Wakeups(ours)
    wakeups.fit(*FAST)
    wakeups.left(100 * MIB)

    theirs.sendall(bytes(MOST_BYTES // 2))
    assert not wakes(ours)
    theirs.sendall(bytes(MOST_BYTES // 2))
    assert wakes(ours)


def test_the_last_bytes_of_an_answer_wake_however_few_they_are(ends):
    ours, theirs = ends
    wakeups = Wakeups(ours)
    wakeups.fit(*FAST)
    wakeups.left(100 * MIB)
    theirs.sendall(bytes(1000))
    assert not wakes(ours)

    wakeups.left(MOST_BYTES + MARGIN_BYTES - 1)
    assert wakes(ours)


def test_a_slow_connection_wakes_for_every_byte(ends):
    ours, theirs = ends
    wakeups = Wakeups(ours)
    wakeups.fit(MIB, 1.0)
    wakeups.left(100 * MIB)

    theirs.sendall(b"x")
    assert wakes(ours)


def test_a_connection_that_is_cut_wakes_at_once(ends):
    ours, theirs = ends
    wakeups = Wakeups(ours)
    wakeups.fit(*FAST)
    wakeups.left(100 * MIB)

    theirs.sendall(bytes(1000))
    theirs.close()
    assert wakes(ours)


def test_whoever_uses_the_connection_next_is_woken_for_a_few_bytes(ends):
    ours, theirs = ends
    wakeups = Wakeups(ours)
    wakeups.fit(*FAST)
    wakeups.left(100 * MIB)
    wakeups.reset()

    theirs.sendall(b"HTTP/1.1 200 OK")
    assert wakes(ours)


def test_a_closed_connection_is_no_trouble(ends):
    ours, _ = ends
    wakeups = Wakeups(ours)
    wakeups.fit(*FAST)
    ours.close()
    wakeups.left(100 * MIB)
    wakeups.reset()


async def test_large_and_small_files_come_one_after_the_other_over_one_connection(
    cdn, settings, incomplete
):
    sizes = (24 * MIB + 17, 1000, 9 * MIB, 1, 3 * MIB + 5)
    files = [cdn.holds(f"{number}.bin", size) for number, size in enumerate(sizes)]
    async with Delivery(settings, Clock(), user_agent="test", allow_http=True) as delivery:
        async with asyncio.timeout(40):
            for count in range(1, len(files) + 1):
                await delivery.deliver(HASH, "Show", files[:count], cdn.link)

    for file in files:
        assert (incomplete / file.path).read_bytes() == cdn.contents[file.path]
