import asyncio
import io
import zipfile

import aiohttp
import pytest

from bridge.simulator import CdnWeather, Spoiled

SIZE = 1_000_000


@pytest.fixture
def made(torbox):
    return torbox.publish("Show", {"a.mkv": SIZE, "Subs/b.srt": 1000})


@pytest.fixture
async def link(made, call):
    await call.create(made)
    return await call.link_to(made, "a.mkv")


async def whole(call, link: str, range_: str | None = None) -> bytes:
    async with call.get(link, range_) as response:
        return await response.read()


async def test_a_file_arrives_whole(call, made, link, torbox):
    async with call.get(link) as response:
        assert response.status == 200
        assert response.content_length == SIZE
        assert response.content_type == "video/x-matroska"
        assert await response.read() == made.content("a.mkv")
    assert torbox.cdn.ranges_asked == [("a.mkv", None)]
    assert torbox.cdn.bytes_sent == SIZE


@pytest.mark.parametrize(
    ("range_", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=100-199", 100, 200),
        ("bytes=999990-", 999_990, SIZE),
        ("bytes=999990-2000000", 999_990, SIZE),
        ("bytes=-10", SIZE - 10, SIZE),
    ],
)
async def test_a_range_is_answered_exactly(call, made, link, range_, start, stop):
    async with call.get(link, range_) as response:
        assert response.status == 206
        assert response.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{SIZE}"
        assert response.content_length == stop - start
        assert await response.read() == made.content("a.mkv")[start:stop]


async def test_a_range_beyond_the_end_is_refused(call, link):
    async with call.get(link, f"bytes={SIZE}-") as response:
        assert (response.status, response.headers["Content-Range"]) == (416, f"bytes */{SIZE}")


async def test_head_is_not_to_be_relied_on(call, link, torbox):
    async with call.session.head(link) as response:
        assert response.status == 405
    torbox.cdn.head_status = 200
    async with call.session.head(link) as response:
        assert response.status == 200
        assert "Content-Range" not in response.headers
    assert torbox.cdn.ranges_asked == []


async def test_a_link_expires_and_running_downloads_are_not_cut(call, link, torbox, time, made):
    torbox.cdn.stalls(after=1000)
    async with call.get(link) as response:
        time.passes(3601)
        torbox.cdn.release()
        assert await response.read() == made.content("a.mkv")
    async with call.get(link) as response:
        assert (response.status, response.content_type) == (400, "text/html")
        assert (await response.text()).startswith("Invalid Presigned Token")
    fresh = await call.link_to(made, "a.mkv")
    assert fresh != link
    assert len(await whole(call, fresh)) == SIZE


async def test_a_wrong_token_and_an_unknown_link_are_refused(call, link):
    for bad in (link.rpartition("=")[0] + "=other", link.replace("/dld/", "/dld/0")):
        async with call.get(bad) as response:
            assert response.status == 400


async def test_a_deleted_or_purged_items_links_are_dead(call, link, torbox, made):
    torbox.purge(made.hash)
    async with call.get(link) as response:
        assert response.status == 404
    torbox.delete(made.hash)
    async with call.get(link) as response:
        assert response.status == 404


async def test_the_same_link_comes_again_while_it_is_remembered(call, link, torbox, made, time):
    torbox.link_memo_seconds = 30
    again = await call.link_to(made, "a.mkv")
    assert await call.link_to(made, "a.mkv") == again
    time.passes(31)
    assert await call.link_to(made, "a.mkv") != again


async def test_links_are_refused_until_the_files_are_there(call, torbox, made):
    torbox.not_ready_times = 2
    item = (await call.create(made)).data["torrent_id"]
    answers = [await call.link(item, 0) for _ in range(3)]
    assert [answer.status for answer in answers] == [500, 500, 200]
    assert answers[0].json["error"] == "DATABASE_ERROR"


async def test_wrong_ids_are_a_database_error_and_no_file_id_means_file_zero(call, torbox, made):
    item = (await call.create(made)).data["torrent_id"]
    assert (await call.link(item + 1, 0)).json["error"] == "DATABASE_ERROR"
    assert (await call.link(item, 77)).json["error"] == "DATABASE_ERROR"
    link = (await call.link(item, None)).data
    zero = next(file for file in made.files if file.id == 0)
    assert await whole(call, link) == made.content(zero.path)


async def test_a_name_can_be_appended_to_a_link(call, torbox, made, link):
    item = torbox.item_of(made.hash)
    answer = await call.link(item.id, made.file("Subs/b.srt").id, append_name="true")
    assert answer.data.endswith("&filename=b.srt")


async def test_a_cut_download_has_brought_exactly_the_bytes_before_the_cut(
    call, link, torbox, made
):
    torbox.cdn.cuts_off(after=300_000, path="a.mkv")
    async with call.get(link) as response:
        got = await response.content.readexactly(300_000)
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.content.read(1)
    assert got == made.content("a.mkv")[:300_000]
    rest = await whole(call, link, "bytes=300000-")
    assert got + rest == made.content("a.mkv")
    assert torbox.cdn.ranges_asked == [("a.mkv", None), ("a.mkv", "bytes=300000-")]


