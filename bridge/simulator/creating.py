"""What TorBox answers to a create (torbox-api.md §6), and what it does."""

from dataclasses import dataclass, replace

from . import shapes
from .account import Account, Item
from .habits import Habits
from .limits import Room
from .published import Published, stranger
from .replies import Reply, Said, fine, no
from .scripts import Cached, FetchedOver, QueuedThen, Refused, Script
from .torrents import Given, magnet_of
from .world import World

HOUR = 3600.0
FOUND_CACHED = "Found Cached Torrent. Using Cached Torrent."


@dataclass(frozen=True)
class Wish:
    """A create request, read."""

    given: Given
    with_torrent: bool = False
    seed: int = 1  # 1 auto, 2 seed, 3 do not
    allow_zip: bool = True
    name: str | None = None
    as_queued: bool = False
    only_if_cached: bool = False


@dataclass
class Create:
    """One create request at work."""

    world: World
    account: Account
    wish: Wish

    def answer(self) -> Reply:
        """Do it, or say why not."""
        self.now = self.world.settle()
        self.torrent = self._torrent()
        self._refuse_for_good()
        living = self._living()
        cached = self.world.is_cached(self.torrent, self.now)
        if living and living.look(self.now).present:
            return self._created(living, FOUND_CACHED)
        if living and cached and not living.script.cached:
            # Somebody else's fetch ended first: the item here is served from the cache now.
            self.account.follow(living, Cached(), self.now)
            return self._created(living, FOUND_CACHED)
        if living or self._queued_already():
            self._count_uncached()
            return self._duplicate()
        if cached:
            return self._from_cache()
        return self._uncached()

    def _torrent(self) -> Published:
        """The swarm's torrent; what nobody published becomes a hash without seeds."""
        given = self.wish.given
        known = self.world.torrents.get(given.hash)
        if known is None or (not known.known and given.files and not known.files):
            known = stranger(given, self.world.stranger_script)
            self.world.torrents[given.hash] = known
        return known

    def _refuse_for_good(self) -> None:
        script = self.torrent.script
        if isinstance(script, Refused):
            raise Said(no(script.status, script.code, script.detail))
        if self.torrent.private and self.world.habits.refuses_private:
            raise Said(no(400, None, "Private torrent downloading is currently disabled."))

    def _living(self) -> Item | None:
        """The account's item for this hash; dead rows (purged, failed) make room for a new one."""
        for item in list(self.account.of_hash(self.torrent.hash)):
            look = item.look(self.now)
            if item.born_at > self.now or look.present or look.active or not self._dead(item):
                return item
            if not self.world.habits.purged_stay_beside_new:
                self.account.delete(item, self.now)
        return None

    def _dead(self, item: Item) -> bool:
        look = item.look(self.now)
        return self.now >= item.gone_at or look.state.startswith(("failed", "error", "missing"))

    def _queued_already(self) -> bool:
        return any(e.hash == self.torrent.hash for e in self.account.entries(self.now))

    def _duplicate(self) -> Reply:
        match self.world.habits.oddities.duplicate:
            case "DUPLICATE_ITEM":
                return no(400, "DUPLICATE_ITEM", "This item already exists.")
            case "DIFF_ISSUE":
                return no(400, "DIFF_ISSUE", "The request parameters do not allow this.")
            case "already queued":
                return no(400, None, "Download already queued.")

    def _from_cache(self) -> Reply:
        """Uses no slot and none of the hourly budget."""
        script = self.torrent.script if self.torrent.script.cached else Cached()
        item = self._item(script)
        self.account.add(item)
        return self._created(item, FOUND_CACHED)

    def _uncached(self) -> Reply:
        """In the order of what needs least work to refuse."""
        if self.wish.only_if_cached:
            status = self.world.habits.oddities.not_cached_status
            return no(status, "DOWNLOAD_NOT_CACHED", "Torrent not found in cache.")
        self._refuse_size_and_account()
        room = self._count_uncached()
        script = self._script()
        full = self.account.active(self.now) >= self.account.slots
        waiting = self.wish.as_queued or isinstance(script, QueuedThen)
        if full and not waiting:
            waiting = self._queue_or_refuse()
        self.account.downloads_this_month += 1
        reply = self._queued(script) if waiting else self._started(script)
        reply.headers |= rate_headers(room, self.world.habits, self.now) if room else {}
        return reply

    def _script(self) -> Script:
        script = self.torrent.script
        # Cached once, dropped since: it has to be fetched like any other.
        return FetchedOver(60) if script.cached else script

    def _refuse_size_and_account(self) -> None:
        account, plan = self.account, self.account.plan
        if not self.world.habits.enforce_limits:
            return
        if self.torrent.size > plan.largest:
            raise self._refusal("size", too_large(plan.largest_said))
        limit, used = account.monthly_limit, account.downloads_this_month
        if limit is not None and used >= limit:
            detail = (
                "You have reached your monthly download limit. "
                "Please upgrade your plan to add more torrents."
            )
            data = {"monthly_limit": limit, "current_downloads": used}
            raise self._refusal("month", no(400, None, detail, data))
        until = account.cooldown_until
        if until is not None and until > self.now:
            raise self._refusal("cooldown", self._cooldown(until))

    def _cooldown(self, until: float) -> Reply:
        odd = self.world.habits.oddities
        said = shapes.date(until, odd)
        detail = (
            f"You have a cooldown until {said}. Please upgrade your plan to get unlimited torrents."
        )
        data = {"cooldown_until": said, "current_time": shapes.date(self.now, odd)}
        return no(400, None, detail, data)

    def _count_uncached(self) -> Room | None:
        """The sliding hour, and the edge minute where there is one (§5)."""
        habits = self.world.habits
        if not habits.enforce_limits:
            return None
        limits, windows = habits.limits, self.world.windows
        edge = limits.creates_per_minute
        if edge is not None and not windows.take(self._key("edge"), edge, 60, self.now).allowed:
            reply = Reply(429, {"detail": f"{edge} per 1 minute"}, bare=True)
            raise self._refusal("edge", reply)
        hourly = limits.uncached_creates_per_hour
        room = windows.take(self._key("hourly"), hourly, HOUR, self.now)
        if not room.allowed:
            reply = Reply(429, {"detail": f"{hourly} per 1 hour"}, bare=True)
            if limits.hourly_headers:
                reply.headers = rate_headers(room, habits, self.now, refused=True)
            raise self._refusal("hourly", reply)
        return room

    def _key(self, purpose: str) -> tuple[str, str]:
        return self.account.key, purpose

    def _queue_or_refuse(self) -> bool:
        """Slots are full: paid plans queue (§6.2), or today ACTIVE_LIMIT is answered."""
        how = self.world.habits.oddities.slots_full
        if not self.world.habits.enforce_limits:
            return False
        if how == "queue" and self.account.plan.queues:
            return True
        slots, active = self.account.slots, self.account.active(self.now)
        raise self._refusal("slots", active_limit(how, slots, active))

    def _refusal(self, why: str, reply: Reply) -> Said:
        self.world.refuse(why, "createtorrent")
        return Said(reply)

    def _item(self, script: Script) -> Item:
        given, habits = self.wish.given, self.world.habits
        seeding = habits.seeding_seconds
        seconds = self.account.plan.seeding_seconds if seeding is None else seeding
        return self.world.new_item(
            self.torrent,
            script,
            self.now,
            with_torrent=self.wish.with_torrent,
            magnet=magnet_of(given.hash, given.name, given.trackers),
            name=self.wish.name,
            seeds_for=0.0 if self.wish.seed == 3 else seconds,
            allow_zip=self.wish.allow_zip,
        )

    def _started(self, script: Script) -> Reply:
        item = self._item(script)
        self.account.add(item)
        return self._created(item, "Torrent Added Successfully")

    def _created(self, item: Item, detail: str) -> Reply:
        data = {"torrent_id": item.id, "auth_id": self.account.auth_id, "hash": item.hash}
        match self.world.habits.oddities.created:
            case "id":
                return fine(detail, data)
            case "null ids":
                return fine(detail, data | {"torrent_id": None})
            case "no data":
                return fine(detail)

    def _queued(self, script: Script) -> Reply:
        promote_at = None
        gap = self.world.habits.promotion_gap_seconds
        if isinstance(script, QueuedThen):
            promote_at, gap = self.now + script.seconds, script.gap_seconds
            script = script.then
        entry = self.world.new_entry(
            self._item(script), name=self.wish.name, promote_at=promote_at, gap_seconds=gap
        )
        active = self.account.active(self.now)
        self.account.enqueue(entry)
        data = {
            "queued_id": entry.id,
            "hash": entry.hash,
            "auth_id": self.account.auth_id,
            "active_limit": self.account.slots,
            "current_active_downloads": active,
        }
        reply = fine("Torrent Queued Successfully", data)
        match self.world.habits.oddities.queued:
            case "id":
                return reply
            case "success false":
                return replace(reply, body=reply.body | {"success": False, "data": None})
            case "no data":
                return replace(reply, body=reply.body | {"data": None})


