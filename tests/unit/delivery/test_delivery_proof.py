"""Bytes that are not the torrent's are found by its piece hashes, and only they come again."""

import asyncio

import pytest
from aiohttp import web

from bridge.delivery import Delivery, Proof
from bridge.delivery.journal import Journal, Kept, this_boot
from bridge.errors import FileDisproved
from bridge.model import File

KIB = 1024
MIB = 1024 * KIB
HASH = "a1" * 20
PIECE = 256 * KIB


def wrong_at(*places):
    """An answer whose bytes at these places of the file are wrong."""

    async def answer(cdn, request, content, start):
        spoiled = bytearray(content)
        for place in places:
            spoiled[place] ^= 0xFF
        end = request.headers["Range"].partition("-")[2]
        stop = int(end) + 1 if end else len(content)
        headers = {"Content-Range": f"bytes {start}-{stop - 1}/{len(content)}"}
        return web.Response(status=206, body=bytes(spoiled[start:stop]), headers=headers)

    return answer


def whole(cdn, incomplete):
    return all(
        (incomplete / path).read_bytes() == content for path, content in cdn.contents.items()
    )


async def until(condition) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0)


async def test_only_the_wrong_pieces_come_again_and_from_a_new_link(cdn, delivery, incomplete):
    file = cdn.holds("a.mkv", 3 * MIB + 17)
    cdn.will(file, wrong_at(5, 3 * PIECE, 3 * MIB + 16))

    await delivery.deliver(HASH, "Show", [file], cdn.link, cdn.proof(PIECE))

    assert cdn.ranges(file) == [
        "bytes=0-",
        f"bytes=0-{PIECE - 1}",
        f"bytes={3 * PIECE}-{4 * PIECE - 1}",
        f"bytes={3 * MIB}-",
    ]
    tokens = [token for _, _, token in cdn.asked]
    assert tokens == ["t1%2F", "t2%2F", "t2%2F", "t2%2F"]
    assert whole(cdn, incomplete)
    assert delivery.leg(HASH).delivered_bytes == file.size


async def test_a_wrong_piece_at_the_end_is_cut_off_and_comes_again(cdn, delivery, incomplete):
    file = cdn.holds("a.mkv", 2 * PIECE)
    cdn.will(file, wrong_at(PIECE + 1))

    await delivery.deliver(HASH, "Show", [file], cdn.link, cdn.proof(PIECE))

    assert cdn.ranges(file) == ["bytes=0-", f"bytes={PIECE}-"]
    assert whole(cdn, incomplete)


async def test_a_cdn_that_sends_more_than_the_piece_does_no_harm(cdn, delivery, incomplete):
    file = cdn.holds("a.mkv", 4 * PIECE)

    async def ignores_the_end(cdn, request, content, start):
        headers = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}
        spoiled = content[start : start + PIECE] + bytes(len(content) - start - PIECE)
        return web.Response(status=206, body=spoiled, headers=headers)

    async def sends_the_whole(cdn, request, content, start):
        spoiled = bytes(PIECE) + content[PIECE : 2 * PIECE] + bytes(2 * PIECE)
        return web.Response(body=spoiled, content_type="video/x-matroska")

    cdn.will(file, wrong_at(1, PIECE + 1), ignores_the_end, sends_the_whole)

    await delivery.deliver(HASH, "Show", [file], cdn.link, cdn.proof(PIECE))

    assert len(cdn.ranges(file)) == 3
    assert whole(cdn, incomplete)


async def test_three_wrong_links_disprove_the_file(cdn, delivery):
    good, file = cdn.holds("b.mkv", MIB), cdn.holds("Season 1/a.mkv", 2 * PIECE)
    cdn.will(file, *[wrong_at(1)] * 3)

    with pytest.raises(FileDisproved, match="three times") as caught:
        await delivery.deliver(HASH, "Show", [good, file], cdn.link, cdn.proof(PIECE))

    assert caught.value.path == "Season 1/a.mkv"
    assert len({token for path, _, token in cdn.asked if path == file.path}) == 3


async def test_cuts_refusals_and_busy_days_are_no_tries(cdn, delivery, incomplete):
    file = cdn.holds("a.mkv", 2 * PIECE)

    async def is_busy(cdn, request, content, start):
        return web.Response(status=429, headers={"Retry-After": "1"})

    async def refuses(cdn, request, content, start):
        return web.Response(status=410)

    cdn.will(file, wrong_at(1), *[is_busy, refuses] * 3, wrong_at(1), refuses, refuses, is_busy)

    await delivery.deliver(HASH, "Show", [file], cdn.link, cdn.proof(PIECE))

    assert whole(cdn, incomplete)


async def test_a_piece_over_a_border_is_proven_once_both_files_are_here(cdn, delivery, incomplete):
    first = cdn.holds("1.mkv", PIECE + 100)
    small = [cdn.holds(f"{number}.srt", 50) for number in range(3)]
    last = cdn.holds("2.mkv", PIECE)
    cdn.will(last, wrong_at(0))

    await delivery.deliver(HASH, "Show", [first, *small, last], cdn.link, cdn.proof(PIECE))

    assert whole(cdn, incomplete)
    rest = PIECE - 100 - 150
    assert cdn.ranges(last) == ["bytes=0-", f"bytes=0-{rest - 1}"]
    assert cdn.ranges(first) == ["bytes=0-", f"bytes={PIECE}-"]
    assert cdn.ranges(small[0]) == ["bytes=0-", "bytes=0-"]


