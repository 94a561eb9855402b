"""`torbox-bridge check`: every check from outside, whether the bridge runs or not."""

from collections.abc import Callable

from bridge.app import USER_AGENT, is_local
from bridge.checks.everything import everything
from bridge.clock import Clock
from bridge.config import Settings
from bridge.torbox.client import TorBox
from bridge.torbox.limits import Limits


class _Forgetful:
    """A memory of calls for one run: no check creates anything, and the bridge may hold its own."""

    async def calls_since(self, _since: float, /) -> list[tuple[str, float]]:
        return []

    async def add_call(self, _endpoint: str, _at: float, /) -> None: ...

    async def remove_call(self, _endpoint: str, _at: float, /) -> None: ...

    async def set_pause(self, _endpoint: str, _until: float, /) -> None: ...

    async def pauses(self) -> dict[str, float]:
        return {}


async def doctor(settings: Settings, clock: Clock, say: Callable[[str], None]) -> int:
    """Say a line for each check; the exit code: 0 when all are fine."""
    limits = await Limits.load(clock, _Forgetful(), share=settings.torbox.share)
    async with TorBox(settings.torbox, limits, clock, USER_AGENT) as torbox:
        found = await everything(
            settings, torbox, clock, user_agent=USER_AGENT, allow_http=is_local(settings)
        )
    for check in found:
        say(check.line)
    return 0 if all(check.ok for check in found) else 1
