"""An arr's things as its API shows them: v1, v3 and v5 differ in rows and ids (§4.5)."""

from datetime import UTC, datetime
from typing import Any

from .client import MASK, Client
from .library import Event
from .tracking import Tracked

TITLE_ID = {"Sonarr": "seriesId", "Radarr": "movieId", "Lidarr": "artistId", "Readarr": "authorId"}
ITEM_ID = {"Sonarr": "episodeId", "Lidarr": "albumId", "Readarr": "bookId"}
PREFIX = {"Radarr": "movie", "Lidarr": "music", "Readarr": "music"}
IMPORTED = {"Lidarr": "trackFileImported", "Readarr": "bookFileImported"}


def row_ids(one: Tracked, api: str) -> list[int]:
    """One for each episode in v1 and v3, one for all in v5."""
    if api == "v5" or one.wanted is None:
        return [one.row_id(None)]
    return [one.row_id(number) for number in range(one.wanted.episodes)]


def rows(one: Tracked, kind: str, api: str) -> list[dict[str, Any]]:
    """A download's rows in the queue."""
    shown: dict[str, Any] = {
        "title": one.item["name"],
        "size": one.item["size"],
        "status": "completed" if one.state.startswith("import") else "downloading",
        "trackedDownloadStatus": "warning" if one.message else "ok",
        "trackedDownloadState": one.state,
        "statusMessages": [{"title": one.item["name"], "messages": [one.message]}]
        if one.state.startswith("import")
        else [],
        "downloadId": one.download_id,
        "protocol": "torrent",
        "downloadClient": one.client.name,
        "indexer": "indexer",
    }
    if one.message and not one.state.startswith("import"):
        shown["errorMessage"] = one.message
    if one.wanted is not None:
        shown[TITLE_ID.get(kind, "seriesId")] = one.wanted.title
    return [shown | {"id": number} for number in row_ids(one, api)]


def event(one: Event, kind: str) -> dict[str, Any]:
    """A row of the history."""
    said = IMPORTED.get(kind, one.kind) if one.kind == "downloadFolderImported" else one.kind
    return {
        "id": one.id,
        TITLE_ID.get(kind, "seriesId"): one.wanted.title,
        "sourceTitle": one.release.name,
        "date": datetime.fromtimestamp(one.at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "downloadId": one.download_id,
        "eventType": said,
        "data": {},
    }


def client(one: Client, kind: str) -> dict[str, Any]:
    """A download client entry, its password hidden as the newer versions do."""
    prefix = PREFIX.get(kind, "tv")
    values = {
        "host": one.host,
        "port": one.port,
        "useSsl": one.ssl,
        "urlBase": one.url_base,
        "username": one.username,
        "password": MASK if one.password else "",
        f"{prefix}Category": one.category,
        f"{prefix}ImportedCategory": one.imported_category,
        "initialState": 0,
    }
    return {
        "id": one.id,
        "name": one.name,
        "enable": one.enabled,
        "protocol": "torrent",
        "priority": 1,
        "removeCompletedDownloads": one.removes_completed,
        "removeFailedDownloads": True,
        "implementation": "QBittorrent",
        "implementationName": "qBittorrent",
        "configContract": "QBittorrentSettings",
        "fields": [
            {"order": order, "name": name, "value": value, "type": "textbox"}
            for order, (name, value) in enumerate(values.items())
        ],
        "tags": [],
    }


def read_client(body: dict[str, Any], before: Client | None, number: int, agent: str) -> Client:
    """What was posted or put; a masked password stays what it was."""
    said = {one["name"]: one.get("value") for one in body["fields"]}
    password = said.get("password") or ""
    if password == MASK and before is not None:
        password = before.password

    def text(ending: str) -> str:
        found = [value for name, value in said.items() if name.endswith(ending)]
        plain = [value for value in found if isinstance(value, str)]
        return plain[0] if plain else ""

    categories = {name: value for name, value in said.items() if name.endswith("Category")}
    own = [value for name, value in categories.items() if "Imported" not in name]
    return Client(
        id=number,
        name=body["name"],
        host=str(said.get("host") or ""),
        port=int(said.get("port") or 0),
        category=str(own[0] or "") if own else "",
        url_base=str(said.get("urlBase") or ""),
        username=str(said.get("username") or ""),
        password=str(password),
        imported_category=text("ImportedCategory"),
        enabled=bool(body.get("enable", True)),
        removes_completed=bool(body.get("removeCompletedDownloads", True)),
        ssl=bool(said.get("useSsl")),
        agent=agent,
    )
