"""TorBox, tamed: slots, budgets, policies, purges, rotated keys, other accounts, bad days."""

import asyncio
import socket

import pytest
from msgspec.structs import replace

from bridge.config import CachedPolicy, CategorySettings, GiveUp
from bridge.simulator import (
    Answer,
    AnswerAfterDoing,
    Cached,
    Cut,
    FetchedOver,
    MiB,
    Odd,
    QueuedThen,
    Stalled,
    shapes,
)

OTHER_KEY = "99999999-1111-4222-8333-444444444444"
SONARR_5 = {"User-Agent": "Sonarr/5.0.0.100 (debian 12)"}


async def told(house, grab):
    return await house.arr.json(f"../bridge/torrents/{grab.hash}")


def creates(torbox):
    return [call for call in torbox.calls_to("createtorrent") if call.status == 200]


async def test_what_does_not_fit_into_the_plan_waits_here_in_order(house, torbox):
    torbox.already_in_account(torbox.publish("Theirs", script=Stalled(at=0.5)))
    arr = await house.starts()
    grabs = [torbox.publish(f"Show.{n}", script=FetchedOver(600)) for n in range(6)]
    for grab in grabs:
        await arr.grabs(grab)
    await house.passes(120, step=5)
    active = [item for item in torbox.items if item.torrent.name.startswith("Show")]
    assert {item.torrent.name for item in active} == {"Show.0", "Show.1"}
    assert torbox.queue == []
    reasons = [(await told(house, grab))["reason"] for grab in grabs[2:]]
    assert all("all 3 slots of the TorBox plan are in use" in reason for reason in reasons)
    assert "place 1 here" in reasons[0]
    assert {row["state"] for row in await arr.polls() if row["name"] > "Show.1"} == {"queuedDL"}

    async def all_complete():
        return {row["state"] for row in await arr.polls()} == {"pausedUP"}

    await house.eventually(all_complete, jump=20, within=60)
    assert torbox.refusals.total() == 0


async def test_a_slot_that_somebody_else_frees_is_noticed_among_hundreds_of_items(house, torbox):
    theirs = [torbox.publish(f"Theirs.{n}", script=Stalled(at=0.5)) for n in range(3)]
    for one in theirs:
        torbox.already_in_account(one, days_ago=30)
    torbox.foreign(300)
    arr = await house.starts()
    grabs = [torbox.publish(f"Show.{n}", script=FetchedOver(600)) for n in range(2)]
    for grab in grabs:
        await arr.grabs(grab)
    await house.passes(120, step=5)
    waiting = [grab for grab in grabs if (await told(house, grab))["phase"] == "waiting"]
    assert waiting
    for one in theirs:
        torbox.delete(one.hash)
    await house.passes(25 * 60, step=30)
    assert all(torbox.item_of(grab.hash) for grab in waiting)


async def test_cached_ones_go_first_and_past_full_slots(house, torbox, arr):
    uncached = [torbox.publish(f"Slow.{n}", script=FetchedOver(3600)) for n in range(5)]
    for grab in uncached:
        await arr.grabs(grab)
    await house.passes(60, step=5)
    cached = torbox.publish("Fast", script=Cached())
    await arr.grabs(cached)
    await house.sees_state(cached, "pausedUP")
    assert [row["state"] for row in await arr.polls() if row["name"] == "Slow.4"] == ["queuedDL"]


async def test_top_priority_goes_before_older_ones(house, torbox, arr):
    # One slot after the other becomes free: two creates at once might overtake each other.
    grabs = [torbox.publish(f"Show.{n}", script=FetchedOver(900 + 300 * n)) for n in range(5)]
    for grab in grabs:
        await arr.grabs(grab)
    await house.passes(60, step=5)
    await arr.call("POST", "torrents/topPrio", data={"hashes": grabs[4].hash})
    late = [grab.hash for grab in grabs[3:]]
    await house.eventually(lambda: all(torbox.item_of(one) for one in late), jump=20)
    assert torbox.item_of(late[1]).id < torbox.item_of(late[0]).id


