"""Reading requests as FastAPI does: typed query parameters, forms and JSON, or a 422."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from .replies import Said, no, unprocessable

TRUE = {"true", "1", "on", "yes", "t", "y"}
FALSE = {"false", "0", "off", "no", "f", "n"}
FORM_TYPES = ("multipart/form-data", "application/x-www-form-urlencoded")


def missing(where: str, name: str) -> Said:
    """A required field that is not there."""
    return Said(unprocessable(where, name, "Field required", "missing"))


def integer(query: Mapping[str, Any], name: str, default: int | None = None) -> int | None:
    """An integer parameter."""
    if name not in query:
        return default
    try:
        return int(query[name])
    except (TypeError, ValueError):
        message = "Input should be a valid integer, unable to parse string as an integer"
        raise Said(unprocessable("query", name, message, "int_parsing")) from None


def required_integer(query: Mapping[str, Any], name: str) -> int:
    """An integer parameter that must be there."""
    value = integer(query, name)
    if value is None:
        raise missing("query", name)
    return value


def boolean(query: Mapping[str, Any], name: str, *, default: bool = False) -> bool:
    """A boolean parameter."""
    value = str(query.get(name, default)).lower()
    if value in TRUE or value in FALSE:
        return value in TRUE
    message = "Input should be a valid boolean, unable to interpret input"
    raise Said(unprocessable("query", name, message, "bool_parsing"))


@dataclass(frozen=True)
class Upload:
    """A file of a form, its part headers to the letter."""

    filename: str
    content_type: str
    data: bytes


async def form(request: web.Request) -> Mapping[str, Any]:
    """The fields of a multipart or urlencoded body; another body has none."""
    if request.content_type not in FORM_TYPES:
        return {}
    try:
        fields = await request.post()
        return {name: await _read(value) for name, value in fields.items()}
    except web.HTTPRequestEntityTooLarge:
        detail = "You have exceeded the maximum amount of data you can send."
        raise Said(no(400, "TOO_MUCH_DATA", detail)) from None
    except ValueError:
        raise missing("body", "magnet") from None


async def body(request: web.Request) -> dict[str, Any]:
    """What a body says, for the record: form fields, files as bytes, or a JSON object."""
    if request.content_type in FORM_TYPES:
        fields = await form(request)
        return {k: v.data if isinstance(v, Upload) else v for k, v in fields.items()}
    try:
        told = json.loads(await request.read())
    except (ValueError, web.HTTPRequestEntityTooLarge):
        return {}
    return told if isinstance(told, dict) else {}


async def _read(value: Any) -> Any:
    if not isinstance(value, web.FileField):
        return value
    value.file.seek(0)
    data = await asyncio.to_thread(value.file.read)  # a temporary file on disk
    return Upload(value.filename, value.content_type, data)


async def json_object(request: web.Request) -> dict[str, Any]:
    """The JSON object of a body."""
    try:
        body = json.loads(await request.read())
    except ValueError:
        body = None
    if request.content_type != "application/json" or not isinstance(body, dict):
        message = "Input should be a valid dictionary"
        raise Said(unprocessable("body", "body", message, "model_attributes_type"))
    return body


def json_integer(body: Mapping[str, Any], name: str) -> int | None:
    """An integer of a JSON body; booleans and text are none (strict)."""
    value = body.get(name)
    if value is None or type(value) is int:
        return value
    message = "Input should be a valid integer"
    raise Said(unprocessable("body", name, message, "int_type"))
