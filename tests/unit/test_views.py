"""A torrent in qBittorrent's words: every field as the real servers have it, whatever is known."""

import json
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bridge.core.board import Board, Entry
from bridge.model import Complete, File, Shown, Situation, Torrent, Waiting, Wishes
from bridge.qbittorrent import details
from bridge.qbittorrent.dialect import FIVE, FOUR, Dialect
from bridge.qbittorrent.encoding import encode, number
from bridge.qbittorrent.queue import DENSE
from bridge.qbittorrent.rows import Rows
from bridge.qbittorrent.views import FINISHED, STATES, Words

ROOT = "/data/torrents"
HASH = "0123456789abcdef0123456789abcdef01234567"
RECORDINGS = Path(__file__).parent.parent / "contract" / "recordings"
# arr-contract.md §7.2: what some client reads, in one version or the other.
UNION = """hash name size total_size progress eta state category tags save_path content_path
download_path root_path ratio ratio_limit max_ratio seeding_time seeding_time_limit max_seeding_time
inactive_seeding_time_limit max_inactive_seeding_time last_activity added_on completion_on
seen_complete time_active amount_left completed downloaded uploaded downloaded_session
uploaded_session dlspeed upspeed dl_limit up_limit num_seeds num_complete num_leechs num_incomplete
availability auto_tmm private force_start seq_dl f_l_piece_prio super_seeding priority tracker
trackers_count infohash_v1 infohash_v2 magnet_uri comment popularity reannounce has_metadata"""
# The states that every arr knows, and Cleanuparr's list parser (arr-contract.md §3.1).
KNOWN_STATES = """error stoppedDL pausedDL queuedDL checkingDL checkingUP checkingResumeData
pausedUP stoppedUP uploading stalledUP queuedUP forcedUP stalledDL missingFiles metaDL forcedMetaDL
forcedDL moving downloading"""


def a_torrent(**fields) -> Torrent:
    plain = {
        "hash": HASH,
        "v1": HASH,
        "v2": "",
        "name": "Some Show S01E01",
        "magnet": f"magnet:?xt=urn:btih:{HASH}",
        "save_path": f"{ROOT}/tv",
        "phase": Waiting(),
        "added_at": 1_800_000_000.4,
        "changed_at": 1_800_000_060.9,
    }
    return Torrent(**(plain | fields))


def known(**fields) -> Torrent:
    files = (File("a.mkv", 900), File("Subs/en.srt", 100))
    return a_torrent(**({"files": files, "root": "Show", "folder": "Show"} | fields))


def entry(torrent: Torrent, situation: Situation = Situation.HELD, **shown) -> Entry:
    return Entry(torrent, Shown(situation, "because", **shown), 1)


def complete(**fields) -> Entry:
    torrent = known(phase=Complete(1_800_000_050), completed_at=1_800_000_050.0, **fields)
    return entry(torrent, Situation.COMPLETE, progress=1.0, incomplete=False)


def info(one: Entry, dialect: Dialect = FOUR, position: int = 1) -> dict:
    return json.loads(encode(Words(dialect, ROOT).info(one, position)))


def properties(one: Entry, dialect: Dialect = FOUR) -> dict:
    return json.loads(encode(details.properties(Words(dialect, ROOT), one)))


def recorded(version: str, step: str) -> object:
    for line in (RECORDINGS / f"{version}.jsonl").read_text("utf-8").splitlines()[1:]:
        call = json.loads(line)
        if call["name"] == step:
            return json.loads(call["response"]["body"])
    raise AssertionError(f"there is no step {step}")


def kind(value: object) -> str:
    # JSON does not tell 1 from 1.0, and qBittorrent writes either as 1.
    return (
        "number"
        if isinstance(value, int | float) and not isinstance(value, bool)
        else str(type(value))
    )


def kinds(row: dict) -> dict[str, str]:
    return {key: kind(value) for key, value in row.items()}


