"""A torrent in qBittorrent's words (qbittorrent.md §7.1). Pure: known in, shown out.

No answer built here can be misread by an arr (arr-contract.md §6): every field has the type that
the real server gives it, finished torrents have an absolute content_path below save_path, and
only a torrent whose files are proven is called finished.
"""

import re
from typing import Any, TypeAlias
from urllib.parse import quote

from msgspec import Struct

from bridge.core.board import Entry
from bridge.core.sharing import at_their_word
from bridge.model import Complete, Shown, Situation, Torrent
from bridge.qbittorrent.dialect import Dialect
from bridge.qbittorrent.encoding import count, number

INFINITE_ETA = 8_640_000  # how qBittorrent says "unknown"
MOST_INT64 = 2**63 - 1
NEARLY = 0.999999  # an unfinished torrent never shows 1

Fields: TypeAlias = dict[str, Any]

_ESCAPE = re.compile("%[0-9A-F]{2}")

STATES = {
    Situation.HELD: "queuedDL",
    Situation.METADATA: "metaDL",
    Situation.MOVING: "downloading",
    Situation.STALLED: "stalledDL",
    Situation.CHECKING: "checkingDL",
    Situation.COMPLETE: "pausedUP",
    Situation.SEEDING: "stalledUP",
    # Helpers strike and blocklist what stays stalled; no state means "failed" to an arr.
    Situation.FAILED: "stalledDL",
    Situation.PAUSED: "pausedDL",
    Situation.MISSING: "missingFiles",
    # An arr takes this for a download under way, and so imports nothing meanwhile.
    Situation.RELOCATING: "moving",
    Situation.RECHECKING: "checkingUP",
}
FINISHED = frozenset(
    {Situation.COMPLETE, Situation.SEEDING, Situation.RELOCATING, Situation.RECHECKING}
)
ENDED = FINISHED | {Situation.FAILED, Situation.MISSING}  # they wait for nothing


class Info(Struct, frozen=True, kw_only=True, gc=False):
    """An element of `torrents/info`: the keys of 4.5.2 and 5.1.0 together, in JSON's order.

    What has a value here is the same of all: nothing is uploaded from here, and no tracker is
    asked by us.
    """

    added_on: int
    amount_left: int
    auto_tmm: bool = False
    availability: float
    category: str
    comment: str
    completed: int
    completion_on: int
    content_path: str
    dl_limit: int
    dlspeed: int
    download_path: str
    downloaded: int
    downloaded_session: int
    eta: int
    f_l_piece_prio: bool
    force_start: bool
    has_metadata: bool
    hash: str
    inactive_seeding_time_limit: int
    infohash_v1: str
    infohash_v2: str
    last_activity: int
    magnet_uri: str
    max_inactive_seeding_time: int
    max_ratio: float
    max_seeding_time: int
    name: str
    num_complete: int
    num_incomplete: int
    num_leechs: int
    num_seeds: int
    popularity: int = 0
    priority: int
    private: bool | None
    progress: float
    ratio: float
    ratio_limit: float
    reannounce: int = 0
    root_path: str
    save_path: str
    seeding_time: int
    seeding_time_limit: int
    seen_complete: int
    seq_dl: bool
    size: int
    state: str
    super_seeding: bool
    tags: str
    time_active: int
    total_size: int
    tracker: str
    trackers_count: int
    up_limit: int
    uploaded: int = 0
    uploaded_session: int = 0
    upspeed: int = 0


class Limits(Struct, frozen=True):
    """Share limits as they are shown, and how far they are reached."""

    ratio_limit: float
    ratio: float
    seeding_minutes: int
    seeding_time: int


