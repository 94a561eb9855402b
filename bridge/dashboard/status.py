"""How the bridge is, for the head of the page: what holds everything up, what TorBox allows."""

from collections.abc import Callable, Sequence

from msgspec import Struct

from bridge import __version__
from bridge.checks.check import Check
from bridge.core.weather import Hold
from bridge.dashboard.arr_watch import ArrWatch
from bridge.dashboard.callers import Caller, Callers
from bridge.dashboard.problems import Problem, Problems
from bridge.dashboard.sources import Sources
from bridge.model import Delivering, Fetching
from bridge.torbox.limits import CREATE, LIST
from bridge.torbox.replies import Account

MOST_SHOWN_PROBLEMS = 10

FIXES = {
    "account": "Look at the key and the plan on torbox.app; the bridge tries again by itself.",
    "disk": "Run the checks: they name the folder and the command that mends it.",
    "torbox": "Nothing to do here: it goes on by itself when TorBox answers.",
}


class Held(Struct, frozen=True):
    """Why everything of a kind waits, since when, until when, and what a person can do."""

    kind: str
    sentence: str
    since: float
    next_at: float
    fix: str


class Allowed(Struct, frozen=True):
    """How much of a limit is used; `next_at` in the past means now."""

    used: int
    limit: int
    next_at: float


class Plan(Struct, frozen=True):
    """The account; None on the page until TorBox has told."""

    name: str
    slots: int
    slots_used: int | None  # by everything in the account; None while that is not known
    ends_at: float | None
    cooldown_until: float | None


class Status(Struct, frozen=True):
    """Everything above the list. Times are seconds since 1970 by the bridge's clock."""

    version: str
    time: float
    connected: bool
    sentence: str
    holds: Sequence[Held]
    plan: Plan | None
    fetching: int  # torrents that hold a slot at TorBox
    delivering: int
    adds: Allowed  # uncached creates in an hour
    calls: Allowed  # looks in a minute
    free_bytes: int
    speed: int
    callers: Sequence[Caller]
    arrs: Sequence[Check]  # those in the settings, as they were when last asked
    problems: Sequence[Problem]  # the latest first


StatusOf = Callable[[], Status]


class StatusView:
    """Reads the status from where each part of it is known."""

    def __init__(
        self, sources: Sources, callers: Callers, problems: Problems, arrs: ArrWatch
    ) -> None:
        self._board = sources.board
        self._engine = sources.engine
        self._accounts = sources.accounts
        self._torbox = sources.torbox
        self._limits = sources.limits
        self._clock = sources.clock
        self._callers = callers
        self._problems = problems
        self._arrs = arrs

    def __call__(self) -> Status:
        """The status now."""
        health = self._board.health
        phases = [type(entry.torrent.phase) for entry in self._board]
        return Status(
            version=__version__,
            time=self._clock.time(),
            connected=health.connected,
            sentence=health.sentence,
            holds=self._holds(),
            plan=self._plan(self._torbox.last_account),
            fetching=phases.count(Fetching),
            delivering=phases.count(Delivering),
            adds=self._allowed(CREATE),
            calls=self._allowed(LIST),
            free_bytes=health.free_bytes,
            speed=health.speed,
            callers=list(self._callers),
            arrs=self._arrs.seen(),
            problems=list(self._problems)[:MOST_SHOWN_PROBLEMS],
        )

    def _plan(self, account: Account | None) -> Plan | None:
        if account is None:
            return None
        free = self._accounts.free_slots
        return Plan(
            name=account.plan_name,
            slots=account.slots,
            slots_used=None if free is None else max(0, account.slots - free),
            ends_at=account.premium_expires_at,
            cooldown_until=account.cooldown_until,
        )

    def _holds(self) -> list[Held]:
        holds = self._engine.weather.holds
        return [self._held(kind, hold) for kind, hold in holds.items() if hold is not None]

    def _held(self, kind: str, hold: Hold) -> Held:
        started = self._clock.time() - self._clock.monotonic()
        return Held(kind, hold.sentence, started + hold.since, started + hold.until, FIXES[kind])

    def _allowed(self, endpoint: str) -> Allowed:
        budget = self._limits.budget(endpoint)
        return Allowed(budget.used, budget.limit, budget.next_at)
