"""What lies on the disk is what was asked for, where it was asked for, and nothing else."""

import asyncio
import os
import resource
import stat
from pathlib import Path

import pytest
from aiohttp import web

from bridge.clock import Clock
from bridge.config import DownloadsSettings
from bridge.delivery import Delivery
from bridge.delivery.journal import Journal, Kept, this_boot
from bridge.delivery.partfile import PartFile
from bridge.errors import (
    AccountTrouble,
    DiskTrouble,
    FileDisproved,
    Refused,
    TorBoxBusy,
    TorBoxGone,
    TorBoxUnwell,
    Trouble,
    UnfitForDisk,
)
from bridge.model import File

KIB = 1024
MIB = 1024 * KIB
HASH = "a1" * 20
OTHER = "b2" * 20


async def stops_after_two_blocks(cdn, request, content, start):
    """Sends two MiB and a half, says so, and then nothing more."""
    response = web.StreamResponse(status=206)
    response.headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
    await response.prepare(request)
    await response.write(content[start : start + 2 * MIB + 512 * KIB])
    cdn.reached.set()
    await cdn.over.wait()
    return response


async def until(condition) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0)


async def stopped(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_tree_is_kept_and_every_file_is_whole(cdn, delivery, incomplete):
    files = [
        cdn.holds("Subs/E01/2_English.srt", 1000),
        cdn.holds("Subs/E02/2_English.srt", 1200),
        cdn.holds("E01.mkv", 3 * MIB + 17),
        cdn.holds("empty.nfo", 0),
    ]

    await delivery.deliver(HASH, "Show", files, cdn.link)

    assert {
        str(path.relative_to(incomplete)): path.read_bytes()
        for path in incomplete.rglob("*")
        if path.is_file()
    } == cdn.contents
    assert "empty.nfo" not in cdn.links_given


async def test_files_that_are_not_wanted_are_not_fetched(cdn, delivery, incomplete):
    wanted, unwanted = cdn.holds("a.mkv", 10), cdn.holds("b.mkv", 10)
    unwanted = File(unwanted.path, unwanted.size, unwanted.torbox_id, priority=0)

    await delivery.deliver(HASH, "Show", [wanted, unwanted], cdn.link)

    assert [path.name for path in incomplete.iterdir()] == ["a.mkv"]


async def test_without_a_wanted_file_it_refuses(delivery, cdn):
    with pytest.raises(Refused):
        await delivery.deliver(HASH, "Show", [File("a.mkv", 10, priority=0)], cdn.link)


async def test_two_files_of_one_path_are_refused(delivery, cdn):
    file = cdn.holds("a.mkv", 10)

    with pytest.raises(Refused):
        await delivery.deliver(HASH, "Show", [file, file], cdn.link)


async def test_what_is_whole_already_is_not_fetched_again(cdn, delivery):
    file = cdn.holds("a.mkv", MIB)
    await delivery.deliver(HASH, "Show", [file], cdn.link)

    await delivery.deliver(HASH, "Show", [file], cdn.link)

    assert cdn.ranges(file) == ["bytes=0-"]


async def test_a_cancelled_delivery_goes_on_at_its_last_byte(
    cdn, delivery, incomplete, settings, clock
):
    file = cdn.holds("a.mkv", 5 * MIB)
    cdn.will(file, stops_after_two_blocks)
    task = asyncio.create_task(delivery.deliver(HASH, "Show", [file], cdn.link))
    await cdn.reached.wait()
    await until(lambda: delivery.leg(HASH).delivered_bytes >= 2 * MIB)
    await stopped(task)
    here = (incomplete / "a.mkv").stat().st_size

    async with Delivery(settings, clock, user_agent="test", allow_http=True) as after:
        assert (await after.measure(HASH, "Show", [file])).delivered_bytes == here
        await after.deliver(HASH, "Show", [file], cdn.link)

    assert here >= 2 * MIB
    assert cdn.ranges(file) == ["bytes=0-", f"bytes={here}-"]
    assert (incomplete / "a.mkv").read_bytes() == cdn.contents["a.mkv"]


async def test_once_a_delivery_is_cancelled_nothing_is_written_any_more(cdn, delivery, incomplete):
    files = [cdn.holds(f"{number}.mkv", 5 * MIB) for number in range(4)]
    for file in files:
        cdn.will(file, stops_after_two_blocks)
    task = asyncio.create_task(delivery.deliver(HASH, "Show", files, cdn.link))
    await until(lambda: delivery.leg(HASH) and delivery.leg(HASH).delivered_bytes > MIB)
    await stopped(task)

    await delivery.discard_incomplete(HASH, "Show")

    assert not incomplete.exists()
    assert open_files_below(incomplete.parent.parent) == []


def open_files_below(folder: Path) -> list[Path]:
    handles = [handle for handle in Path("/proc/self/fd").iterdir() if handle.is_symlink()]
    return [path for path in map(Path.readlink, handles) if path.is_relative_to(folder)]


async def test_no_file_stays_open_after_a_delivery(cdn, delivery, incomplete):
    files = [cdn.holds(f"{number}.mkv", 100) for number in range(20)]

    await delivery.deliver(HASH, "Show", files, cdn.link)

    assert open_files_below(incomplete.parent.parent) == []


async def test_wrong_bytes_are_fetched_again_from_another_link(cdn, delivery, incomplete):
    file = cdn.holds("a.mkv", 100 * KIB, md5=True)
    cdn.will(file, gives_wrong_bytes, gives_wrong_bytes)

    await delivery.deliver(HASH, "Show", [file], cdn.link)

    assert (incomplete / "a.mkv").read_bytes() == cdn.contents["a.mkv"]
    assert [token for _, _, token in cdn.asked] == ["t1%2F", "t2%2F", "t3%2F"]


async def gives_wrong_bytes(cdn, request, content, start):
    headers = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}
    return web.Response(status=206, body=bytes(len(content) - start), headers=headers)


