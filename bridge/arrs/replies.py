"""An arr's JSON in our types, forgiving: what cannot be read is left out, never guessed.

Field names: arr-contract.md §4.5. They are the same in v1, v3 and v5, but for the title's id.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from bridge.names import display_name

# What a row or an event is about, by the id that the kinds of arr use for it.
TITLE_IDS = ("seriesId", "movieId", "artistId", "authorId")

GRABBED = "grabbed"
FAILED = "downloadfailed"
# Sonarr and Radarr; Lidarr says it per file and once for the whole; Readarr.
IMPORTED = frozenset(
    {"downloadfolderimported", "trackfileimported", "downloadimported", "bookfileimported"}
)


class Row(Struct, frozen=True):
    """A row of an arr's queue; v3 has one for each episode of a torrent."""

    id: int
    download_id: str  # the hash, upper case
    client: str  # the name of the arr's download client entry
    title: str  # e.g. "series 12", "" when the arr does not know what it is
    state: str  # downloading, importPending, importBlocked …
    message: str = ""  # why it is not imported


class Event(Struct, frozen=True):
    """An event of an arr's history; ids grow with time."""

    id: int
    download_id: str
    kind: str  # lower case
    title: str


class Entry(Struct, frozen=True):
    """A qBittorrent among an arr's download clients."""

    id: int
    name: str
    host: str
    port: int
    url_base: str  # "" or "/x"
    category: str
    imported_category: str  # "" for none
    ssl: bool = False


def rows(body: object) -> Iterator[Row]:
    """The rows of one page of the queue; pending ones have no download and are left out."""
    for record in _records(body):
        number, download = record.get("id"), _text(record, "downloadId")
        if isinstance(number, int) and download:
            yield Row(
                id=number,
                download_id=download.upper(),
                client=_text(record, "downloadClient"),
                title=_title(record),
                state=_text(record, "trackedDownloadState"),
                message=_status_message(record),
            )


def total(body: object) -> int:
    """How many records all pages have."""
    count = body.get("totalRecords") if isinstance(body, Mapping) else None
    return count if isinstance(count, int) else 0


def events(body: object) -> Iterator[Event]:
    """The events of one page of the history."""
    for record in _records(body):
        number, download = record.get("id"), _text(record, "downloadId")
        if isinstance(number, int) and download:
            kind = _text(record, "eventType").lower()
            yield Event(number, download.upper(), kind, _title(record))


def entries(body: object) -> Iterator[Entry]:
    """The qBittorrents among the download clients, switched off or not."""
    for record in body if isinstance(body, list) else []:
        if not isinstance(record, Mapping) or _text(record, "implementation") != "QBittorrent":
            continue
        said = fields(record)
        port, number = said.get("port"), record.get("id")
        yield Entry(
            id=number if isinstance(number, int) else 0,
            name=_text(record, "name"),
            host=_text(said, "host").lower(),
            port=int(str(port)) if str(port).isdecimal() else 0,
            url_base=_base(_text(said, "urlBase")),
            category=category(said, imported=False),
            imported_category=category(said, imported=True),
            ssl=said.get("useSsl") is True,
        )


def fields(record: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a download client, by name."""
    listed = record.get("fields")
    return {
        str(field.get("name")): field.get("value")
        for field in (listed if isinstance(listed, list) else [])
        if isinstance(field, Mapping)
    }


def category(said: Mapping[str, Any], *, imported: bool) -> str:
    """tvCategory, movieCategory, musicCategory …; or tvImportedCategory and so on."""
    for name, value in said.items():
        if name.endswith("Category") and ("Imported" in name) is imported:
            return value if isinstance(value, str) else ""
    return ""


def when(text: str) -> float | None:
    """A date of an arr's in seconds since 1970; None for one that cannot be read."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return None


def _records(body: object) -> Iterator[Mapping[str, Any]]:
    listed = body.get("records") if isinstance(body, Mapping) else None
    for record in listed if isinstance(listed, list) else []:
        if isinstance(record, Mapping):
            yield record


def _text(record: Mapping[str, Any], key: str) -> str:
    value = record.get(key)
    return value if isinstance(value, str) else ""


def _title(record: Mapping[str, Any]) -> str:
    for key in TITLE_IDS:
        number = record.get(key)
        if isinstance(number, int) and number > 0:
            return f"{key.removesuffix('Id')} {number}"
    return ""


def _status_message(record: Mapping[str, Any]) -> str:
    """The first thing that an arr says against importing, from `statusMessages`."""
    listed = record.get("statusMessages")
    for one in listed if isinstance(listed, list) else []:
        messages = one.get("messages") if isinstance(one, Mapping) else None
        for message in messages if isinstance(messages, list) else []:
            if isinstance(message, str) and message:
                return display_name(message)[:200]
    return ""


def _base(text: str) -> str:
    stripped = text.strip("/")
    return f"/{stripped}" if stripped else ""
