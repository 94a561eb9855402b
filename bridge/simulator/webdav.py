"""WebDAV in miniature: the finished files of the first account as a read-only tree (§8).

Below /webdav instead of on a host of its own. The listing is up to fifteen minutes old.
"""

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import formatdate
from urllib.parse import quote
from xml.sax.saxutils import escape

from aiohttp import web

from . import shapes
from .account import Account, Item
from .habits import Habits
from .published import TorrentFile
from .world import World

LISTED_FOR_SECONDS = 900.0
REFRESH_SECONDS = 120.0  # two refreshes nearer to each other: 429
PREFIX = "/webdav"


@dataclass(frozen=True)
class Leaf:
    """A file of the tree."""

    item: Item
    file: TorrentFile


Tree = dict[str, Leaf]


def tree(account: Account, at: float, habits: Habits) -> Tree:
    """Paths of all finished files: below the torrent's own root folder, or flat."""
    leaves: Tree = {}
    for item in account.items(at):
        if not item.look(at).present:
            continue
        for file in shapes.listed_files(item):
            path = item.torrent.listed_path(file, in_folder=not habits.webdav_flatten)
            path = path.rpartition("/")[2] if habits.webdav_flatten else path
            leaves.setdefault(path, Leaf(item, file))
    return leaves


class WebDav:
    """PROPFIND and GET, and `refresh`; anything else is 405."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._listed: tuple[float, Tree] | None = None
        self._refreshed_at = 0.0

    @property
    def tree(self) -> Tree:
        """As it is listed now, perhaps old."""
        now = self.world.settle()
        if self._listed is None or now - self._listed[0] >= LISTED_FOR_SECONDS:
            self._listed = now, tree(self.world.accounts[0], now, self.world.habits)
        return self._listed[1]

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One request below /webdav."""
        if not self._knows(request.headers.get("Authorization", "")):
            headers = {"WWW-Authenticate": 'Basic realm="TorBox WebDAV"'}
            return web.Response(status=401, headers=headers)
        path = request.match_info["path"].strip("/")
        if path == "refresh" and request.method == "GET":
            return self._refresh()
        if request.method == "PROPFIND":
            return self._listing(path, request.headers.get("Depth", "1"))
        if request.method in ("GET", "HEAD"):
            return self._file(request, path)
        return web.Response(status=405)

    def _knows(self, authorization: str) -> bool:
        """Any user, with the key as the password."""
        kind, _, encoded = authorization.partition(" ")
        try:
            _, _, password = base64.b64decode(encoded).decode().partition(":")
        except (binascii.Error, ValueError):
            return False
        return kind.lower() == "basic" and password == self.world.accounts[0].key

    def _refresh(self) -> web.Response:
        now = self.world.now
        if now - self._refreshed_at < REFRESH_SECONDS:
            return web.Response(status=429, headers={"Retry-After": "900"})
        self._refreshed_at, self._listed = now, None
        return web.Response(text="ok")

    def _listing(self, path: str, depth: str) -> web.Response:
        entries = list(_below(self.tree, path, depth))
        if not entries:
            return web.Response(status=404)
        body = "".join(_response(name, leaf) for name, leaf in entries)
        xml = f'<?xml version="1.0"?><D:multistatus xmlns:D="DAV:">{body}</D:multistatus>'
        return web.Response(status=207, text=xml, content_type="application/xml")

    def _file(self, request: web.Request, path: str) -> web.Response:
        """Served by a redirect to a link: bytes, ranges and faults are the CDN's."""
        leaf = self.tree.get(path)
        now = self.world.settle()
        if leaf is None or not leaf.item.exists(now) or not leaf.item.look(now).present:
            return web.Response(status=404)
        link = self.world.link(self.world.accounts[0], leaf.item, leaf.file.id, now)
        base = self.world.habits.cdn_url or str(request.url.origin())
        location = f"{base}/dld/{link.uuid}?token={link.token}"
        return web.Response(status=302, headers={"Location": location})


def _below(tree: Tree, path: str, depth: str) -> Iterator[tuple[str, Leaf | None]]:
    """The entry itself and, but for depth 0, what is directly in it (`infinity`: everything)."""
    if path in tree:
        yield path, tree[path]
        return
    inside = [name for name in tree if not path or name.startswith(f"{path}/")]
    if path and not inside:
        return
    yield f"{path}/" if path else "", None
    seen: set[str] = set()
    for name in inside if depth != "0" else []:
        rest = name[len(path) :].lstrip("/")
        parts = rest.split("/")
        shown = range(1, len(parts) + 1) if depth == "infinity" else range(1, 2)
        for count in shown:
            full = "/".join(filter(None, (path, *parts[:count])))
            leaf = tree[name] if count == len(parts) else None
            if full not in seen:
                seen.add(full)
                yield full + ("" if leaf else "/"), leaf


def _response(name: str, leaf: Leaf | None) -> str:
    href = escape(f"{PREFIX}/{quote(name)}")
    kind = "" if leaf else "<D:collection/>"
    length = f"<D:getcontentlength>{leaf.file.size}</D:getcontentlength>" if leaf else ""
    changed = formatdate(leaf.item.present_at if leaf else 0, usegmt=True)
    return (
        f"<D:response><D:href>{href}</D:href><D:propstat><D:prop>"
        f"<D:resourcetype>{kind}</D:resourcetype>{length}"
        f"<D:getlastmodified>{changed}</D:getlastmodified>"
        "</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>"
    )