async def test_a_file_that_is_wrong_three_times_is_disproved(cdn, delivery):
    file = cdn.holds("Season 1/a.mkv", 100 * KIB, md5=True)
    cdn.will(file, *[gives_wrong_bytes] * 3)

    with pytest.raises(FileDisproved, match="three times") as caught:
        await delivery.deliver(HASH, "Show", [file], cdn.link)

    assert caught.value.path == "Season 1/a.mkv"
    assert len(cdn.asked) == 3


async def test_a_link_whose_bytes_were_wrong_is_not_fetched_again(cdn, delivery, incomplete):
    file = cdn.holds("a.mkv", 100 * KIB, md5=True)
    cdn.will(file, gives_wrong_bytes)
    links = iter(["same", "same", "same", "other"])

    async def link(file: File) -> str:
        return f"{cdn.url}/dld/1?token={next(links)}"

    await delivery.deliver(HASH, "Show", [file], link)

    assert [token for _, _, token in cdn.asked] == ["same", "other"]
    assert (incomplete / "a.mkv").read_bytes() == cdn.contents["a.mkv"]


async def test_a_checksum_is_right_after_a_resume_too(cdn, delivery, incomplete):
    file = cdn.holds("a.mkv", 5 * MIB, md5=True)
    incomplete.mkdir(parents=True)
    (incomplete / "a.mkv").write_bytes(cdn.contents["a.mkv"][: 2 * MIB])
    Journal(incomplete.parent, this_boot()).note(Kept("a.mkv", 0, this_boot()))

    await delivery.deliver(HASH, "Show", [file], cdn.link)

    assert cdn.ranges(file) == [f"bytes={2 * MIB}-"]


async def test_a_half_that_is_wrong_is_found_by_the_checksum(cdn, delivery, incomplete):
    file = cdn.holds("a.mkv", 5 * MIB, md5=True)
    incomplete.mkdir(parents=True)
    (incomplete / "a.mkv").write_bytes(bytes(2 * MIB))
    Journal(incomplete.parent, this_boot()).note(Kept("a.mkv", 0, this_boot()))

    await delivery.deliver(HASH, "Show", [file], cdn.link)

    assert cdn.ranges(file) == [f"bytes={2 * MIB}-", "bytes=0-"]
    assert (incomplete / "a.mkv").read_bytes() == cdn.contents["a.mkv"]


async def test_a_file_longer_than_it_should_be_is_fetched_anew(cdn, delivery, incomplete):
    file = cdn.holds("a.mkv", MIB)
    incomplete.mkdir(parents=True)
    (incomplete / "a.mkv").write_bytes(bytes(MIB + 1))

    await delivery.deliver(HASH, "Show", [file], cdn.link)

    assert (incomplete / "a.mkv").read_bytes() == cdn.contents["a.mkv"]


