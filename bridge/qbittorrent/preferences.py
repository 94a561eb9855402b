"""`app/preferences`: every key the real server has, so that whatever a client reads is there.

What a client sets is kept and shown, except where the bridge means something by it (`FORCED`) or
where a login could be opened with it (`CLOSED`).
"""

import json
from collections.abc import Mapping
from importlib import resources

from bridge.config import QBittorrentSettings, ServerSettings
from bridge.core.commands import Commands
from bridge.qbittorrent.dialect import Dialect

MOST_TEXT = 10_000
MOST_NUMBER, LEAST_NUMBER = 2**31 - 1, -(2**31)
FRACTIONS = frozenset(("max_ratio",))
KIB = 1024
LIMITS = frozenset(("dl_limit", "up_limit", "alt_dl_limit", "alt_up_limit"))

# Arrs refuse magnets without DHT, and a client that removes finished torrents (arr-contract.md
# §2.2, §3.4); folders are decided by design §5.
FORCED = {
    "auto_tmm_enabled": False,
    "dht": True,
    "max_inactive_seeding_time_enabled": False,
    "max_ratio_act": 0,
    "max_ratio_enabled": False,
    "max_seeding_time_enabled": False,
    "queueing_enabled": True,
    "temp_path_enabled": True,
    "torrent_content_layout": "Original",
    "use_category_paths_in_manual_mode": True,
}
CLOSED = ("web_ui_", "bypass_", "dyndns_", "mail_", "proxy_", "autorun_", "alternative_webui_")
# Not a preference of qBittorrent's: the state of the alternative limits' switch.
ALTERNATIVE_LIMITS = "alternative_limits"


class Preferences:
    """The preferences as clients see them."""

    def __init__(
        self,
        commands: Commands,
        dialect: Dialect,
        settings: QBittorrentSettings,
        server: ServerSettings,
    ) -> None:
        self._commands = commands
        recorded = json.loads(
            resources.files("bridge.qbittorrent").joinpath("preferences.json").read_text("utf-8")
        )
        self._defaults: dict[str, object] = {**recorded["both"], **recorded[dialect.name]}
        root = commands.download_root
        self._forced: dict[str, object] = {
            **FORCED,
            "save_path": root,
            "temp_path": f"{root.rstrip('/')}/.incomplete",
            "web_ui_port": server.port,
            "web_ui_username": settings.username,
        }

    def shown(self) -> dict[str, object]:
        """All of them."""
        kept = {
            key: value
            for key, value in self._commands.preferences.items()
            if self._takes(key, value)
        }
        forced = {key: value for key, value in self._forced.items() if key in self._defaults}
        return {**self._defaults, **kept, **forced}

    async def change(self, text: str) -> None:
        """Keep what a client set. What is no JSON, unknown or not to be set is passed over."""
        changes = _read(text)
        taken = {
            key: _in_kib(value) if key in LIMITS and isinstance(value, int) else value
            for key, value in changes.items()
            if self._takes(key, value)
        }
        if taken:
            await self._commands.set_preferences(taken)

    def flag(self, name: str) -> bool:
        """A preference that is yes or no."""
        return self._value(name) is True

    def limit(self, name: str) -> int:
        """A preference that is a number of bytes a second; 0 is no limit."""
        value = self._value(name)
        return value if isinstance(value, int) else 0

    async def set_limit(self, name: str, value: int) -> None:
        """Set a preference that is a number of bytes a second."""
        await self._commands.set_preferences({name: _in_kib(min(max(0, value), MOST_NUMBER))})

    @property
    def kept(self) -> Mapping[str, object]:
        """What clients have set; another mapping after each change."""
        return self._commands.preferences

    @property
    def alternative_limits(self) -> bool:
        """Whether the alternative limits count."""
        return self._commands.preferences.get(ALTERNATIVE_LIMITS) is True

    async def set_alternative_limits(self, *, on: bool) -> None:
        """Let the alternative limits count, or the usual ones."""
        await self._commands.set_preferences({ALTERNATIVE_LIMITS: on})

    def _value(self, name: str) -> object:
        """One of `shown`, without the others: every poll asks for two of them."""
        kept = self._commands.preferences.get(name)
        if kept is not None and self._takes(name, kept):
            return kept
        return self._forced.get(name, self._defaults.get(name))

    def _takes(self, key: str, value: object) -> bool:
        default = self._defaults.get(key)
        if default is None or key in self._forced or key.startswith(CLOSED):
            return False
        if isinstance(value, str) and len(value) > MOST_TEXT:
            return False
        if isinstance(value, int | float) and not LEAST_NUMBER <= value <= MOST_NUMBER:
            return False  # clients read 32 bits
        if key in LIMITS and isinstance(value, int) and value < 0:
            return False
        if key in FRACTIONS and isinstance(value, float):
            return True
        return type(value) is type(default) and not isinstance(value, dict)


def _in_kib(limit: int) -> int:
    """Bytes a second as the real server keeps them: in whole KiB, and no limit becomes none."""
    return max(limit - limit % KIB, KIB) if limit else 0


def _read(text: str) -> Mapping[str, object]:
    try:
        changes = json.loads(text, parse_constant=lambda _word: None)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(changes, dict):
        return {}
    return {key: _whole(value) for key, value in changes.items()}


def _whole(value: object) -> object:
    """As qBittorrent writes numbers: 2.0 is 2."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