async def test_the_hours_budget_is_kept_and_said(house, torbox, arr):
    torbox.limits.slots = False
    torbox.plan = 2
    torbox.account.additional_slots = 100
    grabs = [torbox.publish(f"Show.{n}", {"a": 1000}, FetchedOver(60)) for n in range(70)]
    for grab in grabs:
        await arr.grabs(grab)
    await house.passes(1500, step=10)
    assert len(creates(torbox)) == 55
    reasons = [(await told(house, grab))["reason"] for grab in grabs]
    assert sum("55 of 55 uncached adds of this hour" in reason for reason in reasons) == 15
    assert sum("complete" in reason for reason in reasons) == 55
    await house.passes(3600, step=20)
    assert len(creates(torbox)) == 70
    assert torbox.refusals.total() == 0


async def test_cached_only_tells_sonarr_4_to_take_the_next_release(house, torbox):
    house.sets(categories={"*": CategorySettings(cached=CachedPolicy.CACHED_ONLY)})
    arr = await house.starts()
    uncached = torbox.publish("Uncached", script=FetchedOver(60))
    cached = torbox.publish("Cached")
    assert await arr.grabs(uncached) == "Fails."
    assert await arr.polls() == []
    assert await arr.grabs(cached) == "Ok."
    await house.sees_state(cached, "pausedUP")


@pytest.mark.parametrize(
    ("agent", "answer"),
    [
        ("Sonarr/3.0.10.1567 (ubuntu 22.04)", "Fails."),
        ("Sonarr/4.0.19.2979 (debian 12)", "Fails."),
        ("Sonarr/5.0.0.100 (debian 12)", "Ok."),
        ("Radarr/5.14.0.9383 (alpine 3.20)", "Fails."),
        ("Radarr/6.1.0 (alpine 3.22)", "Fails."),
        ("Lidarr/2.7.1 (debian 12)", "Ok."),
        ("Readarr/0.4 (debian 12)", "Ok."),
        ("Whisparr/2.0 (debian 12)", "Ok."),
        ("autobrr", "Ok."),
        ("", "Ok."),
    ],
)
async def test_only_who_takes_the_next_release_is_refused_what_is_not_cached(house, agent, answer):
    house.sets(categories={"*": CategorySettings(cached=CachedPolicy.CACHED_ONLY)})
    arr = await house.starts()
    uncached = house.torbox.publish("Uncached", script=FetchedOver(60))
    form = {"urls": uncached.magnet, "category": arr.category}
    _, text = await arr.call("POST", "torrents/add", data=form, headers={"User-Agent": agent})
    assert text == answer
    assert len(await arr.polls()) == (answer == "Ok.")


@pytest.mark.parametrize("agent", ["Sonarr/5.0.0.100 (debian 12)", "Lidarr/2.7.1", "autobrr", ""])
async def test_with_refuse_at_add_everybody_is_refused_what_is_not_cached(house, agent):
    rules = CategorySettings(cached=CachedPolicy.CACHED_ONLY, refuse_at_add=True)
    house.sets(categories={"*": rules})
    arr = await house.starts()
    uncached = house.torbox.publish("Uncached", script=FetchedOver(60))
    form = {"urls": uncached.magnet, "category": arr.category}
    _, text = await arr.call("POST", "torrents/add", data=form, headers={"User-Agent": agent})
    assert text == "Fails."
    assert await arr.polls() == []


async def test_cached_only_answers_ok_to_sonarr_5_and_fails_with_the_reason(house, torbox):
    house.sets(categories={"*": CategorySettings(cached=CachedPolicy.CACHED_ONLY)})
    arr = await house.starts()
    uncached = torbox.publish("Uncached", script=FetchedOver(60))
    form = {"urls": uncached.magnet, "category": arr.category, "stopped": "False"}
    _, text = await arr.call("POST", "torrents/add", data=form, headers=SONARR_5)
    assert text == "Ok."
    await house.sees_state(uncached, "stalledDL")
    assert "takes only what TorBox has" in (await told(house, uncached))["reason"]
    assert torbox.items == []


