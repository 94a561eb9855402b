"""Folders get their final place once, whatever happens between, and only what is ours goes."""

import asyncio
import errno
import os
import shutil
from pathlib import Path

import pytest

from bridge.clock import Clock
from bridge.config import DownloadsSettings, ImportMode
from bridge.delivery import Delivery, moving
from bridge.errors import DiskFull, DiskTrouble, FilesMissing, Refused, TargetTaken
from bridge.model import File

HASH = "a1" * 20
FILES = (File("a.mkv", 5), File("Subs/a.srt", 3))


@pytest.fixture
def root(settings) -> Path:
    return Path(settings.path)


@pytest.fixture
def delivered(delivery, incomplete):
    """A torrent whose files are proven, ready to be placed."""
    fill(incomplete)
    return delivery


def fill(folder: Path) -> None:
    (folder / "Subs").mkdir(parents=True)
    (folder / "a.mkv").write_bytes(b"video")
    (folder / "Subs/a.srt").write_bytes(b"sub")


def tree(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


WHOLE = {"a.mkv": b"video", "Subs/a.srt": b"sub"}


async def test_a_torrent_is_placed_by_one_rename(delivered, root, incomplete):
    inode = (incomplete / "a.mkv").stat().st_ino

    await delivered.place(HASH, str(root / "tv"), "Show")

    assert tree(root / "tv/Show") == WHOLE
    assert (root / "tv/Show/a.mkv").stat().st_ino == inode
    assert not incomplete.exists()
    assert await delivered.missing(str(root / "tv"), "Show", FILES) == ()


async def test_a_folder_that_got_another_name_is_found_and_placed(delivered, root, incomplete):
    (root / "tv/Show").mkdir(parents=True)

    await delivered.place(HASH, str(root / "tv"), "Show (2)")

    assert tree(root / "tv") == {f"Show (2)/{path}": content for path, content in WHOLE.items()}
    assert not incomplete.parent.exists()


async def test_what_else_lies_beside_the_folder_stays(delivered, root, incomplete):
    (incomplete.parent / "mine.txt").write_bytes(b"mine")

    await delivered.place(HASH, str(root / "tv"), "Show")

    assert tree(incomplete.parent) == {"mine.txt": b"mine"}


async def test_killed_between_the_rename_and_the_end_nothing_is_left(delivered, root, incomplete):
    (root / "tv").mkdir()
    incomplete.rename(root / "tv/Show")

    await delivered.place(HASH, str(root / "tv"), "Show")

    assert tree(root / "tv/Show") == WHOLE
    assert not incomplete.parent.exists()


async def test_placing_twice_is_placing_once(delivered, root):
    await delivered.place(HASH, str(root / "tv"), "Show")

    await delivered.place(HASH, str(root / "tv"), "Show")

    assert tree(root / "tv/Show") == WHOLE


async def test_a_folder_that_was_there_is_not_written_to(delivered, root, incomplete):
    (root / "tv/Show").mkdir(parents=True)

    with pytest.raises(TargetTaken):
        await delivered.place(HASH, str(root / "tv"), "Show")

    assert list((root / "tv/Show").iterdir()) == []
    assert tree(incomplete) == WHOLE


async def test_with_nothing_to_place_it_says_so(delivery, root):
    with pytest.raises(FilesMissing):
        await delivery.place(HASH, str(root / "tv"), "Show")


@pytest.mark.parametrize(
    ("save_path", "folder"),
    [
        ("/etc", "Show"),
        ("{root}/..", "Show"),
        ("{root}/tv/../../out", "Show"),
        ("{root}/out", "Show"),
        ("{root}", ".."),
        ("{root}", "."),
        ("{root}", ""),
        ("{root}", "a/b"),
        ("{root}", "../x"),
        ("{root}", "/etc"),
        ("{root}", ".incomplete"),
        ("{root}", ".Incomplete"),
        ("{root}/.incomplete", "Show"),
        ("{root}", "link"),
    ],
)
async def test_no_place_outside_the_root_is_accepted(
    save_path, folder, delivered, root, incomplete, tmp_path
):
    outside = tmp_path / "outside"
    fill(outside)
    (root / "out").symlink_to(outside)
    (root / "link").symlink_to(outside)
    save_path = save_path.format(root=root)
    before = tree(tmp_path)

    for attempt in (
        delivered.place(HASH, save_path, folder),
        delivered.discard(save_path, folder, FILES),
        delivered.missing(save_path, folder, FILES),
        delivered.move(save_path, str(root), folder),
        delivered.move(str(root), save_path, folder),
    ):
        with pytest.raises(Refused):
            await attempt

    assert tree(tmp_path) == before


async def test_a_category_may_be_a_link_inside_the_root(delivered, root):
    (root / "real").mkdir()
    (root / "tv").symlink_to(root / "real")

    await delivered.place(HASH, str(root / "tv"), "Show")

    assert tree(root / "real/Show") == WHOLE


async def test_only_what_was_delivered_is_removed(delivery, root):
    fill(root / "tv/Show")
    (root / "tv/Show/mine.txt").write_bytes(b"mine")
    fill(root / "tv/Show (2)")

    await delivery.discard(str(root / "tv"), "Show", FILES)

    assert tree(root / "tv/Show") == {"mine.txt": b"mine"}
    assert not (root / "tv/Show/Subs").exists()
    assert tree(root / "tv/Show (2)") == WHOLE


async def test_a_file_that_was_not_wanted_is_somebody_elses(delivery, root):
    fill(root / "tv/Show")
    files = (FILES[0], File("Subs/a.srt", 3, priority=0))

    await delivery.discard(str(root / "tv"), "Show", files)

    assert tree(root / "tv/Show") == {"Subs/a.srt": b"sub"}


async def test_the_folder_goes_with_its_last_file_and_the_category_stays(delivery, root):
    fill(root / "tv/Show")

    await delivery.discard(str(root / "tv"), "Show", FILES)

    assert list((root / "tv").iterdir()) == []


async def test_removing_what_is_gone_already_is_fine(delivery, root):
    (root / "tv/Show").mkdir(parents=True)
    (root / "tv/Show/Subs").write_bytes(b"a file where a folder was")

    await delivery.discard(str(root / "tv"), "Show", FILES)
    await delivery.discard(str(root / "tv"), "Never", FILES)
    await delivery.discard(str(root / "never"), "Never", FILES)

    assert tree(root / "tv/Show") == {"Subs": b"a file where a folder was"}


async def test_a_folder_in_the_place_of_a_file_is_not_removed(delivery, root):
    (root / "tv/Show/a.mkv").mkdir(parents=True)

    await delivery.discard(str(root / "tv"), "Show", FILES)

    assert (root / "tv/Show/a.mkv").is_dir()


async def test_removing_follows_no_link(delivery, root, tmp_path):
    fill(tmp_path / "outside")
    (root / "tv/Show").mkdir(parents=True)
    (root / "tv/Show/Subs").symlink_to(tmp_path / "outside/Subs")
    (root / "tv/Show/a.mkv").symlink_to(tmp_path / "outside/a.mkv")

    await delivery.discard(str(root / "tv"), "Show", FILES)

    assert tree(tmp_path / "outside") == WHOLE


async def test_hostile_paths_remove_nothing(delivery, root, tmp_path):
    fill(root / "tv/Show")
    (tmp_path / "precious").write_bytes(b"precious")
    before = tree(tmp_path)

    hostile = [File(path, 5) for path in ("../../../precious", "/etc/passwd", "..", "", "a/../..")]
    await delivery.discard(str(root / "tv"), "Show", hostile)

    assert tree(tmp_path) == before


async def test_what_is_incomplete_is_removed_with_its_folder(delivered, root, incomplete):
    await delivered.discard_incomplete(HASH, "Show")

    assert not incomplete.parent.exists()
    assert (root / ".incomplete").is_dir()
    assert delivered.leg(HASH) is None


async def test_what_has_another_name_by_now_goes_with_the_rest_and_no_link_is_followed(
    delivered, root, incomplete, tmp_path
):
    fill(tmp_path / "outside")
    (incomplete / "linked").symlink_to(tmp_path / "outside")
    (incomplete / "linked.mkv").symlink_to(tmp_path / "outside/a.mkv")
    (incomplete / "Other").mkdir()
    (incomplete / "Other/half.mkv").write_bytes(b"vi")

    await delivered.discard_incomplete(HASH, "A new name")

    assert list((root / ".incomplete").iterdir()) == []
    assert tree(tmp_path / "outside") == WHOLE


async def test_a_link_in_the_place_of_what_is_incomplete_is_not_followed(delivery, root, tmp_path):
    fill(tmp_path / "outside/Show")
    (root / ".incomplete").mkdir(exist_ok=True)
    (root / ".incomplete" / HASH).symlink_to(tmp_path / "outside")

    await delivery.discard_incomplete(HASH, "Show")

    assert tree(tmp_path / "outside/Show") == WHOLE


async def test_of_a_torrent_without_a_folder_nothing_is_removed(delivered, incomplete):
    await delivered.discard_incomplete(HASH, "")

    assert tree(incomplete) == WHOLE


async def test_files_of_another_size_or_none_are_missing(delivery, root):
    fill(root / "tv/Show")
    (root / "tv/Show/a.mkv").write_bytes(b"vide")
    files = [*FILES, File("gone.mkv", 1), File("unwanted.mkv", 1, priority=0)]

    assert await delivery.missing(str(root / "tv"), "Show", files) == ("a.mkv", "gone.mkv")


async def test_while_the_disk_is_not_mounted_nothing_is_called_missing(delivery, root):
    root.rename(root.with_name("unmounted"))
    root.mkdir()

    with pytest.raises(DiskTrouble, match="mounted"):
        await delivery.missing(str(root / "tv"), "Show", FILES)


async def test_a_complete_torrent_moves_to_another_place(delivery, root):
    fill(root / "tv/Show")

    await delivery.move(str(root / "tv"), str(root / "kept/tv"), "Show")
    await delivery.move(str(root / "tv"), str(root / "kept/tv"), "Show")
    await delivery.move(str(root / "kept/tv"), str(root / "kept/tv"), "Show")

    assert tree(root) == {f"kept/tv/Show/{path}": content for path, content in WHOLE.items()}


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("New", "New"),
        ("Show", "Show (3)"),
        ("SHOW", "SHOW (3)"),
        ("movies", "movies (2)"),
        ("Taken", "Taken (2)"),
        ("../../x", None),
        (".incomplete", ".incomplete (2)"),
        (".INCOMPLETE", ".INCOMPLETE (2)"),
        (".torbox-bridge-x", None),
        ("", None),
        ("con", None),
        ("a" * 300, None),
        ("é" * 300, None),
    ],
)
async def test_a_chosen_name_is_safe_and_free(wanted, expected, delivery, root):
    for there in ("tv/Show", "tv/show (2)"):
        (root / there).mkdir(parents=True)

    name = await delivery.free_name(str(root / "tv"), wanted, ["Movies", "taken"])

    assert expected in (None, name)
    assert "/" not in name
    assert len(name.encode()) <= 240
    assert not name.startswith(".torbox-bridge-")
    (root / "tv" / name).mkdir()
    assert await delivery.free_name(str(root / "tv"), wanted, ["movies"]) != name


