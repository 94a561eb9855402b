import hashlib
import time as real_time

import bencode2
import pytest

from bridge.simulator import Cached, Simulator, content, torrents
from bridge.simulator.bencode import NotBencoded, decode, encode

FILES = {"Show.mkv": 3_000_000, "Subs/a.srt": 1000, "empty.nfo": 0, "Subs/b.srt": 70_000}


def test_any_range_of_a_file_is_the_same_bytes_as_the_whole_of_it():
    made = Simulator().publish("Show", FILES)
    whole = made.content("Show.mkv")
    assert len(whole) == 3_000_000
    for start, length in [
        (0, 1),
        (65_535, 2),
        (65_536, 65_536),
        (2_999_999, 9),
        (123_456, 1_000_000),
    ]:
        assert made.read("Show.mkv", start, length) == whole[start : start + length]


def test_files_differ_from_each_other_and_seeds_from_each_other():
    one, other = Simulator(seed=1).publish("Show", FILES), Simulator(seed=2).publish("Show", FILES)
    assert one.read("Subs/a.srt", 0, 1000) != one.read("Subs/b.srt", 0, 1000)
    assert one.content("Show.mkv") != other.content("Show.mkv")
    assert one.hash != other.hash


def test_no_block_of_a_file_repeats_another():
    blocks = {content.read("x", n * content.BLOCK, content.BLOCK) for n in range(500)}
    halves = {content.read("x", n * 32_768 + 77, 5000) for n in range(1000)}
    assert (len(blocks), len(halves)) == (500, 1000)


def test_the_same_seed_makes_the_same_torrent():
    assert (
        Simulator(seed=5).publish("A", FILES).torrent
        == Simulator(seed=5).publish("A", FILES).torrent
    )


def test_the_piece_hashes_of_a_torrent_are_those_of_its_content():
    made = Simulator().publish("Show", FILES)
    info = bencode2.bdecode(made.torrent)[b"info"]
    everything = b"".join(made.content(path) for path in FILES)
    length = info[b"piece length"]
    digests = [
        hashlib.sha1(everything[at : at + length]).digest()
        for at in range(0, len(everything), length)
    ]
    assert info[b"pieces"] == b"".join(digests)
    assert hashlib.sha1(bencode2.bencode(info)).hexdigest() == made.hash
    assert made.sha256("Show.mkv") == hashlib.sha256(made.content("Show.mkv")).hexdigest()


def test_a_single_file_torrent_has_a_length_and_no_files():
    made = Simulator().publish("a.mkv", {"a.mkv": 100}, single_file=True, private=True)
    info = bencode2.bdecode(made.torrent)[b"info"]
    assert (info[b"length"], info[b"name"], info[b"private"]) == (100, b"a.mkv", 1)
    assert b"files" not in info


def test_what_is_written_is_read_again():
    made = Simulator().publish("Show", FILES, private=True)
    given = torrents.read_torrent(made.torrent)
    assert given.hash == made.hash
    assert dict(given.files) == FILES
    assert given.private
    assert torrents.read_magnet(made.magnet).trackers == made.trackers == given.trackers


def test_sizes_beyond_measure_are_published_without_hashing_them():
    made = Simulator().publish("Huge", {"huge.mkv": 300 * 1024**3})
    assert made.size == 300 * 1024**3


def test_file_ids_are_all_different_begin_at_zero_and_follow_no_path():
    made = Simulator().publish("Pack", {f"{n:02}.mkv": 10 for n in range(24)}, Cached())
    ids = {file.path: file.id for file in made.files}
    assert sorted(ids.values()) == list(range(24))
    assert [ids[path] for path in sorted(ids)] != list(range(24))


@pytest.mark.parametrize(
    "bad", [b"", b"i1", b"5:abc", b"d1:a", b"l" * 5000, b"i1ei2e", b"di1e1:ae"]
)
def test_what_is_not_bencoding_is_refused(bad: bytes):
    with pytest.raises(NotBencoded):
        decode(bad)


def test_bencoding_agrees_with_another_implementation():
    value = {b"b": [1, -5, b"x"], b"a": {b"": b""}, b"info": {b"z": 0}}
    assert encode(value) == bencode2.bencode(value)
    assert decode(encode(value)) == (value, b"d1:zi0ee")


@pytest.mark.parametrize(
    "magnet",
    [
        "",
        "http://example.com",
        "magnet:?dn=x",
        "magnet:?xt=urn:btih:MFRGGZDFMZTWQ2LKNNWG23TPOBYXE43U",  # base32
        "magnet:?xt=urn:btmh:1220" + "a" * 64,
    ],
)
def test_magnets_that_torbox_is_not_known_to_take_are_bozo(magnet: str):
    with pytest.raises(torrents.Bozo):
        torrents.read_magnet(magnet)


def test_content_is_made_much_faster_than_any_line_brings_it():
    # A guard against an accident of the order of magnitude, not a measurement.
    before = real_time.process_time()
    content.read("fast", 0, 32 * 1024 * 1024)
    assert real_time.process_time() - before < 1.0
