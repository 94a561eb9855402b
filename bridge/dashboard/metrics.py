"""`/metrics` for Prometheus. No label carries a stranger's name.

What is so at the moment is read when it is asked for; only what passes (calls, answers, times) is
counted as it happens.
"""

from collections.abc import Sequence

from aiohttp import web
from aiohttp.typedefs import Handler
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from bridge.clock import Clock
from bridge.dashboard.readings import PREFIX, Readings
from bridge.model import Complete, Removing, Torrent

QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 10.0)
REMOTE = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
LONG = (10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0, 14400.0, 86400.0)


class Metrics:
    """Counts, and answers."""

    def __init__(self, readings: Readings, clock: Clock, base: str) -> None:
        self._clock = clock
        self._api = f"{base}/api/v2/"
        self._registry = CollectorRegistry()
        self._registry.register(readings)
        ProcessCollector(registry=self._registry)
        self._calls = self._counter("torbox_calls", "Calls to TorBox.", "endpoint")
        self._refusals = self._counter(
            "torbox_refusals",
            "Calls that did not do what was asked: limited (429), refused, no_answer.",
            "endpoint",
            "kind",
        )
        self._call_seconds = self._histogram(
            "torbox_call_seconds", "Until TorBox answered; mylist is the poll.", REMOTE, "endpoint"
        )
        self._request_seconds = self._histogram(
            "request_seconds", "Until the qBittorrent API answered.", QUICK, "endpoint"
        )
        self._timers: dict[str, Histogram] = {}  # by path, as routes name it
        self._complete_seconds = self._histogram(
            "complete_seconds", "From the grab until all files were here and proven.", LONG
        )
        self._import_seconds = self._histogram(
            "import_seconds", "From complete until the arr (or a person) removed it.", LONG
        )

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"{PREFIX}_{name}", text, labels, registry=self._registry)

    def _histogram(self, name: str, text: str, buckets: Sequence[float], *labels: str) -> Histogram:
        return Histogram(f"{PREFIX}_{name}", text, labels, buckets=buckets, registry=self._registry)

    async def show(self, _request: web.Request) -> web.Response:
        """`GET /metrics`."""
        return web.Response(
            body=generate_latest(self._registry),
            headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4},
        )

    @web.middleware
    async def time(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Measure the answers of the qBittorrent API."""
        if not request.path.startswith(self._api):
            return await handler(request)
        started = self._clock.monotonic()
        try:
            return await handler(request)
        finally:
            resource = request.match_info.route.resource
            if resource is not None:
                self._timer(resource.canonical).observe(self._clock.monotonic() - started)

    def _timer(self, path: str) -> Histogram:
        """Kept, as the library looks a name up under a lock: this is asked for at every poll."""
        timer = self._timers.get(path)
        if timer is None:
            timer = self._request_seconds.labels(path.removeprefix(self._api))
            self._timers[path] = timer
        return timer

    def called(self, endpoint: str, refusal: str, seconds: float) -> None:
        """TorBox was called; `refusal` is "" when it did what was asked."""
        self._calls.labels(endpoint).inc()
        self._call_seconds.labels(endpoint).observe(seconds)
        if refusal:
            self._refusals.labels(endpoint, refusal).inc()

    def changed(self, before: Torrent | None, after: Torrent | None) -> None:
        """A torrent changed; how long its legs took is told by two of its changes."""
        if before is None or after is None:
            return
        was, now = before.phase, after.phase
        if isinstance(now, Complete) and not isinstance(was, Complete):
            self._complete_seconds.observe(max(0.0, now.at - after.added_at))
        elif isinstance(was, Complete) and isinstance(now, Removing):
            self._import_seconds.observe(max(0.0, now.since - was.at))
