"""A qBittorrent among an arr's download clients: its settings, and how the arr speaks to it."""

from dataclasses import dataclass, field
from typing import Any

import aiohttp
from yarl import URL

SECONDS = 100.0  # an arr's own limit (arr-contract.md §1.3)
MASK = "********"
# The state words that an arr reads as Completed (§3.1).
COMPLETED = frozenset({"pausedUP", "stoppedUP", "uploading", "stalledUP", "queuedUP", "forcedUP"})
WARNINGS = {
    "stalledDL": "The download is stalled with no connections",
    "error": "qBittorrent is reporting an error",
    "missingFiles": "qBittorrent is reporting missing files",
}


class Unreachable(Exception):
    """The download client did not answer, or not with 200; the text is what an arr would show."""


@dataclass
class Client:
    """An entry under Settings, Download Clients."""

    id: int
    name: str
    host: str
    port: int
    category: str
    url_base: str = ""
    username: str = "admin"
    password: str = ""
    imported_category: str = ""
    enabled: bool = True
    removes_completed: bool = True
    ssl: bool = False
    agent: str = "Sonarr/4.0.19.2979 (debian 12)"
    _session: aiohttp.ClientSession | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """Where the WebUI is."""
        base = f"/{self.url_base.strip('/')}" if self.url_base.strip("/") else ""
        return f"http://{self.host}:{self.port}{base}/api/v2/"

    async def call(self, method: str, path: str, **options: Any) -> str:
        """One call; after a 403 it logs in once and repeats, as every arr does."""
        for again in (True, False):
            try:
                async with self._opened().request(method, self.url + path, **options) as answer:
                    text = await answer.text()
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                raise Unreachable("Unable to connect to qBittorrent") from error
            if answer.status == 403 and again:
                await self.log_in()
                continue
            if answer.status != 200:
                raise Unreachable(f"qBittorrent answered {answer.status}")
            return text
        raise AssertionError

    async def json(self, path: str, **params: str) -> Any:
        """Read something."""
        import json

        return json.loads(await self.call("GET", path, params=params))

    async def log_in(self) -> None:
        """Fails with the words that an arr shows for it."""
        data = {"username": self.username, "password": self.password}
        try:
            async with self._opened().post(self.url + "auth/login", data=data) as answer:
                if answer.status != 200 or await answer.text() != "Ok.":
                    raise Unreachable("Authentication failure")
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise Unreachable("Unable to connect to qBittorrent") from error

    async def items(self) -> list[dict[str, Any]]:
        """A poll: version, preferences, then the torrents of the category (§1.2)."""
        await self.call("GET", "app/webapiVersion")
        await self.call("GET", "app/preferences")
        params = {"category": self.category} if self.category else {}
        items: list[dict[str, Any]] = await self.json("torrents/info", **params)
        return items

    async def add(self, magnet: str, torrent: bytes | None, name: str) -> bool:
        """A grab, by magnet or with the .torrent's bytes."""
        fields = {"category": self.category, "paused": "False"}
        if torrent is None:
            return (
                await self.call("POST", "torrents/add", data={"urls": magnet} | fields) != "Fails."
            )
        form = aiohttp.FormData()
        for key, value in fields.items():
            form.add_field(key, value)
        kind = "application/octet-stream"
        form.add_field("torrents", torrent, filename=f"{name}.torrent", content_type=kind)
        return await self.call("POST", "torrents/add", data=form) != "Fails."

    async def remove(self, torrent_hash: str) -> None:
        """With its files, as an arr always does."""
        data = {"hashes": torrent_hash.lower(), "deleteFiles": "true"}
        await self.call("POST", "torrents/delete", data=data)

    async def set_category(self, torrent_hash: str, category: str) -> None:
        """After an import, where a post-import category is set."""
        data = {"hashes": torrent_hash.lower(), "category": category}
        await self.call("POST", "torrents/setCategory", data=data)

    async def test(self) -> None:
        """What the Test button does; raises Unreachable."""
        await self.log_in()
        await self.call("GET", "app/webapiVersion")
        await self.call("GET", "app/preferences")
        for name in filter(None, (self.category, self.imported_category)):
            if name not in await self.json("torrents/categories"):
                await self.call("POST", "torrents/createCategory", data={"category": name})
        await self.items()

    async def root(self) -> str:
        """Where it says that finished downloads of the category go."""
        categories = await self.json("torrents/categories")
        preferences = await self.json("app/preferences")
        own = categories.get(self.category, {}).get("savePath") or ""
        return str(own or preferences["save_path"])

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                headers={"User-Agent": self.agent},
                cookie_jar=aiohttp.CookieJar(unsafe=True),
                timeout=aiohttp.ClientTimeout(total=SECONDS),
            )
        return self._session


def removable(item: dict[str, Any]) -> bool:
    """Whether an arr may move its files and remove it (§3.2)."""
    limit = item["ratio_limit"]
    reached = limit >= 0 and limit - item["ratio"] <= 0.001
    return item["state"] in ("pausedUP", "stoppedUP") and reached


def host_and_port(url: str) -> tuple[str, int, str]:
    """An address as it is typed into a download client's fields."""
    parsed = URL(url)
    return parsed.host or "", parsed.port or 80, parsed.path.rstrip("/")
