"""Whatever happens to the disk, everything pauses with the reason and goes on by itself."""

import errno
import os
import subprocess

import pytest

from bridge.config import CategorySettings, GiveUp
from bridge.config.amounts import Bytes
from bridge.delivery.partfile import PartFile
from bridge.errors import CannotStart
from bridge.model import Delivering, Failed
from bridge.simulator import Answer, MiB


def contents(grab):
    return {file.path: grab.content(file.path) for file in grab.files}


async def reason(house, grab):
    return (await house.arr.json(f"../bridge/torrents/{grab.hash}"))["reason"]


def mounted(*arguments):
    """Mount something, which not every machine lets a test do."""
    try:
        done = subprocess.run(["mount", *arguments], capture_output=True, check=False)
    except FileNotFoundError:
        return False
    return done.returncode == 0


def unmounted(place):
    subprocess.run(["umount", "-l", place], capture_output=True, check=False)


@pytest.fixture
def small_disk(house):
    """A disk of 96 MiB for the downloads."""
    place = house.downloads
    place.mkdir()
    if not mounted("-t", "tmpfs", "-o", "size=96m", "tmpfs", str(place)):
        pytest.skip("this machine lets nobody mount")
    yield place
    unmounted(place)


def fill(disk, *, but_for):
    """Take all of its room except so many bytes."""
    facts = os.statvfs(disk)
    size = facts.f_bavail * facts.f_frsize - but_for
    with (disk / "filler").open("wb") as filler:
        os.posix_fallocate(filler.fileno(), 0, size)


def free(disk):
    facts = os.statvfs(disk)
    return facts.f_bavail * facts.f_frsize


@pytest.mark.parametrize("keep_free", [0, 10 * MiB], ids=["to the last byte", "some kept free"])
async def test_on_a_full_disk_everything_pauses_and_goes_on_when_there_is_room(
    house, torbox, small_disk, keep_free
):
    house.sets(downloads={"keep_free": Bytes(keep_free)})
    arr = await house.starts()
    grab = torbox.publish("Show", {"a.mkv": 16 * MiB, "b.mkv": 8 * MiB})
    torbox.cdn.slow(4 * MiB)
    await arr.grabs(grab)
    await torbox.cdn.has_sent("a.mkv", 2 * MiB)
    fill(small_disk, but_for=keep_free + 3 * MiB)

    async def paused():
        return "disk" in await reason(house, grab)

    await house.eventually(paused, jump=0.2)
    other = torbox.publish("Other", {"c.mkv": MiB})
    await arr.grabs(other)
    await house.passes(120)
    assert (await arr.sees(grab))["state"] == "queuedDL"
    assert (await arr.sees(other))["state"] == "queuedDL"
    assert "full" in await reason(house, grab)
    assert "full" in house.bridge.board.health.sentence
    assert free(small_disk) >= keep_free - 3 * MiB

    (small_disk / "filler").unlink()
    torbox.cdn.clear()

    for one in (grab, other):
        row = await house.sees_state(one, "pausedUP", jump=5)
        assert house.files_of(row) == contents(one)
    starts = [asked for path, asked in torbox.cdn.ranges_asked if path == "a.mkv"]
    assert len(starts) == len(set(starts)) > 1
    assert "full" not in house.bridge.board.health.sentence


async def test_a_torrent_that_does_not_fit_waits_and_holds_up_no_other(house, torbox, small_disk):
    house.sets(downloads={"keep_free": Bytes(10 * MiB)})
    arr = await house.starts()
    large = torbox.publish("Large", {"large.mkv": 60 * MiB})
    small = torbox.publish("Small", {"small.mkv": 2 * MiB})
    fill(small_disk, but_for=50 * MiB)
    await arr.grabs(large)
    await house.passes(10)
    await arr.grabs(small)

    row = await house.sees_state(small, "pausedUP", jump=5)

    assert house.files_of(row) == contents(small)

    async def waits():
        return "60 MiB of it are still to come" in await reason(house, large)

    await house.eventually(waits, jump=0)
    assert (await arr.sees(large))["state"] == "queuedDL"
    (small_disk / "filler").unlink()
    await house.sees_state(large, "pausedUP", jump=5)


async def test_removing_makes_room_while_the_disk_is_full(house, torbox, small_disk):
    house.sets(downloads={"keep_free": Bytes(10 * MiB)})
    arr = await house.starts()
    old = torbox.publish("Old", {"old.mkv": 40 * MiB})
    await arr.grabs(old)
    await house.sees_state(old, "pausedUP")
    new = torbox.publish("New", {"new.mkv": 4 * MiB})
    fill(small_disk, but_for=11 * MiB)
    await arr.grabs(new)
    await house.passes(60)
    assert "full" in await reason(house, new)

    await arr.removes(old)

    row = await house.sees_state(new, "pausedUP", jump=5)
    assert house.files_of(row) == contents(new)


