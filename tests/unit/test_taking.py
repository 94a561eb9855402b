"""What the rules of a category take, leave out and refuse."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.config import Accept, CategorySettings
from bridge.config.amounts import Bytes
from bridge.core.taking import chosen, infection, objection
from bridge.model import File

MB = 1_000_000


def files(*paths, size=100 * MB):
    return tuple(File(path, size, torbox_id=number) for number, path in enumerate(paths))


def taken(listed, **rules):
    rules = {
        key: tuple(value) if isinstance(value, list) else value for key, value in rules.items()
    }
    return [file.path for file in chosen(listed, CategorySettings(**rules)) if file.wanted]


PACK = files("Season 1/e1.mkv", "Season 1/Sample/e1-sample.MKV", "Subs/e1.srt", "readme.nfo")


def test_without_rules_everything_is_taken():
    assert taken(PACK) == [file.path for file in PACK]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ({"include": ["*.mkv"]}, ["Season 1/e1.mkv", "Season 1/Sample/e1-sample.MKV"]),
        ({"include": ["season 1/*"]}, ["Season 1/e1.mkv", "Season 1/Sample/e1-sample.MKV"]),
        ({"include": ["E1.*"]}, ["Season 1/e1.mkv", "Subs/e1.srt"]),
        ({"exclude": ["*sample*"]}, ["Season 1/e1.mkv", "Subs/e1.srt", "readme.nfo"]),
        ({"exclude": ["*.nfo", "subs/*", "*/sample/*"]}, ["Season 1/e1.mkv"]),
        ({"include": ["*.mkv"], "exclude": ["*sample*"]}, ["Season 1/e1.mkv"]),
        ({"include": ["*.avi"]}, []),
    ],
)
def test_patterns_are_compared_with_the_path_and_the_name(rules, expected):
    assert taken(PACK, **rules) == expected


def test_small_files_are_left_out_but_never_subtitles_and_their_like():
    listed = (
        File("film.mkv", 900 * MB),
        File("sample.mkv", 20 * MB),
        File("en.srt", 1000),
        File("cover.jpg", 1000),
    )
    assert taken(listed, smallest=Bytes("50 MB")) == ["film.mkv", "en.srt", "cover.jpg"]


def test_what_a_client_does_not_want_stays_unwanted():
    listed = (File("a.mkv", 5, priority=0), File("b.mkv", 5))
    assert taken(listed, include=["*"]) == ["b.mkv"]


def test_what_a_client_asked_for_is_taken_whatever_the_rules_say():
    listed = (File("a.nfo", 5, chosen=True), File("b.nfo", 5), File("c.mkv", 500))
    assert taken(listed, include=["*.mkv"]) == ["a.nfo", "c.mkv"]
    assert taken(listed, exclude=["*"], smallest=Bytes("1 MB")) == ["a.nfo"]
    assert objection(listed[:2], CategorySettings(include=("*.mkv",)), "category tv") == ""


def test_a_renamed_file_is_judged_by_the_name_it_came_with():
    listed = (File("new.mkv", 5, origin="sample.mkv"),)
    assert taken(listed, exclude=["sample*"]) == []


def test_rules_that_leave_nothing_are_an_objection():
    reason = objection(PACK, CategorySettings(include=("*.avi",)), "category tv")
    assert reason == "the rules for category tv leave none of its files"


def test_there_is_no_objection_on_an_empty_list():
    assert objection((), CategorySettings(include=("*.avi",)), "category tv") == ""
    assert objection((File("a.mkv", 5, priority=0),), CategorySettings(), "x") == ""


@pytest.mark.parametrize(
    ("paths", "kind"),
    [
        (["Show.rar", "Show.r00", "Show.r01", "Show.nfo", "Show.sfv"], "archives"),
        (["Show.part01.rar", "Show.part02.rar", "Proof/proof.jpg"], "archives"),
        (["Album.zip"], "archives"),
        (["Film.7z.001", "Film.7z.002"], "archives"),
        (["Show.S01E01.1080p.mkv.exe", "readme.txt"], "executables"),
        (["Show.S01E01.mkv.lnk"], "executables"),
        (["Show.scr", "Show.zip"], "executables"),
        (["Show.mkv", "Show.rar"], ""),
        (["Show.mkv", "codec.exe"], ""),
        (["Comic.cbz"], ""),
        (["Book.epub"], ""),
        (["only.srt", "only.nfo"], ""),
        (["Show.r", "Show.rars"], ""),
    ],
)
def test_only_archives_and_only_programs_are_said_before(paths, kind):
    reason = objection(files(*paths), CategorySettings(), "category tv")
    assert (f"accept: [{kind}]" in reason) if kind else reason == ""
    if kind:
        assert objection(files(*paths), CategorySettings(accept=(Accept(kind),)), "tv") == ""


def test_what_the_rules_leave_out_saves_nobody():
    listed = (File("Show.exe", 900 * MB), File("sample.mkv", 1000))
    rules = CategorySettings(smallest=Bytes("50 MB"))
    assert "executables" in objection(listed, rules, "category tv")


def test_a_virus_in_a_wanted_file_is_an_objection_unless_accepted():
    listed = files("Show.mkv", "Subs/en.srt")
    assert "virus" in infection(listed, [1], CategorySettings())
    assert "'en.srt'" in infection(listed, [1], CategorySettings())
    assert infection(listed, [7], CategorySettings()) == ""
    assert infection(listed, [1], CategorySettings(accept=(Accept.INFECTED,))) == ""
    assert infection((File("x", 1, torbox_id=1, priority=0),), [1], CategorySettings()) == ""


NAMES = st.text(st.characters(codec="utf-8"), max_size=20)


@given(
    st.lists(st.tuples(NAMES, st.integers(0, 10**12)), max_size=20),
    st.lists(NAMES, max_size=3),
    st.lists(NAMES, max_size=3),
)
def test_whatever_the_names_and_patterns_rules_only_ever_leave_out(listed, include, exclude):
    before = tuple(File(path, size) for path, size in listed)
    rules = CategorySettings(include=tuple(include), exclude=tuple(exclude))
    after = chosen(before, rules)
    assert [(file.path, file.size) for file in after] == [(file.path, file.size) for file in before]
    reason = objection(before, rules, "x")
    if before and not any(file.wanted for file in after):
        assert "leave none" in reason