async def test_cached_only_is_applied_later_when_torbox_does_not_answer(house, torbox):
    house.sets(categories={"*": CategorySettings(cached=CachedPolicy.CACHED_ONLY)})
    arr = await house.starts()
    torbox.stop("down")
    uncached = torbox.publish("Uncached", script=FetchedOver(60))
    assert await arr.grabs(uncached) == "Ok."
    assert (await arr.sees(uncached))["state"] == "queuedDL"
    torbox.resume()
    await house.sees_state(uncached, "stalledDL", jump=20)
    assert creates(torbox) == []


async def test_cached_first_waits_its_minutes_before_an_uncached_create(house, torbox):
    rules = CategorySettings(cached=CachedPolicy.CACHED_FIRST, cached_first_minutes=30)
    house.sets(categories={"*": rules})
    arr = await house.starts()
    grab = torbox.publish("Later", script=FetchedOver(60))
    await arr.grabs(grab)
    await house.passes(1500, step=60)
    assert torbox.items == []
    await house.passes(600, step=30)
    assert len(creates(torbox)) == 1
    await house.sees_state(grab, "pausedUP", jump=10)


async def test_a_purged_item_is_deleted_and_created_again(house, torbox, arr):
    grab = torbox.publish("Show", {"a.mkv": MiB}, FetchedOver(300))
    await arr.grabs(grab)
    await house.sees_state(grab, "downloading")
    first = torbox.item_of(grab.hash).id
    torbox.purge(grab.hash)
    await house.passes(300, step=30)
    assert (await told(house, grab))["phase"] == "fetching"
    await house.passes(1200, step=30)
    await house.sees_state(grab, "pausedUP", jump=10)
    assert [item.id for item in torbox.items] != [first]
    assert len(torbox.items) == 1


async def test_another_account_behind_the_key_gets_the_torrents_anew(house, torbox, arr):
    grab = torbox.publish("Show", script=FetchedOver(4000))
    await arr.grabs(grab)
    await house.passes(300, step=30)
    other = torbox.add_account("99999999-1111-4222-8333-444444444444", 77)
    await house.stops()
    house.sets(torbox={"api_key": "99999999-1111-4222-8333-444444444444"})
    arr = await house.starts()
    await house.passes(120, step=10)
    assert len(torbox.items) == 1
    assert [item.hash for item in other.all_items] == [grab.hash]
    assert (await told(house, grab))["phase"] == "fetching"
    await arr.removes(grab)
    await house.eventually(lambda: not other.items(torbox.now()), jump=10)
    assert len(torbox.items) == 1


async def test_a_rotated_key_pauses_everything_and_the_new_one_is_picked_up(house, torbox):
    new_settings = None
    arr = await house.starts(read_again=lambda: new_settings or house.settings)
    grab = torbox.publish("Show", script=FetchedOver(600))
    await arr.grabs(grab)
    await house.sees_state(grab, "downloading")
    new_key = torbox.rotate_key()
    await house.passes(300, step=30)
    row = await arr.sees(grab)
    assert row["state"] == "queuedDL"
    assert (await arr.json("transfer/info"))["connection_status"] == "disconnected"
    reason = (await told(house, grab))["reason"]
    assert "key" in reason
    assert new_key not in reason
    new_settings = replace(house.settings, torbox=replace(house.settings.torbox, api_key=new_key))
    house.bridge.reloader.ask()
    await house.sees_state(grab, "pausedUP", jump=10)
    assert len(creates(torbox)) == 1


async def test_a_new_key_is_picked_up_within_ten_minutes_without_a_signal(house, torbox):
    new_settings = None
    arr = await house.starts(read_again=lambda: new_settings or house.settings)
    grab = torbox.publish("Show", script=FetchedOver(60))
    await arr.grabs(grab)
    await house.sees_state(grab, "downloading")
    new_key = torbox.rotate_key()
    new_settings = replace(house.settings, torbox=replace(house.settings.torbox, api_key=new_key))
    await house.passes(300, step=30)
    assert (await arr.sees(grab))["state"] == "queuedDL"
    await house.passes(420, step=30)
    assert (await arr.sees(grab))["state"] == "pausedUP"


