"""Which torrents `torrents/info` lists, and in which order (qbittorrent.md §4)."""

from collections.abc import Sequence

from msgspec import Struct

from bridge.errors import BadParameter
from bridge.qbittorrent.claimants import as_claimed
from bridge.qbittorrent.dialect import Dialect
from bridge.qbittorrent.forms import Form
from bridge.qbittorrent.rows import FIELDS, Row
from bridge.qbittorrent.views import Info

_PAUSED = {"pausedDL", "pausedUP", "stoppedDL", "stoppedUP"}
_SEEDING = {"uploading", "stalledUP", "checkingUP", "queuedUP", "forcedUP"}
_ACTIVE = {"downloading", "forcedDL", "metaDL", "forcedMetaDL", "uploading", "forcedUP", "moving"}
_STATES = {
    "downloading": {
        "downloading", "metaDL", "forcedMetaDL", "stalledDL", "checkingDL", "pausedDL",
        "stoppedDL", "queuedDL", "forcedDL",
    },
    "seeding": _SEEDING,
    "completed": _SEEDING | {"pausedUP", "stoppedUP"},
    "active": _ACTIVE,
    "stalled": {"stalledDL", "stalledUP"},
    "stalled_uploading": {"stalledUP"},
    "stalled_downloading": {"stalledDL"},
    "checking": {"checkingDL", "checkingUP", "checkingResumeData"},
    "moving": {"moving"},
    "errored": {"error", "missingFiles"},
}  # fmt: skip


class Query(Struct, frozen=True):
    """What a client asks `torrents/info` for; None stands for what it did not ask."""

    state: str = ""
    category: str | None = None
    tag: str | None = None
    hashes: frozenset[str] | None = None
    private: bool | None = None
    sort: str = ""
    reverse: bool = False
    limit: int = 0
    offset: int = 0
    with_trackers: bool = False
    never: int = 0  # how this dialect says it of a date

    @property
    def chooses(self) -> bool:
        """Whether it may leave torrents out."""
        return (self.state, self.category, self.tag, self.hashes, self.private) != (
            "", None, None, None, None,
        )  # fmt: skip


def read_query(form: Form, dialect: Dialect) -> Query:
    """The parameters of `torrents/info`."""
    # `all` is no more than an unknown hash here (only the verbs know the word).
    hashes = frozenset(one.lower() for one in form.text("hashes").split("|") if one)
    state = form.text("filter")
    return Query(
        state=state if state in _STATES or state in _words(dialect) else "",
        category=form.fields.get("category"),
        tag=form.fields.get("tag"),
        # An empty list is no filter; one with garbage only finds nothing.
        hashes=hashes or None,
        private=form.flag("private") if dialect.later and _is_flag(form, "private") else None,
        sort=form.text("sort"),
        reverse=form.flag("reverse"),
        limit=form.integer("limit"),
        offset=form.integer("offset"),
        with_trackers=dialect.later and form.flag("includeTrackers"),
        never=dialect.never,
    )


def choose(rows: Sequence[Row], query: Query) -> list[Row]:
    """The rows asked for, in the order asked for; BadParameter for an unknown sort key."""
    shown = rows
    if query.category:
        shown = [as_claimed(row, query.category, query.never) for row in rows]
    chosen = [row for row in shown if _matches(row.info, query)] if query.chooses else list(rows)
    if query.sort and chosen:
        if query.sort not in FIELDS:
            raise BadParameter("'sort' parameter is invalid")
        chosen.sort(key=lambda row: _sortable(row.info, query.sort), reverse=query.reverse)
    elif query.reverse:
        chosen.reverse()
    return _cut(chosen, query)


def _matches(info: Info, query: Query) -> bool:
    if query.hashes is not None and info.hash not in query.hashes:
        return False
    if query.category is not None and info.category != query.category:
        return False
    if query.tag is not None and not _tagged(info, query.tag):
        return False
    if query.private is not None and info.private is not query.private:
        return False
    return not query.state or _in_state(info, query.state)


def _in_state(info: Info, word: str) -> bool:
    match word:
        case "paused" | "stopped":
            return info.state in _PAUSED
        case "resumed" | "running":
            return info.state not in _PAUSED
        case "inactive":
            return info.state not in _ACTIVE
        case _:
            return info.state in _STATES[word]


def _words(dialect: Dialect) -> set[str]:
    """Filters by neither state nor activity; the other version's words mean nothing, so all."""
    return {"inactive"} | ({"stopped", "running"} if dialect.later else {"paused", "resumed"})


def _tagged(info: Info, tag: str) -> bool:
    tags = info.tags.split(", ") if info.tags else []
    return tag in tags if tag else not tags


def _is_flag(form: Form, name: str) -> bool:
    return form.flag(name) or not form.flag(name, default=True)


def _sortable(info: Info, field: str) -> tuple[bool, object]:
    value = getattr(info, field)
    return value is not None, value


def _cut(rows: list[Row], query: Query) -> list[Row]:
    offset = query.offset
    if offset < 0:
        offset += len(rows)
    # Past the end both versions begin again at the start.
    if not 0 <= offset < len(rows):
        offset = 0
    end = offset + query.limit if query.limit > 0 else len(rows)
    return rows[offset:end]
