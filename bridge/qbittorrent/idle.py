"""`rss/…`, `search/…` and `torrentcreator/…`: what a server answers that has none of it."""

from aiohttp import web

from bridge.errors import Refused, UnknownTorrent
from bridge.qbittorrent import answers
from bridge.qbittorrent.forms import form_of


async def empty_object(_request: web.Request) -> web.Response:
    """`{}`."""
    return answers.json({})


async def empty_list(_request: web.Request) -> web.Response:
    """`[]`."""
    return answers.json([])


async def matching_articles(request: web.Request) -> web.Response:
    """No rule matches anything."""
    (await form_of(request)).require("ruleName")
    return answers.json({})


async def refused(_request: web.Request) -> web.Response:
    """There are no feeds, searches or new torrents to make here."""
    raise Refused("Conflict")


async def no_such_search(request: web.Request) -> web.Response:
    """No search was ever started."""
    (await form_of(request)).require("id")
    raise UnknownTorrent("no search has this id")
