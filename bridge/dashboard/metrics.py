"""`/metrics` for Prometheus. No label carries a stranger's name.

What is so at the moment is read when it is asked for; only what passes (calls, answers, times) is
counted as it happens.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

from aiohttp import web
from aiohttp.typedefs import Handler
from prometheus_client import CollectorRegistry, Histogram, ProcessCollector, generate_latest
from prometheus_client import Counter as CounterMetric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from bridge import __version__
from bridge.clock import Clock
from bridge.core.board import Board
from bridge.core.engine import Engine
from bridge.delivery.flow import Flow
from bridge.model import Complete, Fetching, Phase, Removing, Situation, Torrent
from bridge.torbox.limits import CREATE, LINK, Limits

PREFIX = "torbox_bridge"
LOOKS = "mylist"
QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 10.0)
REMOTE = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
LONG = (10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0, 14400.0, 86400.0)

Family = GaugeMetricFamily | CounterMetricFamily | InfoMetricFamily


class Metrics:
    """Counts, and answers."""

    def __init__(
        self, board: Board, engine: Engine, limits: Limits, flow: Flow, clock: Clock, base: str
    ) -> None:
        self._clock = clock
        self._api = f"{base}/api/v2/"
        self._registry = registry = CollectorRegistry()
        registry.register(_Now(board, engine, limits, flow, clock))
        ProcessCollector(registry=registry)
        self._calls = CounterMetric(
            f"{PREFIX}_torbox_calls", "Calls to TorBox by endpoint.", ["endpoint"],
            registry=registry,
        )  # fmt: skip
        self._refusals = CounterMetric(
            f"{PREFIX}_torbox_refusals",
            "Calls to TorBox that did not do what was asked: limited (429), refused, no_answer.",
            ["endpoint", "kind"],
            registry=registry,
        )
        self._call_seconds = Histogram(
            f"{PREFIX}_torbox_call_seconds",
            "How long TorBox took to answer; mylist is the poll.",
            ["endpoint"],
            buckets=REMOTE,
            registry=registry,
        )
        self._request_seconds = Histogram(
            f"{PREFIX}_request_seconds",
            "How long the qBittorrent API took to answer.",
            ["endpoint"],
            buckets=QUICK,
            registry=registry,
        )
        self._complete_seconds = Histogram(
            f"{PREFIX}_complete_seconds",
            "From the grab until all files were here and proven.",
            buckets=LONG,
            registry=registry,
        )
        self._import_seconds = Histogram(
            f"{PREFIX}_import_seconds",
            "From complete until the arr (or a person) removed it.",
            buckets=LONG,
            registry=registry,
        )

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
                endpoint = resource.canonical.removeprefix(self._api)
                taken = self._clock.monotonic() - started
                self._request_seconds.labels(endpoint).observe(taken)

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


class _Now(Collector):
    """What can be read at any moment."""

    def __init__(
        self, board: Board, engine: Engine, limits: Limits, flow: Flow, clock: Clock
    ) -> None:
        self._board = board
        self._engine = engine
        self._limits = limits
        self._flow = flow
        self._clock = clock

    def collect(self) -> Iterator[Family]:
        """All of it."""
        yield InfoMetricFamily(PREFIX, "The program.", {"version": __version__})
        yield from self._torrents()
        yield from self._budgets()
        yield from self._health()

    def _torrents(self) -> Iterator[Family]:
        phases: Counter[str] = Counter()
        situations: Counter[str] = Counter()
        outstanding = speed = 0
        for entry in self._board:
            torrent, shown = entry.torrent, entry.shown
            phases[_word(type(torrent.phase))] += 1
            situations[shown.situation.value] += 1
            if not torrent.ended:
                outstanding += max(0, torrent.size - shown.local_bytes)
            if isinstance(torrent.phase, Fetching):
                speed += shown.speed
        every_phase = [_word(kind) for kind in Phase.__args__ if kind is not Removing]
        yield _counted("torrents", "Torrents by phase.", "phase", every_phase, phases)
        every = [situation.value for situation in Situation]
        yield _counted("situations", "Torrents by what they do.", "situation", every, situations)
        yield _gauge("outstanding_bytes", "Bytes that are still to come here.", outstanding)
        yield _gauge("torbox_bytes_per_second", "How fast TorBox fetches for us.", speed)

    def _budgets(self) -> Iterator[Family]:
        left = GaugeMetricFamily(
            f"{PREFIX}_torbox_budget_left",
            "Calls left: createtorrent in an hour, the others in a minute.",
            labels=["endpoint"],
        )
        wait = GaugeMetricFamily(
            f"{PREFIX}_torbox_next_call_seconds",
            "How long the next call has to wait.",
            labels=["endpoint"],
        )
        now = self._clock.time()
        for endpoint in (CREATE, LINK, LOOKS):
            budget = self._limits.budget(endpoint)
            left.add_metric([endpoint], max(0, budget.limit - budget.used))
            wait.add_metric([endpoint], max(0.0, budget.next_at - now))
        yield left
        yield wait

    def _health(self) -> Iterator[Family]:
        health, weather = self._board.health, self._engine.weather
        yield _gauge("connected", "1 while TorBox answers and the account works.", health.connected)
        held = {"account": weather.account, "disk": weather.disk, "torbox": weather.torbox}
        family = GaugeMetricFamily(
            f"{PREFIX}_held", "1 while this holds everything up.", labels=["by"]
        )
        for kind, hold in held.items():
            family.add_metric([kind], float(hold is not None))
        yield family
        yield _gauge("disk_free_bytes", "Room on the download disk.", health.free_bytes)
        yield _gauge("bytes_per_second", "How fast bytes arrive here.", self._flow.speed)
        received = CounterMetricFamily(f"{PREFIX}_received_bytes", "Bytes that arrived here.")
        received.add_metric([], self._flow.received_bytes)
        yield received


def _gauge(name: str, help_text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"{PREFIX}_{name}", help_text, value=float(value))


def _counted(
    name: str, help_text: str, label: str, every: Iterable[str], counts: Counter[str]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"{PREFIX}_{name}", help_text, labels=[label])
    for word in every:
        family.add_metric([word], counts[word])
    return family


def _word(kind: type) -> str:
    return kind.__name__.lower()