@pytest.mark.parametrize(("dialect", "version"), [(FOUR, "4.5.2"), (FIVE, "5.1.0")])
@pytest.mark.parametrize("one", [entry(known()), complete()])
def test_keys_and_types_are_the_recorded_ones_and_those_of_later_versions(
    dialect: Dialect, version: str, one: Entry
) -> None:
    (real,) = recorded(version, "info.single_stalledDL")
    ours = info(one, dialect)
    assert set(UNION.split()) <= set(ours)
    assert kinds(real).items() <= kinds(ours).items()
    assert set(ours) == set(recorded("5.1.0", "info.single_stalledDL")[0])
    assert None not in ours.values() or dialect is FIVE

    real = recorded(version, "props.big_downloading")
    ours = properties(one, dialect)
    assert kinds(real).items() <= kinds(ours).items()
    assert set(ours) == set(recorded("5.1.0", "props.big_downloading"))


@pytest.mark.parametrize(("dialect", "version"), [(FOUR, "4.5.2"), (FIVE, "5.1.0")])
def test_a_magnet_without_metadata_looks_as_it_does_on_the_real_server(
    dialect: Dialect, version: str
) -> None:
    (real,) = recorded(version, "info.one_magnet_metaDL")
    torrent = a_torrent(hash="1" * 40, v1="1" * 40)
    ours = info(entry(torrent, Situation.METADATA), dialect)
    # Ours knows where its files will be, hopes for a copy, and its times are its own.
    own = {"added_on", "last_activity", "time_active", "save_path", "download_path", "availability"}
    assert {key: ours[key] for key in set(real) - own} == {
        key: real[key] for key in set(real) - own
    }
    assert properties(entry(torrent), dialect)["pieces_num"] == -1
    assert details.files(entry(torrent)) == []
    assert details.piece_states(entry(torrent)) == b"[]"


def test_only_five_says_null_and_only_of_private() -> None:
    magnet = entry(a_torrent(), Situation.METADATA)
    assert info(magnet, FOUR)["private"] is False
    nulls = {key for key, value in info(magnet, FIVE).items() if value is None}
    assert nulls == {"private"}


@pytest.mark.parametrize(
    ("situation", "four", "five"),
    [
        (Situation.HELD, "queuedDL", "queuedDL"),
        (Situation.METADATA, "metaDL", "metaDL"),
        (Situation.MOVING, "downloading", "downloading"),
        (Situation.STALLED, "stalledDL", "stalledDL"),
        (Situation.CHECKING, "checkingDL", "checkingDL"),
        (Situation.COMPLETE, "pausedUP", "stoppedUP"),
        (Situation.SEEDING, "stalledUP", "stalledUP"),
        (Situation.FAILED, "stalledDL", "stalledDL"),
        (Situation.PAUSED, "pausedDL", "stoppedDL"),
        (Situation.MISSING, "missingFiles", "missingFiles"),
        (Situation.RELOCATING, "moving", "moving"),
        (Situation.RECHECKING, "checkingUP", "checkingUP"),
    ],
)
def test_each_situation_has_its_state_in_each_dialect(
    situation: Situation, four: str, five: str
) -> None:
    assert info(entry(known(), situation))["state"] == four
    assert info(entry(known(), situation), FIVE)["state"] == five
    assert len(STATES) == len(Situation)


def test_a_finished_torrent_may_be_moved_and_removed_whatever_limit_a_client_set() -> None:
    limit = {"ratio_limit": 0, "ratio": 0, "max_ratio": 0, "seeding_time_limit": -2}
    assert info(complete()).items() >= limit.items()
    asked = complete(wishes=Wishes(ratio_limit=1.5, seeding_minutes=1440, inactive_minutes=30))
    shown = info(asked)
    assert shown.items() >= (limit | {"seeding_time": 10, "seeding_time_limit": 0}).items()
    assert shown["inactive_seeding_time_limit"] == 30
    assert properties(asked)["share_ratio"] == 0


