"""Whatever the CDN does, a file that is delivered is the file."""

import asyncio
import itertools
import re

import pytest
from aiohttp import web
from msgspec.structs import replace

from bridge.delivery import Delivery

KIB = 1024
SIZE = 300 * KIB
HASH = "a1" * 20
FASTER = 300  # as the clock of these tests


def part(content, start, *, status=206, total=None, first=None, size=None, kind="video/x-matroska"):
    """The head of an answer for content[start:], which may lie."""
    response = web.StreamResponse(status=status, headers={"Content-Type": kind})
    if status == 206:
        first = start if first is None else first
        response.headers["Content-Range"] = (
            f"bytes {first}-{len(content) - 1}/{total or len(content)}"
        )
    if size is not None:
        response.content_length = size
    return response


async def cuts(cdn, request, content, start):
    response = part(content, start, size=len(content) - start)
    await response.prepare(request)
    await response.write(content[start : start + 70 * KIB])
    request.transport.close()
    return response


async def resets(cdn, request, content, start):
    request.transport.abort()
    return web.Response()


async def stalls(cdn, request, content, start):
    response = part(content, start, size=len(content) - start)
    await response.prepare(request)
    await response.write(content[start : start + 50 * KIB])
    await cdn.over.wait()
    return response


async def ignores_range(cdn, request, content, start):
    return web.Response(body=content, content_type="video/x-matroska")


async def cuts_the_whole(cdn, request, content, start):
    response = part(content, 0, status=200, size=len(content))
    await response.prepare(request)
    await response.write(content[: 90 * KIB])
    request.transport.close()
    return response


async def sends_the_whole_unmeasured(cdn, request, content, start):
    response = part(content, 0, status=200)
    response.enable_chunked_encoding()
    await response.prepare(request)
    await response.write(content)
    await response.write_eof()
    return response


async def sends_the_whole_unmeasured_and_no_end(cdn, request, content, start):
    response = part(content, 0, status=200)
    response.enable_chunked_encoding()
    await response.prepare(request)
    await response.write(content)
    await asyncio.sleep(0.1)  # so that the bytes are read before the cut is seen
    request.transport.close()
    return response


async def sends_a_short_whole_unmeasured(cdn, request, content, start):
    response = part(content, 0, status=200)
    response.enable_chunked_encoding()
    await response.prepare(request)
    await response.write(b"Internal Server Error" * 100)
    await response.write_eof()
    return response


async def sends_too_much(cdn, request, content, start):
    response = part(content, start)
    response.enable_chunked_encoding()
    await response.prepare(request)
    await response.write(b"\0" * (len(content) - start) + b"and more")
    await response.write_eof()
    return response


async def sends_a_page(cdn, request, content, start):
    return web.Response(text="<html>wait</html>", content_type="text/html")


async def sends_a_page_of_the_right_size(cdn, request, content, start):
    page = b"<html>".ljust(len(content), b" ")
    return web.Response(body=page, content_type="text/html", charset="utf-8")


async def sends_a_page_as_the_right_part(cdn, request, content, start):
    response = part(content, start, kind="text/html; charset=utf-8", size=len(content) - start)
    await response.prepare(request)
    await response.write(b" " * (len(content) - start))
    return response


async def sends_a_small_error_as_the_file(cdn, request, content, start):
    return web.Response(body=b"x" * 150, content_type="application/octet-stream")


async def sends_another_size(cdn, request, content, start):
    response = part(content, start, total=len(content) + 1, size=len(content) - start)
    await response.prepare(request)
    await response.write(b"\0" * (len(content) - start))
    return response


async def sends_another_part(cdn, request, content, start):
    response = part(content, start, first=start + 1, size=len(content) - start - 1)
    await response.prepare(request)
    await response.write(content[start + 1 :])
    return response


async def sends_a_part_without_saying_which(cdn, request, content, start):
    return web.Response(status=206, body=content, content_type="video/x-matroska")


async def contradicts_itself(cdn, request, content, start):
    response = part(content, start, size=len(content) - start - 100)
    await response.prepare(request)
    await response.write(content[start:-100])
    return response


async def sends_it_encoded(cdn, request, content, start):
    response = part(content, start, size=len(content) - start)
    response.headers["Content-Encoding"] = "br"
    await response.prepare(request)
    await response.write(b"\0" * (len(content) - start))
    return response


async def breaks_its_chunks(cdn, request, content, start):
    response = part(content, start)
    response.headers["Transfer-Encoding"] = "chunked"
    response.force_close()
    await response.prepare(request)
    request.transport.write(b"zz\r\nnot a chunk")
    request.transport.close()
    return response


async def is_busy(cdn, request, content, start):
    return web.Response(status=429, headers={"Retry-After": "7"})


async def is_busy_for_who_knows_how_long(cdn, request, content, start):
    return web.Response(status=429, headers={"Retry-After": "soon"})


