"""Whole programs that people run beside a qBittorrent, run beside the bridge."""

import asyncio
import os
import shutil
from pathlib import Path

import pytest

from bridge.simulator import Cached, FetchedOver, MiB, NoMetadata, Published, Refused, Stalled

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
PROGRAMS = CACHE / "torbox-bridge-clients" / "programs" / "bin"
PATIENCE_SECONDS = 90
# Everything that it can do, for real, and with limits that a torrent of today has not reached.
QBIT_MANAGE = """
commands: {{dry_run: false, recheck: true, cat_update: true, tag_update: true,
  rem_unregistered: true, tag_tracker_error: true, rem_orphaned: true, tag_nohardlinks: true,
  share_limits: true, skip_cleanup: false}}
qbt: {{host: "http://127.0.0.1:{port}", user: admin, pass: pass-word}}
settings: {{force_auto_tmm: false, tracker_error_tag: issue, nohardlinks_tag: noHL}}
directory: {{root_dir: {place}, remote_dir: {place}, orphaned_dir: {place}/orphaned_data}}
cat: {{tv-sonarr: {place}/tv-sonarr}}
tracker: {{other: {{tag: tracked}}}}
nohardlinks: [tv-sonarr]
share_limits: {{default: {{priority: 1, max_ratio: {ratio}, max_seeding_time: 10d, cleanup: true}}}}
recyclebin: {{enabled: true, empty_after_x_days: 1}}
orphaned: {{empty_after_x_days: 1, exclude_patterns: ["**/.torbox-bridge-*"]}}
"""
# What people take away seeded torrents and dead ones by, and all of a category at once.
AUTOREMOVE = """
everything:
  client: qbittorrent
  host: http://127.0.0.1:{port}
  username: admin
  password: pass-word
  strategies:
    seeded: {{seeding_time: 60}}
    shared: {{ratio: 0.01}}
    dead: {{status: Error}}
    unshared: {{status: StalledUpload, last_activity: 0}}
    either: {{remove: seeding_time > 60 or ratio > 0.01}}
    space: {{free_space: {{min: 0.001, path: /, action: remove-old-seeds}}}}
    old: {{categories: [old], remove: size > 0}}
  delete_data: true
"""
TORRENTS = {
    "Done": Cached(),
    "Missing": Cached(),
    "Refused": Refused("BOZO_TORRENT"),
    "Fetching": FetchedOver(9000),
    "No.Metadata": NoMetadata(),
    "Stalled": Stalled(at=0.1),
    "Coming": Cached(),
    "Paused": FetchedOver(9000),
}


