"""Lists and items in all the forms that TorBox gives them (torbox-api.md §2, §3, §10)."""

import json
import logging
from typing import Any

import pytest

from bridge.errors import (
    TorBoxGone,
    TorBoxUnwell,
)
from bridge.torbox.client import TorBox
from tests.unit.torbox_words import (
    MAGNET,
    OK,
    error_of,
    fails,
    file,
    item,
    listing,
)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, listing()),
        (200, OK),
        (404, fails("ITEM_NOT_FOUND", "No torrents found for this user.")),
        (404, OK | {"error": "ITEM_NOT_FOUND"}),
        (404, fails(None, "No torrents found for this user.")),
    ],
)
async def test_an_empty_account_is_empty_in_all_its_forms(
    torbox: TorBox, canned: Any, status: int, body: Any
) -> None:
    canned.says(body, status)

    page = await torbox.items()
    assert page == ()
    assert page.all_read
    assert not page.full
    assert await torbox.queue() == ()
    assert await torbox.cached(["a" * 40]) == frozenset()
    assert type(await error_of(torbox.item(5))) is TorBoxGone


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, "<html>not found</html>"),
        (404, ""),
        (404, {"detail": "Not Found"}),
        (200, OK | {"data": "nothing"}),
        (200, OK | {"data": 0}),
        (500, fails("ITEM_NOT_FOUND")),
        (200, fails(None, "not now")),
    ],
)
async def test_nothing_else_is_an_empty_account_or_a_missing_item(
    torbox: TorBox, canned: Any, status: int, body: Any
) -> None:
    canned.says(body, status)

    for call in (torbox.items(), torbox.item(5), torbox.queue()):
        assert not isinstance(await error_of(call), TorBoxGone)


