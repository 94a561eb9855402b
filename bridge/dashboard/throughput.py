"""What came here over the last hour and day, for the picture on the page.

Sums of bytes in steps; the day's survive a restart, the time in between counts as nothing.
"""

import logging
from collections import deque
from collections.abc import Callable, Mapping

import msgspec
from aiohttp import web
from msgspec import Struct

from bridge.clock import Clock
from bridge.dashboard.answer import answer
from bridge.errors import BadParameter, StoreTrouble
from bridge.store.store import Store, keep

log = logging.getLogger(__name__)

STEP_SECONDS = 10.0
STEPS_IN_HOUR = 360
STEPS_TOGETHER = 30  # of the hour's make one of the day's
STEPS_IN_DAY = 288
KEPT_AS = "throughput"


class Picture(Struct, frozen=True):
    """Bytes a second, one value per step, the latest last."""

    step_seconds: float
    speeds: tuple[float, ...]


class Kept(Struct, frozen=True):
    """The day as it is stored; `at` is when its last step ended."""

    at: float
    sums: tuple[int, ...]


class Throughput:
    """Looks every ten seconds at how much has come; `run` is its work."""

    def __init__(
        self, received: Callable[[], int], store: Store, kept: Mapping[str, str], clock: Clock
    ) -> None:
        self._received = received
        self._store = store
        self._clock = clock
        self._hour: deque[int] = deque([0] * STEPS_IN_HOUR, STEPS_IN_HOUR)
        self._day: deque[int] = deque([0] * STEPS_IN_DAY, STEPS_IN_DAY)
        self._steps = 0
        self._load(kept.get(KEPT_AS, ""))

    async def run(self) -> None:
        """For as long as the bridge runs."""
        before, due = self._received(), self._clock.monotonic()
        while True:
            due = max(due + STEP_SECONDS, self._clock.monotonic())
            await self._clock.sleep(due - self._clock.monotonic())
            now = self._received()
            if self.step(now - before):
                await self._keep()
            before = now

    def step(self, count: int) -> bool:
        """So many bytes came in this step; whether the day has changed so that it is to be kept."""
        self._hour.append(count)
        self._steps += 1
        if self._steps % STEPS_TOGETHER:
            return False
        before = any(self._day)
        self._day.append(sum(list(self._hour)[-STEPS_TOGETHER:]))
        return before or any(self._day)

    def picture(self, span: str) -> Picture:
        """The last `hour` or `day`."""
        match span:
            case "hour":
                sums, seconds = self._hour, STEP_SECONDS
            case "day":
                sums, seconds = self._day, STEP_SECONDS * STEPS_TOGETHER
            case _:
                raise BadParameter("span: expected hour or day")
        return Picture(seconds, tuple(round(count / seconds, 1) for count in sums))

    async def show(self, request: web.Request) -> web.Response:
        """`GET /api/bridge/throughput?span=hour`."""
        return answer(self.picture(request.query.get("span", "hour")))

    async def _keep(self) -> None:
        kept = Kept(self._clock.time(), tuple(self._day))
        try:
            await self._store.write(keep(KEPT_AS, msgspec.json.encode(kept).decode()))
        except StoreTrouble as error:
            log.debug("the picture of throughput could not be kept: %s", error)

    def _load(self, text: str) -> None:
        try:
            kept = msgspec.json.decode(text or "null", type=Kept | None)
        except msgspec.MsgspecError:
            return
        if kept is None:
            return
        away = (self._clock.time() - kept.at) / (STEP_SECONDS * STEPS_TOGETHER)
        self._day.extend(kept.sums)
        self._day.extend([0] * min(STEPS_IN_DAY, max(0, round(away))))
