"""What our layers of the image weigh, and that every processor has its wheels."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.system.packages.conftest import ROOT


@pytest.mark.timeout(400)
def test_our_layers_weigh_less_than_seventy_megabytes_on_both_processors(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, ROOT / "packaging" / "image_size.py", "--most", "1000000"],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=tmp_path,
    )
    totals = dict(re.findall(r"^(linux/\w+) +([\d.]+) MB  in all", ended.stdout, re.MULTILINE))
    print(ended.stdout)
    assert set(totals) == {"linux/amd64", "linux/arm64"}, ended.stderr
    assert all(1 < float(total) < 70 for total in totals.values())
    assert ended.returncode == 1  # one megabyte is too little
