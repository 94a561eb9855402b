"""Rules decide what is downloaded before anything is, and say so."""

import shutil

import pytest

from bridge.config import Accept, CategorySettings
from bridge.config.amounts import Bytes
from bridge.simulator import Cached, FetchedOver, MiB

PACK = {"e1.mkv": MiB, "e1-sample.mkv": 1000, "Subs/e1.srt": 1000, "e1.nfo": 10}


def contents(grab, *paths):
    return {path: grab.content(path) for path in paths}


async def told(house, grab):
    return await house.arr.json(f"../bridge/torrents/{grab.hash}")


async def with_rules(house, **rules):
    house.sets(categories={"tv-sonarr": CategorySettings(**rules)})
    return await house.starts()


async def test_what_the_rules_leave_out_is_not_downloaded_and_shown_as_unwanted(house, torbox):
    arr = await with_rules(house, exclude=("*.nfo",), smallest=Bytes("500 KB"))
    grab = torbox.publish("Show", PACK)
    await arr.grabs(grab)
    row = await house.sees_state(grab, "pausedUP")
    assert house.files_of(row) == contents(grab, "e1.mkv", "Subs/e1.srt")
    assert row["size"] == MiB + 1000
    shown = {file["name"]: file for file in await arr.json("torrents/files", hash=grab.hash)}
    assert shown["Show/e1.nfo"]["priority"] == 0
    assert shown["Show/e1.mkv"]["priority"] == 1


@pytest.mark.parametrize("as_file", [False, True])
async def test_rules_that_leave_nothing_fail_it_before_torbox_fetches_it(house, torbox, as_file):
    arr = await with_rules(house, include=("*.avi",))
    grab = torbox.publish("Show", PACK, FetchedOver(3600))
    await arr.grabs(grab, as_file=as_file)
    await house.sees_state(grab, "stalledDL", jump=2)
    assert "the rules for category tv-sonarr leave none" in (await told(house, grab))["reason"]
    assert torbox.items == []
    assert len(torbox.calls_to("createtorrent")) == (0 if as_file else 1)


async def test_a_torrent_of_archives_fails_with_that_reason_and_can_be_accepted(house, torbox):
    arr = await with_rules(house)
    rars = {"Show.rar": MiB, "Show.r00": MiB, "Show.nfo": 10}
    grab = torbox.publish("Show", rars, Cached())
    await arr.grabs(grab)
    await house.sees_state(grab, "stalledDL")
    assert "nothing in it but archives" in (await told(house, grab))["reason"]
    assert torbox.calls_to("requestdl") == []
    await house.stops()

    arr = await with_rules(house, accept=(Accept.ARCHIVES,))
    await arr.grabs(grab)

    row = await house.sees_state(grab, "pausedUP")
    assert house.files_of(row) == contents(grab, *rars)


async def test_a_program_in_disguise_is_never_fetched(house, torbox):
    arr = await with_rules(house)
    grab = torbox.publish("Show", {"Show.S01E01.mkv.exe": MiB, "info.txt": 5}, FetchedOver(60))
    await arr.grabs(grab, as_file=True)
    await house.sees_state(grab, "stalledDL")
    assert "nothing in it but programs" in (await told(house, grab))["reason"]
    assert torbox.calls_to("createtorrent") == []


async def test_what_torboxs_scanner_found_is_not_downloaded_unless_accepted(house, torbox):
    arr = await with_rules(house)
    torbox.infected = ("e1.srt",)
    grab = torbox.publish("Show", PACK)
    await arr.grabs(grab)
    await house.sees_state(grab, "stalledDL")
    assert "TorBox found a virus in it: 'e1.srt'" in (await told(house, grab))["reason"]
    assert torbox.calls_to("requestdl") == []
    await house.stops()

    arr = await with_rules(house, accept=(Accept.INFECTED,))
    await arr.grabs(grab)

    row = await house.sees_state(grab, "pausedUP")
    assert house.files_of(row) == contents(grab, *PACK)


