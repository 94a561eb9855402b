"""The words of the program: a torrent, the phases of its life, what TorBox and a client see of it.

Times are seconds since 1970 unless a name says otherwise; sizes are bytes, speeds bytes a second.
Everything here is frozen: a change makes a new value, and the core puts it in place.
"""

from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct


class File(Struct, frozen=True):
    """A file that the torrent consists of."""

    path: str  # below the torrent's own folder, already safe to join, "/" between parts
    size: int
    torbox_id: int | None = None  # TorBox's file_id, once TorBox lists the file
    md5: str | None = None  # as TorBox gives it, rarely
    priority: int = 1  # qBittorrent's: 0 is "do not deliver"
    origin: str = ""  # its path before a client renamed it: by this TorBox's file is found
    ruled_out: bool = False  # not wanted by its category's rules
    chosen: bool = False  # a client wants it, whatever the rules say
    kept: bool = False  # no client wants it any more, but it had come here already

    @property
    def wanted(self) -> bool:
        """Whether it is to be brought here."""
        return self.priority != 0

    @property
    def brought(self) -> bool:
        """Whether a complete torrent has it."""
        return self.wanted or self.kept


class Source(Struct, frozen=True):
    """What an arr handed over, read once at the border (`torrentfile`)."""

    v1: str  # 40 lower-case hex, or "" for a v2-only torrent
    v2: str  # 64 lower-case hex, or ""
    name: str  # display name; the hash when nothing better is known
    magnet: (
        str  # `magnet:?xt=urn:btih:<hex>` with trackers: what TorBox gets when there is no .torrent
    )
    trackers: tuple[str, ...] = ()
    torrent: bytes | None = None  # the .torrent itself
    root: str = ""  # the .torrent's own root folder or single file name; "" for a magnet
    size: int = 0
    files: tuple[
        File, ...
    ] = ()  # below the root, padding left out, paths made safe; () for a magnet
    private: bool | None = None  # None: not known yet
    piece_length: int = 0
    comment: str = ""
    created_by: str = ""
    created_at: int = -1

    @property
    def hash(self) -> str:
        """The hash that clients see: v1 whenever there is one (design §4)."""
        return self.v1 or self.v2


class Waiting(Struct, frozen=True, tag="waiting"):
    """Accepted here, not yet at TorBox."""

    next_try_at: float = 0.0
    reason: str = ""
    # An earlier create may have worked: look for the hash before another one.
    look_first: bool = False
    since: float = 0.0  # a wall clock before this was set back: the wait is over


class Submitting(Struct, frozen=True, tag="submitting"):
    """The create is about to be sent, or was: its outcome is unknown until known."""

    since: float


class Queued(Struct, frozen=True, tag="queued"):
    """In TorBox's own queue; promotion gives it another id."""

    queued_id: int


class Fetching(Struct, frozen=True, tag="fetching"):
    """TorBox fetches it from the swarm."""

    torrent_id: int


class Delivering(Struct, frozen=True, tag="delivering"):
    """Its files come to the local disk."""

    torrent_id: int
    placing: bool = False  # all files proven; the final rename to `folder` is next or was done


class Check(StrEnum):
    """Why a complete torrent's files are to be looked at once more."""

    NONE = ""
    AGAIN = "again"  # it was added again: a new attempt if its files are gone
    ANOTHER = "another"  # another arr wants it, too: the new attempt is its own
    RECHECK = "recheck"  # a client asked


class Relocation(Struct, frozen=True):
    """What a client wants done to the files of a complete torrent; a worker does it."""

    save_path: str
    folder: str
    names: tuple[tuple[str, str], ...] = ()  # of files, below the folder: old and new
    begun: bool = False  # the new places were free; from now on what is there is ours


class Complete(Struct, frozen=True, tag="complete"):
    """Its files are here, proven. Decided once."""

    at: float
    check: Check = Check.NONE
    missing: bool = False  # a client's recheck found files gone, or damaged
    damaged: str = ""  # the first file that is there, but not what it was
    relocation: Relocation | None = None


class Cause(StrEnum):
    """Why a torrent failed."""

    REFUSED = "refused"  # TorBox refuses it for good
    NOT_CACHED = "not_cached"  # policy: cached only
    V2_ONLY = "v2_only"
    NO_FILES = "no_files"  # the rules leave nothing, or TorBox has nothing
    NO_METADATA = "no_metadata"
    NO_SEEDS = "no_seeds"
    NO_GROWTH = "no_growth"
    TORBOX_FAILED = "torbox_failed"
    GONE = "gone"
    DELIVERY = "delivery"  # 24 healthy hours without an end, or the disk cannot hold it
    DISPROVED = "disproved"
    GIVEN_UP = "given_up"  # by a person


