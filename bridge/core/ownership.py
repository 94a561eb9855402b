"""Whose item is it: what we remember of objects in the TorBox account, as pure functions.

An item is ours if it is not older than our first intent for its hash, less two minutes, on TorBox's
clock. Only ours is ever deleted, and only by its id (design §5).
"""

from msgspec.structs import replace

from bridge.core.ledger import Items
from bridge.model import AccountItem

TOLERANCE_SECONDS = 120.0


def intended(
    items: Items, torrent_hash: str, account: int, at: float, *, undated: bool = False
) -> Items:
    """The items once a create is about to be sent; `at` is on TorBox's clock if that is known."""
    if unresolved(items):
        return items
    return (*items, AccountItem(torrent_hash, account, at, undated=undated))


def identified(
    items: Items, torrent_id: int | None, queued_id: int | None, created_at: float | None
) -> Items:
    """The items once TorBox has named the object that our create made or met."""
    if not items:
        return items
    known = [
        number
        for number, item in enumerate(items)
        if (torrent_id is not None and item.torrent_id == torrent_id)
        or (queued_id is not None and item.queued_id == queued_id)
    ]
    number = known[0] if known else len(items) - 1
    before = items[number]
    ours = before.ours
    if before.torrent_id not in (None, torrent_id) and ours:
        ours = None  # met in its place: judged by its own date
    first_intent = min(item.intent_at for item in items)
    if ours is not False and created_at is not None:
        ours = created_at >= first_intent - TOLERANCE_SECONDS
    after = replace(
        before,
        intent_at=first_intent,
        torrent_id=torrent_id if torrent_id is not None else before.torrent_id,
        queued_id=queued_id if torrent_id is None else None,
        created_at=created_at if created_at is not None else before.created_at,
        ours=ours,
    )
    # An intent whose create made or met this object is resolved by it.
    rest = [item for at, item in enumerate(items) if at != number and not is_open(item)]
    return (*rest, after)


def marked_private(items: Items, torrent_id: int) -> Items:
    """The items once TorBox has said that this one is private."""
    return tuple(
        replace(item, private=True) if item.torrent_id == torrent_id else item for item in items
    )


def is_open(item: AccountItem) -> bool:
    """Whether it is an intent whose object was not found yet."""
    return item.torrent_id is None and item.queued_id is None


def unresolved(items: Items) -> bool:
    """Whether a create was intended whose object we have not found."""
    return any(map(is_open, items))


def without(items: Items, gone: AccountItem) -> Items:
    """The items without this one."""
    return tuple(
        item
        for item in items
        if (item.torrent_id, item.queued_id) != (gone.torrent_id, gone.queued_id)
    )
