"""The arr's own API, as far as the bridge and people's scripts use it (arr-contract.md §4.5)."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from aiohttp import web

from . import shown
from .client import Client, Unreachable
from .server import ArrSimulator, Call

Handler = Callable[[web.Request], Awaitable[web.Response]]


def routes(arr: ArrSimulator) -> list[web.RouteDef]:
    """Everything below `/api`."""
    api = Api(arr)
    table = {
        ("GET", "system/status"): api.status,
        ("GET", "queue"): api.queue,
        ("DELETE", "queue/{id}"): api.remove,
        ("GET", "history"): api.history,
        ("POST", "history/failed/{id}"): api.failed,
        ("POST", "command"): api.command,
        ("GET", "downloadclient"): api.clients,
        ("GET", "downloadclient/schema"): api.schema,
        ("POST", "downloadclient"): api.add_client,
        ("PUT", "downloadclient/{id}"): api.put_client,
        ("POST", "downloadclient/test"): api.test_client,
        ("GET", "rootfolder"): api.root_folders,
        ("GET", "filesystem"): api.filesystem,
        ("GET", "remotepathmapping"): api.empty,
        ("GET", "diskspace"): api.disks,
    }
    found = [
        web.route(method, f"/api/{{api}}/{path}", api.guarded(handler))
        for (method, path), handler in table.items()
    ]
    return [*found, web.route("*", "/{rest:.*}", api.guarded(api.nothing))]


class Api:
    """One method for each endpoint."""

    def __init__(self, arr: ArrSimulator) -> None:
        self._arr = arr
        self._rows_shown: dict[int, tuple[str, str]] = {}  # every id ever given out

    def guarded(self, handler: Handler) -> Handler:
        """Nothing is answered while the arr is down, and nothing without its key."""

        async def guard(request: web.Request) -> web.Response:
            self._arr.answering += 1
            try:
                return await guarded(request)
            finally:
                self._arr.answering -= 1

        async def guarded(request: web.Request) -> web.Response:
            arr = self._arr
            if arr.slow:
                await asyncio.sleep(arr.slow)
            if arr.down:
                _break(request)
            self._note(request)
            given = request.headers.get("X-Api-Key") or request.query.get("apikey")
            if given != arr.key:
                return web.json_response({"error": "Unauthorized"}, status=401)
            if request.match_info.get("api", "") not in arr.apis:
                return await self.nothing(request)
            return await handler(request)

        return guard

    def _note(self, request: web.Request) -> None:
        about = ("", "")
        if request.method == "DELETE" and "id" in request.match_info:
            about = self._rows_shown.get(int(request.match_info["id"]), about)
        elif "/history/failed/" in request.path:
            number = int(request.match_info["id"])
            events = [one for one in self._arr.library.history if one.id == number]
            about = (events[0].download_id if events else "", "")
        call = Call(request.method, request.path, dict(request.query), *about)
        self._arr.calls.append(call)

    async def nothing(self, _request: web.Request) -> web.Response:
        """As for any path that does not exist below /api."""
        return web.json_response({"message": "NotFound"}, status=404)

    async def status(self, _request: web.Request) -> web.Response:
        """Which arr it is."""
        return web.json_response({"appName": self._arr.kind, "version": self._arr.version})

    async def queue(self, request: web.Request) -> web.Response:
        """All rows; unknown titles only when asked for."""
        arr, api = self._arr, request.match_info["api"]
        unknown = any(value == "true" for name, value in request.query.items() if "Unknown" in name)
        records = [
            row
            for one in arr.downloads.shown()
            if unknown or one.wanted is not None
            for row in shown.rows(one, arr.kind, api)
        ]
        for row in records:
            self._rows_shown[row["id"]] = (row["downloadId"], row["downloadClient"])
        return _page(request, records)

    async def remove(self, request: web.Request) -> web.Response:
        """The client is told before this is answered."""
        arr = self._arr
        one = arr.find_row(int(request.match_info["id"]), request.match_info["api"])
        if one is None:
            return await self.nothing(request)
        said = {name: value == "true" for name, value in request.query.items()}
        wrong = await arr.remove(
            one,
            from_client=said.get("removeFromClient", True),
            blocklist=said.get("blocklist", False),
            search=not said.get("skipRedownload", False),
            cut=arr.cuts.pop(0) if arr.cuts else "",
        )
        if wrong == "cut":
            _break(request)
        if wrong == "no history":
            return web.json_response({"message": "No grab history"}, status=400)
        if wrong:
            return web.json_response({"message": wrong}, status=500)
        return self._done(request)

    async def history(self, request: web.Request) -> web.Response:
        """Newest first, of one download when asked so."""
        wanted = request.query.get("downloadId")
        records = [
            shown.event(one, self._arr.kind)
            for one in reversed(self._arr.library.history)
            # As the database compares: exactly.
            if not wanted or one.download_id == wanted
        ]
        return _page(request, records)

    async def failed(self, request: web.Request) -> web.Response:
        """Mark a grab as failed that is in no queue any more."""
        number = int(request.match_info["id"])
        found = [one for one in self._arr.library.history if one.id == number]
        if not found:
            return await self.nothing(request)
        self._arr.mark_failed(found[0].download_id)
        return self._done(request)

    async def command(self, request: web.Request) -> web.Response:
        """RefreshMonitoredDownloads begins at once, beside the answer."""
        name = (await request.json()).get("name")
        if name == "RefreshMonitoredDownloads":
            self._arr.refreshes += 1
            self._arr.begin(self._arr.polls())
        return web.json_response({"id": 1, "name": name, "status": "queued"}, status=201)

    async def clients(self, _request: web.Request) -> web.Response:
        """Settings, Download Clients."""
        arr = self._arr
        return web.json_response([shown.client(one, arr.kind) for one in arr.clients])

    async def schema(self, _request: web.Request) -> web.Response:
        """An empty entry of each kind, with its default values."""
        empty = Client(
            0, "", "localhost", 8080, {"Radarr": "radarr"}.get(self._arr.kind, "tv-sonarr")
        )
        torrent = shown.client(empty, self._arr.kind)
        other = torrent | {"implementation": "Transmission", "fields": []}
        return web.json_response([other, torrent])

    async def add_client(self, request: web.Request) -> web.Response:
        """Tested before it is kept, unless `forceSave`."""
        arr, body = self._arr, await request.json()
        if any(one.name.lower() == body["name"].lower() for one in arr.clients):
            return _wrong("Name", "Should be unique")
        client = shown.read_client(body, None, len(arr.clients) + 1, arr.agent)
        if refusal := await self._test(client):
            return refusal
        arr.clients.append(client)
        return web.json_response(shown.client(client, arr.kind), status=201)

    async def put_client(self, request: web.Request) -> web.Response:
        """Change an entry; tested as well."""
        arr, number = self._arr, int(request.match_info["id"])
        before = [one for one in arr.clients if one.id == number]
        if not before:
            return await self.nothing(request)
        client = shown.read_client(await request.json(), before[0], number, arr.agent)
        if refusal := await self._test(client):
            return refusal
        arr.clients[arr.clients.index(before[0])] = client
        await before[0].close()
        return web.json_response(shown.client(client, arr.kind), status=202)

    async def test_client(self, request: web.Request) -> web.Response:
        """The Test button."""
        arr, body = self._arr, await request.json()
        number = body.get("id") or 0
        before = next((one for one in arr.clients if one.id == number), None)
        client = shown.read_client(body, before, number, arr.agent)
        try:
            return await self._test(client) or self._done(request)
        finally:
            await client.close()

    async def _test(self, client: Client) -> web.Response | None:
        try:
            await client.test()
        except Unreachable as error:
            field = "Username" if "Authentication" in str(error) else "Host"
            return _wrong(field, str(error))
        return None

    async def root_folders(self, _request: web.Request) -> web.Response:
        """Where the library lies."""
        folders = [
            {"id": number, "path": path, "accessible": True, "freeSpace": 10**12}
            for number, path in enumerate(self._arr.root_folders, 1)
        ]
        return web.json_response(folders)

    async def filesystem(self, request: web.Request) -> web.Response:
        """The folders below a path, as the arr's container sees them; none if it is not there."""
        path = request.query["path"]
        folders = []
        if self._arr.sees(path):
            folders = [
                {"type": "folder", "name": name, "path": f"{path.rstrip('/')}/{name}/"}
                for name in sorted(await asyncio.to_thread(_folders, path))
            ]
        parent = f"{Path(path).parent}"
        return web.json_response({"parent": parent, "directories": folders, "files": []})

    async def disks(self, _request: web.Request) -> web.Response:
        """The mounts that it sees."""
        mounts = [{"path": path, "freeSpace": 10**12} for path in self._arr.mounts]
        return web.json_response(mounts)

    async def empty(self, _request: web.Request) -> web.Response:
        """There are none."""
        return web.json_response([])

    def _done(self, request: web.Request) -> web.Response:
        if request.match_info["api"] == "v5":
            return web.Response(status=204)
        return web.json_response({})


def _folders(path: str) -> list[str]:
    return [entry.name for entry in os.scandir(path) if entry.is_dir()]


def _wrong(field: str, sentence: str) -> web.Response:
    body = [{"propertyName": field, "errorMessage": sentence, "severity": "error"}]
    return web.json_response(body, status=400)


def _page(request: web.Request, records: list[dict[str, Any]]) -> web.Response:
    page, size = int(request.query.get("page", 1)), int(request.query.get("pageSize", 10))
    body = {
        "page": page,
        "pageSize": size,
        "totalRecords": len(records),
        "records": records[(page - 1) * size : page * size],
    }
    return web.json_response(body)


def _break(request: web.Request) -> None:
    """The connection ends without an answer."""
    if request.transport is not None:
        request.transport.abort()
    raise ConnectionResetError
