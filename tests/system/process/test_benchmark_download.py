"""The short form of `benchmarks/download.py`: it ends, and all programs bring the same bytes."""

import shutil
import subprocess
import sys

import pytest

MISSING = [program for program in ("curl", "aria2c") if shutil.which(program) is None]
BROUGHT = [
    "gigabit: curl brought every byte as it is",
    "gigabit: bridge brought every byte as it is",
    "unthrottled: curl brought every byte as it is",
    "unthrottled: aria2c brought every byte as it is",
    "unthrottled: bridge brought every byte as it is",
    "four: aria2c brought every byte as it is",
    "four: bridge brought every byte as it is",
]


@pytest.mark.skipif(bool(MISSING), reason=f"needs {' and '.join(MISSING)} (apt-get install)")
def test_beside_curl_and_aria2c_the_bridge_brings_every_byte(tmp_path):
    only = [part for name in ("gigabit", "unthrottled", "four") for part in ("--only", name)]
    command = [sys.executable, "-m", "benchmarks.download", "--gib", "0.0625", "--compare", *only]
    run = subprocess.run(
        [*command, "--folder", str(tmp_path)], capture_output=True, text=True, timeout=180
    )

    assert run.returncode == 0, run.stderr
    assert [line for line in run.stdout.splitlines() if "brought" in line] == BROUGHT
