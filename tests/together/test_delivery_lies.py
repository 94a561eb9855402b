"""Whatever the CDN cuts, delays and makes up, a pack that is delivered is the pack.

Hypothesis makes up what the simulated CDN does to each response, where the bridge is stopped in
between, and over how many connections it goes on. In the suite these are always the same;
`BRIDGE_SOAK=1` (`make soak`) makes up many new ones.
"""

import asyncio
import hashlib
import os
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from bridge.clock import Clock
from bridge.config import DownloadsSettings
from bridge.delivery import Delivery, Proof, partfile, segments
from bridge.errors import FileDisproved
from bridge.model import File
from bridge.simulator import Published, Simulator
from bridge.simulator.cdn_weather import ALL, KINDS, WRONG

SOAK = bool(os.environ.get("BRIDGE_SOAK"))
HASH = "a1" * 20
KIB = 1024
PIECE = 64 * KIB
PACK = {
    "Season 1/e1.mkv": 900 * KIB + 17,
    "Season 1/e2.mkv": 4 * PIECE,
    "Season 1/Subs/e1.srt": 700,
    "e3.mkv": 300 * KIB + 1,
    "empty.nfo": 0,
    "one.bin": 1,
}
PATHS = [path for path, size in PACK.items() if size]


class ImpatientClock(Clock):
    """Time leaps to whoever waits for the nearest moment, and a silent socket is left soon."""

    def __init__(self) -> None:
        super().__init__()
        self.skipped = 0.0
        self._moments: list[float] = []

    def monotonic(self) -> float:
        return super().monotonic() + self.skipped

    def time(self) -> float:
        return 1_800_000_000.0 + self.monotonic()

    async def sleep(self, seconds: float) -> None:
        moment = self.monotonic() + seconds
        self._moments.append(moment)
        try:
            while (left := moment - self.monotonic()) > 0:
                is_next = moment == min(self._moments)
                await asyncio.sleep(0.002)  # what is under way goes first
                if is_next and moment == min(self._moments):
                    self.skipped += max(0.0, left)
        finally:
            self._moments.remove(moment)

    def socket_seconds(self, seconds: float) -> float:
        return seconds / 300


class Story:
    """One delivery of the pack, told by hypothesis."""

    def __init__(self, data: st.DataObject, folder: Path) -> None:
        self.data = data
        self.folder = folder
        self.clock = ImpatientClock()
        self.torbox = Simulator(clock=self.clock.time, sleep=self.clock.sleep)
        self.made = self.torbox.publish("Pack", PACK)
        self.item = self.torbox.already_in_account(self.made)
        self.proof = data.draw(st.sampled_from(("pieces", "md5", "both", "none")), "proof")
        self.lies = self._spoils()

    def _spoils(self) -> Counter[str]:
        """Queue faults for single responses; how many wrong answers each file will get."""
        kinds = sorted(KINDS if self.proof == "none" else ALL)
        step = st.tuples(st.sampled_from(PATHS), st.sampled_from(kinds), st.randoms())
        wrong: Counter[str] = Counter()
        for path, kind, dice in self.data.draw(st.lists(step, max_size=20), "faults"):
            self.torbox.cdn.spoil(self._at(path, ALL[kind](dice, 0, PACK[path])))
            wrong[path] += kind in WRONG
            event(kind)
        return wrong

    @staticmethod
    def _at(path, spoiled):
        return type(spoiled)(**{**vars(spoiled), "path": path})

    async def is_told(self) -> None:
        async with self.torbox.serving():
            for after in self.data.draw(st.lists(st.integers(0, 2 << 20), max_size=3), "stops"):
                if await self._delivered(stop_after=self.torbox.cdn.bytes_sent + after):
                    break
            else:
                await self._delivered()

    async def _delivered(self, stop_after: int | None = None) -> bool:
        """Whether it came to its end, be it that the files are wrong; False if it was stopped."""
        connections = self.data.draw(st.sampled_from((1, 4)), "connections")
        to = DownloadsSettings(
            path=str(self.folder), parallel_files=3, connections_per_file=connections
        )
        self.torbox.link_memo_seconds = self.data.draw(st.sampled_from((0.0, 60.0)), "memo")
        self.torbox.link_seconds = self.data.draw(st.sampled_from((3600.0, 400.0)), "expiry")
        async with Delivery(to, self.clock, user_agent="test", allow_http=True) as delivery:
            if self.data.draw(st.booleans(), "another boot"):
                delivery._boot = f"boot {self.clock.monotonic()}"
            await delivery.probe()
            call = delivery.deliver(HASH, "Pack", self._files(), self._link, self._proof())
            task = asyncio.create_task(call)
            while stop_after is not None and not task.done():
                if self.torbox.cdn.bytes_sent >= stop_after:
                    task.cancel()
                await asyncio.sleep(0.001)
            try:
                await task
            except asyncio.CancelledError:
                return False
            except FileDisproved as error:
                self._is_true(error)
                return True
            self._is_whole()
            await delivery.place(HASH, str(self.folder), "Pack")
        assert list((self.folder / ".incomplete").iterdir()) == []
        return True

    def _files(self) -> list[File]:
        with_md5 = self.proof in {"md5", "both"}
        return [
            File(file.path, file.size, file.id, self.made.md5(file.path) if with_md5 else None)
            for file in self.made.files
        ]

    def _proof(self) -> Proof | None:
        return proof_of(self.made) if self.proof in {"pieces", "both"} else None

    async def _link(self, file: File) -> str:
        link = self.torbox.world.link(
            self.torbox.account, self.item, file.torbox_id, self.torbox.now()
        )
        return f"{self.torbox.url}/dld/{link.uuid}?token={link.token}"

    def _is_whole(self) -> None:
        inner = self.folder / ".incomplete" / HASH / "Pack"
        here = {path: hashlib.sha256((inner / path).read_bytes()).hexdigest() for path in PACK}
        assert here == {path: self.made.sha256(path) for path in PACK}

    def _is_true(self, error: FileDisproved) -> None:
        """It names a file that was wrong often enough, or its neighbour in a shared piece."""
        event("disproved")
        assert error.path in PATHS
        assert error.path in str(error)
        assert self.lies[error.path] >= 3 or (
            self._proof() is not None and self.lies.total() >= 3
        ), f"{error} was wrong {self.lies[error.path]} times"


def proof_of(made: Published) -> Proof:
    whole = b"".join(made.content(file.path) for file in made.files)
    digests = [hashlib.sha1(whole[at : at + PIECE]).digest() for at in range(0, len(whole), PIECE)]
    return Proof(PIECE, b"".join(digests), tuple((file.path, file.size) for file in made.files))


@pytest.fixture(autouse=True)
def small_steps(monkeypatch):
    """Files of some hundred KiB are shared, noted and flushed as large ones are."""
    monkeypatch.setattr(segments, "LEAST_BYTES", 32 * KIB)
    monkeypatch.setattr(partfile, "NOTE_BYTES", 64 * KIB)
    monkeypatch.setattr("bridge.delivery.pipe.FLUSH_BYTES", 256 * KIB)


@pytest.mark.timeout(7200 if SOAK else 300)
@given(st.data())
@settings(
    max_examples=600 if SOAK else 100,
    derandomize=not SOAK,
    deadline=None,
    print_blob=SOAK,
    suppress_health_check=list(HealthCheck),
)
def test_a_pack_is_whole_or_said_to_be_wrong_whatever_the_cdn_does(data):
    with tempfile.TemporaryDirectory() as folder:

        async def told() -> None:
            async with asyncio.timeout(60):
                await Story(data, Path(folder)).is_told()

        asyncio.run(told())