class Words:
    """Puts torrents in one dialect's words; `download_root` is the absolute downloads.path."""

    def __init__(self, dialect: Dialect, download_root: str) -> None:
        self.dialect = dialect
        self.download_root = download_root.rstrip("/")

    def info(self, entry: Entry, position: int) -> Info:
        """The torrent as `torrents/info` lists it; `position` is its place in the queue."""
        return Info(
            priority=position,
            magnet_uri=self.magnet(entry.torrent),
            **self._figures(entry),
            **self._lasting(entry),
        )

    def changes(self, info: Info, before: Entry, entry: Entry, position: int) -> Fields:
        """What is to be changed of an earlier entry's `info` for this one.

        Most of what follows from what did not change is not looked at again: this is asked of
        every torrent that moves, at every poll.
        """
        torrent, shown = entry.torrent, entry.shown
        fields: Fields = {"priority": position}
        if torrent is not before.torrent or _standing(shown) != _standing(before.shown):
            fields |= self._lasting(entry)
        if shown != before.shown or not _same_size(torrent, before.torrent):
            fields |= self._figures(entry)
        if not _same_magnet(torrent, before.torrent):
            fields["magnet_uri"] = self.magnet(torrent)
        return {name: value for name, value in fields.items() if getattr(info, name) != value}

    def _lasting(self, entry: Entry) -> Fields:
        """What follows from the torrent and its situation alone."""
        fields = self._identity(entry.torrent)
        fields |= self._wishes(entry)
        fields |= self._dates(entry)
        fields |= self._places(entry)
        return fields

    def _identity(self, torrent: Torrent) -> Fields:
        return {
            "category": torrent.category,
            "comment": torrent.comment,
            "has_metadata": has_metadata(torrent),
            "hash": torrent.hash,
            "infohash_v1": torrent.v1,
            "infohash_v2": torrent.v2,
            "name": torrent.name or torrent.hash,
            "private": self.private(torrent),
            "tags": ", ".join(torrent.tags),
            "tracker": torrent.trackers[0] if torrent.trackers else "",
            "trackers_count": len(torrent.trackers),
        }

    def _figures(self, entry: Entry) -> Fields:
        size, done, progress = amounts(entry)
        seeds, peers = count(entry.shown.seeds), count(entry.shown.peers)
        return {
            "amount_left": size - done,
            "availability": availability(entry),
            "completed": done,
            "dlspeed": speed(entry),
            "downloaded": done,
            "downloaded_session": done,
            "eta": eta(entry),
            "num_complete": seeds,
            "num_incomplete": peers,
            "num_leechs": peers,
            "num_seeds": seeds,
            "progress": progress,
            "size": size,
            "state": self.dialect.word(STATES[entry.shown.situation]),
            "total_size": total_size(entry.torrent),
        }

    def _wishes(self, entry: Entry) -> Fields:
        wishes, limits = entry.torrent.wishes, share_limits(entry)
        return {
            "dl_limit": max(0, wishes.download_limit),
            "f_l_piece_prio": wishes.first_last,
            "force_start": wishes.force_start,
            "inactive_seeding_time_limit": wishes.inactive_minutes,
            "max_inactive_seeding_time": max(-1, wishes.inactive_minutes),
            "max_ratio": number(max(-1, limits.ratio_limit)),
            "max_seeding_time": max(-1, limits.seeding_minutes),
            "ratio": number(limits.ratio),
            "ratio_limit": number(limits.ratio_limit),
            "seeding_time": limits.seeding_time,
            "seeding_time_limit": limits.seeding_minutes,
            "seq_dl": wishes.sequential,
            "super_seeding": wishes.super_seeding,
            "up_limit": max(0, wishes.upload_limit),
        }

    def _dates(self, entry: Entry) -> Fields:
        torrent, never = entry.torrent, self.dialect.never
        return {
            "added_on": int(torrent.added_at),
            "completion_on": int(torrent.completed_at) or never,
            "last_activity": int(max(torrent.changed_at, torrent.added_at)),
            "seen_complete": int(torrent.seen_complete_at) or never,
            "time_active": active_seconds(torrent),
        }

    def _places(self, entry: Entry) -> Fields:
        content = content_path(entry)
        return {
            "content_path": content,
            "download_path": self.download_path(entry),
            "root_path": content if has_metadata(entry.torrent) else "",
            "save_path": save_path(entry.torrent),
        }

    def private(self, torrent: Torrent) -> bool | None:
        """Whether it is private; later versions say null while there is no metadata."""
        unknown = torrent.private is None and not has_metadata(torrent)
        return None if unknown and self.dialect.later else bool(torrent.private)

    def download_path(self, entry: Entry) -> str:
        """Where the files lie while they are incomplete, else ""."""
        if not entry.shown.incomplete or entry.shown.situation in FINISHED:
            return ""
        return f"{self.download_root}/.incomplete/{entry.torrent.hash}"

    def magnet(self, torrent: Torrent) -> str:
        """The magnet link as this version writes it."""
        parts = [f"xt=urn:btih:{torrent.v1}"] if torrent.v1 else []
        if torrent.v2:
            parts.append(f"xt=urn:btmh:1220{torrent.v2}")
        if torrent.name not in {"", torrent.hash}:
            parts.append(f"dn={_quoted(torrent.name)}")
        if self.dialect.later and has_metadata(torrent):
            parts.append(f"xl={total_size(torrent)}")
        parts.extend(f"tr={self._tracker(url)}" for url in torrent.trackers)
        return "magnet:?" + "&".join(parts)

    def _tracker(self, url: str) -> str:
        quoted = _quoted(url)
        # 4.5.2 leaves this to libtorrent, which writes its escapes in lower case.
        return quoted if self.dialect.later else _ESCAPE.sub(lambda one: one[0].lower(), quoted)


def _standing(shown: Shown) -> tuple[Situation, bool]:
    """All of what is shown that `_lasting` depends on."""
    return shown.situation, shown.incomplete