async def test_a_name_can_be_chosen_before_the_category_has_its_folder(delivery, root):
    assert await delivery.free_name(str(root / "new"), "Show", []) == "Show"


async def test_a_folder_is_made_inside_the_root_only(delivery, root, tmp_path):
    await delivery.make_folder(str(root / "a/b"))
    await delivery.make_folder(str(root / "a/b"))

    with pytest.raises(Refused):
        await delivery.make_folder(str(tmp_path / "outside"))

    assert (root / "a/b").is_dir()
    assert not (tmp_path / "outside").exists()


async def test_a_folder_below_very_many_others_is_made(delivery, root):
    deepest = root / ("a/" * 1500)

    await delivery.make_folder(str(deepest))

    assert deepest.is_dir()
    for folder in (deepest, *deepest.parents[:1499]):
        folder.rmdir()  # pytest's own way to clean up ends at a thousand
    assert root.is_dir()


async def test_a_file_in_the_way_of_a_folder_is_no_trouble_of_the_disk(delivery, root):
    (root / "a").write_bytes(b"theirs")

    for path in ("a", "a/b"):
        with pytest.raises(Refused, match="a file lies where the folder"):
            await delivery.make_folder(str(root / path))
        assert not await delivery.is_free(str(root / path), "Show")


async def test_no_file_is_renamed_when_one_would_go_below_a_file(delivery, root):
    (root / "Show").mkdir()
    for name in ("a", "b", "theirs"):
        (root / "Show" / name).write_bytes(name.encode())

    for _ in range(2):
        with pytest.raises(Refused, match="a file lies where the folder"):
            await delivery.rename_files(str(root), "Show", [("a", "x/a"), ("b", "theirs/b")])

    assert tree(root) == {f"Show/{name}": name.encode() for name in ("a", "b", "theirs")}


