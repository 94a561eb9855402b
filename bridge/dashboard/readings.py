"""What Prometheus can read at any moment: torrents, budgets, speeds, what holds things up."""

from collections import Counter
from collections.abc import Iterable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.registry import Collector

from bridge import __version__
from bridge.dashboard.sources import Sources
from bridge.model import Fetching, Phase, Removing, Situation
from bridge.torbox.limits import CREATE, LINK, LIST

PREFIX = "torbox_bridge"

Family = GaugeMetricFamily | CounterMetricFamily | InfoMetricFamily


class Readings(Collector):
    """Reads it from where it is known, when it is asked for."""

    def __init__(self, sources: Sources) -> None:
        self._board = sources.board
        self._engine = sources.engine
        self._limits = sources.limits
        self._flow = sources.delivery.flow
        self._clock = sources.clock

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
        for endpoint in (CREATE, LINK, LIST):
            budget = self._limits.budget(endpoint)
            left.add_metric([endpoint], max(0, budget.limit - budget.used))
            wait.add_metric([endpoint], max(0.0, budget.next_at - now))
        yield left
        yield wait

    def _health(self) -> Iterator[Family]:
        health = self._board.health
        yield _gauge("connected", "1 while TorBox answers and the account works.", health.connected)
        family = GaugeMetricFamily(
            f"{PREFIX}_held", "1 while this holds everything up.", labels=["by"]
        )
        for kind, hold in self._engine.weather.holds.items():
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
