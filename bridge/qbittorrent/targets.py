"""Which torrents a request means."""

from bridge.core.board import Board
from bridge.qbittorrent.forms import Form


def hashes_in(form: Form, board: Board, name: str = "hashes") -> list[str]:
    """The hashes of a `|` list, those that are listed; `all`, if it stands alone, is everyone.

    Unknown hashes are passed over without a word, as on the real server (qbittorrent.md §1.2).
    """
    if form.text(name) == "all":
        return [entry.torrent.hash for entry in board]
    given = dict.fromkeys(one.lower() for one in form.text(name).split("|"))
    return [one for one in given if one in board]
