"""What can be set, as frozen types with their defaults (design §6)."""

from enum import StrEnum

from msgspec import Struct

from bridge.config.amounts import Bytes
from bridge.config.schedule import Slot
from bridge.errors import BadSettings

EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104
SECRET_NAMES = frozenset({"api_key", "password", "webhook", "apprise"})


class Section(Struct, frozen=True, forbid_unknown_fields=True):
    """A group of settings whose secrets never show when it is printed."""

    def __repr__(self) -> str:
        shown = (
            f"{name}={'<secret>' if name in SECRET_NAMES else repr(getattr(self, name))}"
            for name in self.__struct_fields__
        )
        return f"{type(self).__name__}({', '.join(shown)})"


class TorBoxSettings(Section, frozen=True):
    """The account, and how much of it is ours."""

    api_key: str = ""
    api_url: str = "https://api.torbox.app"  # without /v1, without a slash at the end
    poll_seconds: float = 60.0  # upper bound of the interval while something moves
    share: float = 1.0  # part of the hourly budget, above 0 and at most 1


class QBittorrentSettings(Section, frozen=True):
    """What is typed into Sonarr and Radarr."""

    username: str = "admin"
    password: str = ""  # "": made at first start and kept in the state folder
    api_key: str = ""  # "": no Bearer key is accepted
    trusted_networks: tuple[str, ...] = ()  # each parses as an ipaddress network
    dialect: str = "4"  # or "5"


class ServerSettings(Section, frozen=True):
    """Where the bridge listens, and who may call it by which name."""

    host: str = EVERYWHERE[0]  # a container's port mapping needs it
    port: int = 8484  # 0: a free one
    url_base: str = ""  # "" or "/x", never a slash at the end
    public_url: str = ""
    allowed_hosts: tuple[str, ...] = ()  # lower case, without ports
    trusted_proxies: tuple[str, ...] = ()  # each parses as an ipaddress network

    @property
    def local_host(self) -> str:
        """The address by which this machine itself reaches the bridge."""
        return "127.0.0.1" if self.host in EVERYWHERE else self.host


class ImportMode(StrEnum):
    """What an arr does with finished files, as it was set up there."""

    MOVE = "move"
    HARDLINK = "hardlink"


class DownloadsSettings(Section, frozen=True, rename={"import_mode": "import"}):
    """Where files go; `path` is absolute."""

    path: str = "/data/torrents"
    parallel_files: int = 4
    connections_per_file: int = 1
    keep_free: Bytes = Bytes("1 GiB")  # so much of the disk is never filled
    schedule: tuple[Slot, ...] = ()  # when fewer bytes come, or none; the first that covers counts
    settle_seconds: float = 0.0  # between the final rename and "complete", for network shares
    import_mode: ImportMode = ImportMode.MOVE


class CachedPolicy(StrEnum):
    """What to do with a torrent that TorBox does not have yet."""

    ANY = "any"
    CACHED_FIRST = "cached_first"
    CACHED_ONLY = "cached_only"


class GiveUp(Section, frozen=True):
    """How much healthy, observed time a torrent gets (design §4, clocks)."""

    no_metadata_minutes: float = 30.0
    no_seeds_hours: float = 2.0
    no_growth_hours: float = 6.0
    delivery_hours: float = 24.0


class Accept(StrEnum):
    """What is not downloaded unless somebody wants it."""

    ARCHIVES = "archives"  # torrents of nothing else: arrs cannot import them
    EXECUTABLES = "executables"  # the same for programs: fakes, mostly
    INFECTED = "infected"  # what TorBox's virus scanner found


class CategorySettings(Section, frozen=True):
    """The rules for one category, with what "*" says already filled in."""

    cached: CachedPolicy = CachedPolicy.ANY
    cached_first_minutes: float = 60.0  # how long cached_first waits for a torrent to be cached
    refuse_at_add: bool = False  # under cached_only: every client is told `Fails.`
    deliver: str = "download"
    include: tuple[str, ...] = ()  # globs of files to take; (): all
    exclude: tuple[str, ...] = ()  # globs of files to leave out
    smallest: Bytes = Bytes(0)  # smaller files are left out, subtitles and their like are not
    accept: tuple[Accept, ...] = ()  # what would fail a torrent otherwise
    give_up: GiveUp = GiveUp()


