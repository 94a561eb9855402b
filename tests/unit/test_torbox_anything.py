"""Whatever bytes come, reading them ends in a value of ours or an error of ours."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.errors import TorBoxError
from bridge.torbox import items, replies, verdicts
from bridge.torbox.envelope import LARGEST, Oddities, answered_at, read, wait_asked
from tests.unit.torbox_words import OK, file, item

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(st.characters(), max_size=20),
    st.sampled_from(
        ["null", "", "true", "-1", "1e400", "\ud800", "9" * 30, "2026-13-45T99:99:99Z"]
    ),
    st.sampled_from(["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "٣", "²"]),
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
ITEM_FIELDS = st.dictionaries(
    st.sampled_from([
        "id", "hash", "magnet", "name", "size", "progress", "eta", "download_state", "files",
        "created_at", "seeds", "ratio", "active", "download_present", "availability", "queued_id",
        "torrent_id", "plan", "additional_concurrent_slots", "cooldown_until", "active_limit",
    ]),
    ANYTHING,
    max_size=6,
)  # fmt: skip
FILES = st.lists(
    st.dictionaries(st.sampled_from(["id", "name", "size", "md5", "short_name"]), ANYTHING),
    max_size=3,
)


@settings(max_examples=300, deadline=None)
@given(fields=ITEM_FIELDS, odd_files=FILES)
def test_any_value_in_any_field_gives_items_that_can_be_stored_and_shown(
    fields: dict[str, Any], odd_files: list[dict[str, Any]]
) -> None:
    files = [file(number, f"R/{number}") | odd for number, odd in enumerate(odd_files)]
    element = item(1, files=files) | fields
    wire = json.loads(json.dumps(element), strict=False)

    for seen in items.page([wire], 100, Oddities()):
        for text in (seen.hash, seen.name, seen.state, seen.root, *(f.path for f in seen.files)):
            text.encode()
        whole = (seen.torrent_id, seen.size, seen.downloaded, seen.speed, seen.seeds, seen.peers)
        assert all(0 <= number <= LARGEST for number in whole)
        assert 0 <= seen.progress <= 1
        assert seen.created_at is None or seen.created_at > 0
        assert len({found.id for found in seen.files}) == len(seen.files)
        json.dumps([seen.ratio, seen.availability, seen.eta_seconds], allow_nan=False)
    replies.queue([wire], Oddities())
    replies.created(wire, "")
    replies.account(wire, Oddities())
    replies.info(wire)
    replies.cached(wire)


@settings(max_examples=300, deadline=None)
@given(
    status=st.integers(100, 599),
    body=st.binary(max_size=40)
    | ANYTHING.map(lambda value: json.dumps(value).encode())
    | st.dictionaries(st.sampled_from(list(OK)), ANYTHING | ITEM_FIELDS).map(
        lambda value: json.dumps(value).encode()
    ),
    headers=st.dictionaries(
        st.sampled_from(["Date", "Retry-After", "x-ratelimit-reset", "Content-Type"]),
        st.text(max_size=20) | st.floats().map(str) | st.integers().map(str),
    ),
)
def test_any_answer_is_understood_as_one_of_our_errors(
    status: int, body: bytes, headers: dict[str, str]
) -> None:
    reply = read(status, headers, body, secret="secret")

    answered_at(reply)
    asked = wait_asked(reply, 1.8e9)
    assert asked is None or asked >= 0
    verdicts.gone(reply)
    verdicts.already(reply)
    verdicts.limited(reply)
    refused = verdicts.refusal(reply, only_if_cached=True)
    error = refused or verdicts.error_of(reply, "mylist", 1.8e9, Oddities())
    assert isinstance(error, TorBoxError)
    assert str(error).isprintable()
    str(error).encode()
