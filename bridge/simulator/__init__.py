"""TorBox and its CDN in miniature, on a real socket. Imports nothing else of the bridge.

It answers as torbox-api.md says, not as a client would like. Tests and the demo use `Simulator`.
"""

from .account import Item, QueueEntry
from .cdn_faults import Spoiled
from .cdn_weather import CdnWeather
from .faults import Answer, AnswerAfterDoing, Cut, Hang, Odd, Weather
from .gate import Call
from .published import Published
from .scripts import (
    Cached,
    Failing,
    FetchedOver,
    FinishedNotPresent,
    Look,
    NoMetadata,
    QueuedThen,
    Refused,
    Script,
    Stalled,
    Step,
    Steps,
)
from .server import DEFAULT_KEY, MiB, Simulator, demo_torrents, run

__all__ = [
    "DEFAULT_KEY",
    "Answer",
    "AnswerAfterDoing",
    "Cached",
    "Call",
    "CdnWeather",
    "Cut",
    "Failing",
    "FetchedOver",
    "FinishedNotPresent",
    "Hang",
    "Item",
    "Look",
    "MiB",
    "NoMetadata",
    "Odd",
    "Published",
    "QueueEntry",
    "QueuedThen",
    "Refused",
    "Script",
    "Simulator",
    "Spoiled",
    "Stalled",
    "Step",
    "Steps",
    "Weather",
    "demo_torrents",
    "run",
]