def answers(status):
    async def answer(cdn, request, content, start):
        return web.Response(status=status, text="<html>no</html>", content_type="text/html")

    answer.__name__ = f"answers_{status}"
    return answer


async def sends_a_part_of_the_part(cdn, request, content, start):
    end = min(start + 20 * KIB, len(content))
    headers = {"Content-Range": f"bytes {start}-{end - 1}/{len(content)}"}
    return web.Response(status=206, body=content[start:end], headers=headers)


async def sends_other_bytes(cdn, request, content, start):
    response = part(content, start, size=len(content) - start)
    await response.prepare(request)
    await response.write(bytes(len(content) - start))
    return response


async def redirects(cdn, request, content, start):
    return web.Response(status=302, headers={"Location": f"{request.path}?token=next"})


FAULTS = [
    cuts,
    resets,
    stalls,
    ignores_range,
    cuts_the_whole,
    sends_the_whole_unmeasured,
    sends_the_whole_unmeasured_and_no_end,
    sends_a_short_whole_unmeasured,
    sends_too_much,
    sends_a_page,
    sends_a_page_of_the_right_size,
    sends_a_page_as_the_right_part,
    sends_a_small_error_as_the_file,
    sends_another_size,
    sends_another_part,
    sends_a_part_without_saying_which,
    sends_a_part_of_the_part,
    contradicts_itself,
    sends_it_encoded,
    breaks_its_chunks,
    sends_other_bytes,
    is_busy,
    is_busy_for_who_knows_how_long,
    *[answers(status) for status in (400, 401, 403, 404, 410, 416, 500, 502, 503, 504, 204)],
]
PAIRS = list(itertools.permutations(FAULTS, 2))


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
async def test_after_one_fault_the_file_is_whole(fault, cdn, delivery, incomplete):
    file = cdn.holds("Show/S01E01.mkv", SIZE, md5=True)
    cdn.will(file, fault)

    await delivery.deliver(HASH, "Show", [file], cdn.link)

    assert (incomplete / file.path).read_bytes() == cdn.contents[file.path]
    assert delivery.leg(HASH).delivered_bytes == SIZE


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
async def test_after_a_cut_and_then_any_fault_the_file_is_whole(fault, cdn, delivery, incomplete):
    file = cdn.holds("Show/S01E01.mkv", SIZE, md5=True)
    cdn.will(file, cuts, fault, fault)

    await delivery.deliver(HASH, "Show", [file], cdn.link)

    assert (incomplete / file.path).read_bytes() == cdn.contents[file.path]


async def test_after_any_two_faults_the_files_are_whole(
    cdn, settings, clock, incomplete, monkeypatch
):
    monkeypatch.setattr(clock, "socket_seconds", lambda seconds: seconds / FASTER)
    pairs = [*PAIRS, *((fault, fault) for fault in FAULTS)]
    files = [cdn.holds(f"{number}.mkv", SIZE, md5=True) for number in range(len(pairs))]
    for file, pair in zip(files, pairs, strict=True):
        cdn.will(file, *pair)

    settings = replace(settings, parallel_files=16)
    async with Delivery(settings, clock, user_agent="test", allow_http=True) as delivery:
        await delivery.deliver(HASH, "Show", files, cdn.link)

    wrong = [
        (first.__name__, second.__name__)
        for file, (first, second) in zip(files, pairs, strict=True)
        if (incomplete / file.path).read_bytes() != cdn.contents[file.path]
    ]
    assert wrong == []


@pytest.mark.parametrize("by", ["md5", "pieces"])
async def test_what_was_taken_back_proves_nothing_of_what_comes_instead(
    by, cdn, delivery, incomplete
):
    file = cdn.holds("film.mkv", SIZE, md5=by == "md5")
    proof = cdn.proof(64 * KIB) if by == "pieces" else None

    cdn.will(file, sends_the_whole_unmeasured_and_no_end, sends_other_bytes)

    await delivery.deliver(HASH, "Show", [file], cdn.link, proof)

    assert (incomplete / file.path).read_bytes() == cdn.contents[file.path]


async def test_it_continues_at_the_byte_where_the_connection_was_cut(cdn, delivery, incomplete):
    file = cdn.holds("film.mkv", SIZE)
    cdn.will(file, cuts, cuts)

    await delivery.deliver(HASH, "Show", [file], cdn.link)

    assert cdn.ranges(file) == ["bytes=0-", f"bytes={70 * KIB}-", f"bytes={140 * KIB}-"]
    assert len(cdn.links_given) == 1
    assert (incomplete / file.path).read_bytes() == cdn.contents[file.path]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
async def test_a_refused_link_is_replaced(status, cdn, delivery):
    file = cdn.holds("film.mkv", SIZE)
    cdn.will(file, answers(status))

    await delivery.deliver(HASH, "Show", [file], cdn.link)

    assert [token for _, _, token in cdn.asked] == ["t1%2F", "t2%2F"]


