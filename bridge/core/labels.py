"""Categories and tags: what clients file torrents under, and where a category's files go."""

import os
import re
from collections.abc import Callable, Collection, Iterable
from functools import partial
from pathlib import Path, PurePosixPath

from msgspec.structs import replace

from bridge.clock import Clock
from bridge.core.board import Board
from bridge.core.claims import left_to, without_claim
from bridge.core.ledger import Change, Ledger
from bridge.delivery.paths import INCOMPLETE
from bridge.errors import BadParameter, Refused
from bridge.model import Category, Torrent
from bridge.names import fits_a_disk, safe_path
from bridge.store import store as remember
from bridge.store.store import Store

_NOT_IN_PATHS = re.compile("[\x00-\x1f\x7f]")


class Labels:
    """Committed here, shown on the board; folders are made by a worker."""

    def __init__(self, ledger: Ledger, board: Board, store: Store, root: str, clock: Clock) -> None:
        self._ledger = ledger
        self._board = board
        self._store = store
        self._root = root
        self._clock = clock
        # Called with an absolute folder that is to be made; the housekeeper sets it.
        self.wants_folder: Callable[[str], None] = lambda _path: None

    def path(self, name: str) -> str:
        """Where files of this category go, absolute; the root for none."""
        category = self._board.categories.get(name)
        if category is not None and category.save_path:
            return str(Path(self._root) / category.save_path)
        return str(Path(self._root) / safe_path(name.split("/"))) if name else self._root

    def inside_root(self, path: Path) -> str:
        """The path, normalised, if it lies in the download folder; Refused if it does not."""
        wanted = self._inside_root(path)
        if not fits_a_disk(wanted):
            raise Refused("the path, or a name in it, is longer than a disk takes")
        return str(wanted)

    def _inside_root(self, path: Path) -> Path:
        wanted = Path(os.path.normpath(Path(self._root) / path))
        if not wanted.is_relative_to(self._root):
            raise Refused("the path lies outside the download folder")
        if wanted.is_relative_to(Path(self._root) / INCOMPLETE):
            raise Refused("what is incomplete has its own folder")
        if _NOT_IN_PATHS.search(str(path)):
            raise Refused("the path holds a control character")
        return wanted

    def can_be(self, name: str) -> bool:
        """Whether this is a category, or could be made one."""
        if name in self._board.categories:
            return True
        try:
            self._checked(name, "")
        except Refused:
            return False
        return bool(name) and _is_category_name(name)

    async def ensure_category(self, name: str) -> None:
        """Make the category, whose name can be one, unless it is there."""
        if name not in self._board.categories:
            await self.create_category(name)

    async def create_category(self, name: str, save_path: str = "") -> None:
        """A new category; its folder follows."""
        if not name:
            raise BadParameter("Category cannot be empty")
        if not _is_category_name(name):
            raise Refused("Incorrect category name")
        if name in self._board.categories:
            raise Refused("Unable to create category")
        await self._put(Category(name, self._checked(name, save_path)))

    async def edit_category(self, name: str, save_path: str) -> None:
        """Change where new torrents of the category go; nothing is moved."""
        if not name:
            raise BadParameter("Category cannot be empty")
        before = self._board.categories.get(name)
        after = Category(name, self._checked(name, save_path))
        if before is None or before == after:
            raise Refused("Unable to edit category")
        await self._put(after)

    async def remove_categories(self, names: Iterable[str]) -> None:
        """Forget categories; their torrents have none then."""
        for name in names:
            if name not in self._board.categories:
                continue
            await self._store.write(remember.forget_category(name))
            categories = dict(self._board.categories)
            del categories[name]
            self._board.categories = categories
            await self._ledger.change_all(
                {
                    torrent.hash: partial(_uncategorised, name=name, time=self._clock.time())
                    for torrent in self._ledger.torrents.values()
                    if name in (torrent.category, *torrent.claims)
                }
            )

    async def create_tags(self, tags: Iterable[str]) -> None:
        """Tags that can be given to torrents."""
        new = [tag for tag in _clean(tags) if tag not in self._board.tags]
        if new:
            await self._store.write(*(remember.put_tag(tag) for tag in new))
            self._board.tags = tuple(sorted({*self._board.tags, *new}))

    async def delete_tags(self, tags: Iterable[str]) -> None:
        """Forget tags, and take them off all torrents."""
        gone = set(_clean(tags))
        await self._store.write(*(remember.forget_tag(tag) for tag in gone))
        self._board.tags = tuple(tag for tag in self._board.tags if tag not in gone)
        await self.untag(list(self._ledger.torrents), gone)

    async def tag(self, hashes: Iterable[str], tags: Collection[str]) -> None:
        """Give tags to torrents; unknown ones are made, if there is a torrent for them."""
        await self._change_tags(hashes, partial(tagged, tags=tuple(_clean(tags))), tags)

    async def set_tags(self, hashes: Iterable[str], tags: Collection[str]) -> None:
        """Let torrents carry these tags and no others."""
        await self._change_tags(hashes, partial(replace, tags=tuple(_clean(tags))), tags)

    async def untag(self, hashes: Iterable[str], tags: Iterable[str]) -> None:
        """Take tags off torrents."""
        await self._change_tags(hashes, partial(_untagged, gone=frozenset(_clean(tags))))

    async def clear_tags(self, hashes: Iterable[str]) -> None:
        """Take all tags off torrents."""
        await self._change_tags(hashes, partial(replace, tags=()))

    async def _change_tags(
        self, hashes: Iterable[str], change: Change, new: Iterable[str] = ()
    ) -> None:
        changes = {torrent_hash.lower(): change for torrent_hash in hashes}
        if changes:
            await self.create_tags(new)
        await self._ledger.change_all(changes)

    def _checked(self, name: str, save_path: str) -> str:
        """The save path as it is kept; neither it nor the name may lead out of the root."""
        if save_path:
            self.inside_root(Path(save_path))
        self._inside_root(Path(*name.split("/")))  # its folder has a shorter name if need be
        return save_path

    async def _put(self, category: Category) -> None:
        await self._store.write(remember.put_category(category))
        self._board.categories = {**self._board.categories, category.name: category}
        self.wants_folder(self.path(category.name))


def _is_category_name(name: str) -> bool:
    """QBittorrent's own rule (qbittorrent.md §5), and no part that leads elsewhere."""
    parts = PurePosixPath(name).parts
    if "\\" in name or name.startswith("/") or name.endswith("/") or "//" in name:
        return False
    return ".." not in parts and not _NOT_IN_PATHS.search(name)


def _clean(tags: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(tag.strip() for tag in tags if tag.strip()))


def _uncategorised(torrent: Torrent, *, name: str, time: float) -> Torrent:
    left = without_claim(torrent, name)
    if left.category != name:
        return left
    return left_to(left, "", time) if left.claims else replace(left, category="")


def tagged(torrent: Torrent, tags: tuple[str, ...]) -> Torrent:
    """The torrent with these tags behind its own."""
    return replace(torrent, tags=tuple(dict.fromkeys([*torrent.tags, *tags])))


def _untagged(torrent: Torrent, gone: frozenset[str]) -> Torrent:
    return replace(torrent, tags=tuple(tag for tag in torrent.tags if tag not in gone))