async def test_the_probe_leaves_nothing_but_the_folders(delivery, root):
    (root / ".torbox-bridge-probe").write_bytes(b"left by a crash")

    await delivery.probe()

    assert [path.name for path in root.rglob("*")] == [".incomplete"]


async def test_a_root_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    settings = DownloadsSettings(path=str(tmp_path / "file/downloads"))
    async with Delivery(settings, Clock(), user_agent="test", allow_http=True) as delivery:
        with pytest.raises(DiskTrouble, match="is its disk mounted"):
            await delivery.probe()


async def test_a_forbidden_folder_is_answered_with_the_command_that_mends_it():
    # /proc takes no folders from anyone, root included.
    settings = DownloadsSettings(path="/proc/sys/downloads")
    async with Delivery(settings, Clock(), user_agent="test", allow_http=True) as delivery:
        with pytest.raises(DiskTrouble) as caught:
            await delivery.probe()

    assert "/proc/sys/downloads" in str(caught.value)


async def test_free_bytes_are_those_of_the_download_disk(delivery, root):
    assert 0 < await delivery.free_bytes() <= shutil.disk_usage(root).total


@pytest.fixture
def other_disk(tmp_path):
    """A folder on another file system than the temporary one."""
    place = Path("/dev/shm")
    if not place.is_dir() or place.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("/dev/shm is not another file system here")
    folder = place / f"bridge-test-{os.getpid()}"
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
async def spread(other_disk, tmp_path):
    """A delivery whose incomplete files lie on another disk than the rest of its root."""
    root = tmp_path / "downloads"
    root.mkdir()
    (other_disk / "incomplete").mkdir()
    (root / ".incomplete").symlink_to(other_disk / "incomplete")
    settings = DownloadsSettings(path=str(root), import_mode=ImportMode.MOVE)
    async with Delivery(settings, Clock(), user_agent="test", allow_http=True) as delivery:
        fill(root / ".incomplete" / HASH / "Show")
        yield delivery


