"""One torrent looked at closely: properties, files, trackers, pieces (qbittorrent.md §4, §7.2)."""

from itertools import accumulate

from msgspec import Struct

from bridge.core.board import Entry
from bridge.model import Situation, Torrent
from bridge.qbittorrent.encoding import count, number
from bridge.qbittorrent.views import (
    FINISHED,
    Fields,
    Words,
    active_seconds,
    amounts,
    eta,
    has_metadata,
    own_folder,
    save_path,
    share_limits,
    speed,
    total_size,
)

MOST_PIECES = 1_000_000
FEWEST_BYTES_OF_A_PIECE = 16 * 1024
NICE_NUMBER_OF_PIECES = 2048
CONNECTIONS_LIMIT = 100
STICKY = ("** [DHT] **", "** [PeX] **", "** [LSD] **")
DISABLED, WORKING = 0, 2


class Properties(Struct, frozen=True):
    """The answer of `torrents/properties`; unset dates are -1 here in every version."""

    addition_date: int
    comment: str
    completion_date: int
    created_by: str
    creation_date: int
    dl_limit: int
    dl_speed: int
    dl_speed_avg: int
    download_path: str
    eta: int
    has_metadata: bool
    hash: str
    infohash_v1: str
    infohash_v2: str
    is_private: bool
    last_seen: int
    name: str
    nb_connections: int
    nb_connections_limit: int
    peers: int
    peers_total: int
    piece_size: int
    pieces_have: int
    pieces_num: int
    popularity: int
    private: bool | None
    progress: float
    reannounce: int
    save_path: str
    seeding_time: int
    seeds: int
    seeds_total: int
    share_ratio: float
    time_elapsed: int
    total_downloaded: int
    total_downloaded_session: int
    total_size: int
    total_uploaded: int
    total_uploaded_session: int
    total_wasted: int
    up_limit: int
    up_speed: int
    up_speed_avg: int


class Tracker(Struct, frozen=True):
    """An element of `torrents/trackers`. -1 says that a number is not known."""

    msg: str
    num_downloaded: int
    num_leeches: int
    num_peers: int
    num_seeds: int
    status: int
    tier: int
    url: str


class Pieces(Struct, frozen=True):
    """How a torrent is cut: -1 and -1 while nothing is known of it."""

    size: int = -1
    number: int = -1
    have: int = 0
    wanted: tuple[range, ...] = ()  # which of them the wanted files need, in order


def properties(words: Words, entry: Entry) -> Properties:
    """The torrent as `torrents/properties` tells it."""
    return Properties(
        **_identity(words, entry),
        **_amounts(entry),
        **_speeds(entry),
        **_dates(entry),
        # Nothing is uploaded from here, and no tracker is asked by us.
        popularity=0,
        reannounce=0,
        total_uploaded=0,
        total_uploaded_session=0,
        total_wasted=0,
        up_speed=0,
        up_speed_avg=0,
    )


def _identity(words: Words, entry: Entry) -> Fields:
    torrent = entry.torrent
    return {
        "comment": torrent.comment,
        "created_by": torrent.created_by,
        "download_path": words.download_path(entry),
        "has_metadata": has_metadata(torrent),
        "hash": torrent.hash,
        "infohash_v1": torrent.v1,
        "infohash_v2": torrent.v2,
        "is_private": bool(torrent.private),
        "name": torrent.name or torrent.hash,
        "private": words.private(torrent),
        "save_path": save_path(torrent),
    }


def _amounts(entry: Entry) -> Fields:
    _, done, progress = amounts(entry)
    cut = pieces(entry)
    return {
        "piece_size": cut.size,
        "pieces_have": cut.have,
        "pieces_num": cut.number,
        "progress": progress,
        "total_downloaded": done,
        "total_downloaded_session": done,
        "total_size": total_size(entry.torrent),
    }


def _speeds(entry: Entry) -> Fields:
    wishes, elapsed = entry.torrent.wishes, active_seconds(entry.torrent)
    seeds, peers = count(entry.shown.seeds), count(entry.shown.peers)
    return {
        "dl_limit": wishes.download_limit if wishes.download_limit > 0 else -1,
        "dl_speed": speed(entry),
        "dl_speed_avg": amounts(entry)[1] // elapsed if elapsed else 0,
        "eta": eta(entry),
        "nb_connections": count(seeds + peers),
        "nb_connections_limit": CONNECTIONS_LIMIT,
        "peers": peers,
        "peers_total": peers,
        "seeds": seeds,
        "seeds_total": seeds,
        "up_limit": wishes.upload_limit if wishes.upload_limit > 0 else -1,
    }


