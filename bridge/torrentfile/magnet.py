"""Magnet links and bare info-hashes (BEP 9, BEP 52; qbittorrent.md §5, "torrents/add")."""

import base64
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote, unquote, unquote_plus

from bridge.errors import NotATorrent
from bridge.model import Source
from bridge.names import display_name

MOST_LINK_CHARACTERS = 1024 * 1024
MOST_TRACKERS = 2000
MOST_TRACKER_CHARACTERS = 2048

_V1_HEX = re.compile(r"[0-9a-fA-F]{40}")
_V1_BASE32 = re.compile(r"[a-zA-Z2-7]{32}")
_V2_HEX = re.compile(r"[0-9a-fA-F]{64}")
_SHA256_MULTIHASH = re.compile(r"1220([0-9a-fA-F]{64})")
_TRACKER = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://[^\s\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffd]+")


def read_source(text: str) -> Source:
    """What a line of `urls` names: a magnet link, or an info-hash in hex or base32."""
    if len(text) > MOST_LINK_CHARACTERS:
        raise NotATorrent("the magnet link is longer than 1 MiB")
    text = text.strip()
    if text[:7].lower() == "magnet:":
        return _read_magnet(text[7:].removeprefix("?"))
    if v1 := _v1(text):
        return _source(v1, "", "", ())
    if _V2_HEX.fullmatch(text):
        return _source("", text.lower(), "", ())
    raise NotATorrent("this is neither a magnet link nor an info-hash")


def write_magnet(v1: str, v2: str, name: str, trackers: Iterable[str]) -> str:
    """A magnet link with the hashes in hex, which is all that TorBox is known to take."""
    hashes = [f"urn:btih:{v1}"] * bool(v1) + [f"urn:btmh:1220{v2}"] * bool(v2)
    parts = [f"xt={urn}" for urn in hashes]
    if name:
        parts.append(f"dn={quote(name, safe='')}")
    parts.extend(f"tr={quote(tracker, safe='')}" for tracker in trackers)
    return "magnet:?" + "&".join(parts)


def distinct_trackers(urls: Iterable[str]) -> tuple[str, ...]:
    """The first 2,000 different ones, without what cannot be a tracker."""
    kept: dict[str, None] = {}
    for url in map(str.strip, urls):
        if len(kept) == MOST_TRACKERS:
            break
        if len(url) <= MOST_TRACKER_CHARACTERS and _TRACKER.fullmatch(url):
            kept[url] = None
    return tuple(kept)


def _read_magnet(query: str) -> Source:
    v1 = v2 = name = ""
    trackers = []
    for key, value in _parameters(query):
        if key == "xt":
            topic = unquote(value).strip()
            v1 = v1 or _v1(_after(topic, "urn:btih:"))
            v2 = v2 or _v2(_after(topic, "urn:btmh:"))
        elif key == "dn":
            name = name or display_name(unquote_plus(value))
        elif key == "tr":
            trackers.append(unquote(value))
    if not v1 and not v2:
        raise NotATorrent("the magnet link has no BitTorrent info-hash")
    return _source(v1, v2, name, distinct_trackers(trackers))


def _parameters(query: str) -> Iterator[tuple[str, str]]:
    """Its parameters, still encoded; `tr.1` counts as `tr`, and `&amp;` as `&`."""
    for part in query.replace("&amp;", "&").split("&"):
        key, _, value = part.partition("=")
        yield unquote(key).lower().partition(".")[0], value


def _after(topic: str, prefix: str) -> str:
    return topic[len(prefix) :] if topic.lower().startswith(prefix) else ""


def _v1(text: str) -> str:
    """The SHA-1 as 40 lower-case hex, "" if the text is none."""
    if _V1_HEX.fullmatch(text):
        return text.lower()
    if _V1_BASE32.fullmatch(text):
        return base64.b32decode(text.upper()).hex()
    return ""


def _v2(text: str) -> str:
    """The SHA-256 as 64 lower-case hex, "" if the text is no multihash of one."""
    match = _SHA256_MULTIHASH.fullmatch(text)
    return match[1].lower() if match else ""


def _source(v1: str, v2: str, name: str, trackers: tuple[str, ...]) -> Source:
    return Source(
        v1=v1,
        v2=v2,
        name=name or v1 or v2,
        magnet=write_magnet(v1, v2, name, trackers),
        trackers=trackers,
    )
