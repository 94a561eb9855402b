"""A file over several connections: no two fetch the same bytes, and only what is durable counts."""

import asyncio
import os

import pytest
from aiohttp import web
from msgspec.structs import replace

from bridge.delivery import Delivery, partfile
from bridge.delivery.journal import Journal, this_boot
from bridge.delivery.partfile import PartFile
from bridge.delivery.segments import LEAST_BYTES

KIB, MIB = 1 << 10, 1 << 20
HASH = "a1" * 20
SIZE = 8 * LEAST_BYTES + 12345


@pytest.fixture
def settings(settings):
    return replace(settings, connections_per_file=4)


def asked(cdn, file):
    """The ranges that were asked for, as (first, last) bytes."""
    found = []
    for range_ in cdn.ranges(file):
        first, _, last = range_.removeprefix("bytes=").partition("-")
        found.append((int(first), int(last) if last else file.size - 1))
    return found


async def until(condition) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0)


async def stopped(task) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def in_step(cdn, request, content, start):
    """Sends a mebibyte at a time, as long as the test lets it."""
    end = request.headers["Range"].partition("-")[2]
    stop = int(end) + 1 if end else len(content)
    response = web.StreamResponse(status=206)
    response.headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(content)}"
    await response.prepare(request)
    for at in range(start, stop, MIB):
        if cdn.waits_for is not None and at >= start + 3 * MIB:
            cdn.reached.set()
            await cdn.waits_for.wait()
        await response.write(content[at : min(at + MIB, stop)])
    return response


async def test_a_large_file_comes_over_four_connections_that_share_it(cdn, delivery, incomplete):
    file = cdn.holds("a.mkv", SIZE)

    cdn.waits_for = asyncio.Event()
    task = asyncio.create_task(delivery.deliver(HASH, "Show", [file], cdn.link, cdn.proof(4 * MIB)))
    await until(lambda: cdn.connections == 4)
    quarters = sorted(asked(cdn, file))
    cdn.waits_for.set()
    await task

    assert [first for first, _ in quarters] == [0, *(last + 1 for _, last in quarters[:-1])]
    assert quarters[-1][1] == file.size - 1
    assert cdn.most_connections == 4
    assert len(cdn.links_given) == 1
    assert (incomplete / "a.mkv").read_bytes() == cdn.contents["a.mkv"]


async def test_a_small_file_comes_over_one(cdn, delivery, incomplete):
    file = cdn.holds("a.mkv", 2 * LEAST_BYTES - 1)

    await delivery.deliver(HASH, "Show", [file], cdn.link)

    assert cdn.ranges(file) == ["bytes=0-"]
    assert (incomplete / "a.mkv").read_bytes() == cdn.contents["a.mkv"]


async def test_one_that_is_done_takes_over_half_of_what_the_slowest_has_left(
    cdn, delivery, incomplete
):
    file = cdn.holds("a.mkv", SIZE)
    cdn.waits_for = asyncio.Event()
    cdn.will(file, in_step)  # the first falls silent after three mebibytes
    cdn.scripts["a.mkv"] += [honest_now] * 20
    task = asyncio.create_task(delivery.deliver(HASH, "Show", [file], cdn.link))
    await until(lambda: delivery.leg(HASH) and delivery.leg(HASH).delivered_bytes > SIZE - 12 * MIB)
    cdn.waits_for.set()
    await task

    assert len(asked(cdn, file)) > 4
    assert (incomplete / "a.mkv").read_bytes() == cdn.contents["a.mkv"]


async def honest_now(cdn, request, content, start):
    end = request.headers["Range"].partition("-")[2]
    stop = int(end) + 1 if end else len(content)
    headers = {"Content-Range": f"bytes {start}-{stop - 1}/{len(content)}"}
    return web.Response(status=206, body=content[start:stop], headers=headers)


async def test_after_a_stop_nothing_that_is_here_comes_again(
    cdn, delivery, incomplete, settings, clock
):
    file = cdn.holds("a.mkv", SIZE)
    cdn.waits_for = asyncio.Event()
    cdn.will(file, *[in_step] * 4)
    task = asyncio.create_task(delivery.deliver(HASH, "Show", [file], cdn.link))
    await until(lambda: delivery.leg(HASH) and delivery.leg(HASH).delivered_bytes >= 8 * MIB)
    await stopped(task)
    here = Journal(incomplete.parent, this_boot()).held("a.mkv", file.size)
    cdn.waits_for = None
    cdn.scripts.clear()
    cdn.asked.clear()

    async with Delivery(settings, clock, user_agent="test", allow_http=True) as after:
        assert (await after.measure(HASH, "Show", [file])).delivered_bytes == here.total
        await after.deliver(HASH, "Show", [file], cdn.link, cdn.proof(4 * MIB))

    assert here.total >= 8 * MIB
    assert sum(last + 1 - first for first, last in asked(cdn, file)) == file.size - here.total
    assert (incomplete / "a.mkv").read_bytes() == cdn.contents["a.mkv"]


