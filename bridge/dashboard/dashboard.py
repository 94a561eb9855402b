"""The page and what it asks for, put together: every part is built here, once."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.typedefs import Middleware

from bridge.checks.check import Check
from bridge.dashboard.arr_watch import ArrWatch
from bridge.dashboard.callers import Callers
from bridge.dashboard.changes import ChangesApi
from bridge.dashboard.checks import ChecksApi
from bridge.dashboard.metrics import Metrics
from bridge.dashboard.page import Page
from bridge.dashboard.problems import Problems
from bridge.dashboard.readings import Readings
from bridge.dashboard.setup import SetupApi
from bridge.dashboard.sources import Sources
from bridge.dashboard.status import StatusView
from bridge.dashboard.throughput import Throughput
from bridge.logs import Redactor

ChecksRun = Callable[[], Awaitable[list[Check]]]


class Dashboard:
    """Everything behind `/`, `/metrics` and the page's own part of `/api/bridge/`."""

    def __init__(
        self, sources: Sources, password: str, checks: ChecksRun, arrs: ChecksRun | None
    ) -> None:
        settings, clock = sources.settings, sources.clock
        self._base = settings.server.url_base
        self._callers = Callers(clock, self._base)
        self._problems = Problems(Redactor([*settings.secrets(), password]))
        self._arrs = ArrWatch(arrs, clock)
        self._page = Page()
        status = StatusView(sources, self._callers, self._problems, self._arrs)
        self._changes = ChangesApi(sources.board, status)
        self._setup = SetupApi(settings)
        self._checks = ChecksApi(checks, clock)
        flow = sources.delivery.flow
        self._throughput = Throughput(
            lambda: flow.received_bytes, sources.store, sources.kept, clock
        )
        self._metrics = Metrics(Readings(sources), clock, self._base)
        sources.torbox.listen(self._metrics.called)
        sources.ledger.listen(self._metrics.changed)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """What it does between requests: it listens to the log, and samples the throughput."""
        with self._problems:
            async with self._arrs, asyncio.TaskGroup() as group:
                sampling = group.create_task(self._throughput.run(), name="throughput")
                try:
                    yield
                finally:
                    sampling.cancel()

    @property
    def middlewares(self) -> list[Middleware]:
        """To be innermost: they see who was let in, and how long the answer took."""
        return [self._callers.watch, self._metrics.time]

    def routes(self) -> list[web.RouteDef]:
        """The page, and its endpoints."""
        ours = f"{self._base}/api/bridge"
        return [
            *self._page.routes(self._base),
            web.get(f"{self._base}/metrics", self._metrics.show),
            web.get(f"{ours}/changes", self._changes.changes),
            web.get(f"{ours}/checks", self._checks.show),
            web.get(f"{ours}/setup", self._setup.setup),
            web.get(f"{ours}/throughput", self._throughput.show),
        ]
