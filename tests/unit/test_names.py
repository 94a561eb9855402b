"""Names from strangers, made safe."""

import unicodedata
from pathlib import PurePosixPath, PureWindowsPath

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bridge.names import display_name, distinct_paths, safe_name, safe_path

calm = settings(deadline=None)  # how long an example takes says nothing about the code

# Everything, and often what is dangerous: surrogates, separators, blanks, dots, devices.
HOSTILE = st.sampled_from(
    [
        "..",
        ".",
        "/",
        "\\",
        "\0",
        " ",
        "con",
        "nul",
        "\n",
        "\u0338",
        "<",
        "é",
        "e\u0301",
        "\ud800",
        "\u202e",
        ".mkv",
    ]
)
TEXTS = st.one_of(
    st.text(),
    st.text(st.characters(categories=["Cs", "Cc", "Zs", "Mn", "Ll"])),
    st.lists(HOSTILE, max_size=20).map("".join),
    st.builds(
        lambda text, times: text * times, st.text(min_size=1, max_size=4), st.integers(60, 300)
    ),
)
PATHS = st.lists(st.lists(TEXTS, min_size=1, max_size=4).map(safe_path), max_size=8)
FEW = st.sampled_from(["a", "A", "b", "a (2)", "A (2)", "a.mkv", "A.MKV", "ß", "SS", "é"])
MEETING_PATHS = st.lists(st.lists(FEW, min_size=1, max_size=3).map("/".join), max_size=12)


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("Some.Show.S01E01.mkv", "Some.Show.S01E01.mkv"),
        ("Amélie (2001) [1080p] {x265} & 'more', #1 100% 日本語 🎬.mkv",) * 2,
        ("", "_"),
        (".", "_"),
        ("..", "_"),
        ("...", "_"),
        (" .. ", "_"),
        (".hidden", ".hidden"),
        (".incomplete", ".incomplete"),
        ("../../x", ".._.._x"),
        ("/etc/passwd", "_etc_passwd"),
        ("C:\\Windows", "C__Windows"),
        ("a\0b\nc\x7fd\x85e", "a_b_c_d_e"),
        ('a<b>c:d"e|f?g*h', "a_b_c_d_e_f_g_h"),
        ("left\u202etxt.exe", "left_txt.exe"),
        ("  a b  ", "a b"),
        ("\u3000wide\xa0", "wide"),
        ("name. . .", "name"),
        ("con", "_con"),
        ("CON.mkv", "_CON.mkv"),
        ("Nul .tar.gz", "_Nul .tar.gz"),
        ("com1", "_com1"),
        ("LPT¹.txt", "_LPT¹.txt"),
        ("conquest.mkv", "conquest.mkv"),
        ("com10", "com10"),
        ("e\u0301", "\xe9"),
        ("\ud800x", "_x"),
    ],
)
def test_a_name_becomes_safe(name: str, safe: str) -> None:
    assert safe_name(name) == safe


def test_a_long_name_keeps_its_extension_and_whole_characters() -> None:
    safe = safe_name("日" * 300 + ".mkv")
    assert safe == "日" * 78 + ".mkv"
    assert len(safe.encode()) == 238


def test_a_long_name_without_a_short_extension_is_cut_at_its_end() -> None:
    assert safe_name("a" * 100 + "." + "b" * 300) == "a" * 100 + "." + "b" * 139
    assert safe_name("a" * 300) == "a" * 240


def test_a_name_that_becomes_a_device_by_being_cut_is_no_device() -> None:
    assert safe_name("con" + " " * 300 + "x") == "_con"
    assert safe_name("con." + "a" * 300) == "_con." + "a" * 235


@calm
@given(TEXTS)
@example("con" + " " * 300 + ".mkv")
@example("." * 300 + "x" * 30)
def test_a_safe_name_is_one_part_of_a_path_on_every_disk(text: str) -> None:
    safe = safe_name(text)
    assert safe not in {"", ".", ".."}
    assert 0 < len(safe.encode()) <= 240
    assert not set(safe) & set('<>:"/\\|?*')
    assert not any(unicodedata.category(letter) in {"Cc", "Cs", "Zl", "Zp"} for letter in safe)
    assert safe == safe.strip()
    assert not safe.endswith(".")
    assert unicodedata.is_normalized("NFC", safe)
    assert not PureWindowsPath(safe).is_reserved()
    assert PurePosixPath(safe).parts == (safe,)
    assert PureWindowsPath(safe).parts == (safe,)
    assert safe_name(safe) == safe


