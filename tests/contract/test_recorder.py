"""What the recorder writes is what the replay reads. It needs no real server here."""

import json

import pytest

from tests.contract.playing import FOLDER, Step, steps
from tests.contract.recorder import PREFERENCES, UNRECORDED, line


@pytest.mark.parametrize("version", ["4.5.2", "5.1.0"])
def test_an_answer_that_was_written_reads_as_it_was(version: str) -> None:
    first = (FOLDER / f"{version}.jsonl").read_text("utf-8").splitlines()[0]
    usual = json.loads(first)["usual"]
    for step in steps(version):
        if step.answer.headers.get("content-encoding") == "gzip":
            continue  # is unpacked when it is read
        again = Step(json.loads(line(step, step.answer, usual)), usual)
        assert again.request == step.request
        assert again.answer.status == step.answer.status, step.name
        assert again.answer.headers == step.answer.headers, step.name
        assert again.answer.body == step.answer.body, step.name


def test_the_recorder_prepares_only_steps_that_there_are() -> None:
    names = {step.name for version in ("4.5.2", "5.1.0") for step in steps(version)}
    assert set(UNRECORDED) <= names
    for prefix in PREFERENCES:
        assert any(name.startswith(prefix) for name in names), prefix
