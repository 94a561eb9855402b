"""What docs/torbox-api.md says is called, limited and held by tests is so."""

import re
from pathlib import Path

import pytest

from bridge.torbox import limits

ROOT = Path(__file__).parents[2]
DOC = (ROOT / "docs" / "torbox-api.md").read_text("utf-8")
SURPRISES = re.findall(r"^\| (\d+) \| [^|]+ \| ([^|]*) \|$", DOC, re.MULTILINE)


def test_every_surprise_has_its_row():
    assert [int(number) for number, _ in SURPRISES] == list(range(1, 44))


@pytest.mark.parametrize(("number", "cell"), SURPRISES, ids=[f"surprise {n}" for n, _ in SURPRISES])
def test_each_surprise_is_held_by_tests_that_exist(number, cell):
    named = re.findall(r"`(tests/[^`]+)`", cell)
    assert named, f"surprise {number} is held by nothing"
    for one in named:
        file, _, test = one.partition("::")
        text = (ROOT / file).read_text("utf-8")
        assert not test or f"def {test}(" in text, one
        if not test:
            assert f'"{number} ' in text, f"{file} has no case for surprise {number}"


def test_every_endpoint_that_the_client_knows_is_told():
    client = (ROOT / "bridge" / "torbox" / "client.py").read_text("utf-8")
    asked = re.findall(r'"(torrents|queued|user|)", "(\w+)"', client)
    asked += [("torrents", limits.CREATE), ("torrents", limits.LINK), ("torrents", "checkcached")]
    assert len(asked) > 8
    for service, endpoint in asked:
        path = f"{service}/{endpoint}".strip("/")
        assert re.search(rf"`(GET|POST) {path}\b", DOC), path


def test_the_limits_are_those_of_the_code():
    hour, minute = limits._rules(limits.CREATE, 1.0)
    [links] = limits._rules(limits.LINK, 1.0)
    [others] = limits._rules("mylist", 1.0)
    for limit, row in (
        (f"{hour.limit}, times", "creates of what is not cached, an hour"),
        (f"{minute.limit}, times", "the same, a minute"),
        (f"{links.limit} ", "links, a minute"),
        (f"{others.limit} ", "any other endpoint, a minute"),
        (f"{limits.MOST_CALLS}, of them {limits.MOST_CREATES} creates", "calls at once"),
    ):
        assert re.search(rf"^\| {row} \| [^|]+ \| {limit}", DOC, re.MULTILINE), row