async def test_a_stall_lasts_until_the_client_leaves(call, link, torbox, made):
    torbox.cdn.stalls(after=300_000)
    async with call.get(link) as response:
        assert await response.content.readexactly(300_000) == made.content("a.mkv")[:300_000]
        assert torbox.cdn.connections == 1
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await response.content.read(1)
    async with asyncio.timeout(5):
        while torbox.cdn.connections:
            await asyncio.sleep(0)


async def test_tests_can_wait_for_the_bytes_of_a_file(call, link, torbox):
    torbox.cdn.stalls(after=300_000)
    async with call.get(link):
        async with asyncio.timeout(5):
            await torbox.cdn.has_sent("a.mkv", 300_000)
        assert torbox.cdn.sent("a.mkv") == 300_000


async def test_a_range_can_be_ignored(call, link, torbox, made):
    torbox.cdn.ignores_range()
    async with call.get(link, "bytes=500-") as response:
        assert response.status == 200
        assert await response.read() == made.content("a.mkv")
    async with call.get(link, "bytes=500-") as response:
        assert response.status == 206


@pytest.mark.parametrize("size", [0, 150, SIZE - 1, SIZE, SIZE + 1])
async def test_a_page_of_any_size_can_come_instead(call, link, torbox, size):
    torbox.cdn.html_page(size=size)
    async with call.get(link) as response:
        assert (response.status, response.content_type) == (200, "text/html")
        assert len(await response.read()) == size


async def test_any_status_can_come_with_a_time_to_wait(call, link, torbox):
    torbox.cdn.answers(429, retry_after=7, times=2)
    for _ in range(2):
        async with call.get(link) as response:
            assert (response.status, response.headers["Retry-After"]) == (429, "7")
    assert len(await whole(call, link)) == SIZE


@pytest.mark.parametrize("by", [-1000, 1000])
async def test_headers_and_body_can_agree_on_a_wrong_length(call, link, torbox, made, by):
    torbox.cdn.lies_about_length(by=by, times=2)
    async with call.get(link) as response:
        assert response.content_length == SIZE + by
        body = await response.read()
    assert body[: SIZE + min(by, 0)] == made.content("a.mkv")[: SIZE + min(by, 0)]
    async with call.get(link, "bytes=10-") as response:
        assert response.headers["Content-Range"] == f"bytes 10-{SIZE + by - 1}/{SIZE + by}"
        assert len(await response.read()) == SIZE + by - 10


async def test_only_the_total_can_be_wrong_and_a_range_can_be_another(call, link, torbox, made):
    torbox.cdn.lies_about_total(by=5)
    async with call.get(link, "bytes=10-19") as response:
        assert response.headers["Content-Range"] == f"bytes 10-19/{SIZE + 5}"
        assert await response.read() == made.content("a.mkv")[10:20]
    torbox.cdn.shifts_range(by=-10)
    async with call.get(link, "bytes=10-19") as response:
        assert response.headers["Content-Range"] == f"bytes 0-19/{SIZE}"
        assert await response.read() == made.content("a.mkv")[0:20]


async def test_a_length_can_be_hidden(call, link, torbox, made):
    torbox.cdn.hides_length()
    async with call.get(link) as response:
        assert response.content_length is None
        assert await response.read() == made.content("a.mkv")


@pytest.mark.parametrize("by", [-1000, 1000])
async def test_a_body_can_be_of_another_length_than_its_range(call, link, torbox, by):
    torbox.cdn.spoil(Spoiled(body_by=by))
    async with call.get(link, "bytes=10-") as response:
        assert response.headers["Content-Range"] == f"bytes 10-{SIZE - 1}/{SIZE}"
        assert response.content_length == len(await response.read()) == SIZE - 10 + by


async def test_a_range_can_end_early_or_not_be_said_at_all(call, link, torbox, made):
    torbox.cdn.spoil(Spoiled(part_bytes=5))
    async with call.get(link, "bytes=10-") as response:
        assert response.headers["Content-Range"] == f"bytes 10-14/{SIZE}"
        assert await response.read() == made.content("a.mkv")[10:15]
    torbox.cdn.spoil(Spoiled(unsaid_range=True))
    async with call.get(link, "bytes=10-") as response:
        assert response.status == 206
        assert "Content-Range" not in response.headers


async def test_an_answer_can_claim_to_be_what_it_is_not(call, link, torbox, made):
    torbox.cdn.spoil(Spoiled(encoding="own", headers=(("ETag", '"2"'),)))
    async with call.get(link) as response:
        assert (response.headers["Content-Encoding"], response.headers["ETag"]) == ("own", '"2"')
        assert await response.read() == made.content("a.mkv")
    torbox.cdn.spoil(Spoiled(html_bytes=150, page_type="video/x-matroska"))
    async with call.get(link) as response:
        assert (response.content_type, len(await response.read())) == ("video/x-matroska", 150)
    torbox.cdn.spoil(Spoiled(garbled=True))
    got, right = await whole(call, link), made.content("a.mkv")
    assert all(one != other for one, other in zip(got, right, strict=True))


