"""TorBox, the key, the plan and the clocks: one call tells of all four."""

from datetime import UTC, datetime

from bridge.checks.check import Check, bad, fine
from bridge.clock import Clock
from bridge.errors import AccountTrouble, TorBoxBusy, TorBoxError, Trouble
from bridge.torbox.client import TorBox
from bridge.torbox.replies import Account

FREE = 0
MOST_CLOCK_SECONDS = 60.0
SOON_SECONDS = 7 * 86400.0

KEY_FIX = (
    "copy the key from https://torbox.app/settings into TORBOX_API_KEY (or torbox.api_key); "
    "TorBox may have made a new one"
)
NETWORK_FIX = (
    "look at DNS, firewall, proxy and VPN of this machine or container; "
    "https://status.torbox.app says whether TorBox is down"
)


async def account_checks(torbox: TorBox, clock: Clock) -> list[Check]:
    """Ask whose key it is."""
    try:
        account = await torbox.account()
    except TorBoxBusy as busy:
        return [fine("TorBox", "answers, but asks to wait", f"{busy}; try again later")]
    except AccountTrouble as trouble:
        return [fine("TorBox", "answers"), _trouble(trouble), *_clock(torbox)]
    except TorBoxError as error:
        return [bad("TorBox", str(error), NETWORK_FIX)]
    return [
        fine("TorBox", "answers"),
        fine("key", "TorBox accepts it"),
        _plan(account, clock.time() + torbox.server_offset),
        *_clock(torbox),
    ]


def _trouble(error: AccountTrouble) -> Check:
    if error.trouble is Trouble.KEY:
        return bad("key", str(error), KEY_FIX)
    return bad("plan", str(error), "https://torbox.app/subscription shows what the plan allows")


def _plan(account: Account, now: float) -> Check:
    name = f"{account.plan_name}, {account.slots} {'slot' if account.slots == 1 else 'slots'}"
    if account.plan == FREE:
        return bad("plan", name, "TorBox's API needs a paid plan: https://torbox.app/subscription")
    ends_at = account.premium_expires_at
    if ends_at is not None and ends_at <= now:
        return bad("plan", f"{name}, ended on {_day(ends_at)}", "renew it on https://torbox.app")
    if account.cooldown_until is not None and account.cooldown_until > now:
        until = f"{_day(account.cooldown_until)}"
        return bad("plan", f"{name}, in cooldown until {until}", "nothing but waiting helps")
    if ends_at is None:
        return fine("plan", name)
    soon = "it ends soon" if ends_at - now < SOON_SECONDS else ""
    return fine("plan", f"{name}, until {_day(ends_at)}", soon)


def _clock(torbox: TorBox) -> list[Check]:
    """Whose item is whose is told by times: both clocks should agree (design §5)."""
    off = abs(torbox.server_offset)
    if off <= MOST_CLOCK_SECONDS:
        return [fine("clock", "agrees with TorBox's")]
    sentence = f"is {off:.0f} s away from TorBox's"
    return [bad("clock", sentence, "switch on network time: timedatectl set-ntp true")]


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).astimezone().strftime("%Y-%m-%d")