async def test_started_on_a_full_disk_it_serves_and_removing_makes_room(house, torbox, small_disk):
    house.sets(downloads={"keep_free": Bytes(10 * MiB)})
    arr = await house.starts()
    old = torbox.publish("Old", {"old.mkv": 40 * MiB})
    await arr.grabs(old)
    await house.sees_state(old, "pausedUP")
    fill(small_disk, but_for=0)

    arr = await house.restarts()
    new = torbox.publish("New", {"new.mkv": 4 * MiB})
    await arr.grabs(new)
    await house.passes(60)
    assert "full" in await reason(house, new)
    await arr.removes(old)

    row = await house.sees_state(new, "pausedUP", jump=5)
    assert house.files_of(row) == contents(new)


async def test_started_while_its_mount_is_bare_it_writes_nothing_and_says_so(house, torbox):
    arr = await house.starts()
    grab = torbox.publish("Show", {"a.mkv": 4 * MiB})
    torbox.cdn.stalls(after=2 * MiB)
    await arr.grabs(grab)
    await torbox.cdn.has_sent("a.mkv", 2 * MiB)
    await house.stops()
    elsewhere = house.downloads.with_name("elsewhere")
    house.downloads.rename(elsewhere)
    house.downloads.mkdir()

    with pytest.raises(CannotStart, match="is its disk mounted"):
        await house.starts()

    assert list(house.downloads.iterdir()) == []
    house.downloads.rmdir()
    elsewhere.rename(house.downloads)
    await house.starts()
    row = await house.sees_state(grab, "pausedUP", jump=5)
    assert house.files_of(row) == contents(grab)


@pytest.mark.parametrize(
    ("number", "says"), [(errno.EFBIG, "too large"), (errno.ENAMETOOLONG, "name is too long")]
)
async def test_what_the_disk_can_never_hold_fails_alone(
    house, torbox, arr, monkeypatch, number, says
):
    opens = PartFile.open

    def refuses(part):
        if part.size == 2 * MiB:
            raise OSError(number, "as the test has it")
        opens(part)

    monkeypatch.setattr(PartFile, "open", refuses)
    unfit = torbox.publish("Unfit", {"a.mkv": MiB, "b.mkv": 2 * MiB})
    other = torbox.publish("Other", {"c.mkv": 4 * MiB})
    for grab in (unfit, other):
        await arr.grabs(grab)

    await house.sees_state(unfit, "stalledDL")
    assert says in await reason(house, unfit)
    row = await house.sees_state(other, "pausedUP")
    assert house.files_of(row) == contents(other)
    assert house.bridge.board.health.sentence == ""


async def test_an_empty_folder_that_settings_name_anew_is_taken(house, torbox):
    arr = await house.starts()
    grab = torbox.publish("Show", {"a.mkv": MiB})
    await arr.grabs(grab)
    await house.sees_state(grab, "pausedUP")
    await house.stops()
    another = house.downloads.with_name("another")
    another.mkdir()
    house.sets(downloads={"path": str(another)})

    await house.starts()

    assert (another / ".incomplete").is_dir()


async def test_a_read_only_disk_pauses_with_the_command_that_mends_it(house, torbox, small_disk):
    arr = await house.starts()
    house.sets(downloads={"keep_free": Bytes(0)})
    await house.restarts()
    assert mounted("-o", "remount,ro", str(small_disk))
    grab = torbox.publish("Show", {"a.mkv": MiB})
    await house.arr.grabs(grab)

    async def paused():
        return "remount,rw" in await reason(house, grab)

    await house.eventually(paused)
    assert (await house.arr.sees(grab))["state"] == "queuedDL"
    assert mounted("-o", "remount,rw", str(small_disk))

    row = await house.sees_state(grab, "pausedUP", jump=5)
    assert house.files_of(row) == contents(grab)
    await arr.close()


