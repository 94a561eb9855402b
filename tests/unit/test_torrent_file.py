"""What is read from a .torrent."""

import hashlib
from contextlib import suppress

import pytest
from bencode2 import bencode
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.errors import NotATorrent
from bridge.model import File
from bridge.torrentfile import layout, piece_hashes, read_source, read_torrent, web_seeds
from bridge.torrentfile.bencode import Value

calm = settings(deadline=None)  # how long an example takes says nothing about the code

PIECE = 16384
SINGLE: dict[bytes, Value] = {
    b"name": b"film.mkv",
    b"length": 20000,
    b"piece length": PIECE,
    b"pieces": b"a" * 20 + b"b" * 20,
}
MULTI: dict[bytes, Value] = {
    b"name": b"Some.Show.S01",
    b"files": [
        {b"length": 10000, b"path": [b"Season 1", b"e01.mkv"]},
        {b"length": 6384, b"path": [b".pad", b"6384"], b"attr": b"p"},
        {b"length": 5, b"path": [b"info.nfo"]},
    ],
    b"piece length": PIECE,
    b"pieces": b"a" * 20 + b"b" * 20,
}
TREE: dict[bytes, Value] = {
    b"Season 1": {b"e01.mkv": {b"": {b"length": 10000, b"pieces root": b"r" * 32}}},
    b"info.nfo": {b"": {b"length": 5, b"pieces root": b"s" * 32}},
}
V2: dict[bytes, Value] = {
    b"name": b"Some.Show.S01",
    b"meta version": 2,
    b"file tree": TREE,
    b"piece length": PIECE,
}
FILES = (File("Season 1/e01.mkv", 10000), File("info.nfo", 5))


def torrent(info: dict[bytes, Value], **outer: Value) -> bytes:
    """The whole file; `announce_list` stands for `announce-list`, `created_by` for `created by`."""
    blank = {"announce_list": "-", "url_list": "-"}
    values = {key.replace("_", blank.get(key, " ")).encode(): value for key, value in outer.items()}
    return bencode({**values, b"info": info})


def multi(*files: dict[bytes, Value]) -> bytes:
    return torrent({**MULTI, b"files": list(files)})


def file(*path: bytes, length: int = 1, **more: Value) -> dict[bytes, Value]:
    return {b"length": length, b"path": list(path), **{k.encode(): v for k, v in more.items()}}


def test_a_single_file_is_its_own_root() -> None:
    data = torrent(SINGLE)
    source = read_torrent(data)
    assert source.v1 == hashlib.sha1(bencode(SINGLE)).hexdigest()
    assert (source.v2, source.hash) == ("", source.v1)
    assert (source.name, source.root) == ("film.mkv", "film.mkv")
    assert source.files == (File("film.mkv", 20000),)
    assert (source.size, source.piece_length, source.private) == (20000, PIECE, False)
    assert source.magnet == f"magnet:?xt=urn:btih:{source.v1}&dn=film.mkv"
    assert (source.torrent, source.trackers) == (data, ())
    assert (source.comment, source.created_by, source.created_at) == ("", "", -1)


def test_several_files_lie_below_the_root_and_padding_is_left_out() -> None:
    source = read_torrent(torrent(MULTI))
    assert source.root == "Some.Show.S01"
    assert source.files == FILES
    assert source.size == 10005


def test_one_file_in_a_list_lies_below_the_root_too() -> None:
    source = read_torrent(multi(file(b"film.mkv")))
    assert (source.root, source.files) == ("Some.Show.S01", (File("film.mkv", 1),))


def test_a_hybrid_has_both_hashes_and_the_files_of_the_first_version() -> None:
    tree: Value = {b"else.mkv": {b"": {b"length": 3}}}
    info = {**V2, **MULTI, b"file tree": tree}
    source = read_torrent(torrent(info))
    assert source.v1 == hashlib.sha1(bencode(info)).hexdigest()
    assert source.v2 == hashlib.sha256(bencode(info)).hexdigest()
    assert source.hash == source.v1
    assert source.files == FILES
    assert f"xt=urn:btih:{source.v1}&xt=urn:btmh:1220{source.v2}&" in source.magnet


def test_a_v2_only_torrent_lists_its_tree() -> None:
    data = torrent(V2)
    source = read_torrent(data)
    assert (source.v1, source.v2) == ("", hashlib.sha256(bencode(V2)).hexdigest())
    assert (source.root, source.files, source.size) == ("Some.Show.S01", FILES, 10005)
    assert piece_hashes(data) == b""


