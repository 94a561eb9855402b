"""Answers: TorBox's envelope (torbox-api.md §1.2), and what is none."""

import json
import re
from dataclasses import dataclass, field
from typing import Any

from .habits import Oddities

HTML_502 = (
    "<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1>"
    "</center><hr><center>cloudflare</center></body></html>"
)
EXPIRED_LINK = (
    "Invalid Presigned Token - This link is invalid. Please get a new download link from TorBox."
)
JSON = "application/json"
_ESCAPED_CONTROL = re.compile(r"(?<!\\)((?:\\\\)*)\\(u00[01][0-9a-f]|[bfnrt])")
_SHORT = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


@dataclass
class Reply:
    """An answer before it is written: `body` is JSON-able, text or bytes."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = JSON
    bare: bool = False  # without the usual rate-limit headers

    def written(self, oddities: Oddities) -> bytes:
        """The bytes of the body."""
        if isinstance(self.body, bytes):
            return self.body
        if isinstance(self.body, str) and self.content_type != JSON:
            return self.body.encode()
        text = json.dumps(_odd(self.body, oddities), separators=(",", ":"))
        if oddities.raw_control_characters:
            text = _ESCAPED_CONTROL.sub(_raw, text)
        return text.encode()


class Said(Exception):  # an answer, raised where it is known
    """An answer that ends the handling of a request."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


def fine(detail: str, data: Any = None) -> Reply:
    """Success."""
    return Reply(200, {"success": True, "error": None, "detail": detail, "data": data})


def no(status: int, error: str | bool | None, detail: str, data: Any = None) -> Reply:
    """Failure, in the envelope."""
    return Reply(status, {"success": False, "error": error, "detail": detail, "data": data})


def database_error() -> Reply:
    """TorBox's word for "not ready", "not yours" and trouble of its own (§7.4)."""
    detail = "There was an error processing your request. Please try again later."
    return no(500, "DATABASE_ERROR", detail)


def unknown_error(detail: str = "", data: Any = None) -> Reply:
    """What a failed operation answers."""
    usual = "There was an error processing your request. Please try again later."
    return no(500, "UNKNOWN_ERROR", detail or usual, data)


def not_found() -> Reply:
    """No such item."""
    return no(404, "ITEM_NOT_FOUND", "No torrent found for this user.")


def unprocessable(where: str, name: str, message: str, kind: str) -> Reply:
    """FastAPI's own answer to a parameter it cannot read."""
    return Reply(422, {"detail": [{"loc": [where, name], "msg": message, "type": kind}]})


def html(status: int, body: str) -> Reply:
    """A page where JSON should be."""
    return Reply(status, body, {"cf-ray": "0000000000000000-XXX"}, "text/html; charset=UTF-8")


def text(status: int, body: str, headers: dict[str, str] | None = None) -> Reply:
    """Plain text where JSON should be."""
    return Reply(status, body, headers or {}, "text/plain; charset=utf-8")


def _odd(body: Any, oddities: Oddities) -> Any:
    """The envelope with today's surprises (§10)."""
    if not (isinstance(body, dict) and "success" in body):
        return body
    body = dict(body)
    if body["success"] and body["error"] is None:
        body["error"] = {"null": None, "false": False, "text": "null"}[oddities.error_when_fine]
    if oddities.detail_as == "list":
        body["detail"] = [body["detail"]]
    elif oddities.detail_as == "object":
        body["detail"] = {"message": body["detail"]}
    if oddities.raw_control_characters and isinstance(body["detail"], str):
        body["detail"] += "\t\x01"
    return body


def _raw(match: re.Match[str]) -> str:
    code = match[2]
    return match[1] + (_SHORT[code] if code in _SHORT else chr(int(code[1:], 16)))
