"""`torbox-bridge connect`: the bridge becomes a download client of an arr, seen from its side."""

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct
from yarl import URL

from bridge.app import USER_AGENT
from bridge.arrs.arr import App, Arr
from bridge.arrs.connecting import Address, Connected, connect
from bridge.arrs.replies import Entry
from bridge.checks.arrs import checked
from bridge.checks.check import bad, fine
from bridge.clock import Clock
from bridge.config import ArrSettings, Settings
from bridge.core.ours import WhereWeAre, address_of, our_entries
from bridge.errors import ArrError, CannotStart
from bridge.names import safe_path

NAME = "TorBox"
GUESSED = "an address may change: --bridge http://NAME:PORT, or server.public_url, gives it a name"
FOLDER_SECONDS, FOLDER_LOOKS = 5.0, 50


class Wanted(Struct, frozen=True):
    """What the command was asked for."""

    url: str  # the arr's
    api_key: str
    bridge_url: str  # how the arr reaches us, "" to find out
    category: str  # "" for the arr's usual one


async def connecting(
    settings: Settings, password: str, wanted: Wanted, clock: Clock, say: Callable[[str], None]
) -> int:
    """Say one line for each thing done and checked; the exit code, 0 when all is well."""
    named = ArrSettings(name="the arr", url=wanted.url, api_key=wanted.api_key)
    async with Arr(named, clock, USER_AGENT) as arr:
        try:
            app = await arr.app()
        except ArrError as error:
            say(bad("arr", str(error), "give its address as in a browser, and its own key").line)
            return 1
        arr.name = arr.wire.name = app.name
        say(fine(app.name, f"{app.version} answers").line)
        url = await _bridge_url(settings, wanted)
        try:
            made = await _made(settings, password, wanted.category, arr, url)
        except ArrError as error:
            say(bad(f"{app.name} Test", str(error), _fix(error, app, url)).line)
            return 1
        verb = "added" if made.is_new else "up to date"
        sentence = f"{made.name} at {url}, category {made.category}, is {verb}; its Test passes"
        hint = "" if wanted.bridge_url or settings.server.public_url else GUESSED
        say(fine("download client", sentence, made.warning or hint).line)
        checks = await checked(arr, Path(settings.downloads.path), await _folder(settings, made))
    for check in checks[1:]:
        say(check.line)
    say(_settings_line(settings, app, wanted))
    return 0 if all(check.ok for check in checks) else 1


async def _made(settings: Settings, password: str, category: str, arr: Arr, url: URL) -> Connected:
    known = await _known(arr, settings, url)
    return await connect(arr, _address(settings, url, password), known, NAME, category)


async def _known(arr: Arr, settings: Settings, url: URL) -> Entry | None:
    """The entry that is us already; else one that has our name."""
    entries, server = await arr.entries(), settings.server
    where = WhereWeAre(frozenset(), address_of(str(url)), server.port, server.url_base)
    named = [entry for entry in entries if entry.name == NAME]
    return next(iter((*our_entries(entries, "", where), *named)), None)


async def _bridge_url(settings: Settings, wanted: Wanted) -> URL:
    """How the arr reaches us: as said, as set, else the address that looks towards the arr."""
    said = wanted.bridge_url or settings.server.public_url
    if said:
        return URL(said)
    host, base = await _address_towards(URL(wanted.url)), settings.server.url_base
    return URL.build(scheme="http", host=host, port=settings.server.port, path=base)


async def _address_towards(url: URL) -> str:
    """Our own address on the way there; nothing is sent."""
    try:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(url.host, url.port, type=socket.SOCK_DGRAM)
        family, kind, _, _, target = found[0]
        with socket.socket(family, kind) as probe:
            probe.connect(target)
            return str(probe.getsockname()[0])
    except OSError as error:
        raise CannotStart(f"{url.host} is not found: {error.strerror}") from error


def _address(settings: Settings, url: URL, password: str) -> Address:
    return Address(
        host=url.host or "",
        port=url.port or 0,
        url_base=url.path.rstrip("/"),
        ssl=url.scheme == "https",
        username=settings.qbittorrent.username,
        password=password,
    )


def _fix(error: ArrError, app: App, url: URL) -> str:
    if "connect" in str(error).lower():
        return (
            f"{app.name} does not reach {url}: start the bridge, or say how {app.name} reaches it,"
            " with --bridge http://NAME:PORT or server.public_url"
        )
    if "uthenti" in str(error):
        return "restart the bridge, should its password have been changed since it was started"
    return f"what {app.name} says is in its log, too"


async def _folder(settings: Settings, made: Connected) -> Path:
    """The category's folder, which the bridge makes once the arr's Test has asked for it."""
    folder = Path(settings.downloads.path)
    if made.category:
        folder /= safe_path(made.category.split("/"))
    for _ in range(FOLDER_LOOKS):
        if await asyncio.to_thread(folder.is_dir):
            break
        await asyncio.sleep(FOLDER_SECONDS / FOLDER_LOOKS)
    return folder


def _settings_line(settings: Settings, app: App, wanted: Wanted) -> str:
    if any(one.url.rstrip("/") == wanted.url.rstrip("/") for one in settings.arrs):
        return f"{app.name} is under arrs: in the settings, and replaces dead releases by itself"
    return (
        "To have dead releases replaced and finished ones imported at once, add to the settings:\n"
        f"arrs:\n  - {{name: {app.name}, url: {wanted.url}, api_key: THE SAME KEY}}"
    )
