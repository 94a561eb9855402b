"""The fault table: each fault of CDN, TorBox and disk, alone and with each other, ends in identical
bytes, or in a failure that says what was wrong.

Two faults of the CDN after each other are in tests/unit/delivery/test_delivery_faults.py.
"""

import asyncio
import contextlib
import dataclasses
import errno
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

import pytest

from bridge.delivery import partfile, probe
from bridge.errors import CannotStart
from bridge.model import Complete, Failed
from bridge.simulator import Answer, FetchedOver, MiB, Published, Simulator, Spoiled
from bridge.simulator.faults import UNKNOWN_ERROR
from bridge.simulator.published import TorrentFile
from tests.conftest import House, JumpClock, a_house

SLOW_DOWN = Answer(429, {"detail": "60 per 1 minute"})
SIZE = 2 * MiB  # of the file that most happens to
HALF = SIZE // 2 + 77


class FaultClock(JumpClock):
    """A silent socket is left soon."""

    def socket_seconds(self, seconds: float) -> float:
        return min(seconds, 0.3)


class Disk:
    """What the disk answers to every write; None: all is well."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.errno: int | None = None
        for module, name in ((partfile.PartFile, "write"), (probe, "_write")):
            monkeypatch.setattr(module, name, self._asking(getattr(module, name)))

    def _asking(self, write: Callable[..., Any]) -> Callable[..., Any]:
        def writes(*arguments: Any) -> Any:
            if self.errno is not None:
                raise OSError(self.errno, "as the test has it")
            return write(*arguments)

        return writes


@dataclass
class Scene:
    """Where faults happen: to all of its grabs at once."""

    house: House
    torbox: Simulator
    grabs: list[Published]
    disk: Disk
    tasks: list[asyncio.Task[None]]


Act = Callable[[Scene], Awaitable[None] | None]


@dataclass(frozen=True)
class Fault:
    """`begins` before the grabs, `midway` while second files come, `ends` some time later."""

    name: str
    begins: Act | None = None
    midway: Act | None = None
    ends: Act | None = None
    fails: str = ""  # what the bridge says then; "": the files come whole
    lists: bool = False  # it is about what TorBox lists: two of these would be another one
    alike: bool = False  # another word for the one before, so alone only


@dataclass(frozen=True)
class Spoil:
    """What the CDN does to some answers for the second file of one grab."""

    name: str
    spoiled: Spoiled
    times: float = 1
    fails: str = ""


def cdn(name: str, times: float = 1, fails: str = "", **spoiled: Any) -> Spoil:
    return Spoil(name, Spoiled(**spoiled), times, fails)


CDN = [
    *(cdn(f"refused {status}", 2, status=status) for status in (400, 401, 403, 404, 410, 451)),
    *(cdn(f"ill {status}", 2, status=status) for status in (416, 500, 502, 503, 504, 520)),
    cdn("busy", 2, status=429, retry_after=600),
    cdn("busy who knows how long", status=429, retry_after="soon"),
    cdn("page", html_bytes=2048),
    cdn("page of the right size", html_bytes=SIZE),
    cdn("small error as the file", html_bytes=150, page_type="video/x-matroska"),
    cdn("cut", 2, cut_after=HALF // 2),
    cdn("reset", cut_after=HALF, reset=True),
    cdn("stall", stall_after=HALF),
    cdn("stall before the first byte", stall_after=0),
    cdn("short body", body_by=-500, no_length=True),
    cdn("long body", body_by=500, no_length=True),
    cdn("changed length", length_by=-1),
    cdn("changed total", total_by=1000),
    cdn("contradiction", body_by=-500),
    cdn("other range", shift_by=10),
    cdn("smaller range", part_bytes=1000),
    cdn("unsaid range", unsaid_range=True),
    cdn("ignored range", 2, ignore_range=True),
    cdn("whole, unmeasured and cut", ignore_range=True, no_length=True, cut_after=HALF),
    cdn("encoded", encoding="br"),
    cdn("wrong byte", 2, wrong_at=HALF),
    cdn("wrong file", garbled=True),
    cdn("wrong for ever", inf, garbled=True, fails="came wrong three times"),
]


def sets_disk(number: int | None) -> Act:
    return lambda scene: setattr(scene.disk, "errno", number)


def disk(name: str, number: int, *, alike: bool = False) -> Fault:
    return Fault(name, sets_disk(number), ends=sets_disk(None), alike=alike)


def fall_silent(scene: Scene) -> None:
    for number in range(len(scene.grabs)):
        scene.torbox.cdn.stalls(after=HALF, path=f"{number}.e2.mkv")


def list_otherwise(change: Callable[[TorrentFile], TorrentFile | None]) -> Act:
    """TorBox lists the first files otherwise, or not at all."""

    def begins(scene: Scene) -> None:
        for grab in scene.grabs:
            listed = [change(one) if "e1" in one.path else one for one in grab.files]
            grab.files = tuple(file for file in listed if file is not None)

    return begins


def smaller(file: TorrentFile) -> TorrentFile:
    return TorrentFile(file.id, file.path, file.size - 1)


def list_all(scene: Scene) -> None:
    for number, grab in enumerate(scene.grabs):
        grab.files = published(scene.torbox, number).files


def zip_all(scene: Scene) -> None:
    for grab in scene.grabs:
        grab.files = (TorrentFile(0, "Show.zip", 500),)


def zip_first_items(scene: Scene) -> None:
    """Sent for the second time each comes unzipped."""

    async def unzips() -> None:
        left = dict(enumerate(scene.grabs))
        while left:
            sent = [call.params.get("file") for call in scene.torbox.calls_to("createtorrent")]
            for number, grab in list(left.items()):
                if sent.count(grab.torrent) > 1:
                    grab.files = published(scene.torbox, number).files
                    del left[number]
            await asyncio.sleep(0.001)

    zip_all(scene)
    scene.tasks.append(asyncio.create_task(unzips()))


async def restart(scene: Scene) -> None:
    await scene.house.stops()
    await start_at_last(scene)


async def start_at_last(scene: Scene) -> None:
    """Whoever keeps it running tries again until the disk is well."""
    if not scene.house.running:
        with contextlib.suppress(CannotStart):
            await scene.house.starts()


def purge(scene: Scene) -> None:
    there = {item.hash for item in scene.torbox.items}
    for grab in scene.grabs:
        if grab.hash in there:
            scene.torbox.purge(grab.hash)


def unmount(scene: Scene) -> None:
    downloads = scene.house.downloads
    downloads.rename(downloads.with_name("elsewhere"))
    downloads.mkdir()


def mount(scene: Scene) -> None:
    downloads = scene.house.downloads
    assert list(downloads.rglob("*")) == [], "something was written to a bare mount point"
    downloads.rmdir()
    downloads.with_name("elsewhere").rename(downloads)


FAULTS = [
    Fault("links expire", fall_silent, lambda scene: scene.torbox.expire_links()),
    Fault("links come again", lambda scene: setattr(scene.torbox, "link_memo_seconds", 600)),
    Fault("links not ready", lambda scene: setattr(scene.torbox, "not_ready_times", 2)),
    Fault("links busy", lambda scene: scene.torbox.next("requestdl", SLOW_DOWN, 2)),
    Fault("links fail", lambda scene: scene.torbox.next("requestdl", UNKNOWN_ERROR, 3)),
    Fault("banned", fall_silent, lambda scene: scene.torbox.cdn.ban(75 * 60)),
    Fault(
        "torbox down",
        fall_silent,
        lambda scene: scene.torbox.stop(cdn=True),
        lambda scene: scene.torbox.resume(),
    ),
    Fault("purged", fall_silent, purge),
    Fault("file missing", list_otherwise(lambda _file: None), ends=list_all, lists=True),
    Fault("file missing for ever", list_otherwise(lambda _file: None), fails="e1.mkv", lists=True),
    Fault("other size", list_otherwise(smaller), ends=list_all, lists=True),
    Fault("other size for ever", list_otherwise(smaller), fails="e1.mkv", lists=True),
    Fault("zipped", zip_first_items, lists=True),
    Fault("zipped for ever", zip_all, fails="zip", lists=True),
    disk("disk full", errno.ENOSPC),
    disk("quota full", errno.EDQUOT, alike=True),
    disk("disk read-only", errno.EROFS),
    disk("disk forbidden", errno.EACCES, alike=True),
    disk("disk broken", errno.EIO),
    disk("share stale", errno.ESTALE, alike=True),
    Fault("mount vanished", fall_silent, unmount, mount),
    Fault("stopped", fall_silent, restart, start_at_last),
]
DIFFERENT = [fault for fault in FAULTS if not fault.alike]


def published(torbox: Simulator, number: int) -> Published:
    """A grab as it is before anything befalls it: the same hash and bytes each time."""
    names = {f"{number}.e1.mkv": MiB + 7, f"{number}.e2.mkv": SIZE, "Subs/en.srt": 1000}
    return Simulator(seed=torbox.seed).publish(f"Show {number}", names)


async def do(act: Act | None, scene: Scene) -> None:
    if act is not None and (doing := act(scene)) is not None:
        await doing


async def some_time_passes(house: House, steps: int) -> None:
    """Whatever hangs meanwhile."""
    for _ in range(steps):
        house.clock.jump(5)
        await asyncio.sleep(0.01)


async def half_way(scene: Scene) -> None:
    """Until a second file falls silent, or something else holds all up."""
    for _ in range(50):
        if any(scene.torbox.cdn.sent(f"{n}.e2.mkv") >= HALF for n in range(len(scene.grabs))):
            return
        await some_time_passes(scene.house, 1)


async def befall(scene: Scene, faults: Sequence[Fault]) -> None:
    """Grab, and let the faults happen."""
    for fault in faults:
        await do(fault.begins, scene)
    for grab in scene.grabs:
        await scene.house.arr.grabs(grab, as_file=True)
    if any(fault.midway for fault in faults):
        await half_way(scene)
        for fault in faults:
            await do(fault.midway, scene)
    if any(fault.ends for fault in faults):
        await some_time_passes(scene.house, 20)
        for fault in faults:
            await do(fault.ends, scene)


@contextlib.asynccontextmanager
async def a_scene(folder: Path, disk: Disk, count: int) -> AsyncIterator[Scene]:
    async with a_house(folder, FaultClock()) as house:
        house.sets(downloads={"parallel_files": 8})
        await house.starts()
        # The real account has such limits, and each torrent would wait an hour for its turn.
        house.torbox.enforce_limits = False
        grabs = [published(house.torbox, number) for number in range(count)]
        for grab in grabs:
            grab.script = FetchedOver(20)
            house.torbox.world.torrents[grab.hash] = grab
        scene = Scene(house, house.torbox, grabs, disk, [])
        try:
            yield scene
        finally:
            for task in scene.tasks:
                task.cancel()


async def ends(scene: Scene, fails: Sequence[Collection[str]]) -> None:
    """Each grab ends whole, or failed for one of these reasons if there are any."""
    torrents = [scene.house.bridge.ledger.torrents[grab.hash] for grab in scene.grabs]

    def all_ended() -> bool:
        ledger = scene.house.bridge.ledger
        torrents[:] = [ledger.torrents[grab.hash] for grab in scene.grabs]
        return all(isinstance(torrent.phase, Complete | Failed) for torrent in torrents)

    await scene.house.eventually(all_ended, jump=15, within=90)
    rows = {row["hash"]: row for row in await scene.house.arr.polls()}
    for number, (torrent, reasons) in enumerate(zip(torrents, fails, strict=True)):
        phase = torrent.phase
        if reasons:
            assert isinstance(phase, Failed), (number, phase)
            assert any(reason in phase.reason for reason in reasons), (number, phase)
            continue
        assert isinstance(phase, Complete), (number, phase)
        right = published(scene.torbox, number)
        whole = {file.path: right.content(file.path) for file in right.files}
        assert scene.house.files_of(rows[torrent.hash]) == whole, number


@pytest.mark.timeout(180)
@pytest.mark.parametrize("fault", [None, *DIFFERENT], ids=lambda fault: fault and fault.name)
async def test_beside_each_fault_each_of_the_cdn_ends_well(fault, tmp_path, monkeypatch):
    async with a_scene(tmp_path, Disk(monkeypatch), len(CDN)) as scene:
        for number, spoil in enumerate(CDN):
            one = dataclasses.replace(spoil.spoiled, path=f"{number}.e2.mkv")
            scene.torbox.cdn.spoil(one, spoil.times)
        await befall(scene, [fault] if fault else [])
        also = fault.fails if fault else ""
        await ends(scene, [[each for each in (spoil.fails, also) if each] for spoil in CDN])


PAIRS = [
    (one, other)
    for one, other in itertools.combinations(DIFFERENT, 2)
    if not (one.lists and other.lists)
]
# TorBox is asked once more for one torrent, whatever was wrong with what it had.
ASKED_TWICE = {"purged", "zipped"}


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    "faults",
    [*((fault,) for fault in FAULTS), *PAIRS],
    ids=lambda faults: " and ".join(fault.name for fault in faults),
)
async def test_each_fault_alone_and_with_each_other_ends_well(faults, tmp_path, monkeypatch):
    async with a_scene(tmp_path, Disk(monkeypatch), 1) as scene:
        await befall(scene, faults)
        fails = [fault.fails for fault in faults if fault.fails]
        if {fault.name for fault in faults} == ASKED_TWICE:
            fails.append("TorBox lost its content twice")
        await ends(scene, [fails])