def test_a_ratio_limit_of_minus_one_keeps_it() -> None:
    shown = info(complete(wishes=Wishes(ratio_limit=-1)))
    assert (shown["ratio_limit"], shown["ratio"], shown["max_ratio"]) == (-1, 0, -1)
    assert shown["seeding_time_limit"] == -2
    for_an_hour = info(complete(wishes=Wishes(ratio_limit=-1, seeding_minutes=60)))
    assert (for_an_hour["ratio_limit"], for_an_hour["seeding_time_limit"]) == (-1, 0)


def test_limits_that_came_late_stand_as_they_are_until_an_arr_has_imported_it() -> None:
    late = Wishes(ratio_limit=2, seeding_minutes=60, limits_at=1_800_000_051.0)
    shown = info(complete(wishes=late))
    assert (shown["ratio_limit"], shown["ratio"], shown["seeding_time"]) == (2, 0, 10)
    imported = info(complete(wishes=late, imported_at=1_800_000_060.0))
    assert (imported["ratio"], imported["seeding_time"]) == (2, 3600)
    none = replace(late, ratio_limit=-2, seeding_minutes=-2)
    assert info(complete(wishes=none))["ratio_limit"] == 0


def test_before_the_end_the_limits_stand_as_they_were_set_and_none_is_reached() -> None:
    wishes = Wishes(ratio_limit=2, seeding_minutes=60)
    for situation, limit in (
        (Situation.HELD, 2),
        (Situation.RELOCATING, 2),
        (Situation.SEEDING, -1),
    ):
        shown = info(entry(known(wishes=wishes), situation))
        assert (shown["ratio_limit"], shown["ratio"]) == (limit, 0)
        assert shown["seeding_time_limit"] == 60


def test_progress_and_bytes_agree_and_only_a_finished_torrent_is_whole() -> None:
    shown = info(entry(known(), Situation.MOVING, progress=0.4, speed=100, eta_seconds=6))
    assert (shown["size"], shown["completed"], shown["amount_left"]) == (1000, 400, 600)
    assert (shown["progress"], shown["dlspeed"], shown["eta"]) == (0.4, 100, 6)
    assert info(entry(known(), Situation.MOVING, progress=1.0))["progress"] < 1
    assert info(entry(known(), Situation.MOVING, progress=1.0))["amount_left"] == 1
    done = info(complete())
    assert (done["progress"], done["amount_left"], done["availability"]) == (1, 0, -1)


def test_files_that_are_not_wanted_count_only_in_the_whole() -> None:
    torrent = known(files=(File("a.mkv", 900), File("b.mkv", 100, priority=0)))
    shown = info(entry(torrent))
    assert (shown["size"], shown["total_size"]) == (900, 1000)


def test_speed_and_eta_are_claims_about_now() -> None:
    for situation in set(Situation) - {Situation.MOVING}:
        shown = info(entry(known(), situation, speed=9, eta_seconds=9))
        assert (shown["dlspeed"], shown["eta"]) == (0, 8640000)


def test_numbers_stay_within_what_clients_can_read() -> None:
    shown = info(entry(known(), Situation.MOVING, speed=2**40, seeds=2**40, eta_seconds=10**20))
    assert shown["dlspeed"] == shown["num_seeds"] == 2**31 - 1
    assert shown["eta"] == 8640000


def test_an_incomplete_torrent_lies_in_its_own_incomplete_folder() -> None:
    shown = info(entry(known()))
    assert shown["download_path"] == f"{ROOT}/.incomplete/{HASH}"
    assert shown["content_path"] == shown["root_path"] == f"{ROOT}/tv/Show"
    assert info(complete())["download_path"] == ""


def test_dates_that_have_not_come_are_0_in_four_and_minus_one_in_five() -> None:
    for field in ("completion_on", "seen_complete"):
        assert info(entry(known()))[field] == 0
        assert info(entry(known()), FIVE)[field] == -1
    assert properties(entry(known()))["completion_date"] == -1


