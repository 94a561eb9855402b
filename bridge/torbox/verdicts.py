"""What an answer means for the caller: one of the errors, each saying what can be done.

The codes are those of torbox-api.md §4. Statuses alone decide little: TorBox uses them freely.
"""

from bridge.errors import (
    AccountTrouble,
    OurMistake,
    Shut,
    TorBoxBusy,
    TorBoxError,
    TorBoxRefused,
    TorBoxSaysNo,
    TorBoxUnwell,
    Trouble,
)
from bridge.torbox.envelope import Oddities, Reply, when

KEY_SENTENCE = (
    "TorBox does not accept the API key. TorBox changes keys by itself after an abuse warning:"
    " copy the present one from TorBox's settings into ours"
)
PLAN_SENTENCE = "TorBox's plan of this account does not include the API: a paid plan is needed"
MONTH_SENTENCE = "The account's monthly downloads at TorBox are used up"

_KEY_CODES = {"NO_AUTH", "BAD_TOKEN", "INVALID_DEVICE"}
_PLAN_CODES = {"PLAN_RESTRICTED_FEATURE", "VENDOR_DISABLED"}
_OUR_CODES = {
    "INVALID_OPTION",
    "MISSING_REQUIRED_OPTION",
    "TOO_MANY_OPTIONS",
    "ENDPOINT_NOT_FOUND",
    "BOZO_FILE",
}
_REFUSALS = {"BOZO_TORRENT", "DOWNLOAD_TOO_LARGE", "TOO_MUCH_DATA"}
_ALREADY_CODES = {"DUPLICATE_ITEM", "DOWNLOAD_ALREADY_QUEUED"}
_UNWELL_CODES = {
    "AUTH_ERROR",  # TorBox could not look, which says nothing of the key (surprise 35)
    "DATABASE_ERROR",
    "UNKNOWN_ERROR",
    "DOWNLOAD_SERVER_ERROR",
    "DOWNSTREAM_ERROR",
    "TEMPORARILY_DISABLED",
    "DIFF_ISSUE",  # a race or a duplicate: looking for the hash decides
    "DOWNLOAD_NOT_CACHED",
    "ITEM_NOT_FOUND",
}
# Codes with a meaning of their own above; any other is news.
_OTHER_CODES = {
    "ACTIVE_LIMIT",
    "COOLDOWN_LIMIT",
    "MONTHLY_LIMIT",
    "NO_SERVERS_AVAILABLE_ERROR",
    "RATE_LIMIT",
    "RATE_LIMIT_EXCEEDED",
}
_KNOWN_CODES = _KEY_CODES | _PLAN_CODES | _OUR_CODES | _REFUSALS | _ALREADY_CODES
_KNOWN_CODES |= _UNWELL_CODES | _OTHER_CODES

SLOTS_WAIT_SECONDS = 60.0
SERVERS_WAIT_SECONDS = 120.0
COOLDOWN_WAIT_SECONDS = 600.0
MONTH_WAIT_SECONDS = 3600.0
DAY_SECONDS = 86400.0


def limited(reply: Reply) -> bool:
    """Whether TorBox answered that it was asked too often."""
    return reply.status == 429 or reply.code in ("RATE_LIMIT", "RATE_LIMIT_EXCEEDED")


def empty_list(reply: Reply) -> bool:
    """Whether a list's 404 says that there is nothing (surprises 3 and 13)."""
    return gone(reply) and reply.status == 404


def gone(reply: Reply) -> bool:
    """Whether TorBox says that there is no such item. A missing page is no missing item."""
    if reply.success is None or reply.ok or reply.status >= 500 or reply.status in (401, 403):
        return False
    if reply.code in _KNOWN_CODES:
        return reply.code == "ITEM_NOT_FOUND"
    named = any(words in reply.says for words in ("not found", "does not exist", "no longer exist"))
    return named or (reply.status == 404 and not reply.code)


def queued_oddly(reply: Reply) -> bool:
    """Whether a create that says `success: false` worked all the same (surprise 8)."""
    return reply.success is False and not reply.error and "queued successfully" in reply.says


def already(reply: Reply) -> bool:
    """Whether a create failed because the torrent is in the account or its queue already."""
    return reply.code in _ALREADY_CODES or (
        reply.success is False
        and reply.status < 500
        and ("already queued" in reply.says or "already exists" in reply.says)
    )


