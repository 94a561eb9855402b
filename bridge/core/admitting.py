"""Putting the admission's rules to work: what is known to be cached, and what fits just now."""

import logging
from collections.abc import Sequence

from msgspec import Struct

from bridge.clock import Clock
from bridge.config import Settings
from bridge.core import admission
from bridge.core.accounts import Accounts
from bridge.core.admission import Choice, How, Room
from bridge.core.backoff import Backoff
from bridge.core.door import Door
from bridge.core.steps import Refuse, Step, Submit
from bridge.core.times import clock_time
from bridge.errors import OurMistake, Shut, TorBoxBusy, TorBoxSaysNo, TorBoxUnwell
from bridge.model import Torrent, Waiting
from bridge.torbox.client import TorBox
from bridge.torbox.limits import CREATE, Limits

log = logging.getLogger(__name__)

KNOWN_SECONDS = 3600.0  # TorBox itself answers from an hour's memory (torbox-api.md §1.3)
MOST_KNOWN = 10_000
MOST_CREATES = 4
ASK_AGAIN_SECONDS = 60.0
SLOTS_ARE_FULL = "all "


class Load(Struct, frozen=True):
    """What is at TorBox already, or on its way there."""

    at_torbox: int  # of ours, uncached, queued or being fetched
    unseen: int  # of these and of the creates under way, what no look has counted yet
    creates: int  # under way
    refused: frozenset[str] = frozenset()  # TorBox said no to these before


class Decision(Struct, frozen=True):
    """What the engine is to do with those that wait."""

    steps: list[tuple[Torrent, Step]]
    held: list[Choice]
    ask: list[str]
    next_at: float | None  # monotonic


class Admission:
    """Who goes next, with what is known at this moment."""

    def __init__(
        self,
        settings: Settings,
        torbox: TorBox,
        limits: Limits,
        accounts: Accounts,
        door: Door,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._torbox = torbox
        self._limits = limits
        self._accounts = accounts
        self.door = door
        self._clock = clock
        self._known: dict[str, tuple[bool, float]] = {}
        self._ask_at = 0.0
        self._asking = Backoff()

    def use_settings(self, settings: Settings) -> None:
        """Other rules per category, from now on."""
        self._settings = settings

    def known(self, torrent_hash: str) -> bool | None:
        """Whether TorBox has it cached, as far as was heard within the last hour."""
        answer = self._known.get(torrent_hash)
        if answer is None or self._clock.monotonic() - answer[1] > KNOWN_SECONDS:
            return None
        return answer[0]

    def learn(self, torrent_hash: str, *, cached: bool) -> None:
        """Remember what TorBox said, for an hour."""
        self._known.pop(torrent_hash, None)
        self._known[torrent_hash] = (cached, self._clock.monotonic())
        while len(self._known) > MOST_KNOWN:
            del self._known[next(iter(self._known))]

    async def ask(self, hashes: Sequence[str]) -> None:
        """Ask TorBox which of these it has; no answer is no knowledge."""
        now = self._clock.monotonic()
        self._ask_at = now + ASK_AGAIN_SECONDS
        try:
            cached = await self._torbox.cached(hashes)
        except (TorBoxUnwell, TorBoxBusy, OurMistake) as error:
            self._asking.failed(now)
            if not isinstance(error, TorBoxSaysNo | TorBoxBusy | OurMistake):
                raise  # no word from TorBox: that may be more than this question's trouble
            log.info("what TorBox has cached is asked again later: %s", error)
            return
        self._asking.forget()
        for torrent_hash in hashes:
            self.learn(torrent_hash, cached=torrent_hash in cached)

    def decide(self, waiting: list[Torrent], load: Load, now: float) -> Decision:
        """What to do with those whose time has come."""
        self.door.passes(now, self._accounts.free_slots)
        if not waiting:
            return Decision([], [], [], self.door.until if self.door.why is not None else None)
        time = self._clock.time()
        rules = self._settings.category
        free = self._accounts.free_slots
        several = load.at_torbox + load.creates + len(waiting) > 1
        if several or (free is not None and free <= 0) or self.door.why is Shut.SLOTS:
            # Slots may matter; a single grab is not worth the calls.
            self._accounts.wanted = True
        if self._accounts.wanted and free is None and not self._accounts.silent:
            held = [Choice(one, How.HOLD, "asks what the TorBox plan allows") for one in waiting]
            return Decision([], held, [], None)
        room = self._room(time, load)
        ask = admission.to_ask(waiting, self.known, rules, room)
        if ask and now < max(self._ask_at, self._asking.until):
            ask = []
        choices = admission.choose(waiting, self.known, rules, room, time)
        if ask and len(waiting) > room.fits:
            # The cached ones go first, so it is worth the moment to hear which they are.
            held = [Choice(torrent, How.HOLD, "waits for its turn") for torrent in waiting]
            return Decision([], held, ask, None)
        places = MOST_CREATES - load.creates
        steps = [(one.torrent, _step(one)) for one in choices if one.how is not How.HOLD]
        held = [one for one in choices if one.how is How.HOLD]
        untils = [one.until for one in held if one.until is not None]
        untils += [time + ASK_AGAIN_SECONDS] if held else []
        next_at = now + max(0.0, min(untils) - time) if untils else None
        return Decision(steps[: max(0, places)], held, ask, next_at)

    def _room(self, time: float, load: Load) -> Room:
        account, free = self._accounts.account, self._accounts.free_slots
        hour = self._limits.budget(CREATE)
        left = self._limits.left(CREATE)
        if self.door.ajar:
            left = min(left, 1)
        now, shut = self._clock.monotonic(), self.door.why is not None
        return Room(
            used=hour.used,
            limit=hour.limit,
            budget=left - load.creates,
            slots=None if free is None else free - load.unseen,
            next_at=max(time, self._limits.free_at(CREATE)),
            all_slots=account.slots if account else 0,
            shut=self.door.sentence,
            shut_since=clock_time(time - now + self.door.since) if shut else "",
            opens_at=time - now + self.door.until,
            refused=load.refused,
        )


def _step(choice: Choice) -> Step:
    if choice.how is How.REFUSE:
        return Refuse()
    phase = choice.torrent.phase
    look_first = isinstance(phase, Waiting) and phase.look_first
    return Submit(look_first, only_if_cached=choice.how is How.TRY_CACHED)