def test_the_magnet_carries_hashes_name_and_trackers_as_each_version_writes_them() -> None:
    torrent = known(v2="f" * 64, trackers=("http://t.example:80/a?b",))
    assert info(entry(torrent))["magnet_uri"] == (
        f"magnet:?xt=urn:btih:{HASH}&xt=urn:btmh:1220{'f' * 64}&dn=Some%20Show%20S01E01"
        "&tr=http%3a%2f%2ft.example%3a80%2fa%3fb"
    )
    assert info(entry(torrent), FIVE)["magnet_uri"].endswith(
        "&xl=1000&tr=http%3A%2F%2Ft.example%3A80%2Fa%3Fb"
    )


def test_files_are_named_below_the_own_folder_and_only_the_first_tells_of_the_whole() -> None:
    rows = details.files(entry(known(piece_length=256), file_progress=(0.5, 0.0)))
    assert [row["name"] for row in rows] == ["Show/a.mkv", "Show/Subs/en.srt"]
    assert [row["piece_range"] for row in rows] == [[0, 3], [3, 3]]
    assert [row["progress"] for row in rows] == [0.5, 0]
    assert ["is_seed" in row for row in rows] == [True, False]
    (real, *_) = recorded("4.5.2", "files.multi_stalledUP")
    assert kinds(rows[0]) == kinds(real)


def test_trackers_come_after_three_sticky_rows_and_work() -> None:
    rows = json.loads(encode(details.trackers(entry(known(trackers=("http://a/", "udp://b"))))))
    real = recorded("4.5.2", "trackers.multi_several_states")
    assert [row["url"] for row in rows] == [
        *(row["url"] for row in real[:3]),
        "http://a/",
        "udp://b",
    ]
    assert all(row["status"] == 2 and row["msg"] == "" for row in rows)
    assert kinds(rows[3]) == kinds(real[3])
    private = details.trackers(entry(known(private=True)))
    assert [(row.status, row.msg) for row in private] == [(0, "This torrent is private")] * 3


def test_a_liar_about_its_pieces_costs_no_more_than_others() -> None:
    liar = known(files=(File("a", 2**53),), piece_length=1)
    assert len(details.piece_states(entry(liar))) < 5000
    states = json.loads(details.piece_states(entry(known(piece_length=256), progress=0.5)))
    assert states == [2, 2, 0, 0]


def test_pieces_of_files_that_are_not_wanted_are_not_had() -> None:
    files = (File("a", 512), File("b", 600, priority=0), File("c", 300), File("d", 0))
    one = complete(files=files, piece_length=256)
    assert json.loads(details.piece_states(one)) == [2, 2, 0, 0, 2, 2]
    assert [row["piece_range"] for row in details.files(one)] == [[0, 1], [2, 4], [4, 5], [5, 5]]
    half = entry(known(files=files, piece_length=256), progress=0.5)
    assert json.loads(details.piece_states(half)) == [2, 2, 0, 0, 0, 0]
    assert properties(half)["pieces_have"] == 2
    kept = complete(files=(files[0], replace(files[1], kept=True)), piece_length=256)
    assert json.loads(details.piece_states(kept)) == [2, 2, 2, 2, 2]


def test_json_is_compact_sorted_and_raw_as_qt_writes_it() -> None:
    assert encode({"b": 'Ünï/\x01"', "a": {"d": 1, "c": []}}) == (
        b'{"a":{"c":[],"d":1},"b":"\xc3\x9cn\xc3\xaf/\\u0001\\""}'
    )
    assert encode({"half": ["\ud800"]}) == b'{"half":["?"]}'


@pytest.mark.parametrize(
    ("value", "shown"),
    [(1.0, b"1"), (-1.0, b"-1"), (0.5, b"0.5"), (float("nan"), b"0"), (float("inf"), b"0")],
)
def test_numbers_have_no_fraction_when_integral(value: float, shown: bytes) -> None:
    assert encode(number(value)) == shown