@pytest.mark.parametrize(
    "error", [TorBoxBusy("later", 3), TorBoxUnwell("no answer")], ids=["busy", "unwell"]
)
async def test_a_torbox_that_gives_no_link_for_now_is_asked_again(error, cdn, delivery):
    file = cdn.holds("a.mkv", 10)
    errors = [error, error]

    async def link(file: File) -> str:
        if errors:
            raise errors.pop()
        return await cdn.link(file)

    await delivery.deliver(HASH, "Show", [file], link)

    assert delivery.leg(HASH).delivered_bytes == 10


@pytest.mark.parametrize("error", [TorBoxGone("gone"), AccountTrouble(Trouble.PLAN, "no plan")])
async def test_other_errors_of_torbox_reach_the_caller(error, cdn, delivery):
    async def link(file: File) -> str:
        raise error

    with pytest.raises(type(error)):
        await delivery.deliver(HASH, "Show", [cdn.holds("a.mkv", 10), cdn.holds("b.mkv", 10)], link)


@pytest.mark.parametrize(
    "path", ["../a.mkv", "/etc/passwd", "a/../../b", "a//b", "./a", "", "a\0b", "a/.."]
)
async def test_a_path_that_leads_out_is_refused(path, cdn, delivery, incomplete, tmp_path):
    before = sorted(tmp_path.rglob("*"))

    with pytest.raises(Refused):
        await delivery.deliver(HASH, "Show", [File(path, 10, torbox_id=1)], cdn.link)

    assert sorted(tmp_path.rglob("*")) == sorted([*before, incomplete.parent, incomplete])


@pytest.mark.parametrize("torrent_hash", ["..", "a/b", "", ".", "../../x"])
async def test_a_hash_that_is_none_is_refused(torrent_hash, cdn, delivery):
    with pytest.raises(Refused):
        await delivery.deliver(torrent_hash, "Show", [cdn.holds("a", 1)], cdn.link)


async def test_nothing_is_written_through_a_link(cdn, delivery, incomplete, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    incomplete.mkdir(parents=True)
    (incomplete / "sub").symlink_to(outside)

    await delivery.deliver(HASH, "Show", [cdn.holds("sub/a.mkv", 10)], cdn.link)

    assert list(outside.iterdir()) == []
    assert (incomplete / "sub/a.mkv").read_bytes() == cdn.contents["sub/a.mkv"]


async def test_a_link_in_the_place_of_a_file_is_not_followed(cdn, delivery, incomplete, tmp_path):
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    incomplete.mkdir(parents=True)
    (incomplete / "a.mkv").symlink_to(victim)

    await delivery.deliver(HASH, "Show", [cdn.holds("a.mkv", 100)], cdn.link)

    assert victim.read_bytes() == b"precious"
    assert (incomplete / "a.mkv").read_bytes() == cdn.contents["a.mkv"]


async def test_a_link_in_the_place_of_a_torrent_is_not_followed(
    cdn, delivery, incomplete, tmp_path
):
    outside = tmp_path / "outside"
    outside.mkdir()
    incomplete.parent.symlink_to(outside)

    with pytest.raises(Refused):
        await delivery.deliver(HASH, "Show", [cdn.holds("a.mkv", 100)], cdn.link)

    assert list(outside.iterdir()) == []


async def test_a_link_in_the_place_of_its_own_folder_is_not_followed(
    cdn, delivery, incomplete, tmp_path
):
    outside = tmp_path / "outside"
    outside.mkdir()
    incomplete.parent.mkdir()
    incomplete.symlink_to(outside)

    with pytest.raises(Refused):
        await delivery.deliver(HASH, "Show", [cdn.holds("a.mkv", 100)], cdn.link)

    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("folder", ["", "..", "a/b", ".incomplete", ".torbox-bridge-x"])
async def test_a_folder_that_cannot_be_one_is_refused(folder, cdn, delivery, incomplete):
    with pytest.raises(Refused):
        await delivery.deliver(HASH, folder, [cdn.holds("a.mkv", 100)], cdn.link)

    assert not incomplete.parent.exists()


async def test_what_is_here_already_follows_the_folder_to_its_new_name(cdn, delivery, incomplete):
    file = cdn.holds("a.mkv", MIB)
    await delivery.deliver(HASH, "Show", [file], cdn.link)

    await delivery.deliver(HASH, "Other", [file], cdn.link)

    assert cdn.ranges(file) == ["bytes=0-"]
    assert [path.name for path in incomplete.parent.iterdir()] == ["Other"]


def test_a_part_file_is_not_opened_through_a_link(incomplete, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    incomplete.mkdir(parents=True)
    (incomplete / "sub").symlink_to(outside)
    (incomplete / "a.mkv").symlink_to(outside / "a.mkv")
    journal = Journal(incomplete.parent, this_boot())

    with pytest.raises(Refused):
        PartFile(incomplete, "sub/a.mkv", 10, journal, with_md5=False).open()
    with pytest.raises(OSError, match="symbolic"):
        PartFile(incomplete, "a.mkv", 10, journal, with_md5=False).open()

    assert list(outside.iterdir()) == []


async def test_only_the_wanted_files_are_there_in_the_end(cdn, delivery, incomplete):
    wanted, unwanted = cdn.holds("sub/a.mkv", 10), cdn.holds("b/b.mkv", 10)
    unwanted = File(unwanted.path, unwanted.size, unwanted.torbox_id, priority=0)
    for other in ("b/b.mkv", "of another listing/c.mkv", "sub", "d.mkv"):
        (incomplete / other).parent.mkdir(parents=True, exist_ok=True)
        (incomplete / other).write_bytes(b"half")

    await delivery.deliver(HASH, "Show", [wanted, unwanted], cdn.link)

    assert sorted(str(path.relative_to(incomplete)) for path in incomplete.rglob("*")) == [
        "sub",
        "sub/a.mkv",
    ]


async def test_a_file_system_that_takes_no_more_of_a_file_says_so_and_what_is_here_stays(
    cdn, delivery, incomplete
):
    file = cdn.holds("a.mkv", 8 * MIB)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3 * MIB + 5, hard))
    try:
        with pytest.raises(UnfitForDisk, match="too large"):
            await delivery.deliver(HASH, "Show", [file], cdn.link)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert (incomplete / "a.mkv").stat().st_size == 3 * MIB + 5
    await delivery.deliver(HASH, "Show", [file], cdn.link)
    assert cdn.ranges(file) == ["bytes=0-", f"bytes={3 * MIB + 5}-"]
    assert (incomplete / "a.mkv").read_bytes() == cdn.contents["a.mkv"]


