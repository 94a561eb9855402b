"""Parameters as qBittorrent reads them (qbittorrent.md §1.2).

GET: the query and nothing else. POST: the body and nothing else, urlencoded or multipart. The
last of equal names wins, and what has no name is dropped.
"""

import asyncio
import math
import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import unquote, unquote_to_bytes

from aiohttp import web
from msgspec import Struct

from bridge.errors import BadParameter
from bridge.qbittorrent.encoding import MOST_INT32

MOST_BODY_BYTES = 64 * 1024 * 1024
PARSED_IN_LOOP = 64 * 1024  # larger bodies are taken apart in a thread
MOST_FIELDS = 20_000
MOST_KEPT = 1024  # characters of a query that is remembered with its meaning
BODY_SECONDS = 60.0

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"

_BOUNDARY = re.compile(r'(?:^|[;\s])boundary=(?:"([^"]+)"|([^\s;]+))', re.IGNORECASE)
_NAME = re.compile(rb'(?:^|[;\s])name="([^"]*)"|(?:^|[;\s])name=([^";\s]+)', re.IGNORECASE)
_FILE_NAME = re.compile(rb'[;\s]filename=(?:"([^"]*)"|([^";\s]+))', re.IGNORECASE)
_CODED_FILE_NAME = re.compile(rb'[;\s]filename\*=(?:"([^"]*)"|([^";\s]+))', re.IGNORECASE)


class UnreadableBody(BadParameter):
    """A body that is no form: answered with 400 and nothing else."""


class Upload(Struct, frozen=True):
    """An uploaded file, whatever its field was called."""

    filename: str
    data: bytes


class Form:
    """The parameters of a request, never changed. Those that were not given have defaults."""

    def __init__(self, fields: dict[str, str], uploads: list[Upload] | None = None) -> None:
        self.fields = fields
        self.uploads = uploads or []

    def require(self, *names: str) -> None:
        """Raise BadParameter unless all of them are there; empty ones are."""
        if any(name not in self.fields for name in names):
            raise BadParameter("Bad Request")

    def has(self, name: str) -> bool:
        """Whether it was given, if only as an empty text."""
        return name in self.fields

    def text(self, name: str, default: str = "") -> str:
        """A text as it came."""
        return self.fields.get(name, default)

    def flag(self, name: str, *, default: bool = False) -> bool:
        """`true` or `false` in any case; everything else counts as not given."""
        if name not in self.fields:
            return default
        return {"true": True, "false": False}.get(self.text(name).lower(), default)

    def integer(self, name: str, default: int = 0) -> int:
        """A whole number within 32 bits; garbage is the default."""
        return read_integer(self.fields[name], default) if name in self.fields else default

    def speed(self, name: str) -> int:
        """Bytes a second; below 0 is no limit, and above 32 bits the highest that clients read."""
        text = self.text(name).strip()
        if re.fullmatch(r"[0-9]{10,30}", text):
            return min(int(text), MOST_INT32)
        return max(0, self.integer(name))

    def decimal(self, name: str, default: float = 0.0) -> float:
        """A finite number; garbage is the default."""
        try:
            value = float(self.text(name).strip())
        except ValueError:
            return default
        return value if math.isfinite(value) and abs(value) <= MOST_INT32 else default

    def pieces(self, name: str, separator: str) -> list[str]:
        """The parts of a list, trimmed, without empty ones."""
        return [part for one in self.text(name).split(separator) if (part := one.strip())]


def read_integer(text: str, default: int) -> int:
    """A whole number within 32 bits, else the default."""
    text = text.strip()
    if not re.fullmatch(r"[+-]?[0-9]{1,10}", text):
        return default
    value = int(text)
    return value if abs(value) <= MOST_INT32 else default


def query_of(request: web.Request) -> Form:
    """The query, as its own form."""
    query = request.rel_url.raw_query_string
    return _read_query(query) if len(query) <= MOST_KEPT else Form(_pairs_of(query))


@lru_cache(maxsize=256)
def _read_query(query: str) -> Form:
    """Clients that poll ask the same again and again."""
    return Form(_pairs_of(query))