names = st.text(max_size=40)
paths = st.sampled_from([ROOT, f"{ROOT}/tv", "/", f"{ROOT}/a b/ü"])
wishes = st.builds(
    Wishes,
    force_start=st.booleans(),
    ratio_limit=st.floats(-3, 1e9, allow_nan=False),
    seeding_minutes=st.integers(-(2**31), 2**31),
    inactive_minutes=st.integers(-(2**31), 2**31),
    download_limit=st.integers(-(2**31), 2**31),
)
torrents = st.builds(
    a_torrent,
    name=names,
    root=names,
    folder=names.map(lambda name: name.replace("/", "_")),
    category=names,
    tags=st.lists(names, max_size=3).map(tuple),
    files=st.lists(
        st.builds(
            File,
            names,
            st.integers(0, 2**53),
            priority=st.sampled_from([0, 1, 7]),
            kept=st.booleans(),
        ),
        max_size=4,
    ).map(tuple),
    size=st.integers(0, 2**53),
    piece_length=st.integers(0, 2**30),
    private=st.none() | st.booleans(),
    trackers=st.lists(names, max_size=3).map(tuple),
    save_path=paths,
    wishes=wishes,
    completed_at=st.floats(0, 2**33),
    seen_complete_at=st.floats(0, 2**33),
    changed_at=st.floats(0, 2**33),
)
views = st.builds(
    Shown,
    situation=st.sampled_from(Situation),
    reason=names,
    progress=st.floats(),
    speed=st.integers(-5, 2**70),
    eta_seconds=st.none() | st.integers(-5, 2**70),
    seeds=st.integers(-5, 2**70),
    peers=st.integers(-5, 2**70),
    availability=st.floats(),
    file_progress=st.lists(st.floats(), max_size=4).map(tuple),
    incomplete=st.booleans(),
)


@given(torrents, views, st.sampled_from([FOUR, FIVE]))
def test_no_answer_can_be_misread_by_an_arr(
    torrent: Torrent, shown: Shown, dialect: Dialect
) -> None:
    """Scenarios 26-31, 33, 36 and 37 of arr-contract.md §6 cannot come about."""
    one = Entry(torrent, shown, 1)
    row = info(one, dialect)
    real = recorded_kinds()
    assert {key: kind(value) for key, value in row.items() if value is not None} == {
        key: real[key] for key, value in row.items() if value is not None
    }
    assert {key for key, value in row.items() if value is None} <= {"private"}
    assert row["hash"] == HASH
    assert row["state"] in KNOWN_STATES.split()
    whole = row["state"] in {"pausedUP", "stoppedUP", "stalledUP"}
    assert whole == (shown.situation in {Situation.COMPLETE, Situation.SEEDING})
    assert (whole or row["state"] in {"moving", "checkingUP"}) == (row["progress"] == 1)
    if whole:
        assert row["content_path"].startswith("/")
        assert row["content_path"].startswith(row["save_path"].rstrip("/") + "/")
        assert row["content_path"] != row["save_path"]
    if row["state"] in {"pausedUP", "stoppedUP"} and torrent.wishes.ratio_limit != -1:
        assert 0 <= row["ratio_limit"] <= row["ratio"] + 0.001
    assert 0 <= row["amount_left"] <= row["size"]
    assert row["completed"] + row["amount_left"] == row["size"] <= max(0, row["total_size"])
    agrees_about_pieces_and_files(one, dialect)
    for answer in (
        properties(one, dialect),
        json.loads(encode(details.files(one))),
        json.loads(encode(details.trackers(one))),
    ):
        assert answer is not None
    whole_numbers = set(row) - {"availability", "progress", "ratio", "ratio_limit", "max_ratio"}
    assert not any(isinstance(row[key], float) for key in whole_numbers), "Go's integers are strict"


def agrees_about_pieces_and_files(one: Entry, dialect: Dialect) -> None:
    facts, states = properties(one, dialect), json.loads(details.piece_states(one))
    assert len(states) == max(0, facts["pieces_num"])
    assert states.count(2) == facts["pieces_have"]
    for row in json.loads(encode(details.files(one))):
        assert isinstance(row["size"], int)
        assert isinstance(row["priority"], int)
        first, last = row["piece_range"]
        assert 0 <= first <= last < max(1, facts["pieces_num"])
        assert 0 <= row["progress"] <= 1
        if one.shown.situation in FINISHED and row["progress"]:
            assert row["size"] == 0 or states[first] == states[last] == 2


