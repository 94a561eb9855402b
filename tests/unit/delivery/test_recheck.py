"""A recheck finds every byte that is another, wherever it lies, and blames no file beside."""

import hashlib
import random
import threading

import pytest

from bridge.delivery.pieces import Proof
from bridge.delivery.recheck import damaged_files, known_md5
from bridge.model import File

LENGTH = 64
SIZES = {"a": 200, "b/c": 30, "d": 10, "e": 0, "f": 128}


@pytest.fixture(params=[0, 24], ids=["end to end", "padded"])
def pack(tmp_path, request):
    """Files on the disk, and what their .torrent says of them."""
    files, layout, whole = [], [], bytearray()
    for path, size in SIZES.items():
        content = random.Random(path).randbytes(size)
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(content)
        files.append(File(path, size))
        layout += [(path, size), (None, request.param)]
        whole += content + bytes(request.param)
    hashes = b"".join(
        hashlib.sha1(whole[at : at + LENGTH]).digest() for at in range(0, len(whole), LENGTH)
    )
    return tmp_path, files, Proof(LENGTH, hashes, tuple(layout))


def found(pack, files=None) -> set[str]:
    folder, all_files, proof = pack
    return set(damaged_files(folder, files or all_files, proof, threading.Event()))


def test_whole_files_are_not_blamed(pack):
    assert found(pack) == set()


@pytest.mark.parametrize("path", [path for path, size in SIZES.items() if size])
def test_any_byte_is_found_and_only_neighbours_in_its_piece_are_blamed_with_it(pack, path):
    folder, _, proof = pack
    content = (folder / path).read_bytes()
    start = 0
    spans = {}
    for name, size in proof.layout:
        if name is not None:
            spans[name] = (start, start + size)
        start += size
    for at in (0, len(content) // 2, len(content) - 1):
        damaged = bytearray(content)
        damaged[at] ^= 255
        (folder / path).write_bytes(damaged)
        piece = (spans[path][0] + at) // LENGTH
        beside = {
            name
            for name, (first, last) in spans.items()
            if first < (piece + 1) * LENGTH and piece * LENGTH < last
        }
        assert {path} <= found(pack) <= beside
    (folder / path).write_bytes(content)


def test_a_piece_that_a_file_shares_with_one_that_did_not_come_is_not_judged(pack):
    folder, files, _ = pack
    (folder / "b/c").unlink()
    assert found(pack, [file for file in files if file.path != "b/c"]) == set()


def test_without_a_proof_the_md5_counts_where_there_is_one(tmp_path):
    (tmp_path / "a").write_bytes(b"content")
    right = hashlib.md5(b"content").hexdigest()
    for md5, expected in (
        (right, ()),
        (f'"{right.upper()}"', ()),
        ("0" * 32, ("a",)),
        ("no md5", ()),
        (None, ()),
    ):
        files = [File("a", 7, md5=md5)]
        assert damaged_files(tmp_path, files, None, threading.Event()) == expected
    assert known_md5(File("a", 7, md5="x" * 32)) == ""


def test_stopped_it_blames_nobody(pack):
    folder, files, proof = pack
    (folder / "a").write_bytes(bytes(200))
    stop = threading.Event()
    stop.set()
    assert damaged_files(folder, files, proof, stop) == ()