@pytest.mark.parametrize(("name", "root"), [(b"film.mkv", "film.mkv"), (b"Some Film", "Some Film")])
def test_a_v2_file_alone_is_the_root_if_it_bears_the_name(name: bytes, root: str) -> None:
    source = read_torrent(
        torrent({**V2, b"name": name, b"file tree": {b"film.mkv": {b"": {b"length": 3}}}})
    )
    assert (source.root, source.files) == (root, (File("film.mkv", 3),))


def test_the_hash_is_over_the_bytes_as_they_came_with_unsorted_and_equal_keys() -> None:
    info = (
        b"d6:pieces20:aaaaaaaaaaaaaaaaaaaa4:name1:x12:piece lengthi16384e"
        b"6:lengthi007e6:lengthi9e5:emptydee"
    )
    source = read_torrent(b"d4:info" + info + b"8:announce10:http://a/be")
    assert source.v1 == hashlib.sha1(info).hexdigest()
    assert source.files == (File("x", 7),)
    assert source.trackers == ("http://a/b",)


def test_bytes_after_the_end_change_nothing() -> None:
    data = torrent(SINGLE)
    assert read_torrent(data + b"\r\n").v1 == read_torrent(data).v1


def test_trackers_comment_origin_and_date_are_read() -> None:
    source = read_torrent(
        torrent(
            {**SINGLE, b"private": 1},
            announce=b"http://one/announce",
            announce_list=[
                [b"udp://two:1", b"http://one/announce"],
                [b"http://three/a"],
                b"udp://4:4",
            ],
            comment=b"first\nsecond",
            created_by=b"maker 1.0",
            creation_date=1700000000,
        )
    )
    assert source.trackers == ("http://one/announce", "udp://two:1", "http://three/a", "udp://4:4")
    assert source.private is True
    assert (source.comment, source.created_by) == ("first second", "maker 1.0")
    assert source.created_at == 1700000000
    assert source.magnet.endswith(
        "&tr=http%3A%2F%2Fone%2Fannounce&tr=udp%3A%2F%2Ftwo%3A1&tr=http%3A%2F%2Fthree%2Fa&tr=udp%3A%2F%2F4%3A4"
    )


@pytest.mark.parametrize("nonsense", [0, b"", b"\xff", [], [[]], [0], [{}], {}, -1, 2**63 - 1])
def test_nonsense_where_it_does_not_matter_is_ignored(nonsense: Value) -> None:
    source = read_torrent(
        torrent(
            {**SINGLE, b"private": nonsense, b"name.utf-8": nonsense if nonsense != b"\xff" else 0},
            announce=nonsense,
            announce_list=nonsense,
            comment=nonsense if nonsense != b"\xff" else 0,
            created_by=nonsense if nonsense != b"\xff" else 0,
            creation_date=nonsense,
        )
    )
    assert (source.name, source.trackers, source.private) == ("film.mkv", (), False)
    assert (source.comment, source.created_by, source.created_at) == ("", "", -1)


def test_utf8_fields_are_preferred_and_other_bytes_are_replaced() -> None:
    info = {**MULTI, b"name": b"\xc4\xe3", b"name.utf-8": "你好".encode()}
    info[b"files"] = [
        {b"length": 1, b"path": [b"\xc4"], b"path.utf-8": ["好.mkv".encode()]},
        {b"length": 2, b"path": [b"\xc4.mkv"]},
        {b"length": 3, b"path": [b"\xc3.mkv"]},
    ]
    source = read_torrent(torrent(info))
    assert (source.name, source.root) == ("你好", "你好")
    assert [file.path for file in source.files] == ["好.mkv", "\ufffd.mkv", "\ufffd (2).mkv"]


@pytest.mark.parametrize(
    ("path", "safe"),
    [
        *[([b"..", b"..", b"x"], "x"), ([b"/etc/passwd"], "_etc_passwd"), ([b""], "_")],
        *[([b"a\0b", b"con.mkv"], "a_b/_con.mkv"), ([b"C:\\x"], "C__x")],
        ([b"x" * 300 + b".mkv"], "x" * 236 + ".mkv"),
    ],
)
def test_hostile_paths_are_washed(path: list[Value], safe: str) -> None:
    source = read_torrent(multi({b"length": 1, b"path": path}))
    assert [file.path for file in source.files] == [safe]


@pytest.mark.parametrize(
    ("name", "shown", "root"),
    [
        *[(b"../../x", "../../x", ".._.._x"), (b"a\nb ", "a b", "a_b")],
        *[(b"con", "con", "_con"), (b"..", "..", "_")],
    ],
)
def test_hostile_names_are_washed(name: bytes, shown: str, root: str) -> None:
    several = read_torrent(torrent({**MULTI, b"name": name}))
    assert (several.name, several.root) == (shown, root)
    single = read_torrent(torrent({**SINGLE, b"name": name}))
    assert (single.root, single.files) == (root, (File(root, 20000),))


