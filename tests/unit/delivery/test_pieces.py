"""What piece hashes can prove is proven, and what they cannot is left alone."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from bridge.delivery.pieces import Pieces, Proof

# (bytes, padding), an unwanted file or not
FILES = st.lists(
    st.tuples(st.integers(0, 30), st.sampled_from(["wanted", "unwanted", "padding"])),
    min_size=1,
    max_size=12,
)


def made(listed, length):
    """A torrent of such files: its proof, its bytes laid end to end, and each byte's owner."""
    layout, whole, owners = [], b"", []
    for number, (size, kind) in enumerate(listed):
        path = None if kind == "padding" else str(number)
        layout.append((path, size))
        whole += bytes(size) if path is None else bytes([number + 1]) * size
        owners += [path] * size
    hashes = b"".join(
        hashlib.sha1(whole[at : at + length]).digest() for at in range(0, len(whole), length)
    )
    return Proof(length, hashes, tuple(layout)), whole, owners


def contents(proof, whole):
    at, found = 0, {}
    for path, size in proof.layout:
        if path is not None:
            found[path] = whole[at : at + size]
        at += size
    return found


@given(FILES, st.integers(1, 17))
def test_a_piece_is_judged_once_if_all_its_files_are_wanted_and_else_never(listed, length):
    proof, whole, owners = made(listed, length)
    wanted = {str(n) for n, (_, kind) in enumerate(listed) if kind == "wanted"}
    pieces, files = Pieces(proof, wanted), contents(proof, whole)

    judged = []
    for path in wanted:
        own = pieces.of(path)
        for number in range(own.count if own else 0):
            start, stop = own.range_of(number)
            judged.append((path, start, stop))
            own.judge(number, hashlib.sha1(files[path][start:stop]))
        assert own is None or own.bad == []
        assert own is None or not own.open
    for shared in pieces.shared:
        digest = hashlib.sha1()
        for share in shared.shares:
            size = share.stop - share.start
            data = bytes(size) if share.path is None else files[share.path][share.start :][:size]
            digest.update(data)
            judged.append((share.path, share.start, share.stop))
        assert digest.digest() == shared.digest

    covered = [(path, byte) for path, start, stop in judged if path for byte in range(start, stop)]
    assert len(covered) == len(set(covered))
    expected, ats = set(), dict.fromkeys(files, 0)
    for at in range(0, len(owners), length):
        piece = owners[at : at + length]
        for path in piece:
            if path is None:
                continue
            if {one for one in piece if one} <= wanted:
                expected.add((path, ats[path]))
            ats[path] += 1
    assert set(covered) == expected


@given(
    st.integers(1, 200),
    st.integers(0, 40),
    st.integers(1, 23),
    st.lists(st.integers(1, 50), max_size=20),
    st.sets(st.integers(0, 199), max_size=2),
)
def test_bytes_that_pass_by_are_judged_however_they_are_cut(size, before, length, cuts, wrong):
    proof, whole, _ = made([(before, "wanted"), (size, "wanted")], length)
    content = bytearray(contents(proof, whole)["1"])
    for byte in wrong:
        if byte < size:
            content[byte] ^= 0xFF
    own = Pieces(proof, {"0", "1"}).of("1")
    at = 0
    for cut in [*cuts, size]:
        own.pass_by(at, memoryview(content)[at : at + cut])
        at = min(size, at + cut)

    inside = [own.range_of(number) for number in range(own.count)]
    assert own.bad == [one for one in inside if wrong & set(range(*one)) & set(range(size))]
    assert not own.open
    good = [stop for start, stop in inside if not wrong & set(range(start, stop))]
    assert own.proven_to in {0, *good}
    assert own.cover_all == (bool(inside) and not own.bad and inside[0][0] == 0
                             and inside[-1][1] == size)  # fmt: skip


def test_bytes_from_several_connections_are_judged_side_by_side():
    proof, whole, _ = made([(40, "wanted")], 10)
    own = Pieces(proof, {"0"}).of("0")
    for start in range(10):
        for connection in (0, 10, 20, 30):
            at = connection + start
            own.pass_by(at, memoryview(whole)[at : at + 1])

    assert own.cover_all


def test_a_piece_whose_beginning_did_not_pass_by_stays_unknown():
    proof, whole, _ = made([(40, "wanted")], 10)
    own = Pieces(proof, {"0"}).of("0")
    own.pass_by(5, memoryview(whole)[5:25])

    assert own.unknown == [0, 2, 3]


def test_what_was_dropped_is_unknown_again():
    proof, whole, _ = made([(40, "wanted")], 10)
    own = Pieces(proof, {"0"}).of("0")
    own.pass_by(0, memoryview(whole))
    own.forget(15, 21)

    assert own.unknown == [1, 2]
    assert own.proven_to == 10


def test_what_an_earlier_run_found_is_believed_up_to_its_last_whole_piece():
    proof, _, _ = made([(3, "wanted"), (40, "wanted")], 10)
    own = Pieces(proof, {"0", "1"}).of("1")
    own.assume(18)

    assert own.unknown == [1, 2, 3][: own.count - 1]
    assert own.proven_to == 17
