"""Settings: frozen types with their defaults. Loading them is in `load`, at the end."""

from enum import StrEnum

from msgspec import Struct


class TorBoxSettings(Struct, frozen=True, forbid_unknown_fields=True):
    api_key: str = ""
    api_url: str = "https://api.torbox.app"
    poll_seconds: float = 60.0
    share: float = 1.0


class QBittorrentSettings(Struct, frozen=True, forbid_unknown_fields=True):
    username: str = "admin"
    password: str = ""
    api_key: str = ""
    trusted_networks: tuple[str, ...] = ()
    dialect: str = "4"


class ServerSettings(Struct, frozen=True, forbid_unknown_fields=True):
    host: str = "0.0.0.0"  # noqa: S104  a container's port mapping needs it
    port: int = 8484
    url_base: str = ""
    public_url: str = ""
    allowed_hosts: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()


class ImportMode(StrEnum):
    MOVE = "move"
    HARDLINK = "hardlink"


class DownloadsSettings(
    Struct, frozen=True, forbid_unknown_fields=True, rename={"import_mode": "import"}
):
    path: str = "/data/torrents"
    parallel_files: int = 4
    import_mode: ImportMode = ImportMode.MOVE


class CachedPolicy(StrEnum):
    ANY = "any"
    CACHED_FIRST = "cached_first"
    CACHED_ONLY = "cached_only"


class GiveUp(Struct, frozen=True, forbid_unknown_fields=True):
    no_metadata_minutes: float = 30.0
    no_seeds_hours: float = 2.0
    no_growth_hours: float = 6.0
    delivery_hours: float = 24.0


class CategorySettings(Struct, frozen=True, forbid_unknown_fields=True):
    cached: CachedPolicy = CachedPolicy.ANY
    deliver: str = "download"
    give_up: GiveUp = GiveUp()


class StateSettings(Struct, frozen=True, forbid_unknown_fields=True):
    path: str = "/config"


class LogSettings(Struct, frozen=True, forbid_unknown_fields=True):
    level: str = "info"
    format: str = "text"


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    torbox: TorBoxSettings = TorBoxSettings()
    qbittorrent: QBittorrentSettings = QBittorrentSettings()
    server: ServerSettings = ServerSettings()
    downloads: DownloadsSettings = DownloadsSettings()
    categories: dict[str, CategorySettings] = {}
    state: StateSettings = StateSettings()
    log: LogSettings = LogSettings()
