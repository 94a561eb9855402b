"""Categories and tags (qbittorrent.md §4 and §5)."""

from collections.abc import Mapping

from aiohttp import web

from bridge.core.commands import Commands
from bridge.errors import BadParameter
from bridge.model import Category
from bridge.qbittorrent import answers
from bridge.qbittorrent.forms import form_of
from bridge.qbittorrent.session import asker_of
from bridge.qbittorrent.targets import hashes_in


class Categories:
    """What torrents are filed under, and where each category's files go."""

    def __init__(self, commands: Commands) -> None:
        self._commands = commands
        self._labels = commands.labels
        self._of: Mapping[str, Category] | None = None  # what was shown last
        self._shown: dict[str, dict[str, str]] = {}

    def shown(self) -> dict[str, dict[str, str]]:
        """As clients see them. `savePath` is absolute: arrs look whether the folder is there."""
        categories = self._commands.board.categories
        if self._of is not categories:  # the core puts new ones in its place
            self._of = categories
            self._shown = {
                name: {"name": name, "savePath": self._labels.path(name)} for name in categories
            }
        return self._shown

    async def list(self, _request: web.Request) -> web.Response:
        """All categories."""
        return answers.json(self.shown())

    async def create(self, request: web.Request) -> web.Response:
        """A new category."""
        form = await form_of(request)
        form.require("category")
        if not form.text("category"):
            raise BadParameter("Category cannot be empty")
        await self._labels.create_category(form.text("category"), form.text("savePath"))
        return answers.nothing()

    async def edit(self, request: web.Request) -> web.Response:
        """Another place for a category's new torrents."""
        form = await form_of(request)
        form.require("category", "savePath")
        if not form.text("category"):
            raise BadParameter("Category cannot be empty")
        await self._labels.edit_category(form.text("category"), form.text("savePath"))
        return answers.nothing()

    async def remove(self, request: web.Request) -> web.Response:
        """Forget categories; unknown ones are passed over."""
        form = await form_of(request)
        form.require("categories")
        await self._labels.remove_categories(form.text("categories").split("\n"))
        return answers.nothing()

    async def set(self, request: web.Request) -> web.Response:
        """Put torrents into a category."""
        form = await form_of(request)
        form.require("hashes", "category")
        hashes = hashes_in(form, self._commands.board)
        await self._commands.set_category(hashes, form.text("category"), asker_of(request))
        return answers.nothing()


class Tags:
    """Words that torrents can carry."""

    def __init__(self, commands: Commands) -> None:
        self._commands = commands
        self._labels = commands.labels

    def shown(self) -> list[str]:
        """As clients see them."""
        return sorted(self._commands.board.tags)

    async def list(self, _request: web.Request) -> web.Response:
        """All tags."""
        return answers.json(self.shown())

    async def create(self, request: web.Request) -> web.Response:
        """New tags."""
        form = await form_of(request)
        form.require("tags")
        await self._labels.create_tags(form.pieces("tags", ","))
        return answers.nothing()

    async def delete(self, request: web.Request) -> web.Response:
        """Forget tags, also where torrents carry them."""
        form = await form_of(request)
        form.require("tags")
        await self._labels.delete_tags(form.pieces("tags", ","))
        return answers.nothing()

    async def add(self, request: web.Request) -> web.Response:
        """Give tags to torrents."""
        form = await form_of(request)
        form.require("hashes", "tags")
        hashes = hashes_in(form, self._commands.board)
        await self._labels.tag(hashes, form.pieces("tags", ","))
        return answers.nothing()

    async def remove(self, request: web.Request) -> web.Response:
        """Take tags off torrents; all of them if none is named."""
        form = await form_of(request)
        form.require("hashes")
        hashes = hashes_in(form, self._commands.board)
        # Blanks name a tag that nobody has; a comma alone names none.
        if form.text("tags").strip(","):
            await self._labels.untag(hashes, form.pieces("tags", ","))
        else:
            await self._labels.clear_tags(hashes)
        return answers.nothing()

    async def set(self, request: web.Request) -> web.Response:
        """Let torrents carry these tags and no others."""
        form = await form_of(request)
        form.require("hashes", "tags")
        hashes = hashes_in(form, self._commands.board)
        await self._labels.set_tags(hashes, form.pieces("tags", ","))
        return answers.nothing()
