"""Every part of the program, built in one place; this says what there is and how long it lives."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from pathlib import Path

from aiohttp import web
from msgspec.structs import replace
from yarl import URL

from bridge import __version__
from bridge.backup import BackupApi
from bridge.checks.arrs import arr_checks
from bridge.checks.everything import everything
from bridge.clock import Clock
from bridge.config import Settings
from bridge.core.accounts import Accounts
from bridge.core.acts import Acts
from bridge.core.admitting import Admission
from bridge.core.aftercare import Aftercare
from bridge.core.board import Board
from bridge.core.by_hand import ByHand
from bridge.core.clean import Cleaner
from bridge.core.commands import Commands
from bridge.core.deliver import Deliverer
from bridge.core.door import Door
from bridge.core.engine import Engine
from bridge.core.exporting import Exporter
from bridge.core.housekeeping import DELIVERED_BYTES, Housekeeper
from bridge.core.labels import Labels
from bridge.core.ledger import Ledger
from bridge.core.look import Looker
from bridge.core.submit import Submitter
from bridge.core.timeline import Timeline
from bridge.dashboard.api import BridgeApi
from bridge.dashboard.dashboard import Dashboard
from bridge.dashboard.health import Health
from bridge.dashboard.hooks import Hooks, hook_secret
from bridge.dashboard.sources import Sources
from bridge.delivery.delivery import Delivery
from bridge.errors import CannotStart, DiskFull, DiskTrouble
from bridge.model import Complete, Delivering, Torrent
from bridge.qbittorrent.connection import accepting
from bridge.qbittorrent.face import Face
from bridge.qbittorrent.forms import MOST_BODY_BYTES
from bridge.qbittorrent.logbook import Logbook
from bridge.qbittorrent.reached import NoteAddress
from bridge.qbittorrent.routes import routes
from bridge.reload import Reloader
from bridge.store.store import Remembered, Store
from bridge.torbox.client import TorBox
from bridge.torbox.limits import Limits

log = logging.getLogger(__name__)

USER_AGENT = f"torbox-bridge/{__version__}"
PROBE_SECONDS = 10.0
SHUTDOWN_SECONDS = 2.0  # aiohttp may take twice this, and Docker kills after ten seconds


@dataclass(frozen=True)
class Core:
    """The parts that know no HTTP server: they decide, speak to TorBox, deliver and remember."""

    settings: Settings
    clock: Clock
    store: Store
    kept: dict[str, str]
    ledger: Ledger
    board: Board
    limits: Limits
    torbox: TorBox
    delivery: Delivery
    accounts: Accounts
    engine: Engine
    commands: Commands
    housekeeper: Housekeeper
    timeline: Timeline


@dataclass(frozen=True)
class Bridge:
    """The running program, for the command and for tests."""

    app: web.Application
    board: Board
    commands: Commands
    engine: Engine
    ledger: Ledger
    reloader: Reloader
    aftercare: Aftercare
    asked_to_stop: asyncio.Event  # by a client that is logged in


@asynccontextmanager
async def bridge(
    settings: Settings,
    clock: Clock,
    password: str,
    read_again: Callable[[], Settings] | None = None,
    logbook: Logbook | None = None,
) -> AsyncIterator[Bridge]:
    """Everything, opened in order and closed in reverse. The socket is opened by `listening`.

    `read_again` reads the settings anew, for a key that changes while the bridge runs. `logbook`
    is where the log's last lines are kept for clients that read them.
    """
    async with Store(Path(settings.state.path) / "bridge.db") as store:
        core = await _core(settings, clock, store)
        read = read_again or (lambda: settings)
        reloader = Reloader(
            read, settings, core.torbox, core.accounts, core.engine, core.commands, clock
        )
        aftercare, dashboard = _aftercare(core), _dashboard(core, password)
        asked_to_stop = asyncio.Event()
        face = _face(core, password, logbook, asked_to_stop)
        app = await _application(core, face, aftercare, dashboard)
        async with core.delivery, core.torbox:
            await _probe(core.delivery, core.ledger, settings.downloads.path)
            async with core.engine, core.housekeeper, aftercare.open(), reloader, dashboard.open():
                yield Bridge(
                    app,
                    core.board,
                    core.commands,
                    core.engine,
                    core.ledger,
                    reloader,
                    aftercare,
                    asked_to_stop,
                )


async def _core(settings: Settings, clock: Clock, store: Store) -> Core:
    remembered = await store.remembered()
    kept, local = remembered.kept, is_local(settings)
    limits = await Limits.load(clock, store, share=settings.torbox.share)
    torbox = TorBox(settings.torbox, limits, clock, USER_AGENT)
    delivery = Delivery(settings.downloads, clock, user_agent=USER_AGENT, allow_http=local)
    ledger, board, door = Ledger(store), Board(), Door()
    timeline = Timeline(ledger, board, store, clock)
    _load(ledger, board, remembered)
    submitter = Submitter(ledger, store, torbox, door, clock)
    cleaner = Cleaner(ledger, torbox, submitter, clock)
    accounts = Accounts(ledger, store, torbox, submitter, clock)
    await accounts.load(kept, settings.torbox.api_key)
    admission = Admission(settings, torbox, limits, accounts, door, clock)
    submitter.learn, cleaner.deleted = admission.learn, accounts.gone
    looker = Looker(ledger, torbox, accounts, clock)
    deliverer = Deliverer(ledger, store, torbox, delivery, timeline, settings, clock)
    acts = Acts(submitter, looker, deliverer, cleaner, board)
    engine = Engine(settings, ledger, delivery, acts, admission, accounts, board, clock)
    labels = Labels(ledger, board, store, settings.downloads.path, clock)
    exporter = Exporter(ledger, store, torbox, engine, clock)
    commands = Commands(ledger, board, store, engine, labels, exporter, settings, clock)
    commands.load_preferences(kept.get("preferences", ""))
    housekeeper = Housekeeper(ledger, board, labels, delivery, cleaner, store, clock)
    return Core(
        settings=settings,
        clock=clock,
        store=store,
        kept=kept,
        ledger=ledger,
        board=board,
        limits=limits,
        torbox=torbox,
        delivery=delivery,
        accounts=accounts,
        engine=engine,
        commands=commands,
        housekeeper=housekeeper,
        timeline=timeline,
    )


def _aftercare(core: Core) -> Aftercare:
    return Aftercare(
        core.settings,
        core.ledger,
        core.store,
        core.timeline,
        core.accounts,
        core.engine.weather,
        core.clock,
        USER_AGENT,
        core.kept,
    )


def _dashboard(core: Core, password: str) -> Dashboard:
    checks = partial(
        everything,
        core.settings,
        core.torbox,
        core.clock,
        user_agent=USER_AGENT,
        allow_http=is_local(core.settings),
    )
    arrs = partial(
        arr_checks,
        core.settings.arrs,
        Path(core.settings.downloads.path),
        core.clock,
        USER_AGENT,
    )
    sources = Sources(
        settings=core.settings,
        ledger=core.ledger,
        board=core.board,
        engine=core.engine,
        accounts=core.accounts,
        limits=core.limits,
        torbox=core.torbox,
        delivery=core.delivery,
        store=core.store,
        kept=core.kept,
        clock=core.clock,
    )
    return Dashboard(sources, password, checks, arrs if core.settings.arrs else None)


def _face(core: Core, password: str, logbook: Logbook | None, asked_to_stop: asyncio.Event) -> Face:
    return Face(
        core.commands,
        core.settings.qbittorrent,
        core.settings.server,
        core.clock,
        password,
        logbook=logbook,
        shut_down=asked_to_stop.set,
    )


async def _application(
    core: Core, face: Face, aftercare: Aftercare, dashboard: Dashboard
) -> web.Application:
    """The routes of every face, and the middlewares around them."""
    settings, base = core.settings, core.settings.server.url_base
    hooks = Hooks(core.engine, await hook_secret(core.kept, core.store))
    reached = NoteAddress(aftercare.reached)
    middlewares = [*face.middlewares, *dashboard.middlewares, reached.watch]
    app = web.Application(client_max_size=MOST_BODY_BYTES, middlewares=middlewares)
    app.on_response_prepare.append(face.dress)
    app.add_routes(routes(face, base))
    by_hand = ByHand(core.ledger, core.commands, core.engine, core.delivery)
    ours = BridgeApi(settings, core.board, by_hand, core.timeline, core.clock)
    app.add_routes(ours.routes(base))
    app.add_routes(hooks.routes(base))
    app.add_routes(BackupApi(core.store).routes(base))
    app.add_routes(dashboard.routes())
    app.add_routes(Health(core.engine, core.board).routes())
    return app


@asynccontextmanager
async def listening(app: web.Application, host: str, port: int) -> AsyncIterator[int]:
    """Serve the app; gives the port. CannotStart if it is taken."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
    await runner.setup()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(runner.cleanup)
        try:
            bound = await stack.enter_async_context(accepting(runner, host, port))
        except OSError as error:
            raise cannot_listen(host, port, error) from error
        yield bound