@cache
def recorded_kinds() -> dict[str, str]:
    return kinds(recorded("5.1.0", "info.single_stalledDL")[0])


def a_board(number_of_torrents: int) -> Board:
    board = Board()
    for at in range(number_of_torrents):
        board.put(known(hash=f"{at:040x}", added_at=1000.0 + at), Shown(Situation.HELD, ""))
    return board


def rows_of(board: Board) -> Rows:
    rows = Rows(board, Words(FOUR, ROOT))
    rows.refresh()
    return rows


def test_rows_follow_the_board_and_only_what_changed_is_written_anew() -> None:
    board = a_board(3)
    rows = rows_of(board)
    before = {row.info.hash: row.encoded for row in rows}
    since = rows.revision
    board.put(replace(board.get(f"{1:040x}").torrent, category="tv"), Shown(Situation.HELD, ""))
    board.drop(f"{2:040x}")
    rows.refresh()
    assert [one for one, _ in rows.changed_since(since)] == [f"{1:040x}"]
    assert rows.get(f"{1:040x}").changes(since) == {"category": "tv"}
    assert rows.removed_since(since) == [f"{2:040x}"]
    assert rows.get(f"{0:040x}").encoded is before[f"{0:040x}"]


def test_what_looks_the_same_is_no_change() -> None:
    board = a_board(1)
    rows = rows_of(board)
    since = rows.revision
    board.put(board.get(f"{0:040x}").torrent, Shown(Situation.HELD, "another sentence"))
    rows.refresh()
    assert list(rows.changed_since(since)) == []
    assert rows.get(f"{0:040x}").entry.shown.reason == "another sentence"


def test_a_torrent_that_left_and_came_back_is_told_whole() -> None:
    board = a_board(1)
    rows = rows_of(board)
    since, torrent = rows.revision, board.get(f"{0:040x}").torrent
    board.drop(torrent.hash)
    rows.refresh()
    board.put(torrent, Shown(Situation.HELD, ""))
    rows.refresh()
    assert rows.removed_since(since) == []
    assert len(rows.get(torrent.hash).changes(since)) == len(UNION.split()) - 1


def test_more_removals_than_the_board_remembers_are_found_all_the_same() -> None:
    board = a_board(5)
    rows = rows_of(board)
    board.MOST_REMOVED = 2
    for at in range(4):
        board.drop(f"{at:040x}")
    rows.refresh()
    assert [row.info.hash for row in rows] == [f"{4:040x}"]


def positions(rows: Rows) -> list[int]:
    return [row.info.priority for row in rows]


def test_places_count_from_one_and_finished_torrents_have_none() -> None:
    board = a_board(3)
    rows = rows_of(board)
    assert positions(rows) == [1, 2, 3]
    board.put(board.get(f"{0:040x}").torrent, Shown(Situation.COMPLETE, ""))
    rows.refresh()
    assert positions(rows) == [0, 1, 2]
    board.put(replace(board.get(f"{2:040x}").torrent, order=-1), Shown(Situation.HELD, ""))
    rows.refresh()
    assert positions(rows) == [0, 2, 1]
    # As the verbs see it: what has failed waits for nothing, and nothing goes before it.
    board.put(board.get(f"{2:040x}").torrent, Shown(Situation.FAILED, ""))
    rows.refresh()
    assert positions(rows) == [0, 1, 0]


def test_in_a_long_queue_one_that_ends_changes_nobody_else() -> None:
    board = a_board(DENSE + 50)
    rows = rows_of(board)
    since = rows.revision
    board.put(board.get(f"{0:040x}").torrent, Shown(Situation.COMPLETE, ""))
    rows.refresh()
    assert len(list(rows.changed_since(since))) == 1
    assert positions(rows)[:3] == [0, 2, 3]


