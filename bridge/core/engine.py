"""The engine: look, decide, act, record. One loop decides; acts run beside it, one per torrent."""

import asyncio
import logging
import math
from types import TracebackType
from typing import Self

from bridge.clock import Clock
from bridge.config import Settings
from bridge.core import figures, plan, steps, taking
from bridge.core.accounts import Accounts
from bridge.core.acts import Acts
from bridge.core.admitting import SLOTS_ARE_FULL, Admission, Load
from bridge.core.board import Board
from bridge.core.clocks import delivery_has_run_out
from bridge.core.display import Display
from bridge.core.ledger import Change, Ledger
from bridge.core.lookout import Lookout
from bridge.core.speeds import Speeds
from bridge.core.watch import Watch
from bridge.core.weather import Weather
from bridge.delivery.delivery import Delivery
from bridge.errors import (
    AccountTrouble,
    BridgeError,
    DiskTrouble,
    NoRoom,
    StoreTrouble,
    TorBoxBusy,
    TorBoxSaysNo,
    TorBoxUnwell,
)
from bridge.model import Delivering, Fetching, Queued, Torrent

log = logging.getLogger(__name__)

ACTIVE_ROUND_SECONDS = 1.0  # while files come here: the list shows their progress
ROUND_SECONDS = 5.0
TORRENTS_AT_ONCE = 200  # decided on before requests get their turn
NO_ROOM_SECONDS = 30.0
SHORTEST_ROUND_SECONDS = 0.05  # whatever is due, others get their turn in between