async def test_after_a_power_cut_only_ranges_that_were_flushed_count(
    cdn, delivery, incomplete, settings, clock
):
    file = cdn.holds("a.mkv", SIZE)
    cdn.waits_for = asyncio.Event()
    cdn.will(file, *[in_step] * 4)
    task = asyncio.create_task(delivery.deliver(HASH, "Show", [file], cdn.link))
    await until(lambda: delivery.leg(HASH) and delivery.leg(HASH).delivered_bytes >= 8 * MIB)
    await stopped(task)
    flushed = Journal(incomplete.parent, "the boot after").held("a.mkv", file.size)
    place = incomplete / "a.mkv"
    assert place.stat().st_size == file.size
    # What was not flushed is lost: the file keeps its length and has zeros there.
    with place.open("r+b") as lost:
        for start, stop in flushed.missing(file.size):
            lost.seek(start)
            lost.write(bytes(stop - start))
    cdn.waits_for = None
    cdn.scripts.clear()

    async with Delivery(settings, clock, user_agent="test", allow_http=True) as after:
        after._boot = "the boot after"
        assert (await after.measure(HASH, "Show", [file])).delivered_bytes == flushed.total
        await after.deliver(HASH, "Show", [file], cdn.link)

    assert place.read_bytes() == cdn.contents["a.mkv"]


async def test_a_file_begun_over_one_connection_goes_on_over_four_and_back(
    cdn, settings, clock, incomplete
):
    file = cdn.holds("a.mkv", SIZE)
    cdn.waits_for = asyncio.Event()
    for connections in (1, 4, 1):
        cdn.scripts["a.mkv"] = [in_step] * 4
        cdn.reached.clear()
        with_so_many = replace(settings, connections_per_file=connections)
        async with Delivery(with_so_many, clock, user_agent="test", allow_http=True) as delivery:
            task = asyncio.create_task(delivery.deliver(HASH, "Show", [file], cdn.link))
            await cdn.reached.wait()
            await stopped(task)
    cdn.waits_for = None
    cdn.scripts.clear()
    async with Delivery(settings, clock, user_agent="test", allow_http=True) as delivery:
        await delivery.deliver(HASH, "Show", [file], cdn.link, cdn.proof(4 * MIB))

    assert (incomplete / "a.mkv").read_bytes() == cdn.contents["a.mkv"]


async def cuts_off(cdn, request, content, start):
    response = web.StreamResponse(status=206)
    response.headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
    response.content_length = len(content) - start
    await response.prepare(request)
    await response.write(content[start : start + MIB])
    request.transport.close()
    return response


async def is_busy(cdn, request, content, start):
    return web.Response(status=429, headers={"Retry-After": "3"})


async def refuses(cdn, request, content, start):
    return web.Response(status=403)


async def sends_the_whole(cdn, request, content, start):
    return web.Response(body=content, content_type="video/x-matroska")


async def says_no_length(cdn, request, content, start):
    response = web.StreamResponse()
    response.enable_chunked_encoding()
    await response.prepare(request)
    await response.write(content)
    return response


FAULTS = [cuts_off, is_busy, refuses, sends_the_whole, says_no_length]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
@pytest.mark.parametrize("times", [1, 4])
async def test_a_fault_of_one_connection_or_of_all_ends_in_the_whole_file(
    fault, times, cdn, delivery, incomplete
):
    file = cdn.holds("a.mkv", SIZE)
    cdn.will(file, *[fault] * times)

    await delivery.deliver(HASH, "Show", [file], cdn.link, cdn.proof(4 * MIB))

    assert (incomplete / "a.mkv").read_bytes() == cdn.contents["a.mkv"]
    assert delivery.leg(HASH).delivered_bytes == file.size


