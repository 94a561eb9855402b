"""What a setting may be, each rule with a sentence; and one spelling for each value."""

import os
import re
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

from msgspec.structs import replace

from bridge.config.building import WrongSetting, shown
from bridge.config.types import (
    ArrSettings,
    CategorySettings,
    DownloadsSettings,
    FailuresSettings,
    LogSettings,
    NotifySettings,
    QBittorrentSettings,
    ServerSettings,
    Settings,
    StateSettings,
    TorBoxSettings,
)

LEVELS = ("debug", "info", "warning", "error")
FORMATS = ("text", "json")
DIALECTS = ("4", "5")
NOTICES = ("complete", "replaced", "failed", "person")
LONGEST_DIGEST_MINUTES = 7 * 24 * 60
LATER = ("symlink", "strm")  # designed, not built yet
SMALLEST_POLL_SECONDS = 5.0
MOST_PARALLEL_FILES = 32
MOST_CONNECTIONS_PER_FILE = 4  # the CDN asks for one, and bans addresses that make many
MOST_SETTLE_SECONDS = 600.0
MOST_LOG_FILES = 100


def checked(settings: Settings, environ: Mapping[str, str]) -> Settings:
    """The settings with one spelling for each value; raises WrongSetting."""
    home = _home(environ)
    result = Settings(
        torbox=_torbox(settings.torbox),
        qbittorrent=_qbittorrent(settings.qbittorrent),
        server=_server(settings.server),
        downloads=_downloads(settings.downloads, home),
        categories={name: _category(name, rules) for name, rules in settings.categories.items()},
        arrs=_arrs(settings.arrs),
        failures=_failures(settings.failures),
        notify=_notify(settings.notify),
        state=StateSettings(path=_folder("state.path", settings.state.path, home)),
        log=_log(settings.log),
    )
    if result.state.path == result.downloads.path:
        _wrong("state.path", "it must not be the folder of downloads.path")
    return result


def _home(environ: Mapping[str, str]) -> Path:
    try:
        return Path(environ.get("HOME") or "~").expanduser()
    except RuntimeError:
        return Path("/")  # a user that the system has no entry for: Docker says so, too


def _wrong(path: str, sentence: str) -> NoReturn:
    raise WrongSetting(path, sentence)


def _torbox(torbox: TorBoxSettings) -> TorBoxSettings:
    _require_key_characters("torbox.api_key", torbox.api_key)
    url = _url("torbox.api_url", torbox.api_url)
    if not url:
        _wrong("torbox.api_url", "it is empty; leave it out for TorBox itself")
    if "v1" in urlsplit(url).path.split("/"):
        _wrong("torbox.api_url", "leave out /v1 and what follows: it is added for each call")
    if torbox.poll_seconds < SMALLEST_POLL_SECONDS:
        _wrong("torbox.poll_seconds", f"expected {SMALLEST_POLL_SECONDS:g} seconds or more")
    if not 0 < torbox.share <= 1:
        _wrong("torbox.share", "expected a number above 0 and at most 1")
    return replace(torbox, api_url=url)


def _qbittorrent(face: QBittorrentSettings) -> QBittorrentSettings:
    if not face.username or not face.username.isprintable():
        _wrong("qbittorrent.username", "it is empty or holds a control character")
    if face.password and not face.password.isprintable():
        _wrong("qbittorrent.password", "it holds a control character")
    _require_key_characters("qbittorrent.api_key", face.api_key)
    _choice("qbittorrent.dialect", face.dialect, DIALECTS)
    networks = _networks("qbittorrent.trusted_networks", face.trusted_networks)
    return replace(face, trusted_networks=networks)


def _server(server: ServerSettings) -> ServerSettings:
    if not re.fullmatch(r"[\w.:%-]+", server.host, re.ASCII):
        _wrong("server.host", "expected an address to listen at, like 0.0.0.0 or ::")
    if not 0 <= server.port <= 65535:
        _wrong("server.port", "expected a port from 0 (a free one) to 65535")
    for name in server.allowed_hosts:
        if not re.fullmatch(r"[\w.-]+", name):
            _wrong("server.allowed_hosts", f"{shown(name)}: a host name only, no http://, no port")
    return replace(
        server,
        url_base=_url_base(server.url_base),
        public_url=_url("server.public_url", server.public_url),
        allowed_hosts=tuple(name.lower() for name in server.allowed_hosts),
        trusted_proxies=_networks("server.trusted_proxies", server.trusted_proxies),
    )


def _downloads(downloads: DownloadsSettings, home: Path) -> DownloadsSettings:
    if not 1 <= downloads.parallel_files <= MOST_PARALLEL_FILES:
        _wrong("downloads.parallel_files", f"expected 1 to {MOST_PARALLEL_FILES}")
    if not 1 <= downloads.connections_per_file <= MOST_CONNECTIONS_PER_FILE:
        _wrong("downloads.connections_per_file", f"expected 1 to {MOST_CONNECTIONS_PER_FILE}")
    if not 0 <= downloads.settle_seconds <= MOST_SETTLE_SECONDS:
        _wrong("downloads.settle_seconds", f"expected 0 to {MOST_SETTLE_SECONDS:g} seconds")
    return replace(downloads, path=_folder("downloads.path", downloads.path, home))


