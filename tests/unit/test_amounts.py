"""Amounts of bytes as people write them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.config import load
from bridge.config.amounts import Bytes, written
from bridge.errors import BadSettings


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("0", 0),
        ("1000", 1000),
        ("1 B", 1),
        ("500 MB", 500 * 1000**2),
        ("1 GiB", 1024**3),
        ("1.5G", 3 * 1024**3 // 2),
        (" 2 tb ", 2 * 1000**4),
        ("10kib", 10240),
    ],
)
def test_an_amount_is_read_whatever_its_unit(text, count):
    assert Bytes(text) == count


@pytest.mark.parametrize("text", ["", "GiB", "1 XB", "-1", "1,5 GB", "1e9", "1 GiB free", "½ GiB"])
def test_what_is_no_amount_is_refused(text):
    with pytest.raises(ValueError, match="amount"):
        Bytes(text)


@given(st.integers(0, 2**60))
def test_what_is_written_can_be_read_and_is_nearly_the_same(count):
    assert abs(Bytes(written(count)) - count) <= count * 0.06
    assert f"{Bytes(count)}" == written(count)


def test_a_wrong_amount_in_the_settings_is_one_sentence(tmp_path: Path):
    place = tmp_path / "config.yaml"
    place.write_text("downloads: {keep_free: plenty}\n")
    with pytest.raises(BadSettings, match=r"downloads\.keep_free.* 500 MB or 1 GiB"):
        load(place, {}, container=tmp_path)
    place.write_text("downloads: {keep_free: 20 GB, settle_seconds: 5, connections_per_file: 4}\n")
    downloads = load(place, {}, container=tmp_path).downloads
    assert (downloads.keep_free, downloads.settle_seconds) == (20 * 1000**3, 5)
    for wrong in ("settle_seconds: -1", "connections_per_file: 5", "connections_per_file: 0"):
        place.write_text(f"downloads: {{{wrong}}}\n")
        with pytest.raises(BadSettings, match="expected"):
            load(place, {}, container=tmp_path)
