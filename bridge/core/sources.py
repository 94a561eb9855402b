"""The .torrent of a torrent, wherever it can be had: it says what is wanted, and proves it."""

import asyncio
import logging

from msgspec import Struct
from msgspec.structs import replace

from bridge.core.changes import with_source
from bridge.core.ledger import Ledger
from bridge.core.wanted import merged
from bridge.delivery.pieces import Proof
from bridge.errors import NotATorrent, TorBoxError
from bridge.model import File, Source, Torrent
from bridge.store.store import Store, put_source
from bridge.torbox.client import TorBox
from bridge.torrentfile.metainfo import layout, piece_hashes, read_torrent

log = logging.getLogger(__name__)

# Real pieces have 16 MiB at most, seldom more. Larger ones would only be hashed again and again.
MOST_PIECE_BYTES = 256 * 1024 * 1024


class Known(Struct, frozen=True):
    """What a .torrent says; the paths in `proof` are its own."""

    source: Source
    proof: Proof | None


class Sources:
    """Given, stored or exported .torrents."""

    def __init__(self, ledger: Ledger, store: Store, torbox: TorBox) -> None:
        self._ledger = ledger
        self._store = store
        self._torbox = torbox

    async def known(self, torrent: Torrent) -> Known | None:
        """What the stored .torrent says; None if there is none that can be read."""
        data = await self._store.torrent_file(torrent.hash)
        return None if data is None else await self._read(data, torrent)

    async def exported(self, torrent: Torrent) -> Known | None:
        """Ask TorBox for the .torrent that it fetched for a magnet, and keep it."""
        if torrent.torrent_id is None:
            return None
        try:
            data = await self._torbox.export(torrent.torrent_id)
        except TorBoxError as error:
            # Nothing hangs on it: the files are taken as TorBox lists them.
            log.debug("%s: TorBox gives no .torrent: %s", torrent.name, error)
            return None
        known = await self._read(data, torrent)
        if known is None:
            return None
        await self._ledger.change(
            torrent.hash,
            lambda now: described(now, known.source),
            put_source(torrent.hash, data),
        )
        return known

    async def _read(self, data: bytes, torrent: Torrent) -> Known | None:
        try:
            known = await asyncio.to_thread(_read, data)
        except NotATorrent as error:
            log.warning("%s: its .torrent cannot be read: %s", torrent.name, error)
            return None
        return known if known.source.hash == torrent.hash else None


def described(torrent: Torrent, source: Source) -> Torrent:
    """The torrent with what its .torrent says of it, and with a client's names and choices."""
    files = merged(torrent.files, source.files)
    return replace(with_source(torrent, source), files=files, provisional=False)


def proof_for(files: tuple[File, ...], proof: Proof) -> Proof:
    """The same with the paths that the files have here; "" for what is none of them."""
    paths = {(file.origin or file.path, file.size): file.path for file in files}
    named = ((path and paths.get((path, size), ""), size) for path, size in proof.layout)
    return replace(proof, layout=tuple(named))


def _read(data: bytes) -> Known:
    source, hashes = read_torrent(data), piece_hashes(data)
    if not hashes or source.piece_length > MOST_PIECE_BYTES:
        return Known(source, None)
    return Known(source, Proof(source.piece_length, hashes, tuple(layout(data))))
