"""Putting what is known of torrents on the board that clients read."""

from msgspec.structs import replace

from bridge.clock import Clock
from bridge.config import DownloadsSettings, ImportMode
from bridge.core import showing
from bridge.core.board import Board
from bridge.core.watch import Watch
from bridge.core.weather import Weather
from bridge.delivery.delivery import Delivery
from bridge.model import Torrent


class Display:
    """Shows torrents and the bridge's own health on the board."""

    def __init__(
        self,
        board: Board,
        delivery: Delivery,
        weather: Weather,
        clock: Clock,
        settings: DownloadsSettings,
    ) -> None:
        self._board = board
        self._delivery = delivery
        self._weather = weather
        self._clock = clock
        self._hardlink = settings.import_mode is ImportMode.HARDLINK

    def show(self, torrent: Torrent, watch: Watch, interval_seconds: float) -> None:
        """Show this torrent as it is now; nothing happens if it looks the same."""
        moment = showing.Moment(
            self._clock.monotonic(),
            self._clock.time(),
            self._weather,
            interval_seconds,
            self._delivery.held,
            self._hardlink,
        )
        leg = self._delivery.leg(torrent.hash)
        self._board.put(torrent, showing.shown(torrent, watch, leg, moment))

    def drop(self, torrent_hash: str) -> None:
        """Show it no more."""
        self._board.drop(torrent_hash)

    def show_health(self) -> None:
        """Show what holds everything up, and how fast files come here."""
        flow = self._delivery.flow
        self._board.health = replace(
            self._board.health,
            connected=self._weather.connected,
            sentence=self._weather.sentence,
            speed=round(flow.speed),
            session_bytes=flow.received_bytes,
        )
