"""A disk that hangs, refuses or is slow holds up its own files only."""

import asyncio
import contextlib
import errno
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from bridge.delivery import Delivery, moving
from bridge.delivery.places import Places
from bridge.delivery.threads import Threads
from bridge.delivery.trouble import disk_trouble
from bridge.errors import DiskTrouble

HASH = "a1" * 20
OTHER = "b2" * 20
ROOT = Path("/data/torrents")


@pytest.fixture
async def threads():
    made = Threads("test", 2, ROOT, patience_seconds=60)
    yield made
    made.close()


@pytest.fixture
async def impatient():
    made = Threads("test", 2, ROOT, patience_seconds=0.05)
    yield made
    made.close()


@pytest.fixture
def gate():
    """A call that hangs until the gate is opened."""
    opened = threading.Event()
    yield opened
    opened.set()


async def quieted(threads, key) -> None:
    """Wait for it, however slow this machine is."""
    while True:
        with contextlib.suppress(DiskTrouble):
            return await threads.quiet(key)


async def test_a_call_gives_its_result_or_raises_its_error(threads):
    assert await threads.run("a", pow, 2, 5) == 32
    with pytest.raises(ZeroDivisionError):
        await threads.run("a", divmod, 1, 0)


async def test_calls_run_in_daemon_threads_that_let_the_process_end(threads):
    assert (await threads.run("a", threading.current_thread)).daemon


async def test_a_disk_that_does_not_answer_is_trouble_and_not_waited_for(impatient, gate):
    with pytest.raises(DiskTrouble, match="does not answer"):
        await impatient.run("a", gate.wait)


async def test_a_hanging_call_is_waited_for_before_its_key_is_used_again(impatient, gate):
    with pytest.raises(DiskTrouble):
        await impatient.run("a", gate.wait)

    with pytest.raises(DiskTrouble):
        await impatient.quiet("a")
    await impatient.quiet("b")
    gate.set()
    await quieted(impatient, "a")


async def test_while_every_thread_hangs_a_waiting_call_is_not_made_later(impatient, gate):
    made = []
    for _ in range(2):
        with pytest.raises(DiskTrouble):
            await impatient.run("a", gate.wait)
    with pytest.raises(DiskTrouble):
        await impatient.run("a", made.append, 1)
    gate.set()
    while 2 not in made:
        with contextlib.suppress(DiskTrouble):
            await impatient.run("a", made.append, 2)

    assert 1 not in made


async def test_a_cancelled_caller_leaves_only_when_its_call_has_ended(threads):
    begun, ended = threading.Event(), []

    def call() -> None:
        begun.set()
        threading.Event().wait(0.02)
        ended.append(True)

    task = asyncio.create_task(threads.run("a", call))
    while not begun.is_set():
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert ended == [True]


async def test_a_long_call_is_told_to_stop_when_its_caller_is_cancelled(threads):
    begun = threading.Event()

    def call(stop: threading.Event) -> None:
        begun.set()
        stop.wait()

    task = asyncio.create_task(threads.run_long("a", call))
    while not begun.is_set():
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (errno.ENOSPC, "is full"),
        (errno.EDQUOT, "is full"),
        (errno.EACCES, f"chown -R {os.geteuid()}:{os.getegid()} /data/torrents"),
        (errno.EPERM, f"chown -R {os.geteuid()}:{os.getegid()} /data/torrents"),
        (errno.EROFS, "mount -o remount,rw /"),
        (errno.ENOENT, "is its disk mounted"),
        (errno.ESTALE, "is its disk mounted"),
        (errno.ENOTCONN, "is its disk mounted"),
        (errno.EMFILE, "ulimit"),
        (errno.EFBIG, "too large for that file system"),
        (errno.ENAMETOOLONG, "name is too long"),
        (errno.EIO, "Input/output error"),
        (None, "no reason given"),
    ],
)
def test_every_refusal_of_a_disk_is_a_sentence_with_its_cure(number, says):
    assert says in str(disk_trouble(OSError(number, "x", "/data/torrents/secret"), ROOT))


