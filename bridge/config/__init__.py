"""Settings: what they are (types), where they come from (loading), what they may be (rules)."""

from bridge.config.environment import apply_umask, time_factor
from bridge.config.loading import load
from bridge.config.types import (
    Accept,
    ArrSettings,
    CachedPolicy,
    CategorySettings,
    DownloadsSettings,
    FailureAction,
    FailuresSettings,
    GiveUp,
    ImportMode,
    LogSettings,
    NotifySettings,
    QBittorrentSettings,
    ServerSettings,
    Settings,
    StateSettings,
    TorBoxSettings,
)

__all__ = [
    "Accept",
    "ArrSettings",
    "CachedPolicy",
    "CategorySettings",
    "DownloadsSettings",
    "FailureAction",
    "FailuresSettings",
    "GiveUp",
    "ImportMode",
    "LogSettings",
    "NotifySettings",
    "QBittorrentSettings",
    "ServerSettings",
    "Settings",
    "StateSettings",
    "TorBoxSettings",
    "apply_umask",
    "load",
    "time_factor",
]