class Failed(Struct, frozen=True, tag="failed"):
    """Nothing more happens by itself."""

    cause: Cause
    reason: str
    at: float


class Told(StrEnum):
    """How far the arr of a failed torrent was told."""

    NOT_YET = ""
    ASKED = "asked"  # a person wants it told, whatever the settings say for its cause
    LEFT = "left"  # nothing more is told by itself


class Telling(Struct, frozen=True):
    """A call to an arr that is about to be sent or was: its outcome is unknown until known.

    It outlives the torrent, which the arr removes inside that call.
    """

    hash: str
    name: str
    arr: str  # its name in the settings
    title: str  # what the torrent is of, for the limits against loops
    last_event: int  # the newest event of the arr's history for this hash before the call
    grab: int  # its newest grab there
    search: bool
    reason: str
    since: float


class Removing(Struct, frozen=True, tag="removing"):
    """Not listed any more; TorBox and the disk are still to be cleaned."""

    since: float


class Cleaning(Struct, frozen=True):
    """Local files of an earlier life of this hash that are still to be unlinked."""

    save_path: str
    folder: str  # "" when nothing was placed yet
    files: tuple[File, ...]
    placed: bool  # they lie in `folder`, or may; else only among the incomplete
    and_files: bool  # a client asked for the placed files to go, too
    relocation: Relocation | None = None  # was under way, and is finished first


Phase: TypeAlias = (
    Waiting | Submitting | Queued | Fetching | Delivering | Complete | Failed | Removing
)


class Clocks(Struct, frozen=True):
    """Observed, healthy seconds (design §4): they grow only between two good looks."""

    no_metadata: float = 0.0
    no_seeds: float = 0.0
    no_growth: float = 0.0
    torbox_failed: float = 0.0
    delivery: float = 0.0  # without a byte arriving
    nudged: bool = False  # resume and reannounce were tried since it last grew


class Wishes(Struct, frozen=True):
    """What a client asked for this torrent; kept and shown, some of it acted upon."""

    sequential: bool = False
    first_last: bool = False
    force_start: bool = False
    super_seeding: bool = False
    ratio_limit: float = -2.0  # -2: the global one, -1: none
    seeding_minutes: int = -2
    inactive_minutes: int = -2
    limits_at: float = 0.0  # when these three were set, if not with the grab; below 0: over
    download_limit: int = 0  # bytes a second, 0: none
    upload_limit: int = 0


class Torrent(Struct, frozen=True, kw_only=True):
    """What an arr asked for. This is what is stored; nothing here changes without a commit."""

    hash: str
    v1: str
    v2: str
    name: str
    magnet: str
    trackers: tuple[str, ...] = ()
    has_torrent: bool = False  # the .torrent is in the store
    root: str = ""  # the .torrent's root, else TorBox's, once known
    private: bool | None = None
    size: int = 0
    piece_length: int = 0
    comment: str = ""
    created_by: str = ""  # as the .torrent says, like `created_at`: seconds since 1970 or -1
    created_at: int = -1
    files: tuple[File, ...] = ()
    category: str = ""
    claims: tuple[str, ...] = ()  # other categories that asked for the same hash meanwhile
    passed: tuple[str, ...] = ()  # categories that are done with it, while others were not
    tags: tuple[str, ...] = ()
    save_path: str
    folder: str = ""  # the torrent's own folder below save_path; "" until it was chosen
    phase: Phase
    paused: bool = False
    paused_at_torbox: bool = False  # TorBox was told, so it has to be told again
    provisional: bool = False  # the files are what the swarm says; TorBox's list replaces them
    attempt: int = 1
    recreated: bool = False  # gone at TorBox once in this attempt already
    progress: float = 0.0  # high-water mark of this attempt
    cached: bool = False  # TorBox had it already: only the local leg counts
    clocks: Clocks = Clocks()
    wishes: Wishes = Wishes()
    order: int = 0  # lower goes first (the arr's priority), then added_at
    added_at: float
    completed_at: float = 0.0
    seen_complete_at: float = 0.0
    changed_at: float = 0.0
    user_agent: str = ""  # who added it
    cleaning: Cleaning | None = None  # to be finished before anything else is done
    told: Told = Told.NOT_YET
    outlook: str = ""  # what happens next, where the arrs decide that; "" for the usual
    imported_at: float = 0.0  # when an arr was seen to have imported it
    handed_over: bool = False  # imported, or waited for long enough (downloads.import: hardlink)
    giving_up: bool = False  # a person wants it to fail; its slot at TorBox is freed first

    @property
    def listed(self) -> bool:
        """Whether clients still see it."""
        return not isinstance(self.phase, Removing)

    @property
    def ended(self) -> bool:
        """Whether nothing more happens by itself."""
        return isinstance(self.phase, Complete | Failed)

    @property
    def torrent_id(self) -> int | None:
        """TorBox's id for it, where it has one."""
        return self.phase.torrent_id if isinstance(self.phase, Fetching | Delivering) else None