def _dates(entry: Entry) -> Fields:
    torrent, limits = entry.torrent, share_limits(entry)
    return {
        "addition_date": int(torrent.added_at),
        "completion_date": int(torrent.completed_at) or -1,
        "creation_date": torrent.created_at if torrent.created_at > 0 else -1,
        "last_seen": int(torrent.seen_complete_at) or -1,
        "seeding_time": limits.seeding_time,
        "share_ratio": number(limits.ratio),
        "time_elapsed": active_seconds(torrent),
    }


def file_names(torrent: Torrent) -> list[str]:
    """The files' names as clients know them: below save_path, the own folder included."""
    folder = own_folder(torrent)
    return [f"{folder}/{file.path}" for file in torrent.files]


def files(entry: Entry) -> list[dict[str, object]]:
    """The elements of `torrents/files`; only the first says whether the torrent is whole."""
    torrent = entry.torrent
    finished = entry.shown.situation in FINISHED
    cut = pieces(entry)
    ends = accumulate(file.size for file in torrent.files)
    rows: list[dict[str, object]] = []
    for index, (file, name, end) in enumerate(
        zip(torrent.files, file_names(torrent), ends, strict=True)
    ):
        row: dict[str, object] = {
            "availability": -1 if finished else int(entry.shown.situation is not Situation.FAILED),
            "index": index,
            "name": name,
            "piece_range": _piece_range(end - file.size, end, cut.size, cut.number),
            "priority": file.priority,
            "progress": _file_progress(entry, index),
            "size": file.size,
        }
        if index == 0:
            row["is_seed"] = finished
        rows.append(row)
    return rows


def trackers(entry: Entry) -> list[Tracker]:
    """The three rows that are always there, then the torrent's own trackers."""
    private = bool(entry.torrent.private)
    message = "This torrent is private" if private else ""
    status = DISABLED if private else WORKING
    sticky = [Tracker(message, 0, 0, 0, 0, status, -1, name) for name in STICKY]
    return [*sticky, *own_trackers(entry)]


def own_trackers(entry: Entry) -> list[Tracker]:
    """The trackers that came with the torrent. TorBox talks to them; they count as working."""
    seeds, peers = count(entry.shown.seeds), count(entry.shown.peers)
    return [
        Tracker("", 0, peers, count(seeds + peers), seeds, WORKING, tier, url)
        for tier, url in enumerate(entry.torrent.trackers)
    ]


def pieces(entry: Entry) -> Pieces:
    """Its pieces: the .torrent's own, else as many as such a torrent would have."""
    torrent = entry.torrent
    if not has_metadata(torrent):
        return Pieces()
    total = max(0, total_size(torrent))
    size = torrent.piece_length
    if size <= 0 or total // size >= MOST_PIECES:
        size = FEWEST_BYTES_OF_A_PIECE
        while total // size >= NICE_NUMBER_OF_PIECES:
            size *= 2
    number_of_pieces = -(-total // size)
    wanted = _wanted_pieces(torrent, size, number_of_pieces)
    have = int(amounts(entry)[2] * sum(len(run) for run in wanted))
    return Pieces(size, number_of_pieces, have, wanted)


def piece_states(entry: Entry) -> bytes:
    """The answer of `torrents/pieceStates`, as JSON: 2 for each piece that is done, else 0."""
    cut = pieces(entry)
    if cut.number <= 0:
        return b"[]"
    states, at, left = b"", 0, cut.have
    for run in cut.wanted:
        have = min(left, len(run))
        states += b"0," * (run.start - at) + b"2," * have
        at, left = run.start + have, left - have
    states += b"0," * (cut.number - at)
    return b"[" + states[:-1] + b"]"


def _wanted_pieces(torrent: Torrent, size: int, number: int) -> tuple[range, ...]:
    if all(file.brought for file in torrent.files):
        return (range(number),)
    runs: list[range] = []
    for file, end in zip(
        torrent.files, accumulate(file.size for file in torrent.files), strict=True
    ):
        if not file.brought or not file.size:
            continue
        first, last = _piece_range(end - file.size, end, size, number)
        if runs and first <= runs[-1].stop:
            runs[-1] = range(runs[-1].start, last + 1)
        else:
            runs.append(range(first, last + 1))
    return tuple(runs)


def _piece_range(start: int, end: int, size: int, number: int) -> list[int]:
    if size <= 0 or number <= 0:
        return [0, 0]
    return [min(at // size, number - 1) for at in (start, max(start, end - 1))]


def _file_progress(entry: Entry, index: int) -> int | float:
    if entry.shown.situation in FINISHED:
        return int(entry.torrent.files[index].brought)
    if entry.shown.situation is Situation.MISSING:
        return 0
    known = entry.shown.file_progress
    return number(max(0.0, min(known[index], 1.0))) if index < len(known) else 0
