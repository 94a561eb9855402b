"""Reading what a create is to create: exactly one of a magnet and a .torrent, and its options."""

from collections.abc import Mapping
from typing import Any

from . import params, torrents
from .creating import Wish
from .replies import Said, no

TORRENT_TYPES = ("application/x-bittorrent", "application/octet-stream")


def read_magnet(magnet: str) -> torrents.Given:
    """A magnet, or BOZO_TORRENT."""
    try:
        return torrents.read_magnet(magnet)
    except ValueError:
        detail = "Invalid Magnet Link. Please try again."
        raise Said(no(400, "BOZO_TORRENT", detail)) from None


def read_source(fields: Mapping[str, Any]) -> tuple[torrents.Given, bool]:
    """The magnet or the .torrent of a form, exactly one; and whether it was the .torrent."""
    magnet, file = fields.get("magnet"), fields.get("file")
    if (magnet in (None, "")) == (file in (None, "")):
        both = ", not both" if magnet else ""
        raise Said(no(400, True, f"You must provide either a file or magnet link{both}."))
    if not file:
        return read_magnet(str(magnet)), False
    # Part headers are taken to the letter: no charset beside the type (§10 #41).
    typed = isinstance(file, params.Upload) and file.content_type in TORRENT_TYPES
    if not typed or not file.filename.endswith(".torrent"):
        raise Said(no(400, "BOZO_FILE", "The provided file is not a torrent."))
    try:
        return torrents.read_torrent(file.data), True
    except torrents.Bozo:
        raise Said(no(400, "BOZO_FILE", "The provided file is not a valid torrent.")) from None


def read_wish(fields: Mapping[str, Any]) -> Wish:
    """A create's form."""
    given, with_torrent = read_source(fields)
    seed = params.integer(fields, "seed", 1) or 1
    if seed not in (1, 2, 3):
        raise Said(no(400, "INVALID_OPTION", "Invalid seed option."))
    return Wish(
        given=given,
        with_torrent=with_torrent,
        seed=seed,
        allow_zip=params.boolean(fields, "allow_zip", default=True),
        name=str(fields["name"]) if fields.get("name") else None,
        as_queued=params.boolean(fields, "as_queued"),
        only_if_cached=params.boolean(fields, "add_only_if_cached"),
    )