class Engine:
    """Follows every torrent. `async with engine` runs it; an unexpected error stops the program."""

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        delivery: Delivery,
        acts: Acts,
        admission: Admission,
        accounts: Accounts,
        board: Board,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._delivery = delivery
        self._acts = acts
        self._admission = admission
        self.accounts = accounts
        self._clock = clock
        self.weather = Weather(door=admission.door)
        self.speeds = Speeds(ledger, delivery, settings.downloads.schedule, clock)
        self._display = Display(board, delivery, self.weather, clock, settings.downloads)
        self._watches: dict[str, Watch] = {}
        self._live: set[str] = set()
        self._running: dict[str, tuple[steps.Step, asyncio.Task[None]]] = {}
        self._asking: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._group = asyncio.TaskGroup()
        self._lookout = Lookout(acts.looker, accounts, self.weather, clock, self._wake)
        self._loop: asyncio.Task[None] | None = None
        self._measuring: asyncio.Task[None] | None = None
        self._next_round_at = -math.inf
        self._round_at = clock.monotonic()
        ledger.listen(self._changed)

    async def __aenter__(self) -> Self:
        for torrent in self._ledger.torrents.values():
            self._changed(None, torrent)
        await self._group.__aenter__()
        self._loop = self._group.create_task(self._run(), name="engine")
        self._measuring = self._group.create_task(self._measure(), name="measure")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for task in [
            self._loop,
            self._measuring,
            self._lookout.task,
            self._asking,
            *(act for _, act in self._running.values()),
        ]:
            if task is not None:
                task.cancel()
        await self._group.__aexit__(kind, error, traceback)

    def wake(self) -> None:
        """Decide again now."""
        self._wake.set()

    def look_soon(self) -> None:
        """Look at TorBox as soon as that is polite; a webhook says that something happened."""
        self._lookout.wanted = True
        self._wake.set()

    async def is_cached(self, torrent_hash: str, seconds: float) -> bool | None:
        """Whether TorBox has it, within so many seconds; None when that cannot be told."""
        if self._admission.known(torrent_hash) is None:
            asking = self.weather.guard(self._admission.ask([torrent_hash]), self._clock)
            try:
                await self._clock.within(seconds, asking)
            except TimeoutError:
                return None
        return self._admission.known(torrent_hash)

    def use_settings(self, settings: Settings) -> None:
        """Other rules per category, from now on."""
        self._settings = settings
        self._admission.use_settings(settings)
        self._acts.use_settings(settings)
        for torrent_hash in self._live:
            self._judge(self._ledger.torrents[torrent_hash])
        self._wake.set()

    def key_changed(self) -> None:
        """Another key: what was wrong with the old one says nothing."""
        self.weather.new_key()
        self._lookout.begin_anew()
        self._wake.set()

    @property
    def running(self) -> bool:
        """Whether the loop that decides is alive."""
        return self._loop is not None and not self._loop.done()

    @property
    def busy(self) -> bool:
        """Whether an act or a look is under way, or a decision is due; tests wait for calm."""
        due = self._next_round_at <= self._clock.monotonic()
        tasks = [self._lookout.task, self._asking, *self._running]
        return any(tasks) or self._wake.is_set() or due

    def stop_acting(self, torrent_hash: str) -> None:
        """Stop its delivery, or recheck. Nobody waits here: its writers may hang on the disk.

        Whatever is done to its files next waits for them, first as an act, then in the delivery.
        """
        step, act = self._running.get(torrent_hash, (None, None))
        if act is not None and isinstance(step, steps.Deliver | steps.CheckFiles):
            act.cancel()

    def watch(self, torrent_hash: str) -> Watch:
        """What is known of this torrent now."""
        return self._watches.setdefault(torrent_hash, Watch(since=self._clock.monotonic()))

    def forget_watch(self, torrent_hash: str) -> None:
        """A new attempt begins: what was seen of the old one says nothing."""
        self._watches.pop(torrent_hash, None)

    async def _measure(self) -> None:
        """After a start, show what lies here already before anything else comes."""
        for torrent_hash in list(self._live):
            torrent = self._ledger.torrents.get(torrent_hash)
            if torrent is None or not isinstance(torrent.phase, Delivering):
                continue
            try:
                await self._delivery.measure(torrent_hash, torrent.folder, torrent.files)
            except BridgeError as error:
                log.debug("%s: what is here of it cannot be counted: %s", torrent.name, error)
        self._wake.set()

    # Deciding

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            self._next_round_at = -math.inf
            loop = asyncio.get_running_loop()
            began = loop.time()
            wait = await self._round()
            try:
                await self._save_progress()
            except StoreTrouble as error:
                log.warning("%s", error)
            # Answers come first: a round that took long is followed by a rest.
            await asyncio.sleep(min(loop.time() - began, 1.0))
            if wait is None:
                self._next_round_at = math.inf
                await self._wake.wait()
            else:
                self._next_round_at = self._clock.monotonic() + wait
                await self._clock.wait(self._wake, wait)

    async def _round(self) -> float | None:
        """Decide for every live torrent; seconds until the next round, None for "when woken"."""
        now, time = self._clock.monotonic(), self._clock.time()
        self.speeds.apply()
        next_at: list[float | None] = []
        waiting: list[Torrent] = []
        for number, torrent_hash in enumerate(list(self._live)):
            if number % TORRENTS_AT_ONCE == TORRENTS_AT_ONCE - 1:
                await asyncio.sleep(0)
            torrent = self._ledger.torrents.get(torrent_hash)
            if torrent is None:
                continue
            if torrent_hash not in self._running:
                step = self._next_step(torrent, now, time)
                if isinstance(step, steps.Wait):
                    next_at.append(step.until)
                elif isinstance(step, steps.Submit):
                    waiting.append(torrent)
                else:
                    self._start(torrent, step)
            self._show(torrent)
        next_at.append(self._start_submits(waiting, now))
        poll = self._settings.torbox.poll_seconds
        next_at.append(
            self._lookout.start(self._group, self._outstanding(), poll, live=bool(self._live))
        )
        self._display.show_health()
        return self._pause_between(next_at, now)

    def _next_step(self, torrent: Torrent, now: float, time: float) -> steps.Step:
        """What the plan wants done for it next, as far as we may ask TorBox by our ids."""
        give_up = self._settings.category(torrent.category).give_up
        watch = self.watch(torrent.hash)
        step = plan.next_step(torrent, watch, self.weather, give_up, now, time)
        if not isinstance(step, steps.Submit):
            watch.turn = ""
        if self.accounts.unsure and isinstance(step, steps.BY_ID):
            return steps.Wait()  # ids may be another account's; the look that is due tells
        return step

    def _pause_between(self, next_at: list[float | None], now: float) -> float | None:
        due = [at for at in next_at if at is not None]
        # The speed that is shown sinks for a while after the last byte.
        if self._running or self._lookout.task is not None or self._delivery.flow.speed:
            due.append(now + ACTIVE_ROUND_SECONDS)
        elif self._live:
            due.append(now + ROUND_SECONDS)
        return max(SHORTEST_ROUND_SECONDS, min(due) - now) if due else None

    def _outstanding(self) -> dict[str, Watch]:
        """What a look at the list is for: what is at TorBox, and what waits for a slot there."""
        return {
            torrent_hash: self.watch(torrent_hash)
            for torrent_hash in self._live
            if self._needs_looks(torrent_hash)
        }

    def _needs_looks(self, torrent_hash: str) -> bool:
        step, _ = self._running.get(torrent_hash, (None, None))
        if isinstance(step, steps.Deliver | steps.AskById):
            return False
        if isinstance(self._ledger.torrents[torrent_hash].phase, Queued | Fetching):
            return True
        return self.watch(torrent_hash).turn.startswith(SLOTS_ARE_FULL)

    def _start_submits(self, waiting: list[Torrent], now: float) -> float | None:
        """Start what the admission lets go; the others are told their place."""
        decision = self._admission.decide(waiting, self._load(), now)
        for torrent, step in decision.steps:
            if torrent.hash not in self._running:
                self._start(torrent, step)
        for choice in decision.held:
            self.watch(choice.torrent.hash).turn = choice.reason
        if decision.ask and self._asking is None:
            self._asking = self._group.create_task(
                self.weather.guard(self._admission.ask(decision.ask), self._clock),
                name="ask what is cached",
            )
            self._asking.add_done_callback(lambda _task: self._asked())
        return decision.next_at

    def _load(self) -> Load:
        creates = sum(isinstance(step, steps.Submit) for step, _ in self._running.values())
        at_torbox = [
            torrent
            for torrent_hash in self._live
            if isinstance((torrent := self._ledger.torrents[torrent_hash]).phase, Queued | Fetching)
            and not torrent.cached
        ]
        unseen = sum(
            isinstance(torrent.phase, Fetching) and self.watch(torrent.hash).seen is None
            for torrent in at_torbox
        )
        refused = {one for one, watch in self._watches.items() if watch.noes}
        return Load(len(at_torbox), unseen + creates, creates, frozenset(refused))

    def _asked(self) -> None:
        self._asking = None
        self._wake.set()

    # Acting

    def _start(self, torrent: Torrent, step: steps.Step) -> None:
        task = self._group.create_task(self._acting(torrent, step), name=f"act {torrent.hash}")
        self._running[torrent.hash] = (step, task)

    async def _acting(self, torrent: Torrent, step: steps.Step) -> None:
        watch = self.watch(torrent.hash)
        try:
            await self._try_disk(step)
            await self._acts.act(torrent, step, watch)
        except TorBoxBusy as error:
            watch.hold(self._clock.monotonic(), error.wait_seconds, str(error))
        except NoRoom as error:
            watch.hold(self._clock.monotonic(), NO_ROOM_SECONDS, str(error))
        except TorBoxSaysNo as error:
            watch.refused(self._clock.monotonic(), str(error))
        except (TorBoxUnwell, AccountTrouble, DiskTrouble) as error:
            self.weather.met(error, self._clock.monotonic())
            watch.back_off(self._clock.monotonic(), str(error))
        except (StoreTrouble, BridgeError) as error:
            log.warning("%s: %s", torrent.name, error)
            watch.back_off(self._clock.monotonic(), str(error))
        else:
            self._worked(step, watch)
        finally:
            del self._running[torrent.hash]
            self._wake.set()

    async def _try_disk(self, step: steps.Step) -> None:
        """After trouble with the disk, see first whether it takes files again."""
        if self.weather.disk is not None and isinstance(step, steps.Deliver):
            await self._delivery.check_ready()
            self.weather.disk = None

    def _worked(self, step: steps.Step, watch: Watch) -> None:
        if not isinstance(step, steps.Submit | steps.Resolve):
            watch.noes = 0
        if isinstance(step, steps.FOR_DISK):
            self.weather.disk = None
        if isinstance(step, steps.FOR_TORBOX):
            self.weather.torbox_answered(self._clock.monotonic())

    # Showing

    def _changed(self, before: Torrent | None, after: Torrent | None) -> None:
        torrent = after or before
        assert torrent is not None
        if after is None or not plan.is_live(after):
            self._live.discard(torrent.hash)
            self._watches.pop(torrent.hash, None)
        else:
            self._live.add(torrent.hash)
            if before is None or taking.other_files(before, after):
                self._judge(after)
        if after is None or not after.listed:
            self._display.drop(torrent.hash)
        else:
            self._show(after)
        self._wake.set()

    def _judge(self, torrent: Torrent) -> None:
        """Whether the rules of its category want it, as far as its files are known."""
        rules, where = self._settings.category(torrent.category), taking.place(torrent)
        self.watch(torrent.hash).objection = taking.objection(torrent.files, rules, where)

    def _show(self, torrent: Torrent) -> None:
        if torrent.listed:
            watch = self._watches.get(torrent.hash) or Watch(since=self._clock.monotonic())
            self._display.show(torrent, watch, self._lookout.interval_seconds)

    async def _save_progress(self) -> None:
        """Keep progress and the delivery clock across restarts, in coarse steps."""
        now = self._clock.monotonic()
        seconds, self._round_at = min(now - self._round_at, ROUND_SECONDS), now
        changes: dict[str, Change] = {}
        for torrent_hash in self._live:
            torrent, leg = self._ledger.torrents[torrent_hash], self._delivery.leg(torrent_hash)
            if leg is not None and isinstance(torrent.phase, Delivering):
                self.weather.wrote(leg.last_byte_at)
                give_up = self._settings.category(torrent.category).give_up
                if delivery_has_run_out(torrent, give_up):
                    self.stop_acting(torrent_hash)
                change = figures.delivered(torrent, self.watch(torrent_hash), leg, now, seconds)
                if change is not None:
                    changes[torrent_hash] = change
        if changes:
            await self._ledger.change_all(changes)