async def test_across_disks_the_files_are_copied_and_then_placed(spread, tmp_path, other_disk):
    root = tmp_path / "downloads"

    await spread.place(HASH, str(root / "tv"), "Show")
    await spread.place(HASH, str(root / "tv"), "Show")

    assert tree(root / "tv") == {f"Show/{path}": content for path, content in WHOLE.items()}
    assert list((other_disk / "incomplete").iterdir()) == []


@pytest.mark.parametrize("step", ["copying", "copied", "placed"])
async def test_a_copy_across_disks_goes_on_after_a_crash(step, spread, tmp_path, other_disk):
    root, here = tmp_path / "downloads", other_disk / "incomplete"
    copy, copied = root / f"tv/.torbox-bridge-{HASH}", here / HASH / f".torbox-bridge-{HASH}-copied"
    if step == "copying":
        copy.mkdir(parents=True)
        (copy / "a.mkv").write_bytes(b"vi")
    if step == "copied":
        fill(copy)
        (here / HASH / "Show").rename(copied)
    if step == "placed":
        fill(root / "tv/Show")
        (here / HASH / "Show").rename(copied)

    await spread.place(HASH, str(root / "tv"), "Show")

    assert tree(root / "tv") == {f"Show/{path}": content for path, content in WHOLE.items()}
    assert list(here.iterdir()) == []


async def test_a_copy_that_was_lost_is_made_again(spread, tmp_path, other_disk):
    here = other_disk / "incomplete"
    (here / HASH / "Show").rename(here / HASH / f".torbox-bridge-{HASH}-copied")

    await spread.place(HASH, str(tmp_path / "downloads/tv"), "Show")

    assert tree(tmp_path / "downloads/tv/Show") == WHOLE


class Killed(BaseException):
    """Nothing that the code could still answer to."""


@pytest.fixture
def killed_in_mid_copy(spread, tmp_path, monkeypatch):
    """The bridge ends while it copies to tv; what it leaves lies there as after kill -9."""

    async def killed() -> Path:
        def dies(source, target, stop):
            target.write_bytes(b"vi")
            raise Killed

        with monkeypatch.context() as patch:
            patch.setattr(moving, "_copy_file", dies)
            with pytest.raises(Killed):
                await spread.place(HASH, str(tmp_path / "downloads/tv"), "Show")
        copy = tmp_path / f"downloads/tv/.torbox-bridge-{HASH}"
        assert copy.is_dir()
        return copy

    return killed


async def test_removed_after_a_crash_in_mid_copy_nothing_is_left(
    spread, killed_in_mid_copy, tmp_path, other_disk
):
    await killed_in_mid_copy()

    await spread.discard_incomplete(HASH, "Show")

    assert list((tmp_path / "downloads/tv").iterdir()) == []
    assert list((other_disk / "incomplete").iterdir()) == []


async def test_a_copy_that_was_to_go_elsewhere_is_taken_away(
    spread, killed_in_mid_copy, tmp_path, other_disk
):
    root = tmp_path / "downloads"
    await killed_in_mid_copy()

    await spread.place(HASH, str(root / "films"), "Show")

    assert list((root / "tv").iterdir()) == []
    assert tree(root / "films") == {f"Show/{path}": content for path, content in WHOLE.items()}
    assert list((other_disk / "incomplete").iterdir()) == []


