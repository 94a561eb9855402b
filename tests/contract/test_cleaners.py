"""Programs that strike, blocklist, recheck or delete: a healthy torrent gives them no cause.

Their published rules (arr-contract.md §5 and §7.1) are applied to every answer while one torrent
goes through all phases, with TorBox up and down.
"""

from dataclasses import dataclass, field

import pytest

from bridge.simulator import FetchedOver, MiB, NoMetadata, Stalled

# Cleaners look every five or ten minutes and act at the third strike.
PATIENCE_SECONDS = 600.0
HOUR = 3600.0
NEVER = 1e9
PAUSED = {"4": "pausedDL", "5": "stoppedDL"}
COMPLETE = {"4": "pausedUP", "5": "stoppedUP"}
# Cleanuparr and qBitrr strike these in a row; decluttarr reads the arr's words for them.
STRUCK_WHEN_LASTING = {"stalledDL", "metaDL", "forcedMetaDL"}


@dataclass
class Cleaners:
    """What they hold against one torrent, look after look."""

    since: dict[str, float] = field(default_factory=dict)  # a cause, and when it began
    seen: set[str] = field(default_factory=set)

    def judge(self, row: dict, trackers: list[dict], now: float) -> list[str]:
        """What they would act on now. None of them rests here, though decluttarr would."""
        self.seen.add(row["state"])
        causes = {
            "lasting": row["state"] in STRUCK_WHEN_LASTING,
            "slow": row["state"] == "downloading" and row["dlspeed"] == 0,
        }
        for cause, given in causes.items():
            if given:
                self.since.setdefault(cause, now)
            else:
                self.since.pop(cause, None)
        found = [one for one, at in self.since.items() if now - at >= PATIENCE_SECONDS]
        return found + at_once(row, trackers)


def at_once(row: dict, trackers: list[dict]) -> list[str]:
    """What needs no second look."""
    bad = {
        # decluttarr's remove_missing_files and remove_failed, Cleanuparr's, qBitrr's
        "broken": row["state"] in {"error", "missingFiles", "unknown"},
        # qBitrr's and decluttarr's remove_unavailable_files
        "not available": 0 <= row["availability"] < 1 and row["progress"] < 1,
        # qbit_manage's rem_unregistered and autobrr's reannounce, which ends in a delete
        "tracker": any(one["status"] != 2 or one["msg"] for one in trackers),
        # cross-seed and qbit_manage recheck what is stopped and not whole, though it says so
        "not whole": row["state"] in COMPLETE.values() and row["amount_left"] != 0,
        "no progress": row["state"] == "moving" and row["progress"] != 1,
    }
    return [cause for cause, given in bad.items() if given]


class Walk:
    """One healthy torrent, and the cleaners at every step."""

    def __init__(self, house, torbox, grab) -> None:
        self.house, self.torbox, self.grab = house, torbox, grab
        self.cleaners = Cleaners()

    async def looks(self) -> str:
        arr = self.house.arr
        row = await arr.sees(self.grab)
        trackers = await arr.json("torrents/trackers", hash=self.grab.hash)
        real = [one for one in trackers if "://" in one["url"]]
        assert real
        now = self.house.clock.monotonic()
        assert self.cleaners.judge(row, real, now) == [], row
        return row["state"]

    async def until(self, *states: str) -> None:
        async def there() -> bool:
            return await self.looks() in states

        await self.house.eventually(there, jump=5.0)

    async def stays(self, seconds: float, *states: str) -> None:
        """So long, with a look every minute; soon it shows one of these, and goes on to."""
        shown = []
        for _ in range(int(seconds / 60)):
            await self.house.passes(60)
            shown.append(await self.looks() in states)
        assert shown[-1]
        assert sorted(shown) == shown, "it wavered"

    async def away(self, *states: str) -> None:
        """TorBox and its CDN are gone for an hour."""
        self.torbox.stop("down", cdn=True)
        await self.stays(HOUR, *states)
        self.torbox.resume()

    async def restarted(self, *states: str) -> None:
        """The bridge starts while TorBox is gone, and stays so for an hour."""
        self.torbox.stop("down", cdn=True)
        await self.house.restarts()
        await self.stays(HOUR, *states)
        self.torbox.resume()

    async def comes(self) -> None:
        """Until a part of it is on the disk."""
        disk = self.house.downloads
        await self.house.eventually(lambda: any(one.stat().st_size for one in disk.rglob("*.mkv")))

    async def does(self, action: str, **fields: str) -> None:
        data = {"hashes": self.grab.hash} | fields
        status, _ = await self.house.arr.call("POST", f"torrents/{action}", data=data)
        assert status == 200


