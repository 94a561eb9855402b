"""All checks, side by side and bounded in time."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from threading import Thread

from bridge.checks.account import account_checks
from bridge.checks.arrs import arr_checks
from bridge.checks.cdn import cdn_checks
from bridge.checks.check import Check, bad
from bridge.checks.folders import folder_checks
from bridge.checks.port import port_checks
from bridge.clock import Clock
from bridge.config import Settings
from bridge.torbox.client import TorBox

MOST_SECONDS = 60.0


async def everything(
    settings: Settings, torbox: TorBox, clock: Clock, *, user_agent: str, allow_http: bool
) -> list[Check]:
    """What the bridge needs, in the order in which a person mends it."""
    downloads = settings.downloads
    groups = {
        "TorBox": account_checks(torbox, clock),
        "CDN": cdn_checks(torbox, clock, allow_http=allow_http),
        "folders": _in_thread(partial(folder_checks, downloads, Path(settings.state.path))),
        "port": port_checks(settings.server),
        "arrs": arr_checks(settings.arrs, Path(downloads.path), clock, user_agent),
    }
    waits = [_bounded(name, work, clock) for name, work in groups.items()]
    return [check for found in await asyncio.gather(*waits) for check in found]


async def _bounded(name: str, work: Awaitable[Iterable[Check]], clock: Clock) -> Iterable[Check]:
    try:
        async with asyncio.timeout(clock.socket_seconds(MOST_SECONDS)):
            return await work
    except TimeoutError:
        return [bad(name, "no answer in a minute", "a disk or a network hangs; look at its host")]


async def _in_thread(look: Callable[[], list[Check]]) -> list[Check]:
    """In a thread that nobody waits for at the end: a dead disk holds it for ever."""
    loop = asyncio.get_running_loop()
    found: asyncio.Future[list[Check]] = loop.create_future()

    def told(checks: list[Check] | None, error: BaseException | None) -> None:
        if found.done():
            return
        if error is None and checks is not None:
            found.set_result(checks)
        elif error is not None:
            found.set_exception(error)

    def work() -> None:
        checks, error = None, None
        try:
            checks = look()
        except Exception as failed:  # noqa: BLE001  told to the one who waits
            error = failed
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(told, checks, error)

    Thread(target=work, name="checks", daemon=True).start()
    return await found