def test_a_torrent_without_a_name_is_called_by_its_hash() -> None:
    info = {key: value for key, value in SINGLE.items() if key != b"name"}
    source = read_torrent(torrent(info))
    assert source.name == source.root == source.files[0].path == source.v1
    assert source.magnet == f"magnet:?xt=urn:btih:{source.v1}"


def test_files_that_differ_only_in_case_get_names_of_their_own() -> None:
    source = read_torrent(multi(file(b"a.mkv"), file(b"A.mkv"), file(b"a.mkv", b"b")))
    assert [file.path for file in source.files] == ["a (2).mkv", "A (3).mkv", "a.mkv/b"]


@pytest.mark.parametrize(
    "left_out",
    [
        file(b"whatever", attr=b"xp"),
        file(b".pad", b"123"),
        file(b"_____padding_file_0_if you see this file____"),
        file(b"a", b"_____padding_file_1_"),
        {b"path": [b"link"], b"attr": b"l", b"symlink path": [b"film.mkv"]},
    ],
)
def test_what_nobody_would_miss_is_left_out(left_out: dict[bytes, Value]) -> None:
    assert read_torrent(multi(left_out, file(b"film.mkv"))).files == (File("film.mkv", 1),)


def test_padding_in_a_v2_tree_is_left_out() -> None:
    padding: Value = {b"1": {b"": {b"length": 3, b"attr": b"p"}}}
    tree: Value = {b".pad": padding, **TREE}
    assert read_torrent(torrent({**V2, b"file tree": tree})).files == FILES


def test_empty_files_are_files() -> None:
    source = read_torrent(torrent({**SINGLE, b"length": 0, b"pieces": b""}))
    assert (source.size, source.files) == (0, (File("film.mkv", 0),))


def test_the_layout_has_every_byte_and_the_names_of_the_files() -> None:
    data = torrent(MULTI)
    assert layout(data) == [("Season 1/e01.mkv", 10000), (None, 6384), ("info.nfo", 5)]
    assert piece_hashes(data) == b"a" * 20 + b"b" * 20
    assert [path for path, _ in layout(data) if path] == [f.path for f in read_torrent(data).files]


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (b"http://w.example/x", ("http://w.example/x",)),
        (
            [b"https://v.example/", b"http://u.example/a b", b"https://v.example/"],
            ("http://u.example/a b", "https://v.example/"),
        ),
        ([b"ftp://w.example/", b"nonsense", b"http://w.example/\n", [b"http://w.example/"], 5], ()),
        ({b"http://w.example/": b"http://w.example/"}, ()),
    ],
)
def test_web_seeds_are_those_on_the_web_once_each_in_order(
    value: Value, found: tuple[str, ...]
) -> None:
    assert web_seeds(torrent(SINGLE, url_list=value)) == found
    assert web_seeds(torrent(SINGLE)) == ()


def test_piece_hashes_that_do_not_fit_the_files_prove_nothing() -> None:
    assert piece_hashes(torrent({**SINGLE, b"length": PIECE})) == b""
    assert piece_hashes(torrent({**SINGLE, b"length": PIECE * 2})) == b"a" * 20 + b"b" * 20


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        *[({b"piece length": length}, "no piece length") for length in (0, -1, b"16384", 2**62)],
        ({b"pieces": b"a" * 21}, "piece hashes are broken"),
        ({b"pieces": []}, "piece hashes are broken"),
        ({b"files": []}, "lists no files"),
        ({b"files": [file(b".pad", b"1")]}, "lists no files"),
        ({b"files": {}}, "list of files is broken"),
        ({b"files": [b"a"]}, "list of files is broken"),
        ({b"files": [{b"length": 1}]}, "without a path"),
        ({b"files": [file()]}, "without a path"),
        ({b"files": [{b"length": 1, b"path": [b"a", 1]}]}, "without a path"),
        ({b"files": [{b"length": 1, b"path": b"a"}]}, "without a path"),
        ({b"files": [{b"path": [b"a"]}]}, "without a length"),
        ({b"files": [file(b"a", length=-1)]}, "without a length"),
        ({b"files": [file(b"a", length=2**52), file(b"b", length=2**53)]}, "larger than any"),
        ({b"files": [file(b"a")] * 100_001}, "more than 100,000 files"),
    ],
)
def test_an_info_dictionary_that_makes_no_sense_is_refused(
    change: dict[bytes, Value], sentence: str
) -> None:
    for read in (read_torrent, piece_hashes, layout):
        with pytest.raises(NotATorrent, match=sentence):
            read(torrent({**MULTI, **change}))


@pytest.mark.parametrize(
    "tree",
    [0, [], {}, {b"a": 0}, {b"a": {b"": 0}}, {b"a": {b"": {}}}, {b"": {b"length": -1}}],
)
def test_a_broken_tree_is_refused(tree: Value) -> None:
    with pytest.raises(NotATorrent):
        read_torrent(torrent({**V2, b"file tree": tree}))