async def test_files_and_folders_are_for_the_group_too(cdn, delivery, incomplete):
    before = os.umask(0o002)
    try:
        await delivery.deliver(HASH, "Show", [cdn.holds("sub/a.mkv", 10)], cdn.link)
    finally:
        os.umask(before)

    assert stat.S_IMODE((incomplete / "sub").stat().st_mode) == 0o775
    assert stat.S_IMODE((incomplete / "sub/a.mkv").stat().st_mode) == 0o664


async def test_without_its_mount_nothing_is_written(cdn, delivery, settings):
    root = Path(settings.path)
    root.rename(root.with_name("unmounted"))
    root.mkdir()

    for attempt in (
        delivery.deliver(HASH, "Show", [cdn.holds("a.mkv", 10)], cdn.link),
        delivery.place(HASH, settings.path, "Show"),
        delivery.make_folder(str(root / "tv")),
        delivery.probe(),
    ):
        with pytest.raises(DiskTrouble, match="mounted"):
            await attempt

    assert list(root.iterdir()) == []


async def test_when_its_mount_is_back_all_goes_on(cdn, delivery, settings):
    root = Path(settings.path)
    root.rename(root.with_name("unmounted"))
    root.mkdir()
    with pytest.raises(DiskTrouble):
        await delivery.deliver(HASH, "Show", [cdn.holds("a.mkv", 10)], cdn.link)
    root.rmdir()
    root.with_name("unmounted").rename(root)

    await delivery.deliver(HASH, "Show", [cdn.holds("b.mkv", 10)], cdn.link)


async def test_the_folder_of_incomplete_files_is_made_again_when_a_person_removed_it(
    cdn, delivery, incomplete
):
    incomplete.parent.parent.rmdir()

    await delivery.deliver(HASH, "Show", [cdn.holds("a.mkv", 10)], cdn.link)

    assert (incomplete / "a.mkv").exists()


async def test_a_disk_that_was_never_probed_is_probed_at_the_first_file(
    cdn, settings, clock, incomplete
):
    async with Delivery(settings, clock, user_agent="test", allow_http=True) as delivery:
        await delivery.deliver(HASH, "Show", [cdn.holds("a.mkv", 10)], cdn.link)

    assert (incomplete / "a.mkv").exists()


