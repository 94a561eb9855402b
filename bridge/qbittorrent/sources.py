"""What `torrents/add` is given: links, and uploaded files."""

from collections.abc import Iterable

from msgspec import Struct

from bridge.clock import Clock
from bridge.errors import NotATorrent
from bridge.model import Source
from bridge.qbittorrent.fetching import fetch, read_data
from bridge.qbittorrent.forms import Upload
from bridge.torrentfile import read_source


class BadUpload(NotATorrent):
    """An uploaded file that is no .torrent."""


class Given(Struct, frozen=True):
    """What could be read of an add, and how many lines could not."""

    sources: list[Source]
    failures: int


async def read_upload(upload: Upload) -> Source:
    """The torrent in an uploaded file."""
    try:
        return await read_data(upload.data)
    except NotATorrent as error:
        raise BadUpload(f"Error: '{upload.filename}' is not a valid torrent file.") from error


def web_links(lines: Iterable[str]) -> dict[str, None]:
    """Those of the lines that are to be fetched, each once."""
    return {line: None for line in lines if _is_web(line)}


async def read_links(lines: Iterable[str], cookie: str, clock: Clock) -> Given:
    """The torrents that these lines name. A line that names none is counted and passed over."""
    lines = list(lines)
    found = await fetch(web_links(lines), cookie, clock)
    read = [found.get(line) if _is_web(line) else _named(line) for line in lines]
    sources = [source for source in read if source is not None]
    return Given(sources, len(read) - len(sources))


def _named(line: str) -> Source | None:
    # file: links and paths of this machine are no links for us: they end here, too.
    try:
        return read_source(line)
    except NotATorrent:
        return None


def _is_web(line: str) -> bool:
    return line[:8].lower().startswith(("http://", "https://"))
