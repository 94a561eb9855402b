"""`torbox-bridge backup`: what is kept is whole, and brings everything back."""

import stat
import tarfile
from pathlib import Path

import aiohttp

from bridge.simulator import MiB
from tests.system.process.conftest import PASSWORD, READY


def unpack(copy: Path, state: Path) -> None:
    """As docs/operations.md says."""
    for name in ("bridge.db", "bridge.db-wal", "bridge.db-shm"):
        (state / name).unlink(missing_ok=True)
    with tarfile.open(copy) as archive:
        archive.extractall(state, filter="data")


async def kept(machine, *arguments: str, **changes: str | None) -> Path:
    program = await machine.runs("backup", *arguments, **changes)
    assert await program.ends() == 0, program.stderr
    (line,) = program.stdout.splitlines()
    copy = Path(line.removeprefix("kept in ").partition(";")[0])
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    return copy


async def test_the_copy_of_a_stopped_bridge_brings_torrents_and_password_back(
    house, torbox, tmp_path: Path
) -> None:
    grab = torbox.publish("Show.S01E01", files={"Show.S01E01.mkv": MiB})
    arr = await house.starts()
    await arr.grabs(grab, as_file=True)
    await house.sees(grab, "pausedUP")
    (house.state / "qbittorrent-password").write_text("made-at-the-first-start\n")
    await house.dies()  # its last words are in the journal beside the database only
    copy = await kept(house)
    assert copy.parent == house.state / "backups"

    house.state = tmp_path / "another"
    house.state.mkdir()
    unpack(copy, house.state)
    assert sorted(path.name for path in house.state.iterdir()) == [
        "bridge.db",
        "qbittorrent-password",
    ]
    house.environment["BRIDGE_STATE__PATH"] = str(house.state)
    await house.starts()
    assert (await house.arr.sees(grab))["state"] == "pausedUP"
    assert "made-at-the-first-start" in (house.state / "qbittorrent-password").read_text()


async def test_a_running_bridge_hands_out_a_copy_and_goes_on(house, torbox, tmp_path) -> None:
    one = torbox.publish("Show.S01E02", files={"Show.S01E02.mkv": MiB})
    two = torbox.publish("Show.S01E03", files={"Show.S01E03.mkv": MiB})
    arr = await house.starts()
    await arr.grabs(one)
    await house.sees(one, "pausedUP")
    copy = await kept(house, str(tmp_path / "copy.tar"), BRIDGE_SERVER__PORT=str(house.port))
    await arr.grabs(two)
    await house.sees(two, "pausedUP")
    await house.dies()
    unpack(copy, house.state)
    await house.starts()
    assert [row["hash"] for row in await house.arr.polls()] == [one.hash]


async def test_it_can_be_fetched_by_whoever_may_log_in_and_by_nobody_else(house) -> None:
    await house.starts()
    url = f"http://127.0.0.1:{house.port}/api/bridge/backup"
    async with aiohttp.ClientSession() as session:
        async with session.post(url) as answer:
            assert answer.status == 403
        login = {"Authorization": aiohttp.encode_basic_auth("admin", PASSWORD)}
        async with session.post(url, headers=login | {"Origin": "http://else.where"}) as answer:
            assert answer.status == 401
        async with session.get(url, headers=login) as answer:
            assert answer.status == 405
        async with session.post(url, headers=login) as answer:
            assert answer.status == 200
            assert (await answer.read())[257:262] == b"ustar"
    assert not (house.state / ".backup").exists()


async def test_a_copy_never_takes_the_place_of_a_file(machine, tmp_path: Path) -> None:
    await (await machine.runs()).says(READY)
    await machine.programs[0].stops()
    there = tmp_path / "there.tar"
    there.write_text("mine")
    assert (await machine.refuses("backup", str(there)))[0] == 1
    assert there.read_text() == "mine"


async def test_without_a_state_there_is_nothing_to_copy(machine) -> None:
    code, line = await machine.refuses("backup")
    assert (code, line) == (
        1,
        f"torbox-bridge: there is nothing to copy yet: {machine.state}/bridge.db does not exist",
    )
    assert not machine.state.exists()


async def test_a_running_bridge_that_cannot_be_asked_is_one_line(machine) -> None:
    await (await machine.runs()).says(READY)
    code, line = await machine.refuses("backup", BRIDGE_SERVER__PORT="9")
    assert code == 1
    assert "does not answer on 127.0.0.1:9: stop it and try again" in line
