"""Plain values into the types of the settings, with an error that a person can act on."""

import math
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from enum import StrEnum
from typing import Any, NoReturn, TypeVar, get_args, get_origin

from msgspec import Struct
from msgspec.structs import fields

from bridge.config.amounts import Bytes
from bridge.config.schedule import Slot
from bridge.config.types import Section, Settings
from bridge.config.yamlfile import Raw

Kind = TypeVar("Kind", bound=Section)

# A longer value may be a key in the wrong place: it is not repeated.
LONGEST_SHOWN = 24

_WANTED = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    Bytes: "an amount of bytes like 500 MB or 1 GiB",
    Slot: 'times like "mon-fri 08:00-18:00 2 MB/s" or "22:00-06:00 off"',
}
SWITCH = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


class WrongSetting(Exception):
    """A setting that cannot be used; `path` is its dotted name."""

    def __init__(self, path: str, sentence: str) -> None:
        super().__init__(sentence)
        self.path = path
        self.sentence = sentence


class Leaf(Struct, frozen=True):
    """One setting: its dotted name, type and default."""

    path: str
    kind: Any
    default: Any


def leaves(section: type[Section] = Settings, path: str = "") -> Iterator[Leaf]:
    """Every setting, in the order of the types; `categories` and `arrs` count as one each."""
    for field in fields(section):
        below = join(path, field.encode_name)
        if _is_section(field.type):
            yield from leaves(field.type, below)
        else:
            yield Leaf(below, field.type, getattr(section(), field.name))


def build(kind: type[Kind], raw: Mapping[str, Raw], path: str = "") -> Kind:
    """The section that these values describe; what is not said keeps its default."""
    known = {field.encode_name: field for field in fields(kind)}
    for key in raw:
        if key not in known:
            raise _unknown(key, path, known)
    said = {
        known[key].name: _convert(value, known[key].type, join(path, key))
        for key, value in raw.items()
        if value is not None
    }
    return kind(**said)


def join(path: str, key: str) -> str:
    """The dotted name of `key` below `path`."""
    return f"{path}.{key}" if path else key


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A suggestion to end a sentence with, or nothing."""
    near = get_close_matches(name, list(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""


def shown(value: str) -> str:
    """A wrong value, repeated only if it cannot be a secret."""
    return f"{value!r}" if len(value) <= LONGEST_SHOWN else "what was given"


def _unknown(key: str, path: str, known: Iterable[str]) -> WrongSetting:
    hint = did_you_mean(join(path, key), [join(path, name) for name in known])
    if not hint:
        elsewhere = [leaf.path for leaf in leaves() if leaf.path.rpartition(".")[2] == key]
        hint = f"; did you mean {elsewhere[0]}?" if elsewhere else ""
    return WrongSetting(join(path, key), f"there is no such setting{hint}")


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Section)


def _convert(value: Raw, kind: Any, path: str) -> Any:
    """`value` as a setting of this type. Any: types are what this function is about."""
    if _is_section(kind):
        return build(kind, _mapping(value, path), path)
    if get_origin(kind) is dict:
        named = _mapping(value, path)
        return {
            key: build(get_args(kind)[1], _mapping(named[key], join(path, key)), join(path, key))
            for key in named
        }
    if get_origin(kind) is tuple:
        inner = get_args(kind)[0]
        return tuple(_convert(item, inner, path) for item in _list(value, path))
    if not isinstance(value, str):
        _expected(path, _wanted(kind), value)
    return _scalar(value, kind, path)


def _scalar(text: str, kind: Any, path: str) -> Any:
    if kind is str:
        return text
    if kind is bool:
        if (word := text.strip().lower()) not in SWITCH:
            _expected(path, _wanted(kind), text)
        return SWITCH[word]
    try:
        result = kind(text.strip())
    except ValueError:
        _expected(path, _wanted(kind), text)
    if isinstance(result, float) and not math.isfinite(result):
        _expected(path, _wanted(kind), text)
    return result


def _mapping(value: Raw, path: str) -> dict[str, Raw]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        # Not repeated: it may be a password that stands one line too high.
        got = "a list" if isinstance(value, list) else "text"
        raise WrongSetting(path, f"expected settings below it (name: value), got {got}")
    return value


def _list(value: Raw, path: str) -> list[Raw]:
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    if not isinstance(value, list):
        _expected(path, "a list", value)
    return value


def _wanted(kind: Any) -> str:
    if issubclass(kind, StrEnum):
        return f"one of {', '.join(kind)}"
    return _WANTED.get(kind, "text")


def _expected(path: str, wanted: str, value: Raw) -> NoReturn:
    got = "nothing"
    if isinstance(value, str):
        got = shown(value)
    elif value is not None:
        got = "a list" if isinstance(value, list) else "settings below it"
    raise WrongSetting(path, f"expected {wanted}, got {got}")