def _pairs_of(query: str) -> dict[str, str]:
    return _read_pairs(query.encode("ascii", "replace"))


async def form_of(request: web.Request, most_bytes: int = MOST_BODY_BYTES) -> Form:
    """The parameters, read from where this method has them."""
    if request.method != "POST":
        return query_of(request)
    body = await _body(request, most_bytes)
    if not body:
        return Form({})
    content_type = request.headers.get("Content-Type", "")
    if len(body) <= PARSED_IN_LOOP:
        return read_body(body, content_type)
    return await asyncio.to_thread(read_body, body, content_type)


def is_form(content_type: str) -> bool:
    """Whether a body of this type can be read at all."""
    kind = content_type.partition(";")[0].strip().lower()
    return kind == URLENCODED or (kind == MULTIPART and bool(_BOUNDARY.search(content_type)))


def read_body(body: bytes, content_type: str) -> Form:
    """The form in a body; raises UnreadableBody."""
    if not is_form(content_type):
        raise UnreadableBody("this body is no form")
    boundary = _BOUNDARY.search(content_type)
    if content_type.strip()[: len(MULTIPART)].lower() == MULTIPART and boundary:
        return _read_multipart(body, (boundary[1] or boundary[2]).encode("utf-8", "replace"))
    return Form(_read_pairs(body))


async def _body(request: web.Request, most_bytes: int) -> bytes:
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            # What counts is what comes, unpacked, whatever its length was said to be.
            while chunk := await request.content.readany():
                body += chunk
                if len(body) > most_bytes:
                    raise UnreadableBody("the body is too large")
    except (TimeoutError, web.RequestPayloadError, ConnectionError) as error:
        raise UnreadableBody("the body did not come") from error
    return bytes(body)


def _read_pairs(data: bytes) -> dict[str, str]:
    if data.count(b"&") > MOST_FIELDS:
        raise UnreadableBody("this form has too many fields")
    fields: dict[str, str] = {}
    for pair in data.split(b"&"):
        name, equals, value = pair.partition(b"=")
        if name and equals:
            fields[_unquoted(name)] = _unquoted(value)
    return fields


def _unquoted(data: bytes) -> str:
    return unquote_to_bytes(data.replace(b"+", b" ")).decode(errors="replace")


def _read_multipart(body: bytes, boundary: bytes) -> Form:
    fields: dict[str, str] = {}
    uploads: list[Upload] = []
    for head, content in _parts(body, b"--" + boundary):
        disposition = next(
            (line for line in head.split(b"\r\n") if line[:20].lower() == b"content-disposition:"),
            b"",
        )
        if coded := _CODED_FILE_NAME.search(disposition):
            uploads.append(Upload(_decoded(_either(coded)), content))
        elif file_name := _FILE_NAME.search(disposition):
            uploads.append(Upload(_either(file_name), content))
        elif (name := _NAME.search(disposition)) and _either(name):
            fields[_either(name)] = content.decode(errors="replace")
    return Form(fields, uploads)


def _parts(body: bytes, delimiter: bytes) -> Iterable[tuple[bytes, bytes]]:
    """Each part's headers and content."""
    found: list[tuple[bytes, bytes]] = []
    at = body.find(delimiter)
    while at >= 0 and len(found) <= MOST_FIELDS:
        start = at + len(delimiter)
        if body[start : start + 2] == b"--":
            return found
        at = body.find(b"\r\n" + delimiter, start)
        end_of_head = body.find(b"\r\n\r\n", start)
        if body[start : start + 2] != b"\r\n" or not start <= end_of_head < at:
            break
        found.append((body[start + 2 : end_of_head], body[end_of_head + 4 : at]))
        at += 2
    raise UnreadableBody("this multipart form is broken")


def _decoded(text: str) -> str:
    """A name with its character set, `utf-8'en'%C3%BC`; as it is if it cannot be read."""
    charset, _, rest = text.partition("'")
    _, quote, value = rest.partition("'")
    try:
        return unquote(value, charset or "utf-8") if quote else text
    except (LookupError, ValueError):
        return text


def _either(match: re.Match[bytes]) -> str:
    return (match[1] if match[1] is not None else match[2]).decode(errors="replace")