async def test_a_note_of_a_copy_removes_nothing_but_copies(spread, tmp_path, other_disk):
    root = tmp_path / "downloads"
    fill(root / "tv/Somebody's")
    note = other_disk / "incomplete" / HASH / f".torbox-bridge-{HASH}-copy"
    note.write_text(str(root / "tv/Somebody's"))

    await spread.discard_incomplete(HASH, "Show")

    assert tree(root / "tv/Somebody's") == WHOLE
    assert list((other_disk / "incomplete").iterdir()) == []


async def test_across_disks_a_taken_name_is_left_alone(spread, tmp_path):
    root = tmp_path / "downloads"
    (root / "tv/Show").mkdir(parents=True)

    with pytest.raises(TargetTaken):
        await spread.place(HASH, str(root / "tv"), "Show")
    await spread.place(HASH, str(root / "tv"), "Show (2)")

    assert tree(root / "tv") == {f"Show (2)/{path}": content for path, content in WHOLE.items()}


async def test_a_cancelled_copy_leaves_the_source_whole(spread, tmp_path, other_disk):
    root = tmp_path / "downloads"
    big = other_disk / "incomplete" / HASH / "Show/big.mkv"
    with big.open("wb") as file:
        file.truncate(512 << 20)
    task = asyncio.create_task(spread.place(HASH, str(root / "tv"), "Show"))
    async with asyncio.timeout(20):
        while not (root / f"tv/.torbox-bridge-{HASH}/big.mkv").exists():
            await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert big.exists()
    assert not (root / "tv/Show").exists()
    big.unlink()
    await spread.place(HASH, str(root / "tv"), "Show")
    assert tree(root / "tv") == {f"Show/{path}": content for path, content in WHOLE.items()}


@pytest.mark.parametrize("late", ["mine.srt", "Subs/mine.srt", "New/mine.srt"])
async def test_what_others_write_during_a_copy_comes_along(
    late, spread, tmp_path, other_disk, monkeypatch
):
    source = other_disk / "incomplete" / HASH / "Show"
    copy_file, copied = moving._copy_file, []

    def copies(one, other, stop):
        copy_file(one, other, stop)
        copied.append(one)
        if len(copied) == len(FILES):
            copied[0].write_bytes(b"changed")
            (source / late).parent.mkdir(exist_ok=True)
            (source / late).write_bytes(b"mine")

    monkeypatch.setattr(moving, "_copy_file", copies)
    await spread.place(HASH, str(tmp_path / "downloads/tv"), "Show")

    changed = str(copied[0]).partition("/Show/")[2]
    assert tree(tmp_path / "downloads/tv/Show") == {**WHOLE, changed: b"changed", late: b"mine"}
    assert list((other_disk / "incomplete").iterdir()) == []


async def test_a_lost_copy_and_somebody_elses_folder_there_cost_no_file(
    spread, tmp_path, other_disk
):
    here, theirs = other_disk / "incomplete" / HASH, tmp_path / "downloads/tv/Show"
    (here / "Show").rename(here / f".torbox-bridge-{HASH}-copied")
    theirs.mkdir(parents=True)
    (theirs / "mine.txt").write_bytes(b"mine")

    with pytest.raises(TargetTaken):
        await spread.place(HASH, str(tmp_path / "downloads/tv"), "Show")

    assert tree(theirs) == {"mine.txt": b"mine"}
    assert tree(here / "Show") == WHOLE


async def test_a_refused_copy_leaves_nothing_behind(spread, tmp_path, other_disk):
    here = other_disk / "incomplete" / HASH
    (here / "Show/Subs/link").symlink_to("a.srt")

    with pytest.raises(Refused):
        await spread.place(HASH, str(tmp_path / "downloads/tv"), "Show")

    assert list((tmp_path / "downloads/tv").iterdir()) == []
    assert [each.name for each in here.iterdir()] == ["Show"]


async def test_a_copy_that_the_disk_does_not_take_leaves_nothing_behind(
    spread, tmp_path, other_disk, monkeypatch
):
    def full(source, target, stop):
        target.write_bytes(b"vi")
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(moving, "_copy_file", full)
    with pytest.raises(DiskFull):
        await spread.place(HASH, str(tmp_path / "downloads/tv"), "Show")

    assert list((tmp_path / "downloads/tv").iterdir()) == []
    here = other_disk / "incomplete" / HASH
    assert [each.name for each in here.iterdir()] == ["Show"]
    assert tree(here / "Show") == WHOLE
