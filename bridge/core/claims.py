"""Several arrs that want one hash: for whom each of them speaks, and whose turn it is (design §5).

The torrent's category is that of the arr whose turn it is; the others wait as claims. Pure.
"""

from msgspec import Struct
from msgspec.structs import replace

from bridge.arrs.arr import KINDS
from bridge.core.attempts import new_attempt
from bridge.model import Check, Complete, Failed, Torrent


class Asker(Struct, frozen=True):
    """Who asks, as far as can be told; a person when nothing can."""

    categories: tuple[str, ...] = ()  # that it polls or adds to, the latest first
    program: str = ""
    sees_all: bool = False  # it asked for torrents of whatever category

    @property
    def is_arr(self) -> bool:
        """Whether it says that it is Sonarr, Radarr or one of their kin."""
        return self.program in KINDS


def spoken_for(torrent: Torrent, asker: Asker) -> tuple[str, ...] | None:
    """The categories among those that want the torrent for which this one speaks.

    None is everybody: a person. Nobody is an arr that was done with the torrent before: it takes
    it off the list right after it gave it its post-import category (arr-contract.md §1.2).
    """
    if torrent.category and torrent.category in asker.categories:
        # It may be two that look alike: what still waits, neither removes by itself.
        return (torrent.category,)
    mine = [one for one in asker.categories if one in torrent.claims]
    if mine:
        return (mine[0],)
    if not asker.is_arr:
        return None
    if any(one in torrent.passed for one in asker.categories):
        return ()
    if not torrent.claims or (asker.sees_all and not asker.categories):
        return None
    return (_guessed(torrent, asker),)


def _guessed(torrent: Torrent, asker: Asker) -> str:
    """For an arr that has not polled since our start: whoever sent the torrent is the first."""
    sender = torrent.user_agent.partition("/")[0]
    other = not asker.categories and sender and sender != asker.program
    return torrent.claims[0] if other else torrent.category


def claimed(torrent: Torrent, category: str) -> Torrent:
    """The torrent once another arr has asked for it, under a category of its own."""
    if not category or category == torrent.category or category in torrent.claims:
        return torrent
    torrent = replace(torrent, passed=_without(torrent.passed, category))
    if not torrent.category:
        return replace(torrent, category=category)
    return replace(torrent, claims=(*torrent.claims, category))


def taken(torrent: Torrent, category: str, time: float) -> Torrent:
    """The torrent that had ended, once it is asked for again.

    A complete one is the first arr's until that is known to be done with it, or had an hour, or its
    files are gone.
    """
    asked = claimed(torrent, category)
    if not isinstance(torrent.phase, Complete):
        return asked
    if not category or category == torrent.category:
        return _checked(asked, Check.AGAIN)
    if not torrent.category:
        return _for_another(asked, time)
    return (
        passed_on(asked, category, time) if torrent.handed_over else _checked(asked, Check.ANOTHER)
    )


def without_claim(torrent: Torrent, category: str) -> Torrent:
    """The torrent once that arr does not want it any more."""
    return replace(torrent, claims=_without(torrent.claims, category))


def in_category(torrent: Torrent, category: str, asker: Asker, time: float) -> Torrent | None:
    """The torrent in this category, unless that only says that one of several is done with it.

    The arr whose turn it is changes the category when it has imported it. So does whoever takes a
    complete torrent out of the category in which it waited to be imported.
    """
    if not torrent.claims:
        return None if spoken_for(torrent, asker) == () else replace(torrent, category=category)
    mine = spoken_for(torrent, asker)
    if mine == ():
        return None
    if mine is not None and mine[0] != torrent.category:
        return without_claim(torrent, mine[0])
    if category == torrent.category:
        return None
    if category in torrent.claims or mine or isinstance(torrent.phase, Complete):
        return left_to(torrent, category, time)
    return replace(torrent, category=category)


def left_to(torrent: Torrent, category: str, time: float) -> Torrent:
    """The same without a removal: what failed for the first begins anew for the other."""
    after = passed_on(torrent, category, time)
    return new_attempt(after, time) if isinstance(torrent.phase, Failed) else after


def passed_on(torrent: Torrent, category: str, time: float) -> Torrent:
    """The first is done with it: it is another's, this category's or the next claim's.

    A complete torrent stays complete if its files are still here, which is looked at once more.
    """
    category = category if category in torrent.claims else torrent.claims[0]
    passed = (*_without(torrent.passed, category), torrent.category)
    after = replace(
        without_claim(torrent, category),
        category=category,
        passed=tuple(dict.fromkeys(filter(None, passed))),
        user_agent="",
    )
    return _for_another(after, time) if isinstance(torrent.phase, Complete) else after


def can_stay(torrent: Torrent) -> bool:
    """Whether the files of a complete torrent are all that the next one could want."""
    return isinstance(torrent.phase, Complete) and not any(file.ruled_out for file in torrent.files)


def _checked(torrent: Torrent, check: Check) -> Torrent:
    assert isinstance(torrent.phase, Complete)
    return replace(torrent, phase=replace(torrent.phase, check=check))


def _for_another(torrent: Torrent, time: float) -> Torrent:
    """A complete torrent that another arr is to import, if its files are still here."""
    assert isinstance(torrent.phase, Complete)
    phase = replace(torrent.phase, at=time, check=Check.AGAIN, missing=False)
    return replace(torrent, phase=phase, outlook="", imported_at=0.0, handed_over=False)


def _without(categories: tuple[str, ...], category: str) -> tuple[str, ...]:
    return tuple(one for one in categories if one != category)
