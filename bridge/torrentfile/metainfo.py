"""A .torrent, read once at the border. The info-hash is over the bytes of `info` as they came."""

import hashlib
import re
from collections.abc import Iterator

from msgspec import Struct

from bridge.errors import NotATorrent
from bridge.model import Source
from bridge.names import display_name
from bridge.torrentfile.bencode import Dictionary, Value, decode_document
from bridge.torrentfile.listing import (
    MOST_BYTES,
    Listing,
    is_v1,
    is_v2,
    list_files,
    number_of,
    text_of,
)
from bridge.torrentfile.magnet import distinct_trackers, write_magnet

MOST_TORRENT_BYTES = 32 * 1024 * 1024
SHA1_BYTES = 20
MOST_WEB_SEEDS = 100
LATEST_DATE = 2**40  # seconds since 1970; later ones are garbage

_WEB_SEED = re.compile(r"https?://[^\x00-\x1f\x7f]{1,2048}")


def read_torrent(data: bytes) -> Source:
    """What a .torrent says. The largest take seconds: not to be called in the event loop."""
    opened = _open(data)
    v1, v2, values, info = opened.v1, opened.v2, opened.values, opened.info
    files = opened.listing.files
    name = display_name(text_of(info, b"name"))
    trackers = distinct_trackers(_trackers(values))
    return Source(
        v1=v1,
        v2=v2,
        name=name or v1 or v2,
        magnet=write_magnet(v1, v2, name, trackers),
        trackers=trackers,
        torrent=bytes(data),
        root=opened.listing.root,
        size=sum(file.size for file in files),
        files=files,
        private=number_of(info, b"private") == 1,
        piece_length=number_of(info, b"piece length"),
        comment=display_name(text_of(values, b"comment")),
        created_by=display_name(text_of(values, b"created by")),
        created_at=_created_at(values),
    )


def piece_hashes(data: bytes) -> bytes:
    """The SHA-1 of each piece, 20 bytes each, one after the other.

    Empty if there are none (v2 only), or if they are not as many as the files have pieces: then
    nothing can be proven by them.
    """
    opened = _open(data)
    hashes = opened.info.get(b"pieces")
    size = sum(length for _, length in opened.listing.layout)
    pieces = -(-size // number_of(opened.info, b"piece length"))
    if not opened.v1 or not isinstance(hashes, bytes) or len(hashes) != pieces * SHA1_BYTES:
        return b""
    return hashes


def web_seeds(data: bytes) -> tuple[str, ...]:
    """Where the files are said to be on the web (BEP 19), each once, sorted as qBittorrent does."""
    found = _open(data).values.get(b"url-list", b"")
    urls = [url for one in (found if isinstance(found, list) else [found]) for url in _texts(one)]
    return tuple(sorted({url for url in urls if _WEB_SEED.fullmatch(url)})[:MOST_WEB_SEEDS])


def layout(data: bytes) -> list[tuple[str | None, int]]:
    """Each file's path as in `Source.files`, None for padding, and its bytes; in torrent order."""
    return list(_open(data).listing.layout)


class _Opened(Struct, frozen=True):
    v1: str
    v2: str
    values: Dictionary
    info: Dictionary
    listing: Listing


def _open(data: bytes) -> _Opened:
    if len(data) > MOST_TORRENT_BYTES:
        raise NotATorrent("the .torrent is larger than 32 MiB")
    document = decode_document(bytes(data))
    info = document.values.get(b"info")
    if not isinstance(info, dict):
        raise NotATorrent("the .torrent has no info dictionary")
    raw = document.raw[b"info"]
    _check_pieces(info)
    v1 = hashlib.sha1(raw, usedforsecurity=False).hexdigest() if is_v1(info) else ""
    v2 = hashlib.sha256(raw).hexdigest() if is_v2(info) else ""
    listing = list_files(info, text_of(info, b"name") or v1 or v2)
    return _Opened(v1, v2, document.values, info, listing)


def _check_pieces(info: Dictionary) -> None:
    if not is_v1(info) and not is_v2(info):
        raise NotATorrent("the .torrent has neither files with pieces nor a tree of files")
    if not 0 < number_of(info, b"piece length") <= MOST_BYTES:
        raise NotATorrent("the .torrent has no piece length")
    hashes = info.get(b"pieces", b"")
    if not isinstance(hashes, bytes) or len(hashes) % SHA1_BYTES:
        raise NotATorrent("the .torrent's piece hashes are broken")


def _trackers(values: Dictionary) -> Iterator[str]:
    """`announce` first, then every tier of `announce-list` (BEP 12), however it is nested."""
    yield from _texts(values.get(b"announce", b""))
    tiers = values.get(b"announce-list")
    for tier in tiers if isinstance(tiers, list) else ():
        for url in tier if isinstance(tier, list) else (tier,):
            yield from _texts(url)


def _texts(value: Value) -> Iterator[str]:
    if isinstance(value, bytes):
        yield value.decode(errors="replace")


def _created_at(values: Dictionary) -> int:
    seconds = number_of(values, b"creation date")
    return seconds if 0 < seconds < LATEST_DATE else -1
