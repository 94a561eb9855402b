"""`torrents/add` with what strangers send: every answer exact, nothing lost, nothing outside."""

import asyncio
import io

import aiohttp
import pytest

from bridge.model import Wishes
from bridge.qbittorrent.adding import MOST_SOURCES
from bridge.simulator import MiB

MAGNET = f"magnet:?xt=urn:btih:{'ab' * 20}&dn=Show"
HASH = "ab" * 20


async def add(arr, files: tuple[tuple[str, bytes], ...] = (), **fields) -> tuple[int, str]:
    form = aiohttp.FormData(default_to_multipart=bool(files))
    for name, value in fields.items():
        form.add_field(name, value)
    for name, data in files:
        form.add_field("fileselect[]", io.BytesIO(data), filename=name)
    return await arr.call("POST", "torrents/add", data=form)


async def listed(arr) -> dict[str, dict]:
    return {row["hash"]: row for row in await arr.json("torrents/info")}


@pytest.mark.parametrize(
    "urls",
    [
        "",
        "   \n \n",
        "garbage",
        "magnet:?xt=urn:btih:zzzz",
        "magnet:?dn=x",
        "/etc/passwd",
        "file:///etc/passwd",
        "ftp://127.0.0.1:1/x.torrent",
        "http://",
        "https://[broken",
        "bc://bt/QUEvbmFtZQ==",
        "\x00",
    ],
)
async def test_what_names_no_torrent_fails(arr, urls: str) -> None:
    assert await add(arr, urls=urls) == (200, "Fails.")
    assert await listed(arr) == {}


async def test_one_good_source_among_bad_ones_is_enough(arr) -> None:
    urls = f"garbage\r\n{MAGNET}\nfile:///etc/passwd\n{'C' * 40}"
    assert await add(arr, urls=urls) == (200, "Ok.")
    assert set(await listed(arr)) == {HASH, "c" * 40}


async def test_it_is_listed_in_the_very_next_answer(arr) -> None:
    await add(arr, urls=MAGNET, stopped="true")
    row = (await listed(arr))[HASH]
    assert row["name"] == "Show"
    assert (row["size"], row["total_size"], row["amount_left"]) == (0, -1, 0)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("empty.torrent", b""),
        ("bad.torrent", b"this is not bencode"),
        ("cut.torrent", b"d4:infod4:name"),
        ("bomb.torrent", b"l" * 200_000),
        ("deep.torrent", b"d4:info" + b"d1:a" * 50_000),
        ("page.html", b"<html><body>Log in"),
    ],
)
async def test_a_file_that_is_no_torrent_is_told_so(arr, name: str, data: bytes) -> None:
    words = f"Error: '{name}' is not a valid torrent file."
    assert await add(arr, ((name, data),)) == (415, words)
    assert await listed(arr) == {}


async def test_a_bad_file_says_no_to_the_whole_request(arr, torbox) -> None:
    good = torbox.publish("Good", {"a.mkv": 1000})
    files = (("good.torrent", good.torrent), ("bad.torrent", b"x"))
    assert (await add(arr, files, urls=MAGNET))[0] == 415
    assert await listed(arr) == {}


async def test_all_uploads_count_also_under_one_name(arr, torbox) -> None:
    first, second = (torbox.publish(name, {"a.mkv": 1000}) for name in ("One", "Two"))
    files = (("a.torrent", first.torrent), ("a.torrent", second.torrent))
    assert await add(arr, files, paused="true") == (200, "Ok.")
    assert set(await listed(arr)) == {first.hash, second.hash}


async def test_more_torrents_than_can_be_committed_in_time_are_refused_as_a_whole(
    arr, torbox, caplog
) -> None:
    hashes = [f"{number:040x}" for number in range(1, MOST_SOURCES + 2)]
    assert await add(arr, urls="\n\n".join(hashes)) == (200, "Fails.")
    file = ("a.torrent", torbox.publish("Show", {"a.mkv": 1000}).torrent)
    assert await add(arr, (file,), urls="\n".join(hashes[:-1])) == (200, "Fails.")
    assert await listed(arr) == {}
    assert "more than 1000 torrents came at once" in caplog.text
    assert await add(arr, urls="\n\n".join(hashes[:-1]), stopped="true") == (200, "Ok.")
    assert set(await listed(arr)) == set(hashes[:-1])


async def test_a_link_is_a_line_and_keeps_whatever_else_is_in_it(arr) -> None:
    assert await add(arr, urls=f"\r\n {MAGNET}\u2028and\x0bmore\r\n") == (200, "Ok.")
    assert [row["name"] for row in (await listed(arr)).values()] == ["Show and more"]


async def test_sixty_mebibytes_are_refused_in_time_and_polls_go_on(arr) -> None:
    upload = asyncio.create_task(add(arr, (("big.torrent", b"d" + b"0:0:" * (15 * MiB)),)))
    polls = 0
    while not upload.done():
        await listed(arr)
        polls += 1
        await asyncio.sleep(0)
    assert (await upload)[0] == 415
    assert polls > 3