async def test_a_full_month_fails_nothing_and_what_is_at_torbox_goes_on(house, torbox, arr):
    ready = torbox.publish("Ready", {"a.mkv": 2 * MiB}, FetchedOver(120))
    month = {
        "success": False,
        "error": None,
        "detail": "You have reached your monthly download limit.",
        "data": {"monthly_limit": 10, "current_downloads": 10},
    }
    await arr.grabs(ready)
    await house.sees_state(ready, "downloading")
    torbox.next("createtorrent", Answer(400, month), times=5)
    late = torbox.publish("Late")
    await arr.grabs(late)
    await house.passes(300, step=10)  # less than the hour after which a create is tried again
    assert (await arr.sees(ready))["state"] == "pausedUP"
    assert (await arr.sees(late))["state"] == "queuedDL"
    first = (await told(house, late))["reason"]
    assert "month" in first
    await house.passes(3 * 3600, step=60)
    calls = len(torbox.calls_to("createtorrent"))
    assert calls >= 4
    last = (await told(house, late))["reason"]
    assert last.partition("since ")[2][:5] == first.partition("since ")[2][:5]
    await house.sees_state(late, "pausedUP", jump=60)


async def test_a_free_plan_says_so_and_all_goes_on_after_the_upgrade(house, torbox, arr):
    grab = torbox.publish("Show")
    torbox.plan = 0
    await arr.grabs(grab)
    await house.passes(60, step=10)
    assert (await arr.sees(grab))["state"] == "queuedDL"
    assert "plan" in (await told(house, grab))["reason"]
    torbox.plan = 1
    await house.sees_state(grab, "pausedUP", jump=60)


async def test_a_webhook_wakes_a_look_and_a_wrong_one_is_not_found(house, torbox, arr):
    grab = torbox.publish("Show", script=Stalled(at=0.1))
    await arr.grabs(grab)
    await house.sees_state(grab, "stalledDL")
    await house.passes(60)
    looks = len(torbox.calls_to("mylist"))
    path = (await arr.json("../bridge/webhook"))["path"]
    status, _ = await arr.call("POST", "../../hooks/wrong", data="{}")
    assert status == 404
    grab.script = Cached()
    torbox.follow(grab.hash, Cached())
    await torbox.notify(f"http://127.0.0.1:{house.port}{path}", "Download Ready", "Show")
    await house.eventually(lambda: len(torbox.calls_to("mylist")) > looks, jump=0)
    await house.sees_state(grab, "pausedUP")


async def test_a_pause_that_torbox_does_not_take_holds_up_nothing(house, torbox, arr):
    grab = torbox.publish("Show", {"a.mkv": MiB}, FetchedOver(1200))
    await arr.grabs(grab)
    await house.sees_state(grab, "downloading")
    no = Answer(500, {"success": False, "error": "UNKNOWN_ERROR", "detail": "There was an error"})
    torbox.next("controltorrent", no, times=2)
    await arr.call("POST", "torrents/pause", data={"hashes": grab.hash})
    await house.passes(600)
    assert (await arr.sees(grab))["state"] == "pausedDL"
    assert len(torbox.calls_to("controltorrent")) == 1
    await arr.call("POST", "torrents/resume", data={"hashes": grab.hash})
    await house.calm()
    assert len(torbox.calls_to("controltorrent")) == 2
    assert house.bridge.board.health.sentence == ""
    await house.sees_state(grab, "pausedUP", jump=10)