@pytest.mark.parametrize("dialect", ["4", "5"])
async def test_no_cleaner_acts_on_a_healthy_torrent_in_any_phase(
    house, torbox, dialect: str
) -> None:
    house.sets(qbittorrent={"dialect": dialect})
    await house.starts()
    paused, complete = PAUSED[dialect], COMPLETE[dialect]
    grab = torbox.publish("Show.S01E01", {"Show.mkv": 2 * MiB}, NoMetadata())
    walk = Walk(house, torbox, grab)

    torbox.stop("down", cdn=True)
    assert await house.arr.grabs(grab) == "Ok."
    await walk.away("queuedDL")
    await walk.until("metaDL")
    await walk.away("queuedDL")
    await walk.until("metaDL")
    torbox.follow(grab.hash, FetchedOver(20_000, checking=600, moving=NEVER))
    await walk.until("checkingDL")
    await walk.until("downloading")
    await walk.away("queuedDL")
    await walk.until("downloading")

    await walk.does("pause")
    await walk.stays(HOUR, paused)
    await walk.away(paused)
    await walk.does("recheck")  # as qbit_manage does with what is paused and not whole
    await walk.stays(120, paused)
    await walk.does("resume")
    await walk.until("downloading")

    torbox.follow(grab.hash, FetchedOver(0, moving=NEVER))
    await walk.until("checkingDL")  # TorBox moves it to its storage
    await walk.away("queuedDL")
    await walk.until("checkingDL")
    torbox.stop("down", cdn=True)
    torbox.follow(grab.hash, FetchedOver(0))
    await walk.away("queuedDL")
    await walk.until(complete)
    await walk.away(complete)
    await walk.does("recheck")
    await walk.until(complete)

    house.bridge.engine._loop.cancel()  # so that the move lasts
    await walk.does("setLocation", location="kept")
    assert await walk.looks() == "moving"
    torbox.stop("down", cdn=True)
    house.clock.jump(HOUR)
    assert await walk.looks() == "moving"
    phases = {"queuedDL", "metaDL", "checkingDL", "downloading", paused, complete, "moving"}
    assert walk.cleaners.seen >= phases


async def test_no_cleaner_acts_on_what_a_restarted_bridge_shows_while_torbox_is_down(
    house, torbox
) -> None:
    """Nothing was looked at since the start, so nothing is known of now."""
    await house.starts()
    grab = torbox.publish("Show.S01E03", {"Show.mkv": 8 * MiB}, NoMetadata())
    walk = Walk(house, torbox, grab)

    torbox.stop("down", cdn=True)
    assert await house.arr.grabs(grab) == "Ok."
    await walk.restarted("queuedDL")
    await walk.until("metaDL")
    await walk.restarted("queuedDL")
    torbox.follow(grab.hash, FetchedOver(20_000))
    await walk.until("downloading")
    await walk.restarted("queuedDL")

    torbox.cdn.slow(MiB)
    torbox.follow(grab.hash, FetchedOver(0))
    await walk.comes()
    torbox.stop("down", cdn=True)
    await house.restarts()
    await walk.until("queuedDL")
    for _ in range(60):  # its delivery tries again and again, so that nothing is ever calm
        house.clock.jump(60)
        assert await walk.looks() in {"queuedDL", "checkingDL"}
    torbox.resume()
    torbox.cdn.clear()
    await walk.until("pausedUP")
    await walk.restarted("pausedUP")
    assert "stalledDL" not in walk.cleaners.seen


async def test_cleaners_do_act_on_a_torrent_that_is_dead(house, torbox) -> None:
    await house.starts()
    grab = torbox.publish("Show.S01E02", {"Show.mkv": MiB}, Stalled())
    walk = Walk(house, torbox, grab)
    assert await house.arr.grabs(grab) == "Ok."
    with pytest.raises(AssertionError, match="lasting"):
        await walk.stays(2 * HOUR)