async def test_so_many_files_come_at_once_and_no_more(cdn, delivery):
    files = [cdn.holds(f"{number}.mkv", 10) for number in range(12)]
    others = [cdn.holds(f"other {number}.mkv", 10) for number in range(12)]
    cdn.waits_for = asyncio.Event()
    tasks = [
        asyncio.create_task(delivery.deliver(HASH, "Show", files, cdn.link)),
        asyncio.create_task(delivery.deliver(OTHER, "Show", others, cdn.link)),
    ]
    await until(lambda: cdn.connections == 4)
    cdn.waits_for.set()
    await asyncio.gather(*tasks)

    assert cdn.most_connections == 4


async def test_the_largest_files_of_a_torrent_come_first(cdn, delivery):
    files = [cdn.holds(f"{number}.nfo", 10) for number in range(80)]
    files += [cdn.holds(f"{number}.mkv", 1000) for number in range(4)]
    await delivery.deliver(HASH, "Show", files, cdn.link)

    first = {path for path, _, _ in cdn.asked[:20]}
    assert {f"{number}.mkv" for number in range(4)} <= first


async def test_a_small_torrent_gets_its_turn_while_a_large_pack_comes(cdn, delivery, incomplete):
    pack = [cdn.holds(f"{number}.mkv", 10) for number in range(40)]
    single = [cdn.holds("single.mkv", 10)]
    cdn.waits_for = asyncio.Event()
    large = asyncio.create_task(delivery.deliver(HASH, "Show", pack, cdn.link))
    await until(lambda: cdn.connections == 4)
    small = asyncio.create_task(delivery.deliver(OTHER, "Show", single, cdn.link))
    await until((incomplete.parent.parent / OTHER / "Show/single.mkv").exists)
    cdn.waits_for.set()
    await asyncio.gather(large, small)

    assert [path for path, _, _ in cdn.asked].index("single.mkv") <= 20


async def test_long_downloads_give_way_to_a_torrent_that_waits(cdn, settings, clock):
    settings = DownloadsSettings(path=settings.path, parallel_files=1)
    film, other = cdn.holds("film.mkv", 30 * MIB), cdn.holds("other.mkv", 10)
    going = asyncio.Event()

    async def slowly(cdn, request, content, start):
        response = web.StreamResponse(status=206)
        response.headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        await response.prepare(request)
        for at in range(start, len(content), MIB):
            await response.write(content[at : at + MIB])
            cdn.reached.set()
            await going.wait()
        return response

    cdn.will(film, slowly)
    async with Delivery(settings, clock, user_agent="test", allow_http=True) as delivery:
        await delivery.probe()
        large = asyncio.create_task(delivery.deliver(HASH, "Show", [film], cdn.link))
        await cdn.reached.wait()
        small = asyncio.create_task(delivery.deliver(OTHER, "Show", [other], cdn.link))
        await until(lambda: delivery.leg(OTHER) is not None)
        clock.skip(121)
        going.set()
        await asyncio.gather(large, small)

    assert [path for path, _, _ in cdn.asked] == ["film.mkv", "other.mkv", "film.mkv"]
    assert len(cdn.links_given) == 2


async def test_a_file_that_waits_lets_others_have_its_turn(cdn, settings, clock):
    settings = DownloadsSettings(path=settings.path, parallel_files=1)
    sick, well = cdn.holds("sick.mkv", 10), cdn.holds("well.mkv", 10)

    async def is_ill(cdn, request, content, start):
        return web.Response(status=500)

    cdn.will(sick, *[is_ill] * 1000)
    async with Delivery(settings, clock, user_agent="test", allow_http=True) as delivery:
        await delivery.probe()
        task = asyncio.create_task(delivery.deliver(HASH, "Show", [sick], cdn.link))
        await delivery.deliver(OTHER, "Show", [well], cdn.link)

        assert delivery.leg(OTHER).delivered_bytes == 10
        assert not task.done()
        await stopped(task)


async def test_a_link_that_is_not_https_is_refused_unless_torbox_is_local(cdn, settings):
    file = cdn.holds("a.mkv", 10)
    async with Delivery(settings, Clock(300), user_agent="test", allow_http=False) as strict:
        await strict.probe()
        task = asyncio.create_task(strict.deliver(HASH, "Show", [file], cdn.link))
        await until(lambda: strict.leg(HASH) and strict.leg(HASH).waits_for)

        assert "not https" in strict.leg(HASH).waits_for
        assert cdn.asked == []
        await stopped(task)


