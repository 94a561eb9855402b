"""The command `torbox-bridge`: arguments in, exit code out, one clear line when it cannot."""

import argparse
import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine, Sequence
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from msgspec.structs import replace

from bridge import __version__
from bridge.clock import Clock
from bridge.config import Settings, apply_umask, load, time_factor
from bridge.errors import BadSettings, BridgeError, CannotStart
from bridge.password import qbittorrent_password
from bridge.qbittorrent.dialect import FIVE, FOUR

if TYPE_CHECKING:
    from bridge.qbittorrent.logbook import Logbook

log = logging.getLogger(__name__)

FINE, TROUBLE, BAD_SETTINGS = 0, 1, 2
HEALTH_SECONDS = 3.0
LARGEST_PORT = 65_535
LAST_ANSWER_SECONDS = 0.1  # as on the real server, so that whoever asked us to stop is told yes
STOP_SECONDS = 6.0  # then we are gone, whatever hangs: eight are allowed (design §6)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command and leave. A thread that hangs on a dead disk does not keep us."""
    code = run(arguments)
    logging.shutdown()
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command; gives its exit code (design §6)."""
    wanted = _parser().parse_args(arguments)
    try:
        return int(wanted.command(wanted))
    except BadSettings as error:
        return _complain(str(error), BAD_SETTINGS)
    except BridgeError as error:
        return _complain(str(error), TROUBLE)
    except BaseExceptionGroup as group:
        # What ends the program passes through the task groups of its parts, which wrap it.
        known = _only(group)
        if known is None:
            raise
        return _complain(str(known), TROUBLE)
    except BrokenPipeError:
        return TROUBLE  # whoever read what we say has left
    except KeyboardInterrupt:
        return TROUBLE


def _only(group: BaseException) -> BridgeError | None:
    """The one error of ours in these groups; None if there is anything else in them."""
    while isinstance(group, BaseExceptionGroup) and len(group.exceptions) == 1:
        group = group.exceptions[0]
    return group if isinstance(group, BridgeError) else None


def _complain(sentence: str, code: int) -> int:
    print(f"torbox-bridge: {sentence}", file=sys.stderr)
    return code


def _say(text: str) -> None:
    print(text, flush=True)


class Arguments(argparse.ArgumentParser):
    """Says in one line what is wrong with the arguments."""

    def error(self, message: str) -> NoReturn:
        """Leave with exit code 2."""
        self.exit(BAD_SETTINGS, f"torbox-bridge: {message}; see {self.prog} --help\n")


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > LARGEST_PORT:
        raise argparse.ArgumentTypeError(f"expected 0 to {LARGEST_PORT}, got {text!r}")
    return int(text)


def _parser() -> Arguments:
    parser = Arguments(
        prog="torbox-bridge", description="Answers as qBittorrent, downloads through TorBox."
    )
    parser.set_defaults(command=_serve, config=None)
    commands = parser.add_subparsers(title="commands", metavar="")
    _add_daily(commands)
    _add_others(commands)
    return parser


def _add_daily(commands: "argparse._SubParsersAction[Arguments]") -> None:
    """The commands that work with the settings."""
    settings = Arguments(add_help=False)
    settings.add_argument("--config", type=Path, metavar="FILE", help="the settings file")

    serve = commands.add_parser("serve", parents=[settings], help="run the bridge (the default)")
    serve.set_defaults(command=_serve)
    check = commands.add_parser(
        "check", parents=[settings], help="check everything that the bridge needs"
    )
    check.add_argument("--health", action="store_true", help="ask the running bridge instead")
    check.set_defaults(command=_check)
    connect = commands.add_parser(
        "connect", parents=[settings], help="add the bridge to Sonarr, Radarr … and check it"
    )
    connect.add_argument("url", metavar="URL", help="the arr's address, as in a browser")
    connect.add_argument("api_key", metavar="API_KEY", help="the arr's key; - reads it from stdin")
    connect.add_argument("--bridge", metavar="URL", default="", help="how the arr reaches us")
    connect.add_argument("--category", default="", help="instead of the arr's usual one")
    connect.set_defaults(command=_connect)
    backup = commands.add_parser(
        "backup", parents=[settings], help="copy what the bridge remembers into a .tar"
    )
    place = "a folder, or the file to make; else the folder backups in the state folder"
    backup.add_argument("place", nargs="?", type=Path, metavar="PLACE", help=place)
    backup.set_defaults(command=_backup)


def _add_others(commands: "argparse._SubParsersAction[Arguments]") -> None:
    demo = commands.add_parser("demo", help="three grabs through a built-in TorBox, no account")
    demo.add_argument("--stay", action="store_true", help="keep serving afterwards")
    demo.set_defaults(command=_demo)
    simulator = commands.add_parser("simulator", help="TorBox in miniature, for trying things out")
    simulator.add_argument("--host", default="127.0.0.1", help="the address to listen at")
    simulator.add_argument("--port", type=_port, default=8485, help="0 takes a free one")
    simulator.set_defaults(command=_simulator)
    version = commands.add_parser("version", help="print the version")
    version.set_defaults(command=_version)


def _version(_wanted: argparse.Namespace) -> int:
    _say(f"torbox-bridge {__version__}")
    return FINE


def _check(wanted: argparse.Namespace) -> int:
    settings = load(wanted.config, os.environ)
    if wanted.health:
        return _health(settings)
    from bridge.doctor import doctor
    from bridge.logs import set_up

    settings.require_key()
    apply_umask(os.environ)
    set_up(replace(settings.log, level="error"), settings.secrets())
    _say("✓ settings: can be used")
    return _until_stopped(doctor(settings, Clock(time_factor(os.environ)), _say), stopped=TROUBLE)


def _backup(wanted: argparse.Namespace) -> int:
    from bridge.backup_command import back_up

    copy = back_up(load(wanted.config, os.environ), wanted.place)
    _say(f"kept in {copy}; whoever has it can read your magnets and the password")
    return FINE


def _health(settings: Settings) -> int:
    """Ask the bridge that runs with these settings; local, and bounded in time."""
    server = settings.server
    # Not urllib, which would ask the proxy that `http_proxy` names.
    connection = HTTPConnection(server.local_host, server.port, timeout=HEALTH_SECONDS)
    try:
        with contextlib.closing(connection):
            connection.request("GET", "/health")
            return FINE if connection.getresponse().status == 200 else TROUBLE
    except (OSError, HTTPException) as error:
        return _complain(f"the bridge does not answer: {error}", TROUBLE)


def _connect(wanted: argparse.Namespace) -> int:
    from bridge.connect import Wanted, connecting
    from bridge.logs import set_up

    settings = load(wanted.config, os.environ)
    key = sys.stdin.readline().strip() if wanted.api_key == "-" else wanted.api_key
    if _health(settings) != FINE:
        return TROUBLE
    password, _ = qbittorrent_password(settings.qbittorrent, Path(settings.state.path))
    set_up(replace(settings.log, level="error"), [*settings.secrets(), key, password])
    asked = Wanted(wanted.url, key, wanted.bridge, wanted.category)
    clock = Clock(time_factor(os.environ))
    return _until_stopped(connecting(settings, password, asked, clock, _say), stopped=TROUBLE)


def _simulator(wanted: argparse.Namespace) -> int:
    from bridge.app import cannot_listen
    from bridge.simulator.server import run as run_simulator

    try:
        return _until_stopped(run_simulator(wanted.host, wanted.port), stopped=FINE)
    except OSError as error:
        raise cannot_listen(wanted.host, wanted.port, error) from error


def _demo(wanted: argparse.Namespace) -> int:
    from bridge.demo import demo

    return _until_stopped(demo(stay=wanted.stay), stopped=TROUBLE)


def _serve(wanted: argparse.Namespace) -> int:
    from bridge.logs import set_up
    from bridge.qbittorrent.logbook import Logbook

    settings = load(wanted.config, os.environ)
    settings.require_key()
    factor = time_factor(os.environ)
    apply_umask(os.environ)
    state = Path(settings.state.path)
    _make_state_folder(state)
    password, is_new = qbittorrent_password(settings.qbittorrent, state)
    logbook = Logbook()
    redactor = set_up(settings.log, settings.secrets(), state / "logs", logbook)
    if is_new:
        _say(password_block(settings, password))
    redactor.add(password)

    def read_again() -> Settings:
        again = load(wanted.config, os.environ)
        redactor.add(*again.secrets())
        return again

    return _until_stopped(_serving(settings, password, factor, read_again, logbook), stopped=FINE)


async def _serving(
    settings: Settings,
    password: str,
    factor: float,
    read_again: Callable[[], Settings],
    logbook: "Logbook",
) -> None:
    # Late, as it is most of the program: the container's health check starts every 30 seconds.
    from bridge.app import bridge, listening

    server = settings.server
    async with (
        bridge(settings, Clock(factor), password, read_again, logbook) as running,
        listening(running.app, server.host, server.port) as port,
    ):
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, running.reloader.ask)
        _say(ready_line(settings, port, len(running.board), factor))
        # What is there by now stays. To look through it for garbage would hold up an answer, now
        # and then, for longer than everything else that it takes.
        gc.freeze()
        await running.asked_to_stop.wait()
        log.info("a client asked the bridge to stop")
        await asyncio.sleep(LAST_ANSWER_SECONDS)
        signal.raise_signal(signal.SIGTERM)
        await asyncio.Event().wait()


def _until_stopped(work: Coroutine[object, object, int | None], *, stopped: int) -> int:
    """Run this to its end, or until SIGTERM or SIGINT, which also end a start that hangs."""

    async def working() -> int:
        task = asyncio.ensure_future(work)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, _stop, task, stopped)
        try:
            return await task or FINE
        except asyncio.CancelledError:
            return stopped

    return asyncio.run(working())


def _stop(work: asyncio.Future[int | None], code: int) -> None:
    """Close everything in order; what hangs by then is left behind, as kill -9 would leave it."""
    if work.cancel():
        last = threading.Timer(STOP_SECONDS, os._exit, [code])
        last.daemon = True
        last.start()


def ready_line(settings: Settings, port: int, torrents: int, factor: float) -> str:
    """What is printed once the bridge answers (design §6)."""
    dialect = FIVE if settings.qbittorrent.dialect == "5" else FOUR
    host = settings.server.host
    where = f"[{host}]" if ":" in host else host
    line = (
        f"torbox-bridge ready: http://{where}:{port}{settings.server.url_base}"
        f" qBittorrent {dialect.version} ({dialect.api}), {torrents} torrents,"
        f" state {Path(settings.state.path) / 'bridge.db'}"
    )
    return line if factor == 1 else f"{line} TEST TIME x{factor:g}"


def password_block(settings: Settings, password: str) -> str:
    """What to type into Sonarr and Radarr; shown on the start that made the password."""
    rows = {
        "Host": "the name or address of this machine",
        "Port": str(settings.server.port or "in the line below"),
        "Username": settings.qbittorrent.username,
        "Password": password,
        "Category": "tv-sonarr in Sonarr, radarr in Radarr",
    }
    if settings.server.url_base:
        rows["URL Base"] = settings.server.url_base
    lines = [f"    {name + ':':<10} {value}" for name, value in rows.items()]
    return "\n".join(["Add a qBittorrent download client in Sonarr and Radarr with:", *lines])


def _make_state_folder(state: Path) -> None:
    try:
        state.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotStart(f"the state folder {state} cannot be made: {error.strerror}") from error
    if not os.access(state, os.W_OK | os.X_OK):
        owner = f"{os.getuid()}:{os.getgid()}"
        raise CannotStart(
            f"the state folder {state} is not writable; try: chown -R {owner} {state}"
        )