@pytest.mark.parametrize(
    ("parts", "safe"),
    [
        (["Season 1", "a.mkv"], "Season 1/a.mkv"),
        (["..", "..", "x"], "x"),
        (["/etc/passwd"], "_etc_passwd"),
        (["", "etc", "passwd"], "etc/passwd"),
        (["a", ".", "b"], "a/b"),
        ([], "_"),
        ([".."], "_"),
        (["a", "..."], "a/_"),
        (["a/../b", "c\\d"], "a_.._b/c_d"),
    ],
)
def test_a_path_becomes_safe(parts: list[str], safe: str) -> None:
    assert safe_path(parts) == safe


def test_a_path_too_deep_for_a_file_system_loses_its_deepest_folders() -> None:
    safe = safe_path(["a" * 239] * 100 + ["film.mkv"])
    assert safe == "/".join(["a" * 239] * 3 + ["film.mkv"])


@calm
@given(st.lists(TEXTS, max_size=6))
def test_a_safe_path_never_leaves_the_folder_it_is_joined_to(parts: list[str]) -> None:
    safe = safe_path(parts)
    for flavour in (PurePosixPath, PureWindowsPath):
        joined = flavour("/data/root") / safe
        assert joined.parts[:3] == flavour("/data/root").parts
        assert len(joined.parts) > 3
        assert ".." not in joined.parts
    assert len(safe.encode()) <= 1000
    assert safe_path(safe.split("/")) == safe


@pytest.mark.parametrize(
    ("paths", "distinct"),
    [
        (["a.mkv", "b.mkv"], ["a.mkv", "b.mkv"]),
        (["a.mkv", "a.mkv", "A.MKV"], ["a.mkv", "a (2).mkv", "A (3).MKV"]),
        (["a/x.srt", "b/x.srt"], ["a/x.srt", "b/x.srt"]),
        (["a/x.srt", "A/X.srt"], ["a/x.srt", "A/X (2).srt"]),
        # The later file keeps the name that it came with.
        (["a", "a", "a (2)"], ["a", "a (3)", "a (2)"]),
        (["a", "a/b"], ["a (2)", "a/b"]),
        (["x/a/b", "X/A"], ["x/a/b", "X/A (2)"]),
        (["Straße", "STRASSE"], ["Straße", "STRASSE (2)"]),
        ([".hidden", ".hidden"], [".hidden", ".hidden (2)"]),
    ],
)
def test_equal_paths_become_distinct(paths: list[str], distinct: list[str]) -> None:
    assert distinct_paths(paths) == distinct


@calm
@given(st.one_of(PATHS, MEETING_PATHS))
def test_distinct_paths_do_not_meet_on_a_disk_that_ignores_case(paths: list[str]) -> None:
    distinct = distinct_paths(paths)
    folded = [unicodedata.normalize("NFC", path.casefold()) for path in distinct]
    assert len(set(folded)) == len(paths)
    folders = {path[:at] for path in folded for at in range(len(path)) if path[at] == "/"}
    assert folders.isdisjoint(folded)
    assert distinct_paths(distinct) == distinct
    assert [safe_path(path.split("/")) for path in distinct] == distinct
    # Only a file's own name changes, never its folder.
    assert [path.rpartition("/")[0] for path in distinct] == [
        path.rpartition("/")[0] for path in paths
    ]


def test_equal_paths_with_the_longest_names_stay_within_the_limit() -> None:
    distinct = distinct_paths(["a" * 236 + ".mkv"] * 20)
    assert len(set(distinct)) == 20
    assert all(len(path) <= 240 and path.endswith(".mkv") for path in distinct)


def test_very_many_paths_that_all_meet_are_told_apart() -> None:
    names = [f"{'a' * 230}{letter}{'b' * 4}.mkv" for letter in "abcdefghij"] * 2000
    assert len(set(distinct_paths(names))) == len(names)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (" Some Film\r\n2024 ", "Some Film  2024"),
        ("a\0b\u2028c\u202ed", "a b c d"),
        ("half \ud83c", "half ?"),
        ("\n", ""),
        ("x" * 5000, "x" * 1000),
    ],
)
def test_a_name_is_shown_on_one_line(text: str, shown: str) -> None:
    assert display_name(text) == shown
