"""So much of the disk is never filled, and what does not fit does not begin."""

from pathlib import Path

import pytest

from bridge.clock import Clock
from bridge.delivery.room import LOOK_SECONDS, Room, free_bytes
from bridge.errors import DiskTrouble, NoRoom

GIB = 1 << 30
ROOT = Path("/data/torrents")


class Disk:
    """A disk with so much free, that counts how often it is asked."""

    def __init__(self, free):
        self.free, self.asked = free, 0

    def measure(self, root):
        self.asked += 1
        return self.free


@pytest.fixture
def disk():
    return Disk(10 * GIB)


@pytest.fixture
def room(disk, clock):
    return Room(ROOT, GIB, clock, disk.measure)


def look_again(room, clock):
    clock.skip(LOOK_SECONDS)
    room.go_on()


def test_while_there_is_room_files_come(room, disk, clock):
    room.begin(9 * GIB, 0)
    for free in (5 * GIB, 2 * GIB, GIB):
        disk.free = free
        look_again(room, clock)


def test_what_is_to_be_kept_free_is_not_written_to(room, disk, clock):
    disk.free = GIB - 1
    with pytest.raises(DiskTrouble, match=r"1 GiB of downloads\.keep_free") as caught:
        look_again(room, clock)
    assert str(ROOT) in str(caught.value)


def test_to_begin_again_it_takes_more_room_than_to_go_on(room, disk, clock):
    disk.free = GIB + 1000
    look_again(room, clock)
    with pytest.raises(DiskTrouble, match=r"by itself when 1\.2 GiB"):
        room.begin(1, 0)
    disk.free = GIB + (256 << 20)
    room.begin(1000, 0)


def test_a_full_disk_is_looked_at_each_time_until_there_is_room(room, disk, clock):
    disk.free = 0
    for _ in range(3):
        with pytest.raises(DiskTrouble):
            room.go_on()
    disk.free = 2 * GIB
    room.go_on()


def test_the_disk_is_asked_once_a_second_however_much_is_written(disk):
    room = Room(ROOT, GIB, Clock(0.001), disk.measure)
    for _ in range(1000):
        room.go_on()
    assert disk.asked == 1


def test_a_torrent_that_does_not_fit_does_not_begin(room):
    with pytest.raises(NoRoom, match=r"9.5 GiB of it .* room for 9 GiB"):
        room.begin(9 * GIB + GIB // 2, 0)


def test_what_others_still_need_is_theirs(room):
    with pytest.raises(NoRoom, match="room for 4 GiB"):
        room.begin(6 * GIB, 5 * GIB)
    room.begin(4 * GIB, 5 * GIB)


def test_what_is_here_already_can_be_proven_on_a_full_disk(room, disk):
    disk.free = 0
    room.begin(0, 0)


@pytest.mark.parametrize("keep_free", [0, 1000])
def test_without_much_to_keep_free_there_is_still_a_margin(keep_free, disk, clock):
    room = Room(ROOT, keep_free, clock, disk.measure)
    disk.free = 5 << 20
    room.go_on()
    with pytest.raises(DiskTrouble, match="by itself when 16 MiB"):
        room.begin(1, 0)


def test_free_is_what_this_user_may_write(tmp_path):
    assert free_bytes(tmp_path) > 0