async def test_the_speed_is_that_of_the_last_ten_seconds(cdn, delivery, clock):
    file = cdn.holds("a.mkv", 2 * MIB)

    await delivery.deliver(HASH, "Show", [file], cdn.link)

    leg = delivery.leg(HASH)
    assert leg.last_byte_at <= clock.monotonic()
    assert leg.files == {"a.mkv": 2 * MIB}
    assert delivery.flow.received_bytes == 2 * MIB
    assert not leg.verifying
    leg.arrived(1000)  # just now: on a busy machine the file's own bytes may be older
    assert leg.speed > 0
    clock.skip(11)
    assert leg.speed == 0


async def test_after_a_power_cut_only_what_was_flushed_counts(cdn, delivery, incomplete):
    file = cdn.holds("a.mkv", 5 * MIB)
    incomplete.mkdir(parents=True)
    (incomplete / "a.mkv").write_bytes(cdn.contents["a.mkv"][:MIB] + bytes(2 * MIB))
    Journal(incomplete.parent, "the boot before").note(Kept("a.mkv", MIB))

    leg = await delivery.measure(HASH, "Show", [file])
    assert leg.delivered_bytes == MIB
    await delivery.deliver(HASH, "Show", [file], cdn.link)

    assert cdn.ranges(file) == [f"bytes={MIB}-"]
    assert (incomplete / "a.mkv").read_bytes() == cdn.contents["a.mkv"]


async def test_bytes_that_no_journal_speaks_of_do_not_count(cdn, delivery, incomplete):
    file = cdn.holds("a.mkv", MIB)
    incomplete.mkdir(parents=True)
    (incomplete / "a.mkv").write_bytes(bytes(1000))

    await delivery.deliver(HASH, "Show", [file], cdn.link)

    assert cdn.ranges(file) == ["bytes=0-"]


async def test_a_torn_line_in_the_journal_costs_only_that_line(cdn, delivery, incomplete):
    file = cdn.holds("a.mkv", 5 * MIB)
    incomplete.mkdir(parents=True)
    (incomplete / "a.mkv").write_bytes(cdn.contents["a.mkv"][:MIB])
    Journal(incomplete.parent, "the boot before").note(Kept("a.mkv", MIB))
    (journal,) = incomplete.parent.parent.glob("*.journal")
    with journal.open("ab") as torn:
        torn.write(b'{"path":"a.mkv","flushed":99')

    await delivery.deliver(HASH, "Show", [file], cdn.link)

    assert cdn.ranges(file) == [f"bytes={MIB}-"]
    assert Journal(incomplete.parent, "").kept("a.mkv").proven


async def test_a_proven_file_is_not_read_again_after_a_restart(
    cdn, delivery, incomplete, settings, clock
):
    file = cdn.holds("a.mkv", MIB, md5=True)
    await delivery.deliver(HASH, "Show", [file], cdn.link)
    (incomplete / "a.mkv").write_bytes(bytes(MIB))  # reading it would disprove it
    async with Delivery(settings, clock, user_agent="test", allow_http=True) as after:
        await after.deliver(HASH, "Show", [file], cdn.link)

    assert cdn.ranges(file) == ["bytes=0-"]


async def test_what_no_length_vouches_for_does_not_outlive_a_kill(cdn, delivery, incomplete):
    file = cdn.holds("a.mkv", 5 * MIB)

    async def begins_the_whole_unmeasured(cdn, request, content, start):
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        await response.prepare(request)
        await response.write(b"Service Unavailable" * 100_000)
        await cdn.over.wait()
        return response

    cdn.will(file, begins_the_whole_unmeasured)
    task = asyncio.create_task(delivery.deliver(HASH, "Show", [file], cdn.link))
    await until(lambda: delivery.leg(HASH) and delivery.leg(HASH).delivered_bytes)

    assert (incomplete / "a.mkv").stat().st_size > 0
    assert Journal(incomplete.parent, this_boot()).held("a.mkv", MIB).total == 0
    await stopped(task)
    assert (incomplete / "a.mkv").stat().st_size == 0


async def test_the_journal_goes_with_the_torrent(cdn, delivery, incomplete, settings):
    first, second = cdn.holds("a.mkv", 10), cdn.holds("b.mkv", 10)
    await delivery.deliver(HASH, "Show", [first], cdn.link)
    await delivery.deliver(OTHER, "Show", [second], cdn.link)
    await delivery.place(HASH, settings.path, "Show")
    await delivery.discard_incomplete(OTHER, "Show")

    assert list(incomplete.parent.parent.iterdir()) == []
    assert delivery.leg(HASH) is None
