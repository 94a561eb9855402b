"""Times of the week, as they are written in `downloads.schedule`."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bridge.config import load
from bridge.config.schedule import Slot
from bridge.errors import BadSettings

MONDAY = datetime(2026, 11, 23, tzinfo=UTC)


def at(day, time):
    hour, minute = map(int, time.split(":"))
    return MONDAY + timedelta(days=day, hours=hour, minutes=minute)


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("08:00-18:00 1 MB", [(0, "08:00"), (6, "17:59")], [(0, "07:59"), (3, "18:00")]),
        ("mon-fri 08:00-18:00 off", [(0, "09:00"), (4, "09:00")], [(5, "09:00"), (6, "09:00")]),
        ("sat 10:00-11:00 off", [(5, "10:30")], [(4, "10:30"), (6, "10:30")]),
        ("fri-mon 1:00-2:00 off", [(4, "1:30"), (6, "1:30"), (0, "1:30")], [(1, "1:30")]),
        ("fri 22:00-06:00 off", [(4, "23:00"), (5, "05:59")], [(4, "05:00"), (5, "22:00")]),
        ("sun 22:00-06:00 off", [(6, "23:00"), (0, "05:00")], [(1, "05:00")]),
        ("00:00-24:00 5 MB/s", [(0, "00:00"), (6, "23:59")], []),
        ("12:00-12:00 off", [(0, "11:59"), (2, "12:00")], []),
    ],
)
def test_a_slot_covers_what_it_says(text, inside, outside):
    slot = Slot(text)
    assert all(slot.covers(at(*moment)) for moment in inside)
    assert not any(slot.covers(at(*moment)) for moment in outside)


def test_a_slot_says_how_fast_and_until_when():
    assert Slot("08:00-18:30 2 MB/s").limit == 2_000_000
    assert Slot("08:00-18:30 off").limit is None
    midnight = Slot("20:00-24:00 1GiB").end_after(datetime(2026, 11, 24, 21, 30, tzinfo=UTC))
    assert midnight == datetime(2026, 11, 25, tzinfo=UTC)
    assert str(Slot(" mon 8:00-9:00 off ")) == "mon 8:00-9:00 off"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "off",
        "08:00-18:00",
        "8-18 off",
        "25:00-26:00 off",
        "08:61-09:00 off",
        "xyz 1:00-2:00 off",
        "mon,tue 1:00-2:00 off",
        "24:01-1:00 off",
        "1:00-2:00 fast",
        "1:00-2:00 -5 MB/s",
    ],
)
def test_what_is_no_time_of_the_week_is_refused(text, tmp_path: Path):
    with pytest.raises(ValueError):
        Slot(text)
    place = tmp_path / "config.yaml"
    place.write_text(f"downloads: {{schedule: ['{text}']}}\n")
    if text:
        with pytest.raises(BadSettings, match=r"downloads\.schedule.*mon-fri 08:00-18:00"):
            load(place, {}, container=tmp_path)


def test_the_schedule_is_read_from_a_file_and_from_the_environment(tmp_path: Path):
    place = tmp_path / "config.yaml"
    place.write_text("downloads: {schedule: [mon-fri 08:00-18:00 2 MB/s, '22:00-06:00 off']}\n")
    expected = (Slot("mon-fri 08:00-18:00 2 MB/s"), Slot("22:00-06:00 off"))
    assert load(place, {}, container=tmp_path).downloads.schedule == expected
    environ = {"BRIDGE_DOWNLOADS__SCHEDULE": "sat 1:00-2:00 off, sun 1:00-2:00 1 MB/s"}
    assert load(place, environ, container=tmp_path).downloads.schedule == (
        Slot("sat 1:00-2:00 off"),
        Slot("sun 1:00-2:00 1 MB/s"),
    )