async def test_a_mount_that_vanishes_and_comes_back_loses_nothing(house, torbox, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    house.downloads.mkdir()
    if not mounted("--bind", str(disk), str(house.downloads)):
        pytest.skip("this machine lets nobody mount")
    try:
        arr = await house.starts()
        done = torbox.publish("Done", {"done.mkv": MiB})
        await arr.grabs(done)
        await house.sees_state(done, "pausedUP")
        grab = torbox.publish("Show", {"a.mkv": 4 * MiB})
        torbox.cdn.stalls(after=2 * MiB)
        await arr.grabs(grab)
        await torbox.cdn.has_sent("a.mkv", 2 * MiB)
        unmounted(house.downloads)
        torbox.cdn.cuts_off(after=0)
        torbox.cdn.release()

        async def paused():
            return "mounted" in await reason(house, grab)

        await house.eventually(paused, jump=5)
        await house.passes(600)
        assert {row["hash"] for row in await arr.polls()} == {grab.hash, done.hash}
        assert (await arr.sees(grab))["state"] == "queuedDL"
        assert (await arr.sees(done))["state"] == "pausedUP"
        assert not [path for path in house.downloads.rglob("*") if path.is_file()]
        assert mounted("--bind", str(disk), str(house.downloads))

        row = await house.sees_state(grab, "pausedUP", jump=5)
        assert house.files_of(row) == contents(grab)
    finally:
        await house.stops()
        unmounted(house.downloads)


async def test_settling_passes_before_complete_is_said(house, torbox):
    house.sets(downloads={"settle_seconds": 30.0})
    await house.starts()
    grab = torbox.publish("Show", {"a.mkv": MiB})
    await house.arr.grabs(grab)
    place = house.downloads / "tv-sonarr" / "Show" / "a.mkv"
    await house.eventually(place.exists, jump=0.2)
    at = house.clock.monotonic()
    assert (await house.arr.sees(grab))["state"] != "pausedUP"

    row = await house.sees_state(grab, "pausedUP", jump=1)

    assert house.clock.monotonic() - at > 20
    assert house.files_of(row) == contents(grab)


async def delivery_clock(house, grab, *, until, jump):
    """Let time pass, as the engine counts it, until the clock or the phase says so."""

    async def far_enough():
        torrent = house.bridge.ledger.torrents[grab.hash]
        return until(torrent)

    await house.eventually(far_enough, jump=jump, within=50)


async def test_a_cdn_that_gives_nothing_for_long_enough_fails_the_torrent(house, torbox):
    give_up = GiveUp(delivery_hours=0.2)
    house.sets(categories={"*": CategorySettings(give_up=give_up)})
    arr = await house.starts()
    grab = torbox.publish("Show", {"a.mkv": 4 * MiB})
    torbox.cdn.answers(503, times=float("inf"))
    await arr.grabs(grab)

    await delivery_clock(house, grab, until=lambda one: one.clocks.delivery > 300, jump=4)
    assert (await arr.sees(grab))["state"] == "queuedDL"
    await delivery_clock(house, grab, until=lambda one: isinstance(one.phase, Failed), jump=4)

    assert "no byte arrived in 12 minutes" in await reason(house, grab)


async def test_what_holds_a_delivery_up_here_does_not_count_against_it(house, torbox):
    give_up = GiveUp(delivery_hours=0.2)
    house.sets(categories={"*": CategorySettings(give_up=give_up)})
    arr = await house.starts()
    grab = torbox.publish("Show", {"a.mkv": 4 * MiB})
    torbox.cdn.answers(404, path="a.mkv")
    torbox.next("requestdl", Answer(429, {"detail": "300 per 1 minute"}), times=1000)
    await arr.grabs(grab)
    began = house.clock.monotonic()

    await delivery_clock(
        house, grab, until=lambda _one: house.clock.monotonic() - began > 1800, jump=4
    )

    torrent = house.bridge.ledger.torrents[grab.hash]
    assert isinstance(torrent.phase, Delivering)
    # Half an hour went by; only the moments in which a link was being asked for may count.
    assert torrent.clocks.delivery < 180


@pytest.mark.parametrize(("status", "code"), [(400, "UNKNOWN_ERROR"), (404, "ITEM_NOT_FOUND")])
async def test_a_link_that_torbox_refuses_for_long_enough_fails_the_torrent(
    house, torbox, status, code
):
    house.sets(categories={"*": CategorySettings(give_up=GiveUp(delivery_hours=0.2))})
    arr = await house.starts()
    grab = torbox.publish("Show", {"a.mkv": 4 * MiB})
    no = {"success": False, "error": code, "detail": "no", "data": None}
    torbox.next("requestdl", Answer(status, no), times=1000)
    await arr.grabs(grab)

    await delivery_clock(house, grab, until=lambda one: isinstance(one.phase, Failed), jump=4)

    assert "no byte arrived in 12 minutes" in await reason(house, grab)


async def test_a_torbox_without_a_usable_answer_does_not_count_against_a_delivery(house, torbox):
    house.sets(categories={"*": CategorySettings(give_up=GiveUp(delivery_hours=0.2))})
    arr = await house.starts()
    grab = torbox.publish("Show", {"a.mkv": 4 * MiB})
    torbox.next("requestdl", Answer(502, "<html>Bad Gateway</html>"), times=1000)
    await arr.grabs(grab)
    began = house.clock.monotonic()

    await delivery_clock(
        house, grab, until=lambda _one: house.clock.monotonic() - began > 1800, jump=4
    )

    torrent = house.bridge.ledger.torrents[grab.hash]
    assert isinstance(torrent.phase, Delivering)
    assert torrent.clocks.delivery < 180
