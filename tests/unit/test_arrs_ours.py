"""What in an arr is ours to touch: never a row of another hash, never one of another client."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.arrs.replies import Entry, Event, Row
from bridge.core.ours import (
    WhereWeAre,
    address_of,
    failed_after,
    newest_grab,
    our_entries,
    our_rows,
    was_imported,
)
from bridge.core.reached import Reached

HASH = "ab" * 20
hashes = st.sampled_from([HASH, HASH.upper(), "cd" * 20, "CD" * 20, "", "ab"])
names = st.sampled_from(["TorBox", "torbox", "qBittorrent", "TorBox 2", ""])
all_rows = st.lists(
    st.builds(
        Row,
        id=st.integers(1, 50),
        download_id=hashes.map(str.upper),
        client=names,
        title=st.just(""),
        state=st.just(""),
    )
)


@given(rows=all_rows, ours=st.sets(names, max_size=2))
def test_no_row_of_another_hash_or_client_is_ever_ours(rows, ours):
    found = our_rows(rows, HASH, ours)
    assert all(row.download_id == HASH.upper() and row.client in ours for row in found)
    wanted = [row for row in rows if row.download_id == HASH.upper() and row.client in ours]
    assert list(found) == wanted


def entry(name="TorBox", host="bridge", port=8484, base="", **fields):
    return Entry(1, name, host, port, base, "tv-sonarr", "", **fields)


def where(*seen, public=None, port=8484, base=""):
    return WhereWeAre(frozenset(seen), public, port, base)


OURS, OTHER = entry(), entry("qBittorrent", "qbittorrent", 8080)


@pytest.mark.parametrize(
    ("entries", "named", "at", "expected"),
    [
        ([OURS, OTHER], "", where(), ["TorBox"]),
        ([OURS, OTHER], "qBittorrent", where(), ["qBittorrent"]),
        ([OURS, OTHER], "gone", where(), []),
        ([OTHER], "", where(), []),
        # Behind a mapped port only the address by which we were reached tells.
        ([entry(port=9000), OTHER], "", where(), []),
        ([entry(port=9000), OTHER], "", where(("bridge", 9000, "")), ["TorBox"]),
        ([entry(port=9000), OTHER], "", where(public=("bridge", 9000, "")), ["TorBox"]),
        # Two machines at our port, and nothing tells which one we are.
        ([OURS, entry("B", "elsewhere")], "", where(), []),
        ([OURS, entry("B", "elsewhere")], "", where(("bridge", 8484, "")), ["TorBox"]),
        # We were reached, at another address than the one that has our port.
        ([OURS], "", where(("other", 8484, "")), []),
        # Two entries for two categories.
        ([OURS, entry("Anime")], "", where(), ["TorBox", "Anime"]),
        # The URL base counts.
        ([entry(base="/x"), OTHER], "", where(), []),
        ([entry(base="/x"), OTHER], "", where(base="/x"), ["TorBox"]),
        # The usual ports are left out of a Host header.
        ([entry(port=443)], "", where(("bridge", 80, "")), ["TorBox"]),
    ],
)
def test_an_entry_is_ours_only_when_it_surely_is(entries, named, at, expected):
    assert [one.name for one in our_entries(entries, named, at)] == expected


def events(*kinds):
    """Newest first, as they are read."""
    return tuple(
        Event(len(kinds) - number, HASH.upper(), kind, "series 1")
        for number, kind in enumerate(kinds)
    )


@pytest.mark.parametrize(
    ("kinds", "imported"),
    [
        ((), False),
        (("grabbed",), False),
        (("downloadfolderimported", "grabbed"), True),
        (("trackfileimported", "grabbed"), True),
        (("grabbed", "downloadfolderimported", "grabbed"), False),
        (("episodefiledeleted", "downloadfolderimported", "grabbed"), True),
        (("downloadfailed", "downloadfolderimported"), False),
    ],
)
def test_an_import_counts_until_the_next_grab(kinds, imported):
    assert was_imported(events(*kinds)) is imported


def test_the_newest_grab_and_later_failures_are_found():
    known = events("downloadfailed", "grabbed", "downloadfailed", "grabbed")
    assert newest_grab(known) == known[1]
    assert newest_grab(events("downloadfailed")) is None
    assert failed_after(known, 3)
    assert not failed_after(known, 4)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://bridge:8484", ("bridge", 8484, "")),
        ("https://Bridge.example/x/", ("bridge.example", 443, "/x")),
        ("", None),
    ],
)
def test_an_address_is_read_as_entries_have_it(url, address):
    assert address_of(url) == address


def test_where_arrs_reach_us_is_remembered():
    reached = Reached("/x")
    reached.note("Sonarr/4.0 (debian)", "Bridge:8484")
    reached.note("Radarr/6.1 (debian)", "[::1]:80")
    reached.note("Radarr/6.1 (debian)", "bridge.example")
    reached.note("Mozilla/5.0", "elsewhere:1")
    reached.note("Sonarr/4.0", "no-port:x")
    assert reached.changed
    again = Reached("/x")
    again.load(reached.dump())
    assert not reached.changed
    assert again.addresses("Sonarr") == {("bridge", 8484, "/x")}
    assert again.addresses("Radarr") == {("::1", 80, "/x"), ("bridge.example", 80, "/x")}
    assert again.addresses("Lidarr") == frozenset()


def test_what_is_remembered_of_addresses_is_bounded():
    reached = Reached("")
    for number in range(100):
        reached.note("Sonarr/4.0", f"bridge:{number + 1}")
    assert len(reached.addresses("Sonarr")) == 20
    assert ("bridge", 100, "") in reached.addresses("Sonarr")
