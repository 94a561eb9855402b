"""How this TorBox behaves. Every value may be changed at any moment; the defaults are the
ordinary day, the others are what torbox-api.md reports beside it.
"""

from dataclasses import dataclass, field
from typing import Literal

GIB = 1024**3
DAY = 86400.0


@dataclass(frozen=True)
class Plan:
    """What a plan allows (§9)."""

    name: str
    slots: int
    largest: int  # bytes of an uncached torrent
    largest_said: str  # as the refusal words it
    queues: bool
    api: bool
    seeding_seconds: float


PLANS = {
    0: Plan("Free", 1, 10 * GIB, "10GB", queues=False, api=False, seeding_seconds=DAY),
    1: Plan("Essential", 3, 200 * GIB, "200GB", queues=True, api=True, seeding_seconds=DAY),
    2: Plan("Pro", 10, 500 * GIB, "500GB", queues=True, api=True, seeding_seconds=30 * DAY),
    3: Plan("Standard", 5, 200 * GIB, "200GB", queues=True, api=True, seeding_seconds=14 * DAY),
}


@dataclass
class Limits:
    """TorBox's limits, enforced here (§5). Windows slide."""

    uncached_creates_per_hour: int = 60
    creates_per_minute: int | None = None  # the "edge" of 10 that sources disagree about
    per_minute: int = 300  # each endpoint, each key
    concurrent_links: int = 40  # more requestdl at once poison all endpoints …
    poisoned_seconds: float = 300.0  # … for so long
    body_bytes: int = 100 * 1024 * 1024
    hourly_headers: bool = False  # the real hourly 429 comes without any
    general_429: Literal["json", "text", "html", "envelope"] = "json"


@dataclass
class Oddities:
    """The surprises of §10 that change the shape of an answer."""

    empty_list: Literal["list", "null", "404", "404 success"] = "list"
    nothing_cached: Literal["empty", "null"] = "empty"
    error_when_fine: Literal["null", "false", "text"] = "null"
    detail_as: Literal["text", "list", "object"] = "text"
    extra_item: bool = False  # limit + 1 items in a page
    raw_control_characters: bool = False  # in strings of the JSON, unescaped
    ids_as_text: bool = False
    numbers_as_floats: bool = False
    active_as: Literal["bool", "int", "text"] = "bool"
    old_dates: bool = False
    state_case: Literal["as is", "title", "upper", "lower"] = "as is"
    infinite_eta: float = 8640000
    unknown_keys: bool = False
    progress_in_percent: bool = False
    list_by_id: bool = False  # `id=` answered by a list of one
    # Creates (§6.1).
    created: Literal["id", "no data", "null ids"] = "id"
    queued: Literal["id", "success false", "no data"] = "id"
    duplicate: Literal["DUPLICATE_ITEM", "DIFF_ISSUE", "already queued"] = "DUPLICATE_ITEM"
    slots_full: Literal["queue", "200", "400", "500"] = "queue"
    not_cached_status: int = 400
    bad_token_status: int = 403
    # Links (§7).
    link_as_object: bool = False
    deleted_link_is_404: bool = False
    # Headers (§5).
    rate_headers: Literal["none", "int", "float", "delta"] = "int"
    retry_after_when_fine: bool = False


@dataclass
class Habits:
    """What TorBox does today. Seconds are the simulator's own."""

    lag_seconds: float = 0.0  # lists show the world of so long ago, also with bypass_cache
    stale_seconds: float = 600.0  # … and without bypass_cache, of up to so long ago
    checkcached_memo_seconds: float = 3600.0
    slow: dict[str, float] = field(default_factory=dict)  # endpoint → seconds before the answer
    enforce_limits: bool = True
    limits: Limits = field(default_factory=Limits)
    oddities: Oddities = field(default_factory=Oddities)
    promotion_gap_seconds: float = 0.0  # promoted, and in neither list yet
    promotes_on_sweep_only: bool = False  # not when a slot becomes free, only hourly
    expiry_seconds: float = 30 * DAY  # unused content is dropped; `inf` for never
    link_seconds: float = 3600.0
    link_memo_seconds: float = 0.0  # the same link again, however bad
    not_ready_times: int = 0  # so many requestdl of each new item answer DATABASE_ERROR
    gives_md5: bool = False
    infected: tuple[str, ...] = ()  # names of files that the virus scanner objects to
    single_file_in_folder: bool = False
    refuses_private: bool = False
    purged_stay_beside_new: bool = False  # a re-created purged item keeps its old row too
    seeding_seconds: float | None = None  # instead of the plan's
    cdn_url: str | None = None  # another host for links than the one that was asked
    webdav_flatten: bool = False  # all files at the root of the tree
