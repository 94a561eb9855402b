"""The container's entry point, as far as it can run outside a container."""

import os
import subprocess
from pathlib import Path

import pytest

ENTRYPOINT = Path(__file__).parent.parent.parent / "docker" / "entrypoint.sh"
NOBODY = 65534


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder whose torbox-bridge says how it was started."""
    tmp_path.chmod(0o755)
    command = tmp_path / "torbox-bridge"
    command.write_text('#!/bin/sh\necho "$(id -u) $$ $*"\n')
    command.chmod(0o755)
    return tmp_path


# Relative, as a plain user may reach the folder but not what is above it.
PATH = f".:{os.environ['PATH']}"


def test_a_plain_user_stays_who_it_is_and_the_program_takes_the_place_of_the_shell(
    folder: Path,
) -> None:
    user = NOBODY if os.getuid() == 0 else os.getuid()
    with (
        ENTRYPOINT.open("rb") as script,
        subprocess.Popen(
            ["sh", "-s", "check", "--health"],
            stdin=script,
            stdout=subprocess.PIPE,
            env={"PATH": PATH, "PUID": "1234", "PGID": "4321"},
            cwd=folder,
            user=user,
        ) as process,
    ):
        said, _ = process.communicate(timeout=30)
    assert said.decode().split() == [str(user), str(process.pid), "check", "--health"]
    assert process.returncode == 0


@pytest.mark.skipif(os.getuid() != 0, reason="only root becomes somebody else")
@pytest.mark.parametrize("variable", ["PUID", "PGID"])
def test_a_user_that_is_no_number_is_one_sentence_and_exit_code_two(
    folder: Path, variable: str
) -> None:
    ended = subprocess.run(
        ["sh", ENTRYPOINT],
        env={"PATH": PATH, variable: "me; id"},
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 2
    assert ended.stderr == f"torbox-bridge: {variable}: expected a number, got 'me; id'\n"
    assert ended.stdout == ""