def cannot_listen(host: str, port: int, error: OSError) -> CannotStart:
    """Why nothing can be served there, in few words: asyncio's own name the place once more."""
    number = error.errno or 0
    why = os.strerror(number) if number > 0 else error.strerror or "it cannot be used"
    return CannotStart(f"cannot listen on {host}:{port}: {why}")


async def _probe(delivery: Delivery, ledger: Ledger, root: str) -> None:
    """Try the download folder. A refusal is an error; a disk that hangs or is full is waited for:
    removing torrents may be what makes room.
    """
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            await delivery.probe(
                expected=any(_has_files(torrent, root) for torrent in ledger.torrents.values())
            )
    except TimeoutError:
        log.warning("the download disk does not answer; downloads wait for it")
    except DiskFull as error:
        log.warning("%s", error)
    except DiskTrouble as error:
        raise CannotStart(str(error)) from error


def _has_files(torrent: Torrent, root: str) -> bool:
    """Whether some of it should lie there."""
    here = Path(torrent.save_path).is_relative_to(root)
    return here and isinstance(torrent.phase, Delivering | Complete)


def _load(ledger: Ledger, board: Board, remembered: Remembered) -> None:
    ledger.load(remembered)
    board.categories = {category.name: category for category in remembered.categories}
    board.tags = remembered.tags
    earlier_bytes = int(remembered.kept.get(DELIVERED_BYTES, "0"))
    board.health = replace(board.health, earlier_bytes=earlier_bytes)


def is_local(settings: Settings) -> bool:
    """Whether TorBox is a simulator or proxy nearby, whose links may be plain http (design §6)."""
    host = URL(settings.torbox.api_url).host or ""
    if host == "localhost":
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_private
