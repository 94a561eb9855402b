"""The simulator as tests and the demo use it: its state, its faults, and a socket to serve on."""

import asyncio
import contextlib
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from math import inf

from aiohttp import web

from . import control, published, speedtest, webhooks
from .account import Account, Item, QueueEntry
from .api import Api
from .cdn import Cdn
from .faults import Fault, Faults, Weather
from .gate import Call, Gate, Sleep
from .habits import DAY, Habits
from .published import Published
from .scripts import Cached, FetchedOver, Script, Stalled
from .webdav import WebDav
from .world import Refused, World

DEFAULT_KEY = "00000000-0000-4000-8000-00000000c0de"
MiB = 1024 * 1024
PUBLIC_TRACKERS = ("udp://tracker.example:1337/announce",)
PRIVATE_TRACKERS = ("https://private.example/0123456789abcdef/announce",)


class Simulator(Habits):
    """TorBox, its CDN and a way to play with both. Habits (`lag_seconds`, `limits` …) are its
    attributes; `cdn` has the faults of downloads; one socket serves all.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.time,
        api_key: str = DEFAULT_KEY,
        seed: int = 1,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        super().__init__()
        self.seed = seed
        self.url = ""
        self._clock, self._ahead = clock, 0.0
        self.world = World(self, self.now, seed)
        self.faults = Faults()
        self.gate = Gate(self.world, self.faults, sleep, Api(self.world).routes())
        self.cdn = Cdn(world=self.world, sleep=sleep)
        self.webdav = WebDav(self.world)
        self.account = self.add_account(api_key, 1)

    # Time.

    def now(self) -> float:
        """The simulator's time: its clock, and what it was advanced by."""
        return self._clock() + self._ahead

    def advance(self, seconds: float) -> None:
        """Let time pass here, and only here."""
        self._ahead += seconds
        self.world.settle()

    # Torrents.

    def publish(
        self,
        name: str,
        files: Mapping[str, int] | None = None,
        script: Script | None = None,
        *,
        private: bool = False,
        single_file: bool = False,
        trackers: Sequence[str] | None = None,
    ) -> Published:
        """Put a torrent into the swarm; `script` says what TorBox makes of it (default: cached).

        `files` maps paths below the root to sizes (default: one of 3 MiB). A `single_file`
        torrent has one file of its own name and no root.
        """
        usual = PRIVATE_TRACKERS if private else PUBLIC_TRACKERS
        made = published.publish(
            name,
            files or {name if single_file else f"{name}.mkv": 3 * MiB},
            script or Cached(),
            private=private,
            single_file=single_file,
            trackers=usual if trackers is None else trackers,
            seed=self.seed,
        )
        self.world.torrents[made.hash] = made
        return made

    def already_in_account(
        self, made: Published, *, days_ago: float = 5.0, account: Account | None = None
    ) -> Item:
        """Somebody else put it there, before now."""
        born_at = self.now() - days_ago * DAY
        item = self.world.new_item(made, made.script, born_at, with_torrent=True)
        (account or self.account).add(item)
        return item

    def foreign(self, count: int, *, days_ago: float = 5.0, files: int = 10) -> list[Item]:
        """So many small finished items of somebody else's, each some 5 KB of a list (§2.5)."""
        paths = [f"file.{n:02}.bin" for n in range(files)]
        made = (
            self.publish(f"Foreign.{n:04}", dict.fromkeys(paths, 1000 + n)) for n in range(count)
        )
        return [
            self.already_in_account(one, days_ago=days_ago + n / 1e6) for n, one in enumerate(made)
        ]

    # What is in the account.

    @property
    def items(self) -> list[Item]:
        """Of the first account, newest first."""
        return self.account.items(self.world.settle())

    @property
    def queue(self) -> list[QueueEntry]:
        """Of the first account, oldest first."""
        return self.account.entries(self.world.settle())

    def item_of(self, hash_: str) -> Item | None:
        """The first account's item with this hash."""
        return next((item for item in self.items if item.hash == hash_), None)

    def _item(self, hash_: str) -> Item:
        item = self.item_of(hash_)
        if item is None:
            raise LookupError("no item with this hash")
        return item

    def purge(self, hash_: str) -> None:
        """TorBox drops the content; the item stays listed (F, T, F)."""
        self._item(hash_).purged_at = self.now()

    def uncache(self, hash_: str) -> None:
        """TorBox's cache forgets the content for new items; `checkcached` may not know it yet."""
        self.world.torrents[hash_].in_cache = False

    def cache(self, hash_: str) -> None:
        """Somebody else's fetch of it has ended."""
        self.world.torrents[hash_].in_cache = True

    def promote(self, hash_: str) -> Item:
        """Its queue entry becomes an item now."""
        entry = next(entry for entry in self.queue if entry.hash == hash_)
        return self.account.promote(entry, self.now())

    def follow(self, hash_: str, script: Script) -> None:
        """Its item has another fate from now on."""
        self.account.follow(self._item(hash_), script, self.world.settle())

    def rename(self, hash_: str, name: str) -> None:
        """Somebody renames the item; the files keep their root."""
        self._item(hash_).name = name

    def delete(self, hash_: str) -> None:
        """Somebody deletes the item on the website."""
        self.account.delete(self._item(hash_), self.world.settle())

    def seeds(self, hash_: str, *, ratio: float) -> None:
        """Its ratio from now on."""
        self._item(hash_).ratio = ratio

    def stop_seeding(self, hash_: str) -> None:
        """Seeding ends now and frees the slot."""
        item, now = self._item(hash_), self.world.settle()
        item.seeds_for = max(0.0, now - item.present_at)
        self.account.fill_slots(now)

    # Accounts.

    def add_account(self, key: str, id_: int, plan: int = 1) -> Account:
        """Another account with its own key, items and limits."""
        account = Account(id_, key, self.world.new_uuid(), self, plan_number=plan)
        account.settled_at = self.now()
        self.world.accounts.append(account)
        return account

    def rotate_key(self) -> str:
        """What the abuse system does (§5): the old key is bad from now on. The new one."""
        self.account.key = self.world.new_uuid()
        return self.account.key

    @property
    def api_key(self) -> str:
        """The first account's key of today."""
        return self.account.key

    @property
    def plan(self) -> int:
        """The first account's plan number: 0 Free, 1 Essential, 2 Pro, 3 Standard."""
        return self.account.plan_number

    @plan.setter
    def plan(self, number: int) -> None:
        self.account.plan_number = number

    # Faults.

    def next(self, endpoint: str, fault: Fault, times: int = 1) -> None:
        """The next `times` calls of an endpoint meet this."""
        self.faults.queue(endpoint, fault, times)

    @property
    def weather(self) -> Weather | None:
        """Faults by chance, or None."""
        return self.faults.weather

    @weather.setter
    def weather(self, weather: Weather | None) -> None:
        self.faults.weather = weather

    def stop(self, how: str = "down", *, cdn: bool = False) -> None:
        """TorBox is down: "down" 502 pages, "hang" no answers, "refuse" closed connections.

        Mind that HTTP clients ask an idempotent request again when its connection is closed.
        """
        if how not in ("down", "hang", "refuse"):
            raise ValueError(how)
        self.gate.awake.clear()
        self.faults.down, self.cdn.down = how, cdn

    def resume(self) -> None:
        """TorBox is back; hung calls whose client has not left are answered."""
        self.faults.down, self.cdn.down = None, False
        self.gate.awake.set()

    def expire_links(self) -> None:
        """Every link given so far is refused from now on."""
        for link in self.world.links.values():
            link.good_until = -inf

    async def notify(
        self, url: str, title: str, message: str = "", *, era: webhooks.Era = "type"
    ) -> int:
        """Send a webhook; the receiver's status."""
        return await webhooks.send(url, webhooks.payload(title, message, self.now(), era))

    # What happened.

    @property
    def calls(self) -> list[Call]:
        """The API calls, oldest first; of very many only the last."""
        return self.gate.calls

    def calls_to(self, endpoint: str) -> list[Call]:
        """The calls of one endpoint: `createtorrent`, `mylist`, `user/me` …"""
        return [call for call in self.calls if call.endpoint == endpoint]

    @property
    def bytes_sent(self) -> int:
        """Bytes of API answers so far, headers left out."""
        return self.gate.bytes_sent

    @property
    def refusals(self) -> Counter[str]:
        """How often each limit was hit."""
        return self.world.refusals

    @property
    def refused(self) -> list[Refused]:
        """Each time a limit was hit."""
        return self.world.refused

    # Serving.

    def app(self) -> web.Application:
        """API, CDN and control in one application."""
        app = web.Application(client_max_size=self.limits.body_bytes)
        app.router.add_route("*", "/v1/api/{path:.*}", self.gate.through)
        app.router.add_get("/", _root)
        app.router.add_route("*", "/dld/{uuid}", self.cdn.serve)
        app.router.add_route("*", "/zip/{uuid}", self.cdn.serve)
        app.router.add_get("/speedtest/{name}", speedtest.serve)
        app.router.add_route("*", "/webdav/{path:.*}", self.webdav.serve)
        app.add_routes(control.Control(self).routes())
        return app

    @contextlib.asynccontextmanager
    async def serving(self, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
        """Serve until the block ends; the base URL is also in `url`."""
        runner = web.AppRunner(self.app(), access_log=None, shutdown_timeout=0.2)
        await runner.setup()
        try:
            site = web.TCPSite(runner, host, port, reuse_address=True)
            await site.start()
            self.url = f"http://{host}:{site.port}"
            yield self.url
        finally:
            self.gate.awake.set()
            self.cdn.release()
            await runner.cleanup()


async def _root(_request: web.Request) -> web.Response:
    return web.json_response({"success": True, "detail": "API is up and running."})


def demo_torrents(simulator: Simulator) -> list[Published]:
    """One cached, one to be fetched, one queued first, one without seeds."""
    return [
        simulator.publish("Demo.Cached.S01E01.1080p", {"Demo.Cached.S01E01.mkv": 24 * MiB}),
        simulator.publish(
            "Demo.Fetched.S01E02.1080p",
            {"Demo.Fetched.S01E02.mkv": 16 * MiB, "Subs/Demo.Fetched.S01E02.srt": 40_000},
            FetchedOver(20, metadata_after=2, moving=2),
        ),
        simulator.publish("Demo.No.Seeds.S01E03.1080p", None, Stalled(at=0.12, over=3)),
    ]


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()  # whoever started it waits for the line


async def run(
    host: str = "127.0.0.1",
    port: int = 8585,
    *,
    api_key: str = DEFAULT_KEY,
    seed: int = 1,
    say: Callable[[str], object] | None = None,
) -> None:
    """Serve a few demo torrents until cancelled."""
    say = say or _say
    simulator = Simulator(api_key=api_key, seed=seed)
    made = demo_torrents(simulator)
    async with simulator.serving(host, port) as url:
        say(f"torbox-bridge simulator ready: {url} key {api_key}")
        for one in made:
            say(f"  {one.magnet}")
        await asyncio.Event().wait()