async def test_a_connection_can_be_reset(call, link, torbox):
    torbox.cdn.spoil(Spoiled(cut_after=0, reset=True))
    with pytest.raises(aiohttp.ClientError):
        await whole(call, link)


async def test_bad_days_of_the_cdn_are_the_same_for_the_same_seed(call, link, torbox, made):
    kinds = ("refused", "page", "ill")
    days = []
    for seed in (1, 1, 2):
        weather = CdnWeather(seed, 0.5, kinds)
        days.append([weather.spoiled("a", number, 0, SIZE) for number in range(100)])
    assert days[0] == days[1] != days[2]
    assert 30 < sum(day is not None for day in days[0]) < 70

    torbox.cdn.weather = CdnWeather(1, 1.0, kinds)
    async with call.get(link) as response:
        assert response.content_type == "text/html"
    torbox.cdn.clear()
    assert await whole(call, link) == made.content("a.mkv")


async def test_one_byte_can_be_wrong_for_those_who_ask_for_it(call, link, torbox, made):
    torbox.cdn.wrong_bytes("a.mkv", at=500, times=1)
    assert await whole(call, link, "bytes=600-") == made.content("a.mkv")[600:]
    got, right = await whole(call, link), made.content("a.mkv")
    assert [n for n in range(SIZE) if got[n] != right[n]] == [500]
    assert await whole(call, link) == right


async def test_a_slow_line_takes_its_time_on_the_simulators_clock(call, link, torbox, time):
    torbox.cdn.slow(100_000)
    before = time.now
    await whole(call, link)
    assert time.now - before == pytest.approx(10, rel=0.01)


async def test_too_many_connections_of_one_address_are_refused(call, link, torbox):
    torbox.cdn.max_connections = 2
    torbox.cdn.stalls(after=10, times=2)
    async with call.get(link), call.get(link):
        async with call.get(link) as third:
            assert (third.status, third.headers["Retry-After"]) == (429, "10")
        assert torbox.cdn.most_per_file == 2
        torbox.cdn.release()


async def test_a_ban_lasts_its_time(call, link, torbox, time):
    torbox.cdn.ban(4500)
    async with call.get(link) as response:
        assert response.status == 429
    time.passes(4501)
    link = await call.link_to(torbox.items[0].torrent, "a.mkv")
    assert len(await whole(call, link)) == SIZE


async def test_a_zip_of_all_is_a_zip_without_a_word_about_its_size(call, torbox, made):
    item = (await call.create(made)).data["torrent_id"]
    link = (await call.link(item, None, zip_link="true")).data
    assert "/zip/" in link
    async with call.get(link, "bytes=5-") as response:
        assert (response.status, response.content_length) == (200, None)
        body = await response.read()
    archive = zipfile.ZipFile(io.BytesIO(body))
    assert archive.read("Show/a.mkv") == made.content("a.mkv")
    assert archive.read("Show/Subs/b.srt") == made.content("Subs/b.srt")


async def test_a_zipped_torrent_is_one_file_of_its_listed_size(call, torbox):
    made = torbox.publish("Pack", {f"{n:03}.txt": 10 for n in range(120)})
    item = (await call.create(made, allow_zip="true")).data["torrent_id"]
    (file,) = (await call.mylist(id=item)).data["files"]
    body = await whole(call, (await call.link(item, file["id"])).data)
    assert len(body) == file["size"]
    assert zipfile.ZipFile(io.BytesIO(body)).read("Pack/007.txt") == made.content("007.txt")


async def test_an_empty_file_is_empty(call, torbox):
    made = torbox.publish("Show", {"empty": 0, "a": 1})
    await call.create(made)
    assert await whole(call, await call.link_to(made, "empty")) == b""


async def test_the_cdn_can_be_down_with_the_api(call, link, torbox):
    torbox.stop("down", cdn=True)
    async with call.get(link) as response:
        assert response.status == 502
    torbox.resume()
    assert len(await whole(call, link)) == SIZE


async def test_links_can_lead_to_another_host(call, torbox, made):
    torbox.cdn_url = "https://nexus-138.snam.tb-cdn.example"
    await call.create(made)
    assert (await call.link_to(made, "a.mkv")).startswith(
        "https://nexus-138.snam.tb-cdn.example/dld/"
    )


async def test_expired_links_can_be_answered_otherwise_and_all_at_once(call, link, torbox):
    torbox.cdn.expired_status = 410
    torbox.expire_links()
    async with call.get(link) as response:
        assert response.status == 410


async def test_a_redirect_can_lead_elsewhere(call, link, torbox):
    torbox.cdn.redirects(to="http://elsewhere.example/")
    async with call.get(link) as response:
        assert (response.status, response.headers["Location"]) == (302, "http://elsewhere.example/")


async def test_a_fault_for_one_file_leaves_the_others_alone(call, torbox, made, link):
    torbox.cdn.answers(503, path="b.srt")
    assert len(await whole(call, link)) == SIZE
    async with call.get(await call.link_to(made, "Subs/b.srt")) as response:
        assert response.status == 503