@given(st.lists(st.tuples(st.integers(0, 40), st.booleans()), min_size=1, max_size=8))
def test_a_piece_of_a_complete_torrent_is_here_if_a_file_that_is_here_has_a_part_of_it(
    files: list[tuple[int, bool]],
) -> None:
    torrent = known(
        files=tuple(
            File(f"{at}", size, priority=int(here)) for at, (size, here) in enumerate(files)
        ),
        piece_length=10,
        phase=Complete(5.0),
    )
    owners = [number for number, (size, _) in enumerate(files) for _ in range(size)]
    pieces = [owners[at : at + 10] for at in range(0, len(owners), 10)]
    assert json.loads(details.piece_states(entry(torrent, Situation.COMPLETE))) == [
        2 if any(files[owner][1] for owner in piece) else 0 for piece in pieces
    ]


BITS = {
    "name": st.sampled_from(["", "a", "Ä b", HASH]),
    "trackers": st.sampled_from([(), ("http://a.example/x",), ("udp://b.example", "http://c/")]),
    "root": st.sampled_from(["", "r"]),
    "folder": st.sampled_from(["", "f"]),
    "private": st.sampled_from([None, False, True]),
    "size": st.sampled_from([0, 7, 10**13]),
    "files": st.sampled_from(
        [(), (File("a", 9),), (File("a", 9), File("b", 1, priority=0)), (File("a", 8),)]
    ),
    "comment": st.sampled_from(["", "c"]),
    "category": st.sampled_from(["", "tv"]),
    "tags": st.sampled_from([(), ("x",), ("x", "y")]),
    "save_path": st.sampled_from([f"{ROOT}/tv", f"{ROOT}/other"]),
    "phase": st.sampled_from([Waiting(), Complete(5.0)]),
    "order": st.integers(-2, 2),
    "wishes": st.builds(
        Wishes,
        sequential=st.booleans(),
        ratio_limit=st.sampled_from([-2.0, -1.0, 0.0, 1.5]),
        seeding_minutes=st.sampled_from([-2, -1, 60]),
        limits_at=st.sampled_from([0.0, 1_800_000_150.0]),
        download_limit=st.sampled_from([0, 1024]),
    ),
    "completed_at": st.sampled_from([0.0, 1_800_000_100.0]),
    "seen_complete_at": st.sampled_from([0.0, 1_800_000_100.0]),
    "changed_at": st.sampled_from([0.0, 1_800_000_200.0]),
}
SHOWN = {
    "situation": st.sampled_from(Situation),
    "progress": st.sampled_from([0.0, 0.5, 1.0]),
    "speed": st.sampled_from([0, 99]),
    "eta_seconds": st.sampled_from([None, 5]),
    "seeds": st.sampled_from([0, 3]),
    "peers": st.sampled_from([0, 3]),
    "availability": st.sampled_from([0.0, 2.5]),
    "incomplete": st.booleans(),
}
CHANGES = (st.sampled_from([*BITS]) | st.sampled_from([*SHOWN])).flatmap(
    lambda name: st.tuples(st.just(name), (BITS | SHOWN)[name])
)


@given(
    st.lists(st.lists(CHANGES, min_size=1, max_size=3), max_size=12), st.sampled_from([FOUR, FIVE])
)
def test_a_row_that_changed_is_what_it_would_be_if_written_from_nothing(
    steps: list[list[tuple[str, object]]], dialect: Dialect
) -> None:
    board, words = a_board(2), Words(dialect, ROOT)
    rows = Rows(board, words)
    told = {}
    for changes in [[], *steps]:
        since, before = rows.revision, board.get(f"{0:040x}")
        torrent = {name: value for name, value in changes if name in BITS}
        shown = {name: value for name, value in changes if name in SHOWN}
        after = replace(before.torrent, **torrent) if torrent else before.torrent
        board.put(after, replace(before.shown, **shown))
        rows.refresh()
        row = rows.get(before.torrent.hash)
        assert row.info == words.info(board.get(row.info.hash), row.info.priority)
        told |= row.changes(since)
        assert told == row.changes(-1)
