"""YAML into plain text values, with the line of each.

Every scalar stays the text that was written: the type of the setting decides what it means, so a
password of digits keeps its zeros and `no` is not turned into False. Nothing is ever constructed
from a tag.
"""

import re
from typing import TypeAlias

import yaml
from msgspec import Struct

from bridge.errors import BadSettings

Raw: TypeAlias = "str | list[Raw] | dict[str, Raw] | None"

MOST_NODES = 10_000
DEEPEST = 12
LONGEST_NAME = 200
NULLS = frozenset({"", "~", "null", "Null", "NULL"})
PLAIN_TAGS = "tag:yaml.org,2002:"


class Document(Struct, frozen=True):
    """What a YAML text says: its value, and the line of each dotted path in it."""

    value: Raw
    lines: dict[str, int]


def parse(text: str, source: str) -> Document:
    """Read one YAML document; `source` is what errors call it."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        raise BadSettings(f"{source}{_line_of(error)}: {_problem(error)}") from None
    except yaml.YAMLError:
        raise BadSettings(f"{source}: it holds a character that YAML does not allow") from None
    except RecursionError:
        raise BadSettings(f"{source}: it is nested too deeply") from None
    reader = _Reader(source)
    value = None if node is None else reader.read(node, "", 0)
    return Document(value=value, lines=reader.lines)


def _line_of(error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    return "" if mark is None else f", line {mark.line + 1}"


def _problem(error: yaml.MarkedYAMLError) -> str:
    said = ", ".join(part for part in (error.context, error.problem) if part) or "it is not YAML"
    # What stands in quotes may be part of a secret; a single character is not.
    said = re.sub(r"'(?!\\.')[^']{2,}'|\"[^\"]{2,}\"", "…", said)
    if "alias" in said:
        return f'{said} (a value or name that begins with * needs quotes: "*")'
    return said


class _Reader:
    """Walks the nodes once, bounded, so that aliases cannot multiply."""

    def __init__(self, source: str) -> None:
        self.lines: dict[str, int] = {}
        self._source = source
        self._nodes = 0

    def read(self, node: yaml.Node, path: str, depth: int) -> Raw:
        self._nodes += 1
        if depth > DEEPEST or self._nodes > MOST_NODES:
            raise self._wrong(node, "it is nested too deeply or too large")
        if not node.tag.startswith(PLAIN_TAGS) or "python" in node.tag:
            raise self._wrong(node, "tags (!…) mean nothing in settings; put the value in quotes")
        self.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, depth)
        if isinstance(node, yaml.SequenceNode):
            return [self.read(child, path, depth + 1) for child in node.value]
        assert isinstance(node, yaml.ScalarNode)
        return None if node.style is None and node.value in NULLS else str(node.value)

    def _mapping(self, node: yaml.MappingNode, path: str, depth: int) -> dict[str, Raw]:
        values: dict[str, Raw] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise self._wrong(key_node, "a name must be plain text")
            key = str(key_node.value)
            if len(key) > LONGEST_NAME or not key.isprintable():
                raise self._wrong(key_node, "a name is too long or holds a control character")
            below = f"{path}.{key}" if path else key
            if key in values:
                raise self._wrong(key_node, f"{below} is set twice")
            self.lines[below] = key_node.start_mark.line + 1
            values[key] = self.read(value_node, below, depth + 1)
        return values

    def _wrong(self, node: yaml.Node, sentence: str) -> BadSettings:
        return BadSettings(f"{self._source}, line {node.start_mark.line + 1}: {sentence}")
