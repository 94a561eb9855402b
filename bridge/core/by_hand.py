"""What a person may do about a single torrent, from the page or the API."""

from msgspec.structs import replace

from bridge.core.commands import Commands
from bridge.core.engine import Engine
from bridge.core.ledger import Ledger
from bridge.delivery.delivery import Delivery
from bridge.errors import Refused, UnknownTorrent
from bridge.model import Complete, Delivering, Failed, Told, Torrent


class ByHand:
    """Raises UnknownTorrent, Refused and StoreTrouble."""

    def __init__(
        self, ledger: Ledger, commands: Commands, engine: Engine, delivery: Delivery
    ) -> None:
        self._ledger = ledger
        self._commands = commands
        self._engine = engine
        self._delivery = delivery

    async def retry(self, torrent_hash: str) -> None:
        """Begin a new attempt of a torrent that failed, or that is complete without its files."""
        torrent = self._require(torrent_hash)
        found_wanting = isinstance(torrent.phase, Complete) and torrent.phase.missing
        if not isinstance(torrent.phase, Failed) and not found_wanting:
            raise Refused("it has not failed, so there is nothing to retry")
        await self._commands.retry(torrent.hash)

    async def give_up(self, torrent_hash: str) -> None:
        """Let it fail, once TorBox has freed its slot; its arr is then told.

        One that failed already is told to its arr, whatever was decided about that before.
        """
        torrent = self._require(torrent_hash)
        if isinstance(torrent.phase, Complete):
            raise Refused("it is complete; remove it in the arr instead")

        def change(now: Torrent) -> Torrent | None:
            if isinstance(now.phase, Failed):
                return replace(now, told=Told.ASKED)
            if not now.listed or now.ended:
                return None
            return replace(now, giving_up=True)

        await self._ledger.change(torrent.hash, change)
        self._engine.stop_acting(torrent.hash)

    async def new_links(self, torrent_hash: str) -> None:
        """Drop the links to the CDN that its files come over, and ask for new ones."""
        torrent = self._require(torrent_hash)
        if not isinstance(torrent.phase, Delivering) or torrent.phase.placing:
            raise Refused("its files are not coming here just now, so there are no links")
        # The delivery begins again, and goes on at the same byte.
        self._engine.stop_acting(torrent.hash)
        self._delivery.forget_links(torrent.hash)
        self._engine.watch(torrent.hash).freed()
        self._engine.wake()

    def _require(self, torrent_hash: str) -> Torrent:
        torrent = self._ledger.torrents.get(torrent_hash.lower())
        if torrent is None or not torrent.listed:
            raise UnknownTorrent("no such torrent")
        return torrent
