"""The short form of `benchmarks/unattended.py`: half a day, with far more dead releases."""

import pytest

from benchmarks.unattended import run


@pytest.mark.timeout(240)
async def test_half_a_day_needs_no_person(capsys):
    assert await run(12, 0.3, seed=4, dead=0.7) == []
    told = capsys.readouterr().out
    # What it is to show was there to be shown.
    assert "without any living release 0" not in told
    assert "dead releases replaced 0" not in told