def too_large(said: str) -> Reply:
    """More than the plan takes (§9)."""
    detail = (
        f"Your torrent could not be added because it is larger than {said}. "
        "Please upgrade your plan to add larger torrents."
    )
    return no(400, "DOWNLOAD_TOO_LARGE", detail)


def active_limit(how: str, slots: int, active: int) -> Reply:
    """Slots full, in the three ways that were seen (§4)."""
    if how in ("500", "400"):
        detail = (
            f"You have reached your active download limit of {slots}. Please upgrade your plan."
        )
        return no(int(how), "ACTIVE_LIMIT", detail)
    detail = (
        f"You have reached your active torrent download limit of {slots}. Please upgrade your plan "
        "or purchase the concurrent addons expansions to add more torrents."
    )
    return no(200, None, detail, {"active_limit": slots, "current_active_downloads": active})


def rate_headers(
    room: Room, habits: Habits, now: float, *, refused: bool = False
) -> dict[str, str]:
    """The x-ratelimit headers in today's form (§5)."""
    odd = habits.oddities
    if odd.rate_headers == "none" and not refused:
        return {}
    reset = {
        "int": f"{int(now + room.reset_seconds) + 1}",
        "float": f"{now + room.reset_seconds:.6f}",
        "delta": f"{int(room.reset_seconds) + 1}",
    }.get(odd.rate_headers)
    headers = {"x-ratelimit-limit": str(room.limit), "x-ratelimit-remaining": str(room.remaining)}
    if reset:
        headers["x-ratelimit-reset"] = reset
    if refused:
        headers["retry-after"] = f"{int(room.reset_seconds) + 1}"
    elif odd.retry_after_when_fine:
        headers["retry-after"] = "1"
    return headers
