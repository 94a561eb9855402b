"""`rss/…`, `search/…` and the like: what a server answers that has no feed, no plugin and no task.

Verbs that change what is there do nothing, as nothing is there. Those that would make something are
refused: it would be kept for nobody (docs/qbittorrent-api.md, Differences).
"""

from aiohttp import web
from aiohttp.typedefs import Handler

from bridge.core.board import Board
from bridge.errors import Refused, UnknownTorrent
from bridge.qbittorrent import answers
from bridge.qbittorrent.forms import form_of

MOST_ECHOED = 200
NO_FEEDS = "There are no feeds here: have Sonarr, Radarr or autobrr follow them"
NO_SEARCH = "There are no search plugins here: have Prowlarr or Jackett search"
NO_PYTHON = "Python must be installed to use the Search Engine."  # the real one's, without Python
NO_CREATOR = "No torrents are made here"
NO_PEERS = "TorBox fetches this torrent, and takes no such advice"


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


def none_but(name: str) -> Handler:
    """`[]`; whoever asks for one by this parameter is told that it is not there."""

    async def handler(request: web.Request) -> web.Response:
        if (await form_of(request)).text(name):
            raise UnknownTorrent("there is none of these")
        return answers.json([])

    return handler


def done(*required: str) -> Handler:
    """There is nothing that this could change."""

    async def handler(request: web.Request) -> web.Response:
        (await form_of(request)).require(*required)
        return answers.nothing()

    return handler


def unknown(*required: str) -> Handler:
    """What is asked for is not there."""

    async def handler(request: web.Request) -> web.Response:
        (await form_of(request)).require(*required)
        raise UnknownTorrent("there is none of these")

    return handler


def refused(sentence: str, *required: str) -> Handler:
    """Nothing of the kind is made here. `{}` in the sentence is the first parameter."""

    async def handler(request: web.Request) -> web.Response:
        form = await form_of(request)
        form.require(*required)
        raise Refused(sentence.format(form.text(required[0])[:MOST_ECHOED]))

    return handler


def refused_for_a_torrent(board: Board, sentence: str, *required: str) -> Handler:
    """Nothing of the kind is done to a torrent here."""

    async def handler(request: web.Request) -> web.Response:
        form = await form_of(request)
        form.require("hash", *required)
        board.get(form.text("hash"))
        raise Refused(sentence)

    return handler