async def test_the_same_again_is_fine(arr, torbox) -> None:
    grab = torbox.publish("Show", {"a.mkv": 1000})
    for fields in (
        {"urls": grab.magnet},
        {"urls": grab.magnet.upper().replace("MAGNET", "magnet")},
    ):
        assert await add(arr, paused="true", **fields) == (200, "Ok.")
    assert await add(arr, (("a.torrent", grab.torrent),)) == (200, "Ok.")
    rows = await listed(arr)
    assert set(rows) == {grab.hash}
    assert rows[grab.hash]["has_metadata"] is True


async def test_the_same_again_brings_its_tags_along(arr, torbox) -> None:
    grab = torbox.publish("Show", {"a.mkv": 1000})
    assert await add(arr, urls=grab.magnet, paused="true", tags="mine") == (200, "Ok.")
    assert await add(arr, urls=grab.magnet, paused="true", tags="yours,mine") == (200, "Ok.")
    assert (await listed(arr))[grab.hash]["tags"] == "mine, yours"


async def test_skip_checking_fails_because_there_is_nothing_to_seed_from(arr) -> None:
    assert await add(arr, urls=MAGNET, skip_checking="true") == (200, "Fails.")
    assert await listed(arr) == {}
    assert await add(arr, urls=MAGNET, skip_checking="false") == (200, "Ok.")


async def test_every_option_is_kept_and_shown(arr, house) -> None:
    fields = {
        "category": "auto-created",
        "tags": "t1, t2",
        "rename": " A new\nname ",
        "savepath": "below",
        "upLimit": "1000",
        "dlLimit": "2000",
        "ratioLimit": "1.50",
        "seedingTimeLimit": "60",
        "inactiveSeedingTimeLimit": "30",
        "sequentialDownload": "True",
        "firstLastPiecePrio": "TRUE",
        "contentLayout": "Subfolder",
        "stopped": "true",
        "nonsense": "x",
    }
    assert await add(arr, urls=MAGNET, **fields) == (200, "Ok.")
    row = (await listed(arr))[HASH]
    assert row["name"] == "A new name"
    assert row["category"] == "auto-created"
    assert row["tags"] == "t1, t2"
    assert row["save_path"] == f"{house.downloads}/auto-created/below"
    assert (row["up_limit"], row["dl_limit"]) == (1000, 2000)
    assert (row["ratio_limit"], row["max_ratio"], row["seeding_time_limit"]) == (1.5, 1.5, 60)
    assert row["inactive_seeding_time_limit"] == 30
    assert (row["seq_dl"], row["f_l_piece_prio"]) == (True, True)
    assert row["state"] == "pausedDL"
    categories = await arr.json("torrents/categories")
    assert categories["auto-created"]["savePath"] == f"{house.downloads}/auto-created"


async def test_options_that_cannot_be_read_count_as_not_given(arr) -> None:
    garbage = {"ratioLimit": "abc", "seedingTimeLimit": "x", "dlLimit": "-5", "paused": "1"}
    assert await add(arr, urls=MAGNET, **garbage) == (200, "Ok.")
    row = (await listed(arr))[HASH]
    wishes = Wishes()
    assert (row["ratio_limit"], row["seeding_time_limit"]) == (
        wishes.ratio_limit,
        wishes.seeding_minutes,
    )
    assert row["dl_limit"] == 0
    assert row["state"] != "pausedDL"


@pytest.mark.parametrize("path", ["/etc", "../../outside", "/", "a/../../..", "\x00"])
async def test_a_path_outside_the_root_fails(arr, path: str) -> None:
    assert await add(arr, urls=MAGNET, savepath=path) == (200, "Fails.")
    assert await listed(arr) == {}


async def test_a_path_inside_the_root_counts_and_automatic_management_overrules_it(
    arr, house
) -> None:
    inside = f"{house.downloads}/elsewhere/"
    await add(arr, urls=MAGNET, savepath=inside, category="tv", paused="true")
    await add(arr, urls="d" * 40, savepath=inside, category="tv", autoTMM="true", paused="true")
    rows = await listed(arr)
    assert rows[HASH]["save_path"] == f"{house.downloads}/elsewhere"
    assert rows["d" * 40]["save_path"] == f"{house.downloads}/tv"


@pytest.mark.parametrize("category", ["a//b", "/a", "..", "a\\b", "x" * 5000, "\x00"])
async def test_a_category_that_cannot_be_one_is_no_reason_to_refuse(
    arr, house, category: str
) -> None:
    assert await add(arr, urls=MAGNET, category=category, paused="true") == (200, "Ok.")
    row = (await listed(arr))[HASH]
    kept = set(await arr.json("torrents/categories"))
    assert row["category"] == (category if len(category) > 1000 else "")
    assert kept == ({category} if len(category) > 1000 else set())
    assert row["save_path"].startswith(str(house.downloads))
    assert ".." not in row["save_path"]


@pytest.mark.parametrize("name", ["../../x", "/etc/passwd", "a" * 300, "x\x00y", "con", ".."])
async def test_a_hostile_name_stays_a_name(arr, torbox, house, name: str) -> None:
    grab = torbox.publish(name, {name: 1000, "b": 10})
    assert await add(arr, (("a.torrent", grab.torrent),), paused="true") == (200, "Ok.")
    row = (await listed(arr))[grab.hash]
    assert row["content_path"].rpartition("/")[0] == row["save_path"]
    for file in await arr.json("torrents/files", hash=grab.hash):
        assert ".." not in file["name"].split("/")
        assert not file["name"].startswith("/")