def _category(name: str, rules: CategorySettings) -> CategorySettings:
    path = f"categories.{name}"
    if not name or not name.isprintable():
        _wrong("categories", "a category's name is empty or holds a control character")
    if rules.cached_first_minutes <= 0:
        _wrong(f"{path}.cached_first_minutes", "expected a number above 0")
    _not_later(f"{path}.deliver", rules.deliver, "download")
    _choice(f"{path}.deliver", rules.deliver, ("download",))
    if any(not glob.strip() for glob in (*rules.include, *rules.exclude)):
        _wrong(path, "an empty pattern in include or exclude matches nothing; leave it out")
    for field in rules.give_up.__struct_fields__:
        if getattr(rules.give_up, field) <= 0:
            _wrong(f"{path}.give_up.{field}", "expected a number above 0")
    return rules


def _not_later(path: str, value: str, only: str) -> None:
    # Refused, as doing something else than what was asked would be worse.
    if value in LATER:
        _wrong(path, f"{value} is not available in this version, only {only}")


def _arrs(arrs: tuple[ArrSettings, ...]) -> tuple[ArrSettings, ...]:
    names = [arr.name.lower() for arr in arrs]
    if len(set(names)) < len(names):
        _wrong("arrs", "two have the same name")
    return tuple(_arr(arr) for arr in arrs)


def _failures(failures: FailuresSettings) -> FailuresSettings:
    for name in ("most_per_day", "most_per_title"):
        if getattr(failures, name) < 1:
            _wrong(f"failures.{name}", "expected 1 or more")
    return failures


def _notify(notify: NotifySettings) -> NotifySettings:
    if notify.webhook and not re.fullmatch(r"https?://[!-~]+", notify.webhook):
        _wrong("notify.webhook", "expected a URL that begins with http:// or https://")
    for about in notify.about:
        _choice("notify.about", about, NOTICES)
    if not 0 <= notify.digest_minutes <= LONGEST_DIGEST_MINUTES:
        _wrong("notify.digest_minutes", f"expected 0 to {LONGEST_DIGEST_MINUTES}")
    hours = notify.quiet_hours.replace(" ", "")
    if hours and not re.fullmatch(r"([01]?\d|2[0-3]):[0-5]\d-([01]?\d|2[0-3]):[0-5]\d", hours):
        _wrong("notify.quiet_hours", "expected hours like 22:00-07:00")
    return replace(notify, quiet_hours=hours)


def _arr(arr: ArrSettings) -> ArrSettings:
    if not (arr.name and arr.url and arr.api_key):
        _wrong("arrs", "each needs name, url and api_key")
    _require_key_characters("arrs.api_key", arr.api_key)
    if not arr.name.isprintable() or not arr.client.isprintable():
        _wrong("arrs", "a name holds a control character")
    return replace(arr, url=_url("arrs.url", arr.url))


def _log(log: LogSettings) -> LogSettings:
    log = replace(log, level=log.level.lower(), format=log.format.lower())
    _choice("log.level", log.level, LEVELS)
    _choice("log.format", log.format, FORMATS)
    if not 0 <= log.files <= MOST_LOG_FILES:
        _wrong("log.files", f"expected 0 to {MOST_LOG_FILES}")
    return log


def _choice(path: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        _wrong(path, f"expected one of {', '.join(choices)}, got {shown(value)}")


def _require_key_characters(path: str, key: str) -> None:
    # It travels in a header: a line break from a badly pasted key would end that header.
    if not re.fullmatch(r"[!-~]*", key):
        _wrong(path, "it holds a space, a line break or a letter that no key has")


def _networks(path: str, networks: tuple[str, ...]) -> tuple[str, ...]:
    parsed = []
    for network in networks:
        try:
            parsed.append(str(ip_network(network, strict=False)))
        except ValueError:
            _wrong(path, f"{shown(network)} is not an address or network like 192.168.1.0/24")
    return tuple(parsed)


def _url(path: str, text: str) -> str:
    """An http(s) URL without a slash at the end, or ""."""
    if not text:
        return ""
    try:
        url = urlsplit(text)
        good = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:
        _wrong(path, "it is not a URL")
    if not good or not re.fullmatch(r"[!-~]+", text):
        _wrong(path, "expected a URL that begins with http:// or https://")
    if url.query or url.fragment or "@" in url.netloc:
        _wrong(path, "expected a URL without user name, ? and #")
    return text.rstrip("/")


def _url_base(text: str) -> str:
    """The path prefix as reverse proxies are told it: "/x", or nothing at all."""
    parts = text.strip("/").split("/")
    if parts == [""]:
        return ""
    if not all(re.fullmatch(r"[\w.~-]+", part, re.ASCII) and set(part) != {"."} for part in parts):
        _wrong("server.url_base", "expected a path like /bridge, of letters, digits and . _ ~ -")
    return "/" + "/".join(parts)


def _folder(path: str, text: str, home: Path) -> str:
    """An absolute path without "..": links in it are left alone, as a mount may be one."""
    if not text or not text.isprintable():
        _wrong(path, "it is empty or holds a control character")
    if text == "~" or text.startswith("~/"):
        text = f"{home}{text[1:]}"
    folder = os.path.abspath(text)  # noqa: PTH100  Path.absolute() keeps ".."
    if folder.strip("/") == "":
        _wrong(path, "the root of the file system cannot be used; give a folder of its own")
    return folder