async def test_a_wrong_piece_of_a_file_with_gaps_comes_again_alone(cdn, delivery, incomplete):
    file = cdn.holds("a.mkv", SIZE)

    async def wrong(cdn, request, content, start):
        end = request.headers["Range"].partition("-")[2]
        stop = int(end) + 1 if end else len(content)
        headers = {"Content-Range": f"bytes {start}-{stop - 1}/{len(content)}"}
        body = bytearray(content[start:stop])
        body[5] ^= 0xFF
        return web.Response(status=206, body=bytes(body), headers=headers)

    cdn.will(file, wrong)

    await delivery.deliver(HASH, "Show", [file], cdn.link, cdn.proof(4 * MIB))

    again = asked(cdn, file)[-1]
    assert again[1] - again[0] < 4 * MIB
    assert (incomplete / "a.mkv").read_bytes() == cdn.contents["a.mkv"]


@pytest.mark.parametrize("when", ["while the file is flushed", "while its line is"])
def test_a_flush_under_way_brings_no_dropped_bytes_back(tmp_path, monkeypatch, when):
    inner = tmp_path / HASH / "Show"
    inner.mkdir(parents=True)
    part = PartFile(inner, "a.mkv", 100, Journal(inner.parent, "one boot"))
    part.open()
    part.spread()
    part.write(0, [b"a" * 10])
    part.write(50, [b"WRONG"])
    fdatasync, calls = os.fdatasync, []

    def dropped_meanwhile(fd):
        fdatasync(fd)
        calls.append(fd)
        if len(calls) == (1 if when == "while the file is flushed" else 2):
            part.drop(50, 55)  # as another connection of the file does
            part.write(50, [b"again"])

    monkeypatch.setattr(partfile.os, "fdatasync", dropped_meanwhile)
    part.flush()
    part.close()

    after = PartFile(inner, "a.mkv", 100, Journal(inner.parent, "after a power cut"))
    after.look()
    assert after.missing == [(10, 100)]


async def whole_now(cdn, request, content, start):
    return web.Response(body=content)


async def test_of_a_cdn_that_ignores_ranges_one_connection_alone_brings_the_file(
    cdn, delivery, incomplete
):
    file = cdn.holds("a.mkv", SIZE)
    cdn.will(file, *[whole_now] * 20)

    await delivery.deliver(HASH, "Show", [file], cdn.link, cdn.proof(4 * MIB))

    together, alone = asked(cdn, file)[:-1], asked(cdn, file)[-1]
    assert len(together) <= 4
    assert alone[0] < SIZE // 4
    assert alone[1] == file.size - 1
    assert (incomplete / "a.mkv").read_bytes() == cdn.contents["a.mkv"]


def half_is_here(cdn, incomplete, file):
    incomplete.mkdir(parents=True)
    part = PartFile(incomplete, file.path, file.size, Journal(incomplete.parent, this_boot()))
    part.open()
    part.write(0, [cdn.contents[file.path][: file.size // 2]])
    part.flush()
    part.close()


async def test_what_comes_again_and_is_thrown_away_counts_against_the_limit(
    cdn, delivery, incomplete, clock
):
    file = cdn.holds("a.mkv", 4 * MIB)
    half_is_here(cdn, incomplete, file)
    cdn.will(file, whole_now)
    delivery.limit(20 * KIB)
    began = clock.monotonic()

    await delivery.deliver(HASH, "Show", [file], cdn.link)

    assert cdn.ranges(file) == [f"bytes={2 * MIB}-"]
    assert clock.monotonic() - began > 4 * MIB / (20 * KIB) * 0.95
    assert (incomplete / "a.mkv").read_bytes() == cdn.contents["a.mkv"]


async def test_when_downloads_are_off_nothing_more_is_thrown_away_either(cdn, delivery, incomplete):
    file = cdn.holds("a.mkv", 4 * MIB)
    half_is_here(cdn, incomplete, file)
    dripped = []

    async def drips(cdn, request, content, start):
        response = web.StreamResponse()
        response.content_length = len(content)
        await response.prepare(request)
        for at in range(0, start, KIB):
            await response.write(content[at : at + KIB])
            dripped.append(at)
            cdn.reached.set()
            await asyncio.sleep(0.001)
        return response

    cdn.will(file, drips)
    task = asyncio.create_task(delivery.deliver(HASH, "Show", [file], cdn.link))
    await cdn.reached.wait()
    delivery.hold("downloads are off")
    await until(lambda: cdn.connections == 0)
    assert len(dripped) < 2 * MIB // KIB

    delivery.hold("")
    await task
    assert (incomplete / "a.mkv").read_bytes() == cdn.contents["a.mkv"]