async def test_a_file_with_priority_zero_is_not_delivered(house, torbox, arr):
    grab = torbox.publish("Show", PACK, FetchedOver(60))
    await arr.grabs(grab, as_file=True)
    await house.sees_state(grab, "downloading")
    listed = await arr.json("torrents/files", hash=grab.hash)
    indexes = [str(n) for n, file in enumerate(listed) if not file["name"].endswith(".mkv")]
    data = {"hash": grab.hash, "id": "|".join(indexes), "priority": 0}
    await arr.call("POST", "torrents/filePrio", data=data)
    row = await house.sees_state(grab, "pausedUP", jump=5)
    assert house.files_of(row) == contents(grab, "e1.mkv", "e1-sample.mkv")
    # Complete, it brings no more; to say otherwise would show as done what is not here.
    refused, _ = await arr.call("POST", "torrents/filePrio", data={**data, "priority": 1})
    assert refused == 409
    again = await arr.sees(grab)
    assert (again["size"], again["amount_left"]) == (row["size"], 0)


async def test_when_a_client_wants_no_file_any_more_it_fails_with_that_reason(house, torbox, arr):
    grab = torbox.publish("Show", {"a.mkv": 4 * MiB})
    torbox.cdn.stalls(after=MiB)
    await arr.grabs(grab)
    await torbox.cdn.has_sent("a.mkv", MiB)
    await arr.call("POST", "torrents/filePrio", data={"hash": grab.hash, "id": 0, "priority": 0})
    await house.sees_state(grab, "stalledDL", jump=1)
    assert "none of its files is wanted" in (await told(house, grab))["reason"]


async def test_files_chosen_while_they_come_are_what_is_complete(house, torbox, arr):
    grab = torbox.publish("Show", {"a.mkv": 4 * MiB, "b.mkv": 4 * MiB})
    torbox.cdn.slow(MiB)
    await arr.grabs(grab, as_file=True)
    await torbox.cdn.has_sent("a.mkv", MiB)
    listed = [file["name"] for file in await arr.json("torrents/files", hash=grab.hash)]
    data = {"hash": grab.hash, "id": listed.index("Show/a.mkv"), "priority": 0}
    await arr.call("POST", "torrents/filePrio", data=data)
    torbox.cdn.clear()
    row = await house.sees_state(grab, "pausedUP", jump=1)
    assert house.files_of(row) == contents(grab, "b.mkv")


async def test_rules_that_change_while_it_runs_count_for_what_is_not_here_yet(house, torbox, arr):
    grab = torbox.publish("Show", PACK, FetchedOver(600))
    await arr.grabs(grab, as_file=True)
    await house.sees_state(grab, "downloading")
    house.sets(categories={"tv-sonarr": CategorySettings(exclude=("*.nfo",))})
    house.bridge.engine.use_settings(house.settings)
    row = await house.sees_state(grab, "pausedUP", jump=20)
    assert "e1.nfo" not in house.files_of(row)


async def test_a_rule_does_not_give_a_file_the_bytes_of_its_twin(house, torbox):
    house.sets(categories={"*": CategorySettings(exclude=("*.nfo",))})
    arr = await house.starts()
    grab = torbox.publish(
        "Show",
        {"e1.mkv": MiB, "Subs/E1/en.srt": 1000, "Subs/E2/en.srt": 1000, "Subs/x.nfo": 100},
    )
    grab.files = tuple(file for file in grab.files if file.path != "Subs/E2/en.srt")
    await arr.grabs(grab, as_file=True)

    async def waits():
        told = await arr.json(f"../bridge/torrents/{grab.hash}")
        return "TorBox does not list 'Subs/E2/en.srt'" in told["reason"]

    await house.eventually(waits, jump=5)
    assert torbox.calls_to("requestdl") == []


async def test_the_rules_of_one_category_do_not_stick_to_the_next(house, torbox):
    house.sets(
        categories={"*": CategorySettings(), "tv-sonarr": CategorySettings(exclude=("*.srt",))}
    )
    arr = await house.starts()
    grab = torbox.publish("Show", {"e1.mkv": MiB, "e1.srt": 1000})
    await arr.grabs(grab, as_file=True)
    row = await house.sees_state(grab, "pausedUP")
    assert set(house.files_of(row)) == {"e1.mkv"}
    await arr.call("POST", "torrents/createCategory", data={"category": "radarr"})
    shutil.rmtree(row["content_path"])
    await arr.grabs(grab, as_file=True, category="radarr")

    async def again():
        rows = await arr.json("torrents/info", category="radarr")
        attempt = house.bridge.ledger.torrents[grab.hash].attempt
        return rows and attempt > 1 and rows[0]["state"] == "pausedUP"

    await house.eventually(again)
    (row,) = await arr.json("torrents/info", category="radarr")
    assert set(house.files_of(row)) == {"e1.mkv", "e1.srt"}
