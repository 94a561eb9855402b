"""What we tell people about running the bridge is complete and true: commands, metrics, endpoints,
and the sentences that they will see.
"""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"
SHORTEST_PIECE = 8


def rows(page: str) -> list[str]:
    """What stands in the first cell of every table row."""
    text = (DOCS / page).read_text("utf-8")
    return [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| `")]


def program_text() -> str:
    """Every text in the program, joined as Python joins them, each placeholder as `…`."""
    found = []
    for file in (ROOT / "bridge").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
            elif isinstance(node, ast.JoinedStr):
                found.append("".join(
                    part.value if isinstance(part, ast.Constant) else "…" for part in node.values
                ))  # fmt: skip
    return "\n".join(found)


PROGRAM = program_text()


def sentences() -> list[str]:
    """Every sentence in the tables of the page about trouble."""
    return [found[1] for row in rows("trouble.md") if (found := re.match(r"`([^`]+)`", row))]


def test_the_page_about_trouble_has_sentences() -> None:
    assert len(sentences()) > 25


@pytest.mark.parametrize("sentence", sentences())
def test_every_sentence_that_we_explain_is_said_by_the_program(sentence: str) -> None:
    pieces = [piece.strip(" ,;:") for piece in sentence.split("…")]
    long = [piece for piece in pieces if len(piece) >= SHORTEST_PIECE]
    assert long, "nothing in it can be looked for"
    for piece in long:
        # A sentence may be put together from parts that are joined with "; " and ", ".
        parts = [part for part in re.split(r"; |, ", piece) if len(part) >= SHORTEST_PIECE]
        assert piece in PROGRAM or all(part in PROGRAM for part in parts), piece


def test_every_command_is_documented() -> None:
    source = (ROOT / "bridge" / "cli.py").read_text("utf-8")
    commands = set(re.findall(r'add_parser\(\s*"(\w+)"', source))
    assert commands
    assert {row.strip("`").split()[0] for row in rows("operations.md") if "torbox_" not in row} == (
        commands
    )


async def test_every_metric_is_documented(house, arr) -> None:
    async with arr._session.get(f"{arr.url}/metrics") as answer:
        text = await answer.text()
    served = set(re.findall(r"^# TYPE (torbox_bridge\w+)", text, re.MULTILINE))
    served = {name.removesuffix("_total") for name in served if not name.endswith("_created")}
    told = {row.strip("`") for row in rows("operations.md") if "torbox_" in row}
    assert served == told


async def test_every_endpoint_of_our_own_is_documented(house, arr) -> None:
    served = set()
    for route in house.bridge.app.router.routes():
        path = route.resource.canonical if route.resource else ""
        ours = path.startswith(("/api/bridge", "/metrics", "/health", "/ready", "/hooks"))
        if ours and route.method != "HEAD":
            served.add(f"{route.method} {path}")
    told = {
        one for row in rows("bridge-api.md") for one in re.findall(r"`((?:GET|POST) [^`]+)`", row)
    }
    assert served == told