HOLDS_A_LEASE = """
import fcntl, os, signal, sys
signal.signal(signal.SIGIO, signal.SIG_IGN)
fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_WRLCK)
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def hanging_file(incomplete, delivery):
    """A file whose `open` hangs, as on a dead mount: another process holds a lease on it."""
    incomplete.mkdir(parents=True)
    place = incomplete / "hangs.mkv"
    command = [sys.executable, "-c", HOLDS_A_LEASE, str(place)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        if holder.stdout.readline() != b"held\n":
            pytest.skip("this file system knows no leases")
        yield holder
        holder.stdin.close()


async def test_a_hanging_disk_blocks_neither_the_loop_nor_other_torrents(
    hanging_file, cdn, settings, clock
):
    stuck, free = cdn.holds("hangs.mkv", 10), cdn.holds("free.mkv", 10)
    async with Delivery(
        settings, clock, user_agent="test", allow_http=True, disk_patience_seconds=1.5
    ) as delivery:
        hanging = asyncio.create_task(delivery.deliver(HASH, "Show", [stuck], cdn.link))
        await delivery.deliver(OTHER, "Show", [free], cdn.link)
        assert delivery.leg(OTHER).delivered_bytes == 10
        assert not hanging.done()
        with pytest.raises(DiskTrouble, match="does not answer"):
            await hanging

        with pytest.raises(DiskTrouble, match="does not answer"):
            await delivery.discard_incomplete(HASH, "Show")
        hanging_file.stdin.close()
        hanging_file.wait()
        await delivery.discard_incomplete(HASH, "Show")


async def test_a_category_whose_disk_hangs_keeps_no_other_waiting(
    cdn, delivery, settings, gate, monkeypatch
):
    root = Path(settings.path)
    stuck = [f"{number:040x}" for number in range(10)]
    files = {each: cdn.holds(f"{each}.mkv", 10) for each in [*stuck, OTHER]}
    move_folder = moving.move_folder

    def moves(source, target, mark, stop):
        if target.parent.name == "tv":
            gate.wait()
        move_folder(source, target, mark, stop)

    monkeypatch.setattr(moving, "move_folder", moves)

    async def all_of(torrent_hash, category):
        folder = f"Show {torrent_hash}"
        await delivery.deliver(torrent_hash, folder, [files[torrent_hash]], cdn.link)
        await delivery.place(torrent_hash, str(root / category), folder)

    hanging = [asyncio.create_task(all_of(each, "tv")) for each in stuck]
    async with asyncio.timeout(20):
        while not all(delivery.leg(each) and delivery.leg(each).files for each in stuck):
            await asyncio.sleep(0.01)
        await all_of(OTHER, "films")
        await delivery.make_folder(str(root / "music"))
        assert await delivery.free_bytes()
    assert (root / f"films/Show {OTHER}/{OTHER}.mkv").exists()
    assert not any(task.done() for task in hanging)
    mine = [each.name for each in threading.enumerate() if each.name.startswith("disk")]
    assert len(mine) <= 4 + 3 * 2  # for small things, and for each of three folders

    gate.set()
    await asyncio.gather(*hanging)
    assert len(list((root / "tv").iterdir())) == len(stuck)


async def test_however_many_folders_clients_name_threads_are_bounded():
    places = Places(ROOT, lambda name: Threads(name, 2, ROOT, patience_seconds=60))
    names = [f"{ROOT}/category {number}/below" for number in range(1000)]
    made = {id(places.at(name)) for name in names}

    assert len(made) == 16
    assert [id(places.at(name)) for name in names] == [id(places.at(name)) for name in names]
    assert places.at(str(ROOT / "category 3")) is places.at(f"{ROOT}/category 3/other")


async def test_who_only_reads_yields_to_everyone_else():
    humble = Threads("test", 1, ROOT, patience_seconds=60, humble=True)
    try:
        mine = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
        theirs = await humble.run("a", os.getpriority, os.PRIO_PROCESS, 0)
    finally:
        humble.close()

    assert theirs == 19
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == mine
