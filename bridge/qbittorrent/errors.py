"""Errors as qBittorrent's answers: one middleware, and one table (qbittorrent.md §1.3)."""

import logging

from aiohttp import web
from aiohttp.typedefs import Handler

from bridge.errors import (
    BadParameter,
    BridgeError,
    NotATorrent,
    Refused,
    StoreTrouble,
    UnknownTorrent,
)
from bridge.qbittorrent import answers
from bridge.qbittorrent.forms import UnreadableBody

log = logging.getLogger(__name__)

WORDS = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    413: "Payload Too Large",
    415: "Unsupported Media Type",
}


@web.middleware
async def errors_as_answers(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Whatever goes wrong below becomes an answer in qBittorrent's words."""
    try:
        response = await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        response = word(error.status)
    except BridgeError as error:
        response = answer_to(error)
    except (ConnectionError, web.RequestPayloadError):
        response = answers.Bare(400)
    except Exception:
        log.exception("a request failed: %s", _where(request))
        response = answers.text("Internal Server Error", 500)
    await answers.pack(request, response)
    return response


def word(status: int) -> web.Response:
    """The status with its usual text."""
    return answers.text(WORDS.get(status, "Internal Server Error"), status)


def answer_to(error: BridgeError) -> web.Response:
    """What a client is told of an error of ours."""
    match error:
        case UnreadableBody():
            return answers.Bare(400)
        case UnknownTorrent():
            return word(404)
        case BadParameter():
            return answers.text(str(error), 400)
        case NotATorrent():
            return answers.text(str(error), 415)
        case Refused():
            return answers.text(str(error), 409)
        case StoreTrouble():
            return answers.text("The change could not be saved", 409)
        case _:
            return word(409)


def _where(request: web.Request) -> str:
    """The endpoint, as it was registered: what a client put into the path may be a secret."""
    resource = request.match_info.route.resource
    return f"{request.method} {resource.canonical if resource else 'to nowhere'}"