class Happening(Struct, frozen=True):
    """Something that happened to a torrent, in plain words."""

    at: float
    text: str


class Category(Struct, frozen=True):
    """A category, as clients made it. `save_path` is "" when none was given."""

    name: str
    save_path: str = ""


class SeenFile(Struct, frozen=True):
    """A file as TorBox lists it, its path below the item's root."""

    id: int
    path: str  # TorBox's, unwashed: never to be joined to a local path as it is
    size: int
    md5: str | None = None
    zipped: bool = False
    infected: bool = False


class Seen(Struct, frozen=True):
    """What one good look showed of an item at TorBox."""

    torrent_id: int
    hash: str
    name: str
    state: str  # TorBox's word, lower case, without its "(reason)"
    size: int = 0
    progress: float = 0.0  # 0..1
    downloaded: int = 0
    speed: int = 0
    eta_seconds: int | None = None
    seeds: int = 0
    peers: int = 0
    availability: float = 0.0
    ratio: float = 0.0
    active: bool = False
    finished: bool = False
    present: bool = False
    cached: bool = False
    private: bool = False
    created_at: float | None = None
    files: tuple[SeenFile, ...] = ()
    root: str = ""  # the common first folder of its files, "" without one

    @property
    def ready(self) -> bool:
        """Whether its files can be asked for (torbox-api.md §3.3)."""
        return self.finished and self.present and bool(self.files)

    @property
    def purged(self) -> bool:
        """Whether TorBox still lists it, but without its content (torbox-api.md §3.2)."""
        gone = self.finished and not self.present and not self.active
        return gone or (self.state.startswith("expired") and not self.present)


class AccountItem(Struct, frozen=True):
    """An object in the TorBox account that we created or met; it outlives the torrent."""

    hash: str
    account: int  # user/me id, 0 when not known yet
    intent_at: float  # our first intent for this hash, on TorBox's clock
    torrent_id: int | None = None
    queued_id: int | None = None
    created_at: float | None = None
    ours: bool | None = None  # None: not judged yet
    private: bool = False
    # Set when the torrent was removed and the item is to be deleted at TorBox.
    delete_since: float | None = None
    ratio_limit: float = -2.0
    seeding_minutes: int = -2
    undated: bool = False  # `intent_at` is on our own clock, as TorBox's was not known


class Situation(StrEnum):
    """What a torrent is doing now, for showing; `views` puts it in qBittorrent's words."""

    HELD = "held"  # waits: its turn, limits, the disk, TorBox's silence
    METADATA = "metadata"
    MOVING = "moving"  # bytes grow, at TorBox or here
    STALLED = "stalled"
    CHECKING = "checking"
    COMPLETE = "complete"
    SEEDING = "seeding"  # complete, and not yet to be moved (downloads.import: hardlink)
    FAILED = "failed"
    PAUSED = "paused"
    MISSING = "missing"
    RELOCATING = "relocating"  # complete, and a client wants its files elsewhere
    RECHECKING = "rechecking"  # complete, and a client wants its files read once more


class Shown(Struct, frozen=True):
    """What clients are shown of a torrent beside what is stored. A new one is made per change."""

    situation: Situation
    reason: str  # the sentence of promise 11
    progress: float = 0.0
    speed: int = 0
    eta_seconds: int | None = None
    seeds: int = 0
    peers: int = 0
    availability: float = 0.0
    local_bytes: int = 0  # delivered to the local disk
    torbox_progress: float = 0.0
    file_progress: tuple[float, ...] = ()  # one per file of the torrent, 0..1
    incomplete: bool = True  # files are below download_path, not below save_path