@pytest.mark.parametrize("md5", [True, False])
async def test_a_border_that_came_with_wrong_pieces_is_not_counted_once_more(
    md5, cdn, delivery, incomplete
):
    files = [cdn.holds("1.mkv", PIECE + 100, md5=md5), cdn.holds("2.mkv", PIECE, md5=md5)]
    cdn.will(files[0], wrong_at(1, PIECE + 1), wrong_at(1))

    await delivery.deliver(HASH, "Show", files, cdn.link, cdn.proof(PIECE))

    assert whole(cdn, incomplete)


async def test_if_only_the_checksum_is_wrong_only_what_others_share_comes_again(
    cdn, delivery, incomplete
):
    first, last = cdn.holds("1.mkv", 100), cdn.holds("2.mkv", 2 * PIECE, md5=True)
    cdn.will(last, wrong_at(PIECE - 101))

    await delivery.deliver(HASH, "Show", [first, last], cdn.link, cdn.proof(PIECE))

    assert cdn.ranges(last) == ["bytes=0-", f"bytes=0-{PIECE - 101}"]
    assert whole(cdn, incomplete)


async def test_a_border_that_stays_wrong_disproves(cdn, delivery):
    files = [cdn.holds("1.mkv", PIECE + 100), cdn.holds("2.mkv", PIECE)]
    cdn.will(files[0], *[wrong_at(PIECE + 1)] * 3)

    with pytest.raises(FileDisproved):
        await delivery.deliver(HASH, "Show", files, cdn.link, cdn.proof(PIECE))


async def test_a_piece_that_an_unwanted_file_shares_cannot_be_proven(cdn, delivery, incomplete):
    wanted, unwanted = cdn.holds("1.mkv", PIECE + 100), cdn.holds("2.mkv", PIECE)
    cdn.will(wanted, wrong_at(PIECE + 1))
    unwanted = File(unwanted.path, unwanted.size, unwanted.torbox_id, priority=0)

    await delivery.deliver(HASH, "Show", [wanted, unwanted], cdn.link, cdn.proof(PIECE))

    assert cdn.ranges(wanted) == ["bytes=0-"]
    assert (incomplete / "1.mkv").stat().st_size == PIECE + 100


async def test_padding_is_known_and_never_fetched(cdn, delivery, incomplete):
    files = [cdn.holds("1.mkv", 2 * PIECE - 1000), cdn.holds("2.mkv", 2 * PIECE - 1000)]
    cdn.will(files[0], wrong_at(2 * PIECE - 1001))

    await delivery.deliver(HASH, "Show", files, cdn.link, cdn.proof(PIECE, padding=1000))

    assert cdn.ranges(files[0]) == ["bytes=0-", f"bytes={PIECE}-"]
    assert cdn.ranges(files[1]) == ["bytes=0-"]
    assert whole(cdn, incomplete)


async def test_what_was_here_before_is_read_and_what_was_checked_is_not(cdn, delivery, incomplete):
    file = cdn.holds("a.mkv", 4 * PIECE)
    incomplete.mkdir(parents=True)
    half = bytearray(cdn.contents["a.mkv"][: 3 * PIECE])
    half[0] ^= 0xFF  # among what was checked: believed
    half[PIECE] ^= 0xFF
    (incomplete / "a.mkv").write_bytes(half)
    Journal(incomplete.parent, this_boot()).note(Kept("a.mkv", 0, this_boot(), checked=PIECE))

    await delivery.deliver(HASH, "Show", [file], cdn.link, cdn.proof(PIECE))

    assert cdn.ranges(file) == [f"bytes={3 * PIECE}-", f"bytes={PIECE}-{2 * PIECE - 1}"]
    assert (incomplete / "a.mkv").read_bytes()[1:] == cdn.contents["a.mkv"][1:]


async def test_a_wrong_piece_is_still_missing_after_a_kill(
    cdn, delivery, incomplete, settings, clock
):
    file = cdn.holds("a.mkv", 4 * PIECE)
    cdn.waits_for = asyncio.Event()
    cdn.will(file, wrong_at(PIECE))
    task = asyncio.create_task(delivery.deliver(HASH, "Show", [file], cdn.link, cdn.proof(PIECE)))
    await until(lambda: len(cdn.asked) == 2)
    assert Journal(incomplete.parent, this_boot()).held("a.mkv", file.size).missing(file.size) == [
        (PIECE, 2 * PIECE)
    ]
    assert Journal(incomplete.parent, "the next").held("a.mkv", file.size).missing(file.size) == [
        (PIECE, 2 * PIECE)
    ]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    cdn.waits_for = None

    async with Delivery(settings, clock, user_agent="test", allow_http=True) as after:
        leg = await after.measure(HASH, "Show", [file])
        assert leg.delivered_bytes == 3 * PIECE
        await after.deliver(HASH, "Show", [file], cdn.link, cdn.proof(PIECE))

    assert cdn.ranges(file)[-1] == f"bytes={PIECE}-{2 * PIECE - 1}"
    assert whole(cdn, incomplete)


async def test_pieces_that_cover_all_count_more_than_a_checksum(cdn, delivery, incomplete):
    file = cdn.holds("a.mkv", 4 * PIECE)
    mistaken = File(file.path, file.size, file.torbox_id, md5="0" * 32)

    await delivery.deliver(HASH, "Show", [mistaken], cdn.link, cdn.proof(PIECE))

    assert cdn.ranges(file) == ["bytes=0-"]


async def test_a_proof_of_other_files_proves_nothing_and_harms_nothing(cdn, delivery, incomplete):
    file = cdn.holds("a.mkv", MIB)
    other = Proof(PIECE, bytes(20 * 4), (("b.mkv", MIB),))

    await delivery.deliver(HASH, "Show", [file], cdn.link, other)

    assert whole(cdn, incomplete)
