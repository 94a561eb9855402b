"""No more comes than clients and the schedule allow, and limits are felt at once."""

from datetime import UTC, datetime, timedelta

import pytest

from bridge.config.schedule import Slot, off_until
from bridge.core.speeds import client_limit
from bridge.simulator import MiB

KIB = 1024


def contents(grab):
    return {file.path: grab.content(file.path) for file in grab.files}


async def told(house, grab):
    return await house.arr.json(f"../bridge/torrents/{grab.hash}")


async def sets(arr, path, **data):
    status, text = await arr.call("POST", path, data=data)
    assert status == 200, text


class Rate:
    """How fast bytes came, by the house's own clock."""

    def __init__(self, house):
        self._house = house
        self._at, self._bytes = house.clock.monotonic(), self._received()

    def _received(self):
        return self._house.bridge.engine._delivery.flow.received_bytes

    @property
    def bytes_per_second(self):
        seconds = self._house.clock.monotonic() - self._at
        return (self._received() - self._bytes) / seconds


async def complete(house, grab, jump):
    row = await house.sees_state(grab, "pausedUP", jump=jump)
    assert house.files_of(row) == contents(grab)


async def test_a_global_limit_holds_over_all_torrents(house, torbox, arr):
    await sets(arr, "transfer/setDownloadLimit", limit=100 * KIB)
    grabs = [torbox.publish(f"Show {n}", {"a.mkv": 2 * MiB}) for n in range(3)]
    rate = Rate(house)
    for grab in grabs:
        await arr.grabs(grab)
    for grab in grabs:
        await complete(house, grab, jump=0.5)
    assert rate.bytes_per_second <= 101 * KIB


async def test_the_alternative_limit_counts_while_it_is_switched_on(house, torbox, arr):
    await sets(arr, "transfer/toggleSpeedLimitsMode")
    await sets(arr, "transfer/setDownloadLimit", limit=50 * KIB)
    grab = torbox.publish("Show", {"a.mkv": 2 * MiB})
    rate = Rate(house)
    await arr.grabs(grab)
    await house.eventually(lambda: torbox.cdn.sent("a.mkv"), jump=0.5)
    for _ in range(20):
        house.clock.jump(1)
        await arr.polls()
    assert 0 < rate.bytes_per_second <= 60 * KIB

    await sets(arr, "transfer/toggleSpeedLimitsMode")

    await complete(house, grab, jump=0)


async def test_a_limit_for_one_torrent_leaves_the_others_alone(house, torbox, arr):
    slow = torbox.publish("Slow", {"a.mkv": 4 * MiB})
    quick = torbox.publish("Quick", {"b.mkv": 8 * MiB})
    await arr.grabs(slow, dlLimit=1 * KIB)
    await house.eventually(lambda: torbox.cdn.sent("a.mkv"), jump=0)
    await arr.grabs(quick)
    await complete(house, quick, jump=0)
    assert (await arr.sees(slow))["progress"] < 0.2

    await sets(arr, "torrents/setDownloadLimit", hashes=slow.hash, limit=0)

    await complete(house, slow, jump=0)


async def test_a_limit_survives_a_restart(house, torbox, arr):
    await sets(arr, "transfer/setDownloadLimit", limit=20 * KIB)
    arr = await house.restarts()
    grab = torbox.publish("Show", {"a.mkv": MiB})
    rate = Rate(house)
    await arr.grabs(grab)
    await complete(house, grab, jump=1)
    assert rate.bytes_per_second <= 21 * KIB


def hours(house, start, stop, limit):
    """A slot of local time, in hours from now."""
    now = datetime.fromtimestamp(house.clock.time(), UTC).astimezone()
    times = [(now + timedelta(hours=hour)).strftime("%H:%M") for hour in (start, stop)]
    return Slot(f"{times[0]}-{times[1]} {limit}")


async def test_while_the_schedule_says_off_nothing_is_fetched_and_then_it_goes_on(house, torbox):
    house.sets(downloads={"schedule": (hours(house, -1, 2, "off"),)})
    arr = await house.starts()
    grab = torbox.publish("Show", {"a.mkv": 4 * MiB})
    await arr.grabs(grab)

    async def held():
        return "downloads are off until" in (await told(house, grab))["reason"]

    await house.eventually(held, jump=1)
    began = house.clock.monotonic()
    assert (await arr.sees(grab))["state"] == "queuedDL"
    assert torbox.cdn.fetches == []
    await house.eventually(lambda: torbox.cdn.fetches, jump=60)
    assert house.clock.monotonic() - began > 1.9 * 3600
    await complete(house, grab, jump=1)