async def ran(folder: Path, name: str, *arguments: str) -> str:
    """What a program said, once it has come to a good end."""
    process = await asyncio.create_subprocess_exec(
        str(PROGRAMS / name),
        *arguments,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "QBT_WEB_SERVER": "false"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(PATIENCE_SECONDS):
        told, _ = await process.communicate()
    text = told.decode("utf-8", "replace")
    assert process.returncode == 0, text
    return text


def needs(name: str) -> pytest.MarkDecorator:
    missing = not (PROGRAMS / name).exists()
    return pytest.mark.skipif(missing, reason=f"{name} is not installed (make clients)")


async def in_every_phase(house, torbox) -> dict[str, Published]:
    """Torrents as far as each comes, which stay there."""
    torbox.plan = 2  # slots for all of them
    arr = await house.starts()
    torbox.cdn.stalls(after=MiB, path="Coming.mkv", times=99)
    grabs = {
        name: torbox.publish(name, {f"{name}.mkv": 2 * MiB, "Subs/a.srt": 1000}, script)
        for name, script in TORRENTS.items()
    }
    for name, grab in grabs.items():
        paused = str(name == "Paused")
        goals = {"ratioLimit": "5", "seedingTimeLimit": "20000"} if name == "Done" else {}
        await arr.grabs(grab, as_file=name != "No.Metadata", paused=paused, stopped=paused, **goals)
    for name in ("Done", "Missing"):
        row = await house.sees_state(grabs[name], "pausedUP", "stoppedUP")
    shutil.rmtree(row["content_path"])
    await arr.call("POST", "torrents/recheck", data={"hashes": row["hash"]})
    await house.sees_state(grabs["Missing"], "missingFiles")
    for name in ("Refused", "Stalled"):
        await house.sees_state(grabs[name], "stalledDL")
    await house.sees_state(grabs["Fetching"], "downloading")
    await house.sees_state(grabs["No.Metadata"], "metaDL")
    await house.has_begun("Coming.mkv")
    house.clock.jump(5)
    return grabs


async def states(house) -> dict[str, str]:
    """Each one's; what comes here may wait for its CDN in between."""
    found = {row["name"]: row["state"] for row in await house.arr.polls()}
    if found.get("Coming") == "queuedDL":
        found["Coming"] = "downloading"
    return found


@needs("qbit-manage")
@pytest.mark.parametrize(("dialect", "ratio"), [("4", -1), ("5", 2)])
async def test_qbit_manage_tags_and_limits_and_takes_nothing_away(
    house, torbox, tmp_path: Path, dialect: str, ratio: int
) -> None:
    house.sets(qbittorrent={"dialect": dialect})
    grabs = await in_every_phase(house, torbox)
    before = await states(house)
    config = QBIT_MANAGE.format(port=house.port, place=house.downloads, ratio=ratio)
    (tmp_path / "config.yml").write_text(config)

    for _ in range(2):  # what it limits in one run it may remove in the next
        said = await ran(
            tmp_path, "qbit-manage", "--run", "--config-dir", str(tmp_path), "--log-level", "DEBUG"
        )
        assert "Finished Run" in said, said
    log = (tmp_path / "logs" / "qbit_manage.log").read_text("utf-8")
    for word in ("[ERROR]", "[CRITICAL]", "Traceback"):
        assert word not in log, log
    assert "[WARNING]" in log or "[INFO]" in log

    rows = {row["name"]: row for row in await house.arr.polls()}
    assert await states(house) == before
    assert all("tracked" in row["tags"] and "issue" not in row["tags"] for row in rows.values())
    done = rows["Done"]
    assert (done["ratio_limit"], done["seeding_time_limit"]) == (ratio, 14400)
    assert house.files_of(done)["Done.mkv"] == grabs["Done"].content("Done.mkv")
    assert not [path for path in (house.downloads / "orphaned_data").rglob("*") if path.is_file()]
    assert not torbox.calls_to("controltorrent")
    torbox.cdn.clear()
    torbox.cdn.release()
    row = await house.sees_state(grabs["Coming"], "pausedUP", "stoppedUP")
    assert house.files_of(row)["Coming.mkv"] == grabs["Coming"].content("Coming.mkv")


@needs("autoremove-torrents")
@pytest.mark.parametrize("dialect", ["4", "5"])
async def test_autoremove_torrents_takes_away_what_it_is_told_to_and_nothing_else(
    house, torbox, tmp_path: Path, dialect: str
) -> None:
    house.sets(qbittorrent={"dialect": dialect})
    grabs = await in_every_phase(house, torbox)
    before = await states(house)
    old = torbox.publish("Old", {"Old.mkv": MiB})
    assert await house.arr.grabs(old, category="old") == "Ok."
    house.arr.category = "old"
    row = await house.sees_state(old, "pausedUP", "stoppedUP")
    (tmp_path / "config.yml").write_text(AUTOREMOVE.format(port=house.port))

    said = await ran(tmp_path, "autoremove-torrents", "--conf=config.yml", f"--log={tmp_path}")
    assert f"Found {len(grabs) + 1} torrent(s) in the client" in said
    for word in ("WARNING", "ERROR", "Traceback"):
        assert word not in said, said

    assert not await house.arr.polls()
    house.arr.category = "tv-sonarr"
    assert await states(house) == before
    await house.eventually(lambda: not Path(row["content_path"]).exists())
    done = await house.arr.sees(grabs["Done"])
    assert house.files_of(done)["Done.mkv"] == grabs["Done"].content("Done.mkv")