def test_a_small_tree_of_endless_paths_is_refused() -> None:
    leaves: Value = {b"%d" % number: {b"": {b"length": 1}} for number in range(6000)}
    for _ in range(90):
        leaves = {b"a": leaves}
    with pytest.raises(NotATorrent, match="nested too deeply"):
        read_torrent(torrent({**V2, b"file tree": leaves}))


def test_a_huge_folder_name_is_washed_once_and_not_for_every_file_below_it() -> None:
    leaves: Value = {b"%d" % number: {b"": {b"length": 1}} for number in range(5000)}
    source = read_torrent(torrent({**V2, b"file tree": {b"x" * 5_000_000: leaves}}))
    assert source.files[0].path == "x" * 240 + "/0"


def test_paths_of_more_than_32_mebibytes_are_refused() -> None:
    tree: Value = {b"%d" % number: {b"": {b"length": 1}} for number in range(47_000)}
    for _ in range(3):
        tree = {b"x" * 240: tree}
    with pytest.raises(NotATorrent, match="paths are too long"):
        read_torrent(torrent({**V2, b"file tree": tree}))


@pytest.mark.parametrize(
    "data",
    [
        *[b"", b"garbage", b"<html><body>Not found</body></html>", b"i1e", b"le", b"de"],
        *[b"d4:infoi1ee", b"d4:infodee", b"d4:infod6:lengthi1eee"],
        *[b"d4:infod12:meta versioni2eee", b"99999999999999999999:", torrent(MULTI)[:-1]],
        *[b"l" * 1_000_000, b"d4:info" * 1_000_000],
        bencode({b"info": {**MULTI, b"length": 2**62, b"files": 0}}),
    ],
    ids=range(15),
)
def test_anything_else_is_one_clear_sentence(data: bytes) -> None:
    with pytest.raises(NotATorrent) as caught:
        read_torrent(data)
    assert str(caught.value)
    assert "\n" not in str(caught.value)


def test_more_than_32_mebibytes_are_refused_whatever_they_say() -> None:
    data = torrent(SINGLE)
    limit = 32 * 1024 * 1024
    assert read_torrent(data.ljust(limit)).name == "film.mkv"
    with pytest.raises(NotATorrent, match="larger than 32 MiB"):
        read_torrent(data.ljust(limit + 1))


def test_the_magnet_of_a_torrent_names_the_same_torrent() -> None:
    source = read_torrent(torrent({**MULTI, **V2}, announce=b"http://a/b?k=1&2"))
    again = read_source(source.magnet)
    assert (again.v1, again.v2, again.name) == (source.v1, source.v2, source.name)
    assert again.trackers == source.trackers


KEYS = st.sampled_from(
    [b"", b"attr", b"file tree", b"files", b"length", b"meta version", b"name", b"path", b"pieces"]
)


def dictionaries(values: st.SearchStrategy[Value]) -> st.SearchStrategy[dict[bytes, Value]]:
    return st.dictionaries(KEYS, values, max_size=4)


LEAVES = st.one_of(
    st.integers(-2, 2**53), st.binary(max_size=24), st.sampled_from([b"p", b"..", b"l"])
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.one_of(st.lists(inner, max_size=3), dictionaries(inner)), max_leaves=8
)


@calm
@given(st.sampled_from([SINGLE, MULTI, V2]), dictionaries(VALUES))
def test_a_torrent_with_wrong_values_is_read_or_refused(
    info: dict[bytes, Value], changes: dict[bytes, Value]
) -> None:
    changed = {**info, **changes}
    with suppress(NotATorrent):
        source = read_torrent(torrent(changed))
        raw = bencode(changed)
        assert source.hash in {hashlib.sha1(raw).hexdigest(), hashlib.sha256(raw).hexdigest()}
        assert source.files
        assert source.size == sum(file.size for file in source.files) >= 0
        assert source.root not in {"", ".", ".."}
        assert all(".." not in file.path.split("/") for file in source.files)


@calm
@given(st.sampled_from([SINGLE, MULTI, V2]), st.data())
def test_a_torrent_with_a_wrong_byte_is_read_or_refused(
    info: dict[bytes, Value], data: st.DataObject
) -> None:
    damaged = bytearray(torrent(info, announce=b"http://a/b", creation_date=1))
    damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    with suppress(NotATorrent):
        assert read_torrent(bytes(damaged)).hash


@calm
@given(st.binary())
def test_random_bytes_are_no_torrent(data: bytes) -> None:
    for read in (read_torrent, piece_hashes, layout):
        with pytest.raises(NotATorrent):
            read(data)
