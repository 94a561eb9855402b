"""What an arr sees of a torrent that another one wanted first (design §5). Pure."""

from msgspec.structs import replace

from bridge.model import Situation
from bridge.qbittorrent.rows import Row
from bridge.qbittorrent.views import INFINITE_ETA, NEARLY, Info


def as_claimed(row: Row, category: str, never: int) -> Row:
    """The row for this category: it waits until the first is done with it.

    The first has an hour to import what is complete. Then the other may copy it, but not move it.
    """
    torrent = row.entry.torrent
    if category not in torrent.claims:
        return row
    info = replace(row.info, category=category)
    if torrent.handed_over and row.entry.shown.situation is Situation.COMPLETE:
        info = replace(info, state="stalledUP", ratio=0, ratio_limit=-1, max_ratio=-1)
    else:
        info = _waiting(info, never)
    return Row(row.entry, info, row.first, row.since)


def _waiting(info: Info, never: int) -> Info:
    waits = replace(info, state="queuedDL", content_path="", dlspeed=0, eta=INFINITE_ETA)
    if info.progress < 1:
        return waits
    done = max(0, info.size - 1)
    return replace(
        waits,
        amount_left=info.size - done,
        availability=1,
        completed=done,
        completion_on=never,
        downloaded=done,
        downloaded_session=done,
        progress=NEARLY,
        ratio=0,
        seeding_time=0,
    )