def refusal(reply: Reply, *, only_if_cached: bool) -> TorBoxRefused | None:
    """The definite refusals of a create; nothing else ever fails a torrent (design §4)."""
    code = reply.code
    if reply.success is None:
        return None
    if code == "DOWNLOAD_NOT_CACHED" and only_if_cached:
        return TorBoxRefused(code, "TorBox does not have it cached")
    if code in _REFUSALS:
        return TorBoxRefused(code, _with_words("TorBox refuses this torrent for good", reply))
    private = "private torrent" in reply.says
    if private and any(word in reply.says for word in ("disabled", "not allowed", "not supported")):
        return TorBoxRefused("PRIVATE", _with_words("TorBox refuses private torrents", reply))
    return None


def error_of(
    reply: Reply, asked: str, now: float, oddities: Oddities, *, of_all: bool = False
) -> TorBoxError:
    """What any answer but a good one means, whatever was asked; `now` is TorBox's time.

    `of_all` when the question was for all torrents at once: a no to that is TorBox being ill.
    """
    if reply.code and reply.code not in _KNOWN_CODES:
        oddities.note("error code", reply.code)
    if 300 <= reply.status < 400:
        return TorBoxUnwell(f"TorBox sent us elsewhere instead of answering ({asked})")
    found = None
    if reply.parsed:
        found = _account_trouble(reply) or _busy(reply, now) or _our_mistake(reply, asked)
    if found is None and reply.success is False and reply.code != "AUTH_ERROR" and not of_all:
        sentence = _with_words(f"TorBox says no ({asked})", reply)
        return TorBoxSaysNo(sentence, nothing_done=_nothing_done(reply))
    return found or TorBoxUnwell(_with_words(f"TorBox gave no usable answer ({asked})", reply))


def _nothing_done(reply: Reply) -> bool:
    """Whether a no with a code that nobody knows is sure to have changed nothing."""
    new = bool(reply.code) and reply.code not in _KNOWN_CODES | {"UNREADABLE"}
    return new and not reply.code.endswith("_ERROR") and 400 <= reply.status < 500


def _account_trouble(reply: Reply) -> AccountTrouble | None:
    limits = reply.data if isinstance(reply.data, dict) else {}
    # FastAPI's own words when it meets a request without a usable key.
    keyless = reply.status == 403 and not reply.code and "authenticated" in reply.says
    if reply.code in _KEY_CODES or reply.status == 401 or keyless:
        return AccountTrouble(Trouble.KEY, KEY_SENTENCE)
    if reply.code in _PLAN_CODES:
        return AccountTrouble(Trouble.PLAN, PLAN_SENTENCE)
    if reply.code == "MONTHLY_LIMIT" or "monthly_limit" in limits:
        return AccountTrouble(Trouble.MONTH, MONTH_SENTENCE, MONTH_WAIT_SECONDS)
    return None


def _busy(reply: Reply, now: float) -> TorBoxBusy | None:
    limits = reply.data if isinstance(reply.data, dict) else {}
    if reply.code == "COOLDOWN_LIMIT" or "cooldown_until" in limits:
        until, then = when(limits.get("cooldown_until")), when(limits.get("current_time")) or now
        wait = COOLDOWN_WAIT_SECONDS if until is None else min(max(1.0, until - then), DAY_SECONDS)
        sentence = "The account is in TorBox's cooldown between downloads"
        return TorBoxBusy(sentence, wait, shut=Shut.COOLDOWN)
    if reply.code == "ACTIVE_LIMIT" or "active_limit" in limits:
        # The sentence begins as that of a slot that we counted ourselves.
        return TorBoxBusy(
            "all slots of the TorBox plan are in use", SLOTS_WAIT_SECONDS, shut=Shut.SLOTS
        )
    if reply.code == "NO_SERVERS_AVAILABLE_ERROR":
        sentence = "TorBox has no free server just now"
        return TorBoxBusy(sentence, SERVERS_WAIT_SECONDS, shut=Shut.SERVERS)
    return None


def _our_mistake(reply: Reply, asked: str) -> OurMistake | None:
    # A bare "Not Found" is the framework's, for a path that it does not have; `error: true` is how
    # createtorrent says that its parameters are wrong (surprise 5).
    no_such_path = reply.success is None and reply.status in (404, 405)
    unnamed = reply.error and not reply.code and reply.status < 500
    if reply.code in _OUR_CODES or reply.status == 422 or no_such_path or unnamed:
        return OurMistake(_with_words(f"TorBox does not understand our question ({asked})", reply))
    return None


def _with_words(sentence: str, reply: Reply) -> str:
    words = reply.detail.rstrip(".") or reply.code or f"HTTP {reply.status}"
    return f"{sentence}: {words}"