def _same_size(one: Torrent, other: Torrent) -> bool:
    return one.files is other.files and one.size == other.size


def _same_magnet(one: Torrent, other: Torrent) -> bool:
    return one is other or (
        one.name == other.name
        and one.trackers is other.trackers
        and _same_size(one, other)
        and (one.v1, one.v2) == (other.v1, other.v2)
    )


def share_limits(entry: Entry) -> Limits:
    """What an arr judges "may I move and remove it" by (arr-contract.md §3.2).

    Nothing is seeded from here, so a finished torrent has reached whatever limit came with the
    grab, which is shown as 0. A ratio limit of -1 says "keep it", and is kept; limits that came
    late stand as they are, until they are reached.
    """
    wishes = entry.torrent.wishes
    if entry.shown.situation is Situation.SEEDING:
        return Limits(-1, 0, wishes.seeding_minutes, seeding_seconds(entry))
    if entry.shown.situation is not Situation.COMPLETE or at_their_word(entry.torrent):
        return Limits(wishes.ratio_limit, 0, wishes.seeding_minutes, seeding_seconds(entry))
    limit = wishes.ratio_limit if wishes.ratio_limit >= 0 or wishes.ratio_limit == -1 else 0.0
    if not wishes.limits_at:
        return Limits(min(limit, 0.0), 0, min(wishes.seeding_minutes, 0), seeding_seconds(entry))
    seconds = max(seeding_seconds(entry), wishes.seeding_minutes * 60)
    return Limits(limit, max(0.0, limit), wishes.seeding_minutes, min(seconds, MOST_INT64))


def active_seconds(torrent: Torrent) -> int:
    """For how long it has been here, as of its last change."""
    return int(max(0, torrent.changed_at - torrent.added_at))


def seeding_seconds(entry: Entry) -> int:
    """For how long it has been complete, as of its last change."""
    torrent = entry.torrent
    if entry.shown.situation not in FINISHED or not torrent.completed_at:
        return 0
    return int(max(0, torrent.changed_at - torrent.completed_at))


def amounts(entry: Entry) -> tuple[int, int, int | float]:
    """Bytes wanted, bytes done, and the part done: 1 for finished torrents and for no others."""
    torrent = entry.torrent
    size = wanted_size(torrent)
    if entry.shown.situation in FINISHED:
        return size, size, 1
    if entry.shown.situation is Situation.MISSING:
        return size, 0, 0
    progress = number(max(0.0, min(entry.shown.progress, NEARLY)))
    return size, max(0, min(size - 1, round(progress * size))), progress


def wanted_size(torrent: Torrent) -> int:
    """Bytes of the files to be delivered; 0 while nothing is known."""
    if torrent.files:
        return sum(file.size for file in torrent.files if file.brought)
    return max(0, torrent.size)


def total_size(torrent: Torrent) -> int:
    """Bytes of all its files; -1 while nothing is known."""
    if torrent.files:
        return sum(file.size for file in torrent.files)
    return torrent.size if torrent.size > 0 else -1


def has_metadata(torrent: Torrent) -> bool:
    """Whether it is known what the torrent consists of."""
    return bool(torrent.files) or torrent.size > 0


def own_folder(torrent: Torrent) -> str:
    """The name of the folder its files lie in, or will as far as can be told."""
    return torrent.folder or (torrent.root or torrent.name or torrent.hash).replace("/", "_")


def save_path(torrent: Torrent) -> str:
    """Where its folder lies, or will: the new place shows at once, as on the real server."""
    phase = torrent.phase
    if isinstance(phase, Complete) and phase.relocation is not None:
        return phase.relocation.save_path
    return torrent.save_path


def content_path(entry: Entry) -> str:
    """The torrent's own folder (design §5); "" while nothing is known, as on the real server."""
    torrent = entry.torrent
    if not torrent.folder and not has_metadata(torrent) and entry.shown.situation not in FINISHED:
        return ""
    return f"{save_path(torrent).rstrip('/')}/{own_folder(torrent)}"


def availability(entry: Entry) -> int | float:
    """TorBox's, but no less than 1 while anything is hoped for; helpers give up on less."""
    situation = entry.shown.situation
    if situation in FINISHED:
        return -1
    if situation is Situation.FAILED:
        return 0
    return number(max(1.0, entry.shown.availability))


def speed(entry: Entry) -> int:
    """Bytes a second, only while bytes move."""
    return count(entry.shown.speed) if entry.shown.situation is Situation.MOVING else 0


def eta(entry: Entry) -> int:
    """Seconds to go, only while bytes move."""
    seconds = entry.shown.eta_seconds
    if seconds is None or entry.shown.situation is not Situation.MOVING:
        return INFINITE_ETA
    return max(0, min(int(seconds), INFINITE_ETA))


def _quoted(text: str) -> str:
    return quote(text.encode("utf-8", "replace"), safe="-._~")