async def test_clocks_are_per_category(house, torbox):
    house.sets(
        categories={
            "*": CategorySettings(),
            "impatient": CategorySettings(give_up=GiveUp(no_seeds_hours=0.25)),
        }
    )
    arr = await house.starts()
    patient, impatient = (
        torbox.publish(name, script=Stalled(at=0.2)) for name in ("Patient", "Impatient")
    )
    await arr.grabs(patient)
    await arr.grabs(impatient, category="impatient")
    await house.passes(3600, step=60)
    assert (await told(house, patient))["phase"] == "fetching"
    assert (await told(house, impatient))["phase"] == "failed"
    assert torbox.item_of(impatient.hash) is None


async def test_lists_that_lag_lose_nothing(house, torbox, arr):
    torbox.lag_seconds = 90
    grab = torbox.publish("Show", {"a.mkv": MiB}, FetchedOver(120))
    await arr.grabs(grab)
    await house.sees_state(grab, "pausedUP", jump=5)
    await arr.removes(grab)
    await house.eventually(lambda: torbox.item_of(grab.hash) is None, jump=5)
    assert len(creates(torbox)) == 1


async def test_an_item_deep_in_a_long_list_is_still_followed(house, torbox, arr):
    grab = torbox.publish("Show", {"a.mkv": MiB}, FetchedOver(3000))
    await arr.grabs(grab)
    await house.sees_state(grab, "downloading")
    await house.passes(60)
    torbox.foreign(350, days_ago=0.0)
    assert torbox.items[350].torrent.hash == grab.hash
    await house.sees_state(grab, "pausedUP", jump=20)
    assert len(creates(torbox)) == 1


async def test_an_item_that_cannot_be_asked_for_by_its_id_holds_up_nothing_else(house, torbox, arr):
    grab = torbox.publish("Show", {"a.mkv": MiB}, FetchedOver(3000))
    await arr.grabs(grab)
    await house.sees_state(grab, "downloading")
    await house.passes(60)
    torbox.foreign(350, days_ago=0.0)
    assert torbox.items[350].torrent.hash == grab.hash
    looks = len(torbox.calls_to("mylist"))
    torbox.next("mylist", Odd(), times=3)
    torbox.next("mylist", Answer(500, {"success": False, "error": "DATABASE_ERROR"}), times=1)
    await house.eventually(lambda: len(torbox.calls_to("mylist")) >= looks + 4, jump=5)
    await house.calm()
    assert [call.status for call in torbox.calls_to("mylist")[looks:]][:4] == [200, 200, 200, 500]
    assert house.bridge.board.health.sentence == ""


async def test_two_bridges_on_one_account_do_not_take_each_others_items(
    house, torbox, arr, tmp_path
):
    other = type(house)(tmp_path / "other", house.clock, torbox, torbox.url)
    other_arr = await other.starts()
    try:
        mine, theirs = (torbox.publish(name, {"a.mkv": MiB}) for name in ("Mine", "Theirs"))
        both = torbox.publish("Both", {"a.mkv": MiB})
        await arr.grabs(mine)
        await arr.grabs(both)
        await house.sees_state(mine, "pausedUP")
        await house.sees_state(both, "pausedUP")
        house.clock.jump(600)
        await other_arr.grabs(theirs)
        await other_arr.grabs(both)
        await other.sees_state(theirs, "pausedUP")
        await other.sees_state(both, "pausedUP")
        await other_arr.removes(theirs, both)
        await other.eventually(lambda: torbox.item_of(theirs.hash) is None)
        await other.passes(600)
        assert torbox.item_of(both.hash)
        await arr.removes(mine, both)
        await house.eventually(lambda: torbox.items == [])
    finally:
        await other.stops()


async def test_rules_that_change_count_after_sighup_without_a_restart(house, torbox):
    new_settings = None
    arr = await house.starts(read_again=lambda: new_settings or house.settings)
    grab = torbox.publish("Dead", script=Stalled(at=0.2))
    await arr.grabs(grab)
    await house.passes(1800, step=60)
    assert (await told(house, grab))["phase"] == "fetching"
    impatient = {"*": CategorySettings(give_up=GiveUp(no_seeds_hours=0.1))}
    new_settings = replace(house.settings, categories=impatient)
    house.bridge.reloader.ask()
    await house.passes(600, step=60)
    assert (await told(house, grab))["phase"] == "failed"


