"""TorBox's data into our types, forgiving: what is odd is left out and logged once, never raised.

The shapes are those of torbox-api.md §1.3 to §1.5; items have a module of their own.
"""

from msgspec import Struct

from bridge.torbox.envelope import Oddities, text, when, whole
from bridge.torbox.items import elements_of, hash_of

# Slots of a plan without add-ons, by TorBox's numbers, which are not in order of price (§9).
PLANS = {0: ("Free", 1), 1: ("Essential", 3), 2: ("Pro", 10), 3: ("Standard", 5)}


class Created(Struct, frozen=True):
    """TorBox has taken a torrent. Without ids it was accepted: look for the hash."""

    torrent_id: int | None = None
    queued_id: int | None = None
    cached: bool = False  # provisional: the list decides
    already: bool = False  # it was in the account or its queue before
    hash: str = ""  # as TorBox names it, "" when it does not


class QueuedItem(Struct, frozen=True):
    """An entry of TorBox's own queue; promotion makes it an item under another id."""

    id: int
    hash: str
    name: str
    created_at: float | None


class Account(Struct, frozen=True):
    """The account behind the key."""

    id: int
    plan: int
    plan_name: str
    slots: int  # active items at once, the plan's plus add-ons
    premium_expires_at: float | None
    cooldown_until: float | None


class InfoFile(Struct, frozen=True):
    """A file of a torrent that TorBox looked up in the swarm."""

    path: str  # TorBox's, unwashed
    size: int


class Info(Struct, frozen=True):
    """What TorBox found out about a torrent without adding it."""

    name: str
    size: int
    files: tuple[InfoFile, ...]
    seeds: int
    peers: int


def queue(data: object, oddities: Oddities) -> tuple[QueuedItem, ...]:
    """The entries of the queue, each once."""
    found: dict[int, QueuedItem] = {}
    for element in elements_of(data):
        entry = element if isinstance(element, dict) else {}
        queued_id, torrent_hash = whole(entry.get("id")), hash_of(entry)
        if queued_id is None or not torrent_hash:
            oddities.note("element in the queue", "without id or hash")
            continue
        name = text(entry.get("name")) or torrent_hash
        found[queued_id] = QueuedItem(queued_id, torrent_hash, name, when(entry.get("created_at")))
    return tuple(found.values())


def created(data: object, says: str, *, already: bool = False) -> Created:
    """What a create that worked says of its torrent."""
    element = next(iter(elements_of(data)), None)
    fields = element if isinstance(element, dict) else {}
    return Created(
        torrent_id=whole(fields.get("torrent_id")),
        queued_id=whole(fields.get("queued_id")),
        cached="cached torrent" in says,
        already=already,
        hash=text(fields.get("hash")).lower()[:64],
    )


def cached(data: object) -> frozenset[str]:
    """The hashes that TorBox has, in lower case, from either format or nothing."""
    if isinstance(data, dict):
        return frozenset(text(key).lower() for key, value in data.items() if value)
    if isinstance(data, list):
        return frozenset(text(e.get("hash")).lower() for e in data if isinstance(e, dict)) - {""}
    return frozenset()


def account(data: object, oddities: Oddities) -> Account | None:
    """The account; None when it cannot be told whose it is."""
    fields = data if isinstance(data, dict) else {}
    account_id, plan = whole(fields.get("id")), whole(fields.get("plan"))
    if account_id is None or plan is None:
        return None
    if plan not in PLANS:
        oddities.note("plan", str(plan))
    name, slots = PLANS.get(plan, (f"plan {plan}", 3))
    more = whole(fields.get("additional_concurrent_slots")) or 0
    return Account(
        id=account_id,
        plan=plan,
        plan_name=name,
        slots=slots + min(more, 1000),
        premium_expires_at=when(fields.get("premium_expires_at")),
        cooldown_until=when(fields.get("cooldown_until")),
    )


def info(data: object) -> Info | None:
    """What was found in the swarm; None when it is not that."""
    if not isinstance(data, dict) or not text(data.get("name")):
        return None
    listed = data.get("files")
    files = tuple(
        InfoFile(path, whole(file.get("size")) or 0)
        for file in (listed if isinstance(listed, list) else [])
        if isinstance(file, dict) and (path := text(file.get("name")))
    )
    return Info(
        name=text(data.get("name")),
        size=whole(data.get("size")) or 0,
        files=files,
        seeds=whole(data.get("seeds")) or 0,
        peers=whole(data.get("peers")) or 0,
    )