async def test_a_link_reaches_the_cdn_exactly_as_torbox_wrote_it(cdn, delivery):
    file = cdn.holds("film.mkv", 10)

    await delivery.deliver(HASH, "Show", [file], cdn.link)

    assert cdn.asked == [("film.mkv", "bytes=0-", "t1%2F")]
    assert cdn.headers[0]["Accept-Encoding"] == "identity"
    assert "Authorization" not in cdn.headers[0]


async def test_a_busy_cdn_is_asked_again_later_with_the_same_link(cdn, delivery, clock):
    file = cdn.holds("film.mkv", SIZE)
    cdn.will(file, is_busy)
    before = clock.monotonic()

    await delivery.deliver(HASH, "Show", [file], cdn.link)

    assert [token for _, _, token in cdn.asked] == ["t1%2F", "t1%2F"]
    assert clock.monotonic() - before >= 7


async def test_while_the_cdn_is_busy_no_other_file_asks_it(cdn, delivery):
    first, second = cdn.holds("1.mkv", 10), cdn.holds("2.mkv", 10)
    cdn.will(first, busy_for_long)
    task = asyncio.create_task(delivery.deliver(HASH, "Show", [first], cdn.link))
    await cdn.reached.wait()
    while not delivery.leg(HASH).waits_for:
        await asyncio.sleep(0)
    other = asyncio.create_task(delivery.deliver("b2" * 20, "Show", [second], cdn.link))
    while not delivery.leg("b2" * 20) or not delivery.leg("b2" * 20).waits_for:
        await asyncio.sleep(0)

    assert [path for path, _, _ in cdn.asked] == ["1.mkv"]
    assert "429" not in delivery.leg("b2" * 20).waits_for
    for each in (task, other):
        each.cancel()
    await asyncio.gather(task, other, return_exceptions=True)


async def busy_for_long(cdn, request, content, start):
    cdn.reached.set()
    return web.Response(status=429, headers={"Retry-After": "7000"})


async def test_an_old_link_is_not_used_for_a_new_connection(cdn, delivery, clock):
    file = cdn.holds("film.mkv", SIZE)

    async def cuts_after_an_hour(cdn, request, content, start):
        clock.skip(46 * 60)
        return await cuts(cdn, request, content, start)

    cdn.will(file, cuts, cuts_after_an_hour)

    await delivery.deliver(HASH, "Show", [file], cdn.link)

    assert [token for _, _, token in cdn.asked] == ["t1%2F", "t1%2F", "t2%2F"]


async def test_a_cdn_that_stays_ill_gets_a_new_link_after_its_second_failure(cdn, delivery):
    file = cdn.holds("film.mkv", SIZE)
    cdn.will(file, answers(503), answers(503), answers(503))

    await delivery.deliver(HASH, "Show", [file], cdn.link)

    assert [token for _, _, token in cdn.asked] == ["t1%2F", "t1%2F", "t2%2F", "t3%2F"]


async def test_the_reason_for_waiting_names_no_link(cdn, delivery):
    file = cdn.holds("film.mkv", SIZE)
    cdn.will(file, *[answers(503)] * 40)
    task = asyncio.create_task(delivery.deliver(HASH, "Show", [file], cdn.link))
    while not delivery.leg(HASH) or not delivery.leg(HASH).waits_for:
        await asyncio.sleep(0)

    assert delivery.leg(HASH).waits_for == "the CDN answered 503"
    assert not re.search("token|127.0.0.1", delivery.leg(HASH).waits_for)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_page_that_is_in_the_torrent_is_delivered(cdn, delivery, incomplete):
    file = cdn.holds("extras/readme.html", 1000)

    async def as_html(cdn, request, content, start):
        headers = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}
        return web.Response(
            status=206, body=content[start:], headers=headers, content_type="text/html"
        )

    cdn.will(file, as_html)

    await delivery.deliver(HASH, "Show", [file], cdn.link)

    assert len(cdn.asked) == 1
    assert (incomplete / file.path).read_bytes() == cdn.contents[file.path]


@pytest.mark.parametrize("hops", [1, 5])
async def test_redirects_are_followed(hops, cdn, delivery, incomplete):
    file = cdn.holds("film.mkv", SIZE)
    cdn.will(file, *[redirects] * hops)

    await delivery.deliver(HASH, "Show", [file], cdn.link)

    assert len(cdn.asked) == hops + 1
    assert len(cdn.links_given) == 1
    assert (incomplete / file.path).read_bytes() == cdn.contents[file.path]


async def test_redirects_in_circles_end_in_a_new_link(cdn, delivery):
    file = cdn.holds("film.mkv", SIZE)
    cdn.will(file, *[redirects] * 6)

    await delivery.deliver(HASH, "Show", [file], cdn.link)

    assert len(cdn.links_given) == 2