async def test_asked_to_wait_after_an_outage_the_bridge_is_at_rest_until_then(house, torbox, arr):
    grab = torbox.publish("Show", script=Stalled(at=0.2))
    await arr.grabs(grab)
    await house.sees_state(grab, "stalledDL")
    torbox.stop("down")
    await house.passes(600, step=30)
    torbox.resume()
    torbox.next("mylist", Answer(429, {"detail": "300 per 1 minute"}, {"retry-after": "900"}))
    await house.passes(300, step=30)
    await house.calm()
    looks = []

    def counted(loop, coroutine, **options):
        if getattr(coroutine, "__qualname__", "") == "Lookout._look":
            looks.append(coroutine)
        return asyncio.Task(coroutine, loop=loop, **options)

    asyncio.get_running_loop().set_task_factory(counted)
    await house.passes(60, step=5)
    assert len(looks) <= 1
    await house.sees_state(grab, "stalledDL", jump=30)


async def test_a_long_gap_between_torboxs_queue_and_its_list_costs_no_second_create(
    house, torbox, arr
):
    script = QueuedThen(90, gap_seconds=500, then=FetchedOver(60))
    grab = torbox.publish("Show", {"a.mkv": MiB}, script)
    await arr.grabs(grab)
    await house.passes(580, step=5)
    assert (await told(house, grab))["phase"] == "queued"
    await house.sees_state(grab, "pausedUP", jump=5)
    assert len(torbox.calls_to("createtorrent")) == 1


async def test_an_entry_that_shows_up_late_in_torboxs_queue_is_not_asked_for_without_end(
    house, torbox, arr
):
    grab = torbox.publish("Show", {"a.mkv": MiB}, QueuedThen(7200))
    torbox.next("getqueued", Answer(200, {"success": True, "data": []}), times=18)
    await arr.grabs(grab)
    await house.passes(1500, step=30)
    asked = len(torbox.calls_to("getqueued"))
    await house.passes(600, step=5)
    assert len(torbox.calls_to("getqueued")) - asked <= 12
    assert len(torbox.calls_to("createtorrent")) == 1


async def test_a_create_without_an_answer_is_not_sent_again_while_lists_lag(house, torbox, arr):
    grab = torbox.publish("Show", {"a.mkv": MiB}, FetchedOver(7200))
    torbox.lag_seconds = 270
    torbox.next("createtorrent", AnswerAfterDoing(Cut()))
    await arr.grabs(grab)
    await house.eventually(lambda: torbox.calls_to("createtorrent"))
    await house.passes(60, step=5)
    assert "did not confirm" in (await told(house, grab))["reason"]
    await house.passes(400, step=5)
    assert (await told(house, grab))["phase"] == "fetching"
    assert len(torbox.calls_to("createtorrent")) == 1


async def test_removed_after_a_create_without_an_answer_nothing_stays_though_lists_lag(
    house, torbox, arr
):
    grab = torbox.publish("Show", {"a.mkv": MiB}, FetchedOver(7200))
    torbox.lag_seconds = 270
    torbox.next("createtorrent", AnswerAfterDoing(Cut()))
    await arr.grabs(grab)
    await house.eventually(lambda: torbox.items, jump=0)
    await arr.removes(grab)
    await house.eventually(lambda: grab.hash not in house.bridge.ledger.torrents, jump=5)
    assert torbox.items == []