class ArrSettings(Section, frozen=True):
    """An arr whose own API may be asked."""

    name: str = ""
    url: str = ""
    api_key: str = ""
    client: str = ""  # the name of its download client entry that is us; "": found by asking


class FailureAction(StrEnum):
    """What becomes of a torrent that failed, where its arr's key is known."""

    REPLACE = "replace"  # blocklisted in the arr, and another release searched for
    BLOCKLIST = "blocklist"  # blocklisted, nothing searched for
    TELL = "tell"  # only shown here


class FailuresSettings(Section, frozen=True):
    """What is done per cause (the names of `model.Cause`), and how often at most."""

    refused: FailureAction = FailureAction.REPLACE
    not_cached: FailureAction = FailureAction.REPLACE
    v2_only: FailureAction = FailureAction.REPLACE
    no_files: FailureAction = FailureAction.REPLACE
    no_metadata: FailureAction = FailureAction.REPLACE
    no_seeds: FailureAction = FailureAction.REPLACE
    no_growth: FailureAction = FailureAction.REPLACE
    torbox_failed: FailureAction = FailureAction.REPLACE
    gone: FailureAction = FailureAction.REPLACE
    delivery: FailureAction = FailureAction.REPLACE
    disproved: FailureAction = FailureAction.REPLACE
    given_up: FailureAction = FailureAction.REPLACE
    most_per_day: int = 200
    most_per_title: int = 20  # of one series, film, artist or author in a day

    def action(self, cause: str) -> FailureAction:
        """What to do about this cause."""
        return FailureAction(getattr(self, cause))


class NotifySettings(Section, frozen=True):
    """Who is told of what, and when. Nobody, unless a webhook or an Apprise URL is given."""

    webhook: str = ""
    apprise: tuple[str, ...] = ()
    about: tuple[str, ...] = ("replaced", "failed", "person")  # complete, too, if wanted
    digest_minutes: float = 0.0  # collected for so long; 0: each at once
    quiet_hours: str = ""  # like 22:00-07:00; "": none


class StateSettings(Section, frozen=True):
    """Where the bridge remembers; `path` is absolute."""

    path: str = "/config"


class LogSettings(Section, frozen=True):
    """What is logged, and in which form."""

    level: str = "info"
    format: str = "text"
    files: int = 5  # of 5 MiB each that are kept in the state folder, beside standard error


class Settings(Section, frozen=True):
    """Every setting. A part is handed its own section, never the whole."""

    torbox: TorBoxSettings = TorBoxSettings()
    qbittorrent: QBittorrentSettings = QBittorrentSettings()
    server: ServerSettings = ServerSettings()
    downloads: DownloadsSettings = DownloadsSettings()
    categories: dict[str, CategorySettings] = {}
    arrs: tuple[ArrSettings, ...] = ()
    failures: FailuresSettings = FailuresSettings()
    notify: NotifySettings = NotifySettings()
    state: StateSettings = StateSettings()
    log: LogSettings = LogSettings()

    def category(self, name: str) -> CategorySettings:
        """The rules for torrents of this category; those of "*" when it has none of its own."""
        fallback = self.categories.get("*", CategorySettings())
        return self.categories.get(name, fallback)

    def secrets(self) -> tuple[str, ...]:
        """What must never be logged or shown."""
        said = (self.torbox.api_key, self.qbittorrent.password, self.qbittorrent.api_key)
        keys = (arr.api_key for arr in self.arrs)
        told = (self.notify.webhook, *self.notify.apprise)
        return tuple(secret for secret in (*said, *keys, *told) if secret)

    def require_key(self) -> None:
        """Raise BadSettings if there is no TorBox key; only serving needs one."""
        if not self.torbox.api_key:
            raise BadSettings(
                "the TorBox API key is missing: copy it from https://torbox.app/settings and set "
                "it as TORBOX_API_KEY, as a file in TORBOX_API_KEY_FILE, or as torbox.api_key "
                "in config.yaml"
            )