async def test_an_odd_element_costs_only_itself_and_is_logged_once(
    torbox: TorBox, canned: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    odd = [None, 5, "x", {}, {"id": None, "hash": "a"}, {"id": True, "hash": "a"}, {"id": 3}]
    odd += [{"id": -1, "hash": "a"}, {"id": 10**30, "hash": "a"}, {"id": 4, "hash": "\ud800"[:0]}]
    canned.says(listing(item(1), *odd, item(2), item(1, name="again")))

    page = await torbox.items(limit=10)
    assert [seen.torrent_id for seen in page] == [1, 2]
    assert page[0].name == "n1"
    assert page.full
    assert not page.all_read
    logged = len(caplog.records)
    assert 0 < logged < 8
    await torbox.items()
    assert len(caplog.records) == logged


async def test_new_words_and_fields_are_logged_once_harmlessly_and_change_nothing(
    torbox: TorBox, canned: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    canned.says(listing(item(1, download_state="Levitating (why\nnot)", new_field={"a": [1]})))

    for _ in range(2):
        (seen,) = await torbox.items()
        assert seen.state == "levitating"
    text = "\n".join(record.getMessage() for record in caplog.records)
    assert text.count("levitating") == 1
    assert text.count("new_field") == 1


async def test_a_word_too_long_to_be_logged_whole_is_logged_once_too(
    torbox: TorBox, canned: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    canned.says(listing(item(1, **{"long" * 30: 1})))

    for _ in range(3):
        await torbox.items()
    logged = [record for record in caplog.records if "unknown field" in record.getMessage()]
    assert len(logged) == 1
    assert logged[0].getMessage().count("long") == 20


async def test_a_flood_of_new_words_does_not_flood_the_log(
    torbox: TorBox, canned: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    canned.says(listing(*(item(n, download_state=f"word {n}\x1b[31m") for n in range(1000))))

    assert len(await torbox.items()) == 1000
    assert len(caplog.records) <= 200
    assert not any("\x1b" in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"progress": 1}, {"progress": 1.0}),
        ({"progress": "0.5"}, {"progress": 0.5}),
        ({"progress": 37}, {"progress": 1.0}),
        ({"progress": -1}, {"progress": 0.0}),
        ({"progress": None}, {"progress": 0.0}),
        ({"download_state": "Stalled (No Seeds)"}, {"state": "stalled"}),
        ({"download_state": "uploading (no peers)"}, {"state": "uploading"}),
        ({"download_state": "stalledDL"}, {"state": "stalleddl"}),
        ({"download_state": None}, {"state": ""}),
        ({"eta": 8640000}, {"eta_seconds": None}),
        ({"eta": -1}, {"eta_seconds": None}),
        ({"eta": 12.7}, {"eta_seconds": 12}),
        ({"size": 2.5e9}, {"size": 2500000000}),
        ({"size": "9007199254740993"}, {"size": 9007199254740993}),
        ({"seeds": None, "peers": "4"}, {"seeds": 0, "peers": 4}),
        ({"active": 1, "download_finished": "true"}, {"active": True, "finished": True}),
        ({"download_present": "false", "cached": 0}, {"present": False, "cached": False}),
        ({"created_at": "2026-03-08T21:21:28Z"}, {"created_at": 1773004888.0}),
        ({"created_at": "2026-03-08T21:21:28.5+00:00"}, {"created_at": 1773004888.5}),
        ({"created_at": "2026-03-08T22:21:28+01:00"}, {"created_at": 1773004888.0}),
        ({"created_at": "yesterday"}, {"created_at": None}),
        ({"created_at": None}, {"created_at": None}),
        ({"name": None}, {"name": f"{1:040x}"}),
        ({"hash": "AB" * 20}, {"hash": "ab" * 20}),
        ({"hash": None, "magnet": "magnet:?xt=urn:btih:" + "CD" * 20}, {"hash": "cd" * 20}),
        ({"files": None}, {"files": (), "ready": False}),
    ],
)
async def test_values_are_read_in_all_their_forms(
    torbox: TorBox, canned: Any, fields: dict[str, Any], expected: dict[str, Any]
) -> None:
    canned.says(listing(item(1, **fields)))

    (seen,) = await torbox.items()
    assert {name: getattr(seen, name) for name in expected} == expected


async def test_numbers_that_are_none_are_survived(torbox: TorBox, canned: Any) -> None:
    text = json.dumps(listing(item(1, size=111, ratio=222, eta=333, availability=444)))
    for number, odd in (("111", "Infinity"), ("222", "NaN"), ("333", "1e999"), ("444", "-1e999")):
        text = text.replace(number, odd)
    canned.says(text)

    (seen,) = await torbox.items()
    assert (seen.size, seen.ratio, seen.eta_seconds, seen.availability) == (0, 0.0, None, 0.0)


async def test_raw_control_characters_bad_utf8_and_lone_surrogates_are_survived(
    torbox: TorBox, canned: Any
) -> None:
    name = b'"a\x01\tb\xff\\ud800\xc3\xa9"'
    canned.says(b'\xef\xbb\xbf{"success":true,"data":[{"id":1,"hash":"aa","name":' + name + b"}]}")

    (seen,) = await torbox.items()
    assert seen.name == "a\x01\tb\ufffd?é"
    seen.name.encode()


@pytest.mark.parametrize(
    ("names", "root", "paths"),
    [
        (["R/a.mkv", "R/sub/b.srt"], "R", ["a.mkv", "sub/b.srt"]),
        (["debian.iso"], "", ["debian.iso"]),
        (["Folder/file.mkv"], "Folder", ["file.mkv"]),
        (["R/a", "Q/b"], "", ["R/a", "Q/b"]),
        (["R/a", "R"], "", ["R/a", "R"]),
        (["/R//a", "/R/b"], "R", ["a", "b"]),
        (["../x/a"], "", ["../x/a"]),
        (["./a", "./b"], "", ["./a", "./b"]),
    ],
)
async def test_the_root_is_the_common_first_folder(
    torbox: TorBox, canned: Any, names: list[str], root: str, paths: list[str]
) -> None:
    files = [file(10 - number, name) for number, name in enumerate(names)]
    canned.says(listing(item(1, files=files)))

    (seen,) = await torbox.items()
    assert seen.root == root
    assert [found.path for found in seen.files] == paths
    assert [found.id for found in seen.files] == [10 - number for number in range(len(names))]


@pytest.mark.parametrize(
    "odd",
    [
        None,
        {"name": "R/x", "size": 1},
        {"id": 1, "name": "R/x", "size": None},
        {"id": 1, "name": "", "size": 1},
        {"id": 0, "name": "R/other", "size": 1},
    ],
)
async def test_an_item_with_an_unreadable_file_is_not_ready_rather_than_short_of_a_file(
    torbox: TorBox, canned: Any, odd: Any
) -> None:
    done = {"download_finished": True, "download_present": True}
    canned.says(listing(item(1, files=[file(0, "R/a"), odd], **done)))

    (seen,) = await torbox.items()
    assert not seen.ready


async def test_a_file_carries_what_proves_or_warns(torbox: TorBox, canned: Any) -> None:
    md5 = "D41D8CD98F00B204E9800998ECF8427E"
    files = [file(0, "a", 0, md5=md5, zipped=True), file(1, "b", md5="XX", infected="true")]
    canned.says(listing(item(1, files=files)))

    (seen,) = await torbox.items()
    assert (seen.files[0].md5, seen.files[0].zipped, seen.files[0].size) == (md5.lower(), True, 0)
    assert (seen.files[1].md5, seen.files[1].infected) == (None, True)


async def test_one_item_comes_as_an_object_or_within_a_list(torbox: TorBox, canned: Any) -> None:
    canned.says(OK | {"data": item(5)}).says(listing(item(4), item(5)))

    for _ in range(2):
        assert (await torbox.item(5)).torrent_id == 5
    assert canned.asked[0].query == {"bypass_cache": "true", "id": "5"}


async def test_another_item_than_the_one_asked_for_is_no_evidence(
    torbox: TorBox, canned: Any
) -> None:
    canned.says(listing(item(4)))

    assert type(await error_of(torbox.item(5))) is TorBoxUnwell


async def test_queue_entries_are_found_by_hash_even_if_only_their_magnet_has_it(
    torbox: TorBox, canned: Any
) -> None:
    entries = [{"id": "3", "hash": None, "magnet": MAGNET, "name": None}, {"id": 4}, "x"]
    canned.says(listing(*entries))

    (entry,) = await torbox.queue()
    assert (entry.id, entry.hash, entry.created_at) == (3, "a" * 40, None)


async def test_a_list_of_many_files_is_read_whole(torbox: TorBox, canned: Any) -> None:
    files = [file(number, f"R/{number:05}.mkv") for number in range(10_000)]
    canned.says(listing(item(1, files=files), item(2)))

    first, second = await torbox.items()
    assert len(first.files) == 10_000
    assert second.torrent_id == 2
