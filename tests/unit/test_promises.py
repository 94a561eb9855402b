"""The table of promises in ARCHITECTURE.md names tests that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROWS = re.findall(
    r"^\| (\d+) \| [^|]+ \| ([^|]*) \|$", (ROOT / "ARCHITECTURE.md").read_text(), re.M
)


def test_every_promise_is_in_the_table():
    assert [int(number) for number, _ in ROWS] == list(range(1, 13))


@pytest.mark.parametrize(("number", "cell"), ROWS, ids=[f"promise {row[0]}" for row in ROWS])
def test_each_promise_is_held_by_tests_that_exist(number, cell):
    named = re.findall(r"`(tests/[^`]+)`", cell)
    assert named, f"promise {number} is held by nothing"
    for one in named:
        file, _, test = one.partition("::")
        text = (ROOT / file).read_text()
        assert not test or f"def {test}(" in text, one