async def test_when_the_schedule_says_off_what_was_under_way_stops_and_is_kept(house, torbox):
    house.sets(downloads={"schedule": (hours(house, 1, 2, "off"),)})
    arr = await house.starts()
    grab = torbox.publish("Show", {"a.mkv": 64 * MiB})
    await sets(arr, "transfer/setDownloadLimit", limit=KIB)
    await arr.grabs(grab)
    await house.eventually(lambda: torbox.cdn.sent("a.mkv"), jump=0)
    house.clock.jump(3600 + 60)
    await house.eventually(lambda: torbox.cdn.connections == 0, jump=1)

    async def held():
        return "downloads are off until" in (await told(house, grab))["reason"]

    await house.eventually(held, jump=1)
    await sets(arr, "transfer/setDownloadLimit", limit=0)
    house.clock.jump(3600)
    await complete(house, grab, jump=1)
    starts = [asked for _, asked in torbox.cdn.ranges_asked]
    assert starts[0] == "bytes=0-"
    assert "bytes=0-" not in starts[1:]


async def test_a_slow_hour_is_slow(house, torbox):
    house.sets(downloads={"schedule": (hours(house, -1, 2, "50 KiB/s"),)})
    arr = await house.starts()
    grab = torbox.publish("Show", {"a.mkv": 2 * MiB})
    rate = Rate(house)
    await arr.grabs(grab)
    await complete(house, grab, jump=1)
    assert rate.bytes_per_second <= 51 * KIB


@pytest.mark.parametrize(
    ("preferences", "limit"),
    [
        ({}, 0),
        ({"dl_limit": 5}, 5),
        ({"dl_limit": 0, "alt_dl_limit": 7}, 0),
        ({"dl_limit": 5, "alt_dl_limit": 7, "alternative_limits": True}, 7),
        ({"dl_limit": 5, "alternative_limits": True}, 10240),
        ({"dl_limit": 5, "alt_dl_limit": 0, "alternative_limits": True}, 0),
        ({"dl_limit": -1}, 0),
        ({"dl_limit": "fast"}, 0),
    ],
)
def test_the_limit_that_counts_is_the_one_that_clients_are_shown(preferences, limit):
    assert client_limit(preferences) == limit


@pytest.mark.parametrize(
    ("slots", "until"),
    [
        (["20:00-24:00 off", "00:00-06:00 off"], "06:00"),
        (["20:00-24:00 off", "00:00-06:00 1 MiB/s"], "00:00"),
        (["22:00-06:00 off"], "06:00"),
        (["mon-wed 00:00-24:00 off"], "thu 00:00"),
        (["00:00-24:00 off"], ""),
    ],
)
def test_slots_that_adjoin_are_off_until_the_end_of_the_last(slots, until):
    monday = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)
    assert off_until([Slot(slot) for slot in slots], monday) == until


# Whose files come first


@pytest.fixture
async def in_line(house, torbox):
    """Four torrents whose files wait for the one that a first one of them brings."""
    house.sets(downloads={"parallel_files": 1})
    arr = await house.starts()
    holds, *others = [torbox.publish(name, {f"{name}.mkv": 1000}) for name in "hABCD"]
    torbox.cdn.stalls(after=500, path="h.mkv")
    await arr.grabs(holds)
    await torbox.cdn.has_sent("h.mkv", 500)
    for grab in others:
        await arr.grabs(grab)
    turns = house.bridge.engine._delivery._means.turns
    await house.eventually(lambda: len(turns._waiting) == len(others))
    return dict(zip("hABCD", (holds, *others), strict=True))


async def comes_in_order(house, torbox, grabs, order: str) -> None:
    torbox.cdn.clear()
    for grab in grabs.values():
        await house.sees_state(grab, "pausedUP")
    asked = [path[0] for path, _ in torbox.cdn.ranges_asked]
    assert "".join(dict.fromkeys(asked)) == f"h{order}"


async def test_files_come_in_the_order_that_clients_give_the_torrents(house, torbox, in_line):
    arr = house.arr
    await sets(arr, "torrents/topPrio", hashes=in_line["C"].hash)
    await sets(arr, "torrents/bottomPrio", hashes=in_line["A"].hash)
    await sets(arr, "torrents/setForceStart", hashes=in_line["D"].hash, value="true")
    await comes_in_order(house, torbox, in_line, "DCBA")


async def test_the_order_survives_a_restart(house, torbox, in_line):
    arr = house.arr
    await sets(arr, "torrents/topPrio", hashes=f"{in_line['h'].hash}|{in_line['D'].hash}")
    await sets(arr, "torrents/decreasePrio", hashes=in_line["A"].hash)
    await house.stops()
    house.sets(downloads={"schedule": (hours(house, -1, 2, "off"),)})
    await house.starts()
    turns = house.bridge.engine._delivery._means.turns
    await house.eventually(lambda: len(turns._waiting) == len(in_line))
    house.clock.jump(4 * 3600)
    await comes_in_order(house, torbox, in_line, "DBAC")
