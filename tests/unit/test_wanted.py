"""Which of TorBox's files each of a torrent's files is."""

import pytest
from msgspec.structs import replace

from bridge.core.wanted import matched
from bridge.model import File, Seen, SeenFile, Torrent, Waiting

HASH = "a" * 40
TORRENT = Torrent(
    hash=HASH, v1=HASH, v2="", name="Show", magnet="", save_path="/", phase=Waiting(0.0), added_at=0
)


def found(ours, theirs, *, stale=None):
    """TorBox's path of each of our files; all are of one size."""
    files = tuple(File(path=path, size=9, torbox_id=stale) for path in ours)
    torrent = replace(TORRENT, files=files)
    listed = tuple(SeenFile(id=number, path=path, size=9) for number, path in enumerate(theirs))
    files, lacking = matched(torrent, Seen(1, HASH, "Show", "completed", files=listed))
    assert lacking == tuple(file.path for file in files if file.torbox_id is None)
    return [None if file.torbox_id is None else theirs[file.torbox_id] for file in files]


@pytest.mark.parametrize("ours", [["E1/en.srt", "E2/en.srt"], ["E2/en.srt", "E1/en.srt"]])
def test_a_file_that_torbox_lacks_does_not_take_its_twin(ours):
    assert found(ours, ["E1/en.srt"]) == [path if path == "E1/en.srt" else None for path in ours]


def test_of_two_twins_in_folders_unknown_to_torbox_neither_takes_the_only_one():
    assert found(["E1/en.srt", "E2/en.srt"], ["other/en.srt"]) == [None, None]


def test_one_file_does_not_choose_between_two_twins():
    assert found(["en.srt"], ["E1/en.srt", "E2/en.srt"]) == [None]


def test_a_file_whose_folder_torbox_calls_otherwise_is_found_by_its_name():
    assert found(["CD1/a.mkv", "b.mkv"], ["Disc/a.mkv", "x/b.mkv"]) == ["Disc/a.mkv", "x/b.mkv"]


def test_a_file_that_is_where_it_belongs_is_not_taken_by_an_earlier_one_of_its_name():
    assert found(["E9/en.srt", "en.srt"], ["en.srt", "other/en.srt"]) == ["other/en.srt", "en.srt"]


@pytest.mark.parametrize("folder", ["", "Root/"])
def test_a_number_given_here_does_not_hide_a_file(folder):
    assert found(["A.mkv", "a (2).mkv"], [folder + "a.mkv", folder + "A.mkv"]) == [
        folder + "A.mkv",
        folder + "a.mkv",
    ]


def test_a_numbered_file_that_torbox_lacks_does_not_take_the_one_without_a_number():
    assert found(["a (2).mkv", "a.mkv"], ["a.mkv"]) == [None, "a.mkv"]


def test_two_files_of_one_path_get_one_each():
    assert found(["a.mkv", "a (2).mkv"], ["a.mkv", "a.mkv"]) == ["a.mkv", "a.mkv"]


def test_what_an_earlier_object_called_a_file_is_forgotten():
    assert found(["a.mkv", "b.mkv"], ["a.mkv"], stale=0) == ["a.mkv", None]
