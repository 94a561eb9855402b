"""Who waits before whom, and the four verbs that change it; pure functions for `commands`.

Each verb returns the new `order` of the torrents that it moves. Several torrents moved at once keep
their order among themselves, as in qBittorrent.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import TypeAlias

from bridge.model import Torrent

Orders: TypeAlias = Mapping[str, int]
Verb: TypeAlias = Callable[[Iterable[Torrent], AbstractSet[str]], Orders]


def rank(torrent: Torrent) -> tuple[int, int]:
    """Lower goes first: what is to start at once, then the arr's priority; age has no say in it."""
    return int(not torrent.wishes.force_start), torrent.order


def queue(torrents: Iterable[Torrent]) -> list[Torrent]:
    """Those that wait for something, the first first."""
    return sorted(_waiting(torrents), key=lambda one: (one.order, one.added_at, one.hash))


def place_before_all(torrents: Iterable[Torrent]) -> int:
    """The order of a torrent that is to go first."""
    return min((torrent.order for torrent in _waiting(torrents)), default=0) - 1


def place_behind_all(torrents: Iterable[Torrent]) -> int:
    """The order of a new torrent: its age puts it behind those that were moved to the end."""
    return max((torrent.order for torrent in _waiting(torrents)), default=0)


def to_top(torrents: Iterable[Torrent], chosen: AbstractSet[str]) -> Orders:
    """Before all others."""
    waiting = queue(torrents)
    moved = [torrent.hash for torrent in waiting if torrent.hash in chosen]
    first = place_before_all(waiting) - len(moved) + 1
    return {torrent_hash: first + number for number, torrent_hash in enumerate(moved)}


def to_bottom(torrents: Iterable[Torrent], chosen: AbstractSet[str]) -> Orders:
    """Behind all others."""
    waiting = queue(torrents)
    moved = [torrent.hash for torrent in waiting if torrent.hash in chosen]
    first = place_behind_all(waiting) + 1
    return {torrent_hash: first + number for number, torrent_hash in enumerate(moved)}


def a_step_up(torrents: Iterable[Torrent], chosen: AbstractSet[str]) -> Orders:
    """Each before the one that was before it."""
    return _numbered(_raised([torrent.hash for torrent in queue(torrents)], chosen))


def a_step_down(torrents: Iterable[Torrent], chosen: AbstractSet[str]) -> Orders:
    """Each behind the one that was behind it."""
    backwards = [torrent.hash for torrent in reversed(queue(torrents))]
    return _numbered(_raised(backwards, chosen)[::-1])


def _waiting(torrents: Iterable[Torrent]) -> Iterator[Torrent]:
    return (torrent for torrent in torrents if torrent.listed and not torrent.ended)


def _raised(hashes: list[str], chosen: AbstractSet[str]) -> list[str]:
    for place in range(1, len(hashes)):
        if hashes[place] in chosen and hashes[place - 1] not in chosen:
            hashes[place - 1], hashes[place] = hashes[place], hashes[place - 1]
    return hashes


def _numbered(hashes: list[str]) -> Orders:
    """All of them anew: between two neighbours that differ by their age alone is no number free."""
    return {torrent_hash: number - len(hashes) for number, torrent_hash in enumerate(hashes, 1)}
