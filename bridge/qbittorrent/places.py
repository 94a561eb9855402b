"""`torrents/…`: where files go and what they are called, always inside the root."""

import posixpath
from collections.abc import Mapping

from aiohttp import web

from bridge.core.commands import Commands
from bridge.errors import BadParameter, Refused
from bridge.model import Torrent
from bridge.qbittorrent import answers
from bridge.qbittorrent.details import file_names
from bridge.qbittorrent.forms import Form, form_of
from bridge.qbittorrent.targets import hashes_in
from bridge.qbittorrent.views import own_folder


class Locations:
    """The endpoints that move and rename."""

    def __init__(self, commands: Commands) -> None:
        self._commands = commands

    async def set_location(self, request: web.Request) -> web.Response:
        """Another folder for torrents; a relative one is below the root."""
        form = await form_of(request)
        form.require("hashes", "location")
        await self._move(form, "hashes", "location", "Cannot make save path")
        return answers.nothing()

    async def set_save_path(self, request: web.Request) -> web.Response:
        """The same, by its newer name."""
        form = await form_of(request)
        form.require("id", "path")
        await self._move(form, "id", "path", "Cannot create target directory")
        return answers.nothing()

    async def set_download_path(self, request: web.Request) -> web.Response:
        """Accepted; what is incomplete lies below `.incomplete` for all torrents."""
        (await form_of(request)).require("id", "path")
        return answers.nothing()

    async def rename_file(self, request: web.Request) -> web.Response:
        """Another path for a file, below the torrent's own folder."""
        form = await form_of(request)
        form.require("hash", "oldPath", "newPath")
        torrent = self._torrent(form)
        names = file_names(torrent)
        old, new = _paths(form)
        if new in names and new != old:
            raise Refused(f"The file already exists: '{new}'.")
        if old not in names:
            raise Refused(f"No such file: '{old}'.")
        await self._rename(torrent, {old: new})
        return answers.nothing()

    async def rename_folder(self, request: web.Request) -> web.Response:
        """Another name for a folder: the torrent's own, or one below it."""
        form = await form_of(request)
        form.require("hash", "oldPath", "newPath")
        torrent = self._torrent(form)
        names = file_names(torrent)
        old, new = _paths(form)
        inside = [name for name in names if name.startswith(f"{old}/")]
        if any(name.startswith(f"{new}/") for name in names if name not in inside):
            raise Refused(f"The folder already exists: '{new}'.")
        if not inside:
            raise Refused(f"No such folder: '{old}'.")
        if old == own_folder(torrent):
            await self._commands.places.rename_folder(torrent.hash, new)
        else:
            await self._rename(torrent, {name: new + name[len(old) :] for name in inside})
        return answers.nothing()

    async def _rename(self, torrent: Torrent, changes: Mapping[str, str]) -> None:
        prefix = f"{own_folder(torrent)}/"
        if not all(new.startswith(prefix) for new in changes.values()):
            raise Refused(f"A file cannot leave its torrent's folder: '{prefix[:-1]}'.")
        cut = len(prefix)
        await self._commands.places.rename_files(
            torrent.hash, {old[cut:]: new[cut:] for old, new in changes.items()}
        )

    async def _move(self, form: Form, hashes: str, path: str, refusal: str) -> None:
        if not form.text(path).strip():
            raise BadParameter("Save path cannot be empty")
        if any(letter < " " for letter in form.text(path)):
            raise Refused(refusal)
        chosen = hashes_in(form, self._commands.board, hashes)
        try:
            await self._commands.places.set_location(chosen, form.text(path).strip())
        except Refused as error:
            raise Refused(refusal) from error

    def _torrent(self, form: Form) -> Torrent:
        return self._commands.board.get(form.text("hash")).torrent


def _paths(form: Form) -> tuple[str, str]:
    """Both paths, `a//b` written shortly, after the real server's checks in its order."""
    old, new = _short(form.text("oldPath")), _short(form.text("newPath"))
    for name, path in (("old", old), ("new", new)):
        if not path:
            raise Refused(f"The {name} path is invalid: ''.")
    if new.startswith("/"):
        raise Refused(f"Absolute path isn't allowed: '{new}'.")
    return old, new


def _short(path: str) -> str:
    return posixpath.normpath(path) if path else ""