@pytest.mark.parametrize("arrived", [True, False])
async def test_paused_while_its_create_is_unclear_it_is_found_and_paused_there(
    house, torbox, arr, arrived
):
    grab = torbox.publish("Show", {"a.mkv": MiB}, FetchedOver(7200))
    torbox.lag_seconds = 270
    torbox.next("createtorrent", AnswerAfterDoing(Cut()) if arrived else Cut())
    await arr.grabs(grab)
    await house.passes(100, step=5)
    await arr.call("POST", "torrents/pause", data={"hashes": grab.hash})
    await house.passes(1200, step=10)
    assert (await arr.sees(grab))["state"] == "pausedDL"
    asked = len(torbox.calls)
    if arrived:
        assert not torbox.item_of(grab.hash).look(torbox.now()).active
    await house.passes(3600, step=60)
    assert arrived or len(torbox.calls) == asked
    await arr.logs_in()
    await arr.call("POST", "torrents/resume", data={"hashes": grab.hash})
    await house.passes(600, step=10)
    assert (await told(house, grab))["phase"] == "fetching"
    assert len(torbox.calls_to("createtorrent")) == (1 if arrived else 2)


@pytest.mark.parametrize("after", [90, 150, 250])
async def test_removed_between_the_looks_for_its_create_nothing_stays(house, torbox, arr, after):
    grab = torbox.publish("Show", {"a.mkv": MiB}, FetchedOver(7200))
    torbox.lag_seconds = 270
    torbox.next("createtorrent", AnswerAfterDoing(Cut()))
    await arr.grabs(grab)
    await house.eventually(lambda: torbox.items, jump=0)
    await house.passes(after, step=5)
    await arr.removes(grab)
    await house.eventually(lambda: grab.hash not in house.bridge.ledger.torrents, jump=5)
    await house.passes(600, step=20)
    assert torbox.items == []


async def test_cached_only_from_now_on_does_not_forget_an_unclear_create(house, torbox):
    settings = []
    arr = await house.starts(read_again=lambda: settings[-1])
    settings.append(house.settings)
    grab = torbox.publish("Show", {"a.mkv": MiB}, FetchedOver(7200))
    torbox.lag_seconds = 270
    torbox.next("createtorrent", AnswerAfterDoing(Cut()))
    await arr.grabs(grab)
    await house.passes(100, step=5)
    rules = {"*": CategorySettings(cached=CachedPolicy.CACHED_ONLY)}
    settings.append(replace(house.settings, categories=rules))
    house.bridge.reloader.ask()
    await house.passes(600, step=10)
    await arr.removes(grab)
    await house.eventually(lambda: grab.hash not in house.bridge.ledger.torrents, jump=5)
    assert torbox.items == []


async def test_what_seeds_at_torbox_holds_a_slot(house, torbox, arr):
    private = [
        torbox.publish(f"Private.{n}", {"a": 1000}, FetchedOver(30), private=True) for n in range(3)
    ]
    for grab in private:
        await arr.grabs(grab, as_file=True)
    for grab in private:
        await house.sees_state(grab, "pausedUP", jump=5)
    for number in range(5):
        await arr.grabs(torbox.publish(f"Show.{number}", {"a": 1000}, FetchedOver(600)))
    await house.passes(300, step=10)
    assert len(torbox.queue) <= 1


async def test_a_refused_resume_is_no_reason_not_to_reannounce(house, torbox, arr):
    grab = torbox.publish("Dead", {"a.mkv": MiB}, Stalled(at=0.2))
    await arr.grabs(grab)
    await house.sees_state(grab, "stalledDL")
    torbox.next("controltorrent", Answer(500, {"success": False, "error": "UNKNOWN_ERROR"}))
    await house.passes(3 * 3600, step=60)
    operations = [call.params.get("operation") for call in torbox.calls_to("controltorrent")]
    assert operations == ["resume", "reannounce", "delete"]


async def test_given_up_it_fails_in_the_end_though_torbox_refuses_to_delete_it(house, torbox, arr):
    grab = torbox.publish("Dead", {"a.mkv": MiB}, Stalled(at=0.2))
    await arr.grabs(grab)
    await house.sees_state(grab, "stalledDL")
    no = Answer(500, {"success": False, "error": "UNKNOWN_ERROR"})
    torbox.next("controltorrent", no, times=1000)
    await house.passes(10 * 3600, step=120)
    assert (await told(house, grab))["phase"] == "failed"
    torbox.faults.clear()
    await arr.removes(grab)
    await house.eventually(lambda: torbox.items == [], jump=30)


async def test_a_private_torrent_seeds_on_though_torbox_does_not_call_it_private(
    house, torbox, arr, monkeypatch
):
    shown_as = shapes.item

    def item(*told):
        return {key: value for key, value in shown_as(*told).items() if key != "private"}

    monkeypatch.setattr(shapes, "item", item)
    grab = torbox.publish("Show", {"a.mkv": MiB}, FetchedOver(60), private=True)
    await arr.grabs(grab, as_file=True)
    await house.sees_state(grab, "pausedUP", jump=10)
    await arr.removes(grab)
    await house.passes(900, step=30)
    assert torbox.item_of(grab.hash) is not None


async def test_a_deleted_item_is_missed_beside_a_row_that_nobody_can_read(
    house, torbox, arr, monkeypatch
):
    grab = torbox.publish("Show", {"a.mkv": MiB}, Stalled(at=0.2))
    await arr.grabs(grab)
    await house.sees_state(grab, "stalledDL")
    theirs = torbox.publish("Theirs", script=Stalled(at=0.5))
    torbox.already_in_account(theirs)
    shown_as = shapes.item

    def item(one, *told):
        shown = shown_as(one, *told)
        return shown | {"hash": None, "magnet": None} if one.hash == theirs.hash else shown

    monkeypatch.setattr(shapes, "item", item)
    await house.passes(120, step=10)
    torbox.delete(grab.hash)
    await house.passes(2 * 3600, step=60)
    assert len(torbox.calls_to("createtorrent")) == 2


async def test_a_create_that_found_no_connection_is_sent_as_soon_as_there_is_one(house, torbox):
    grab = torbox.publish("Show", {"a.mkv": MiB}, FetchedOver(7200))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    house.sets(torbox={"api_url": f"http://127.0.0.1:{port}"})
    arr = await house.starts()
    await arr.grabs(grab)
    await house.passes(60, step=5)
    assert (await told(house, grab))["phase"] == "waiting"
    async with torbox.serving(port=port):
        await house.eventually(lambda: torbox.calls_to("createtorrent"), jump=5)
        assert torbox.calls_to("getqueued") == []
        await house.stops()


async def test_a_429_after_an_unclear_create_does_not_forget_that_create(house, torbox, arr):
    grab = torbox.publish("Show", {"a.mkv": MiB}, FetchedOver(7200))
    torbox.lag_seconds = 600
    torbox.next("createtorrent", AnswerAfterDoing(Cut()))
    hourly = Answer(429, {"detail": "60 per 1 hour"}, {"retry-after": "600"})
    torbox.next("createtorrent", hourly)
    await arr.grabs(grab)
    await house.eventually(lambda: len(torbox.calls_to("createtorrent")) == 2, jump=5)
    await house.passes(900, step=30)
    assert (await told(house, grab))["phase"] == "fetching"
    assert len(torbox.calls_to("createtorrent")) == 2
    await arr.removes(grab)
    await house.eventually(lambda: torbox.items == [], jump=5)


async def test_nothing_is_deleted_before_it_is_known_whose_the_new_key_is(house, torbox, arr):
    grab = torbox.publish("Show", script=Stalled(at=0.2))
    await arr.grabs(grab)
    await house.eventually(lambda: torbox.calls_to("user/me"), jump=30)
    torbox.add_account(OTHER_KEY, 77)
    torbox.stop("down")
    await arr.removes(grab)
    await house.passes(30, step=10)
    await house.stops()
    torbox.resume()
    house.sets(torbox={"api_key": OTHER_KEY})
    before = len(torbox.calls)
    await house.starts()
    await house.eventually(lambda: grab.hash not in house.bridge.ledger.torrents, jump=10)
    asked = [call.endpoint for call in torbox.calls[before:] if call.account == 77]
    assert asked[0] == "user/me"
    assert "controltorrent" not in asked
