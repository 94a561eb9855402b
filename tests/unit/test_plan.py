"""Decisions: what is done next with a torrent, and what never is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bridge.config import GiveUp
from bridge.core import cadence, plan, steps
from bridge.core.clocks import clock_run_out, observed
from bridge.core.watch import Watch
from bridge.core.weather import Weather
from bridge.errors import AccountTrouble, DiskTrouble, StoreTrouble, Trouble
from bridge.model import (
    Cause,
    Check,
    Cleaning,
    Clocks,
    Complete,
    Delivering,
    Failed,
    Fetching,
    File,
    Queued,
    Removing,
    Seen,
    SeenFile,
    Submitting,
    Torrent,
    Waiting,
)

NOW, TIME = 10_000.0, 1_800_000_000.0
GIVE_UP = GiveUp()
HASH = "a" * 40


BUSY = ("paused", "checkingResumeData", "moving", "processing")


def a_torrent(phase, **fields):
    fields = {"save_path": "/d", "name": "Show", "magnet": "magnet:?x", "added_at": TIME} | fields
    return Torrent(hash=HASH, v1=HASH, v2="", phase=phase, **fields)


def a_seen(**fields):
    fields = {"state": "downloading", "size": 100, "seeds": 3} | fields
    return Seen(torrent_id=7, hash=HASH, name="Show", **fields)


def ready():
    files = (SeenFile(0, "a.mkv", 100),)
    return a_seen(finished=True, present=True, files=files, progress=1.0)


def a_watch(seen=None, **fields):
    watch = Watch(since=NOW - 100, seen=seen, seen_at=None if seen is None else NOW)
    for name, value in fields.items():
        setattr(watch, name, value)
    return watch


def step(torrent, watch=None, weather=None):
    return plan.next_step(torrent, watch or a_watch(), weather or Weather(), GIVE_UP, NOW, TIME)


def test_a_waiting_torrent_whose_time_has_come_is_submitted():
    assert step(a_torrent(Waiting(TIME))) == steps.Submit(look_first=False)


def test_a_waiting_torrent_waits_until_its_time():
    assert step(a_torrent(Waiting(TIME + 50))) == steps.Wait(NOW + 50)


def test_a_wall_clock_that_is_set_back_by_years_makes_nobody_wait_for_years():
    assert step(a_torrent(Waiting(TIME + 4 * 365 * 86400))) == steps.Submit(look_first=False)


def test_an_unclear_create_is_resolved_before_anything_else_is_sent():
    assert step(a_torrent(Submitting(TIME))) == steps.Resolve()


def test_files_are_fetched_only_when_finished_present_and_listed():
    assert step(a_torrent(Fetching(7)), a_watch(ready())) == steps.Deliver()
    for missing in ({"finished": False}, {"present": False}, {"files": ()}):
        watch = a_watch(replace(ready(), **missing))
        assert step(a_torrent(Fetching(7)), watch) == steps.Wait()


def test_progress_of_one_and_the_word_completed_are_no_proof():
    assert step(a_torrent(Fetching(7)), a_watch(a_seen(state="completed", progress=1.0))) == (
        steps.Wait()
    )


def test_a_delivering_torrent_is_delivered_and_then_placed():
    assert step(a_torrent(Delivering(7))) == steps.Deliver()
    assert step(a_torrent(Delivering(7, placing=True))) == steps.Place()


def test_what_is_left_of_an_earlier_life_is_cleaned_first():
    cleaning = Cleaning("/d", "Show", (File("a", 1),), placed=True, and_files=True)
    assert step(a_torrent(Waiting(), cleaning=cleaning)) == steps.Clean()
    assert step(a_torrent(Removing(TIME), cleaning=cleaning)) == steps.Clean()


def test_an_ended_torrent_is_left_alone():
    assert step(a_torrent(Complete(TIME))) == steps.Wait()
    assert step(a_torrent(Failed(Cause.GONE, "gone", TIME))) == steps.Wait()


def test_a_complete_torrent_that_is_added_again_has_its_files_checked():
    assert step(a_torrent(Complete(TIME, check=Check.AGAIN))) == steps.CheckFiles()


def test_a_paused_torrent_does_nothing_but_its_unclear_create_is_still_resolved():
    for phase in (Waiting(), Fetching(7), Delivering(7), Queued(3)):
        paused = a_torrent(phase, paused=True, paused_at_torbox=True)
        assert step(paused, a_watch(ready())) == steps.Wait()
    assert step(a_torrent(Submitting(TIME), paused=True)) == steps.Resolve()


def test_a_pause_and_its_end_are_told_to_torbox():
    watch = a_watch(a_seen())
    assert step(a_torrent(Fetching(7), paused=True), watch) == steps.PauseThere(paused=True)
    resumed = a_torrent(Fetching(7), paused_at_torbox=True)
    assert step(resumed, watch) == steps.PauseThere(paused=False)


def test_what_is_ready_is_delivered_whether_torbox_takes_the_end_of_a_pause_or_not():
    assert step(a_torrent(Fetching(7), paused_at_torbox=True), a_watch(ready())) == steps.Deliver()
    assert step(a_torrent(Fetching(7), paused=True), a_watch(ready())) == steps.Wait()


def test_a_paused_torrent_that_is_removed_is_still_cleaned_up():
    assert step(a_torrent(Removing(TIME), paused=True)) == steps.CleanTorBox()


def test_while_torbox_is_unwell_nothing_is_asked_of_it():
    weather = Weather()
    weather.torbox_failed(NOW)
    for phase in (Waiting(), Submitting(TIME), Removing(TIME), Delivering(7)):
        assert isinstance(step(a_torrent(phase), weather=weather), steps.Wait)


def test_account_trouble_fails_nothing_and_a_full_month_stops_only_creates():
    weather = Weather()
    weather.account_failed(AccountTrouble(Trouble.MONTH, "month is full", 3600), NOW)
    assert isinstance(step(a_torrent(Waiting()), weather=weather), steps.Wait)
    assert step(a_torrent(Delivering(7)), weather=weather) == steps.Deliver()
    assert step(a_torrent(Removing(TIME)), weather=weather) == steps.CleanTorBox()


def test_a_disk_that_refuses_holds_up_deliveries_and_nothing_else():
    weather = Weather()
    weather.disk_failed(DiskTrouble("the disk is full"), NOW)
    assert isinstance(step(a_torrent(Delivering(7)), weather=weather), steps.Wait)
    assert step(a_torrent(Waiting()), weather=weather) == steps.Submit(look_first=False)


def test_what_was_given_up_and_deleted_before_a_kill_is_not_sent_again():
    ran_out = Clocks(no_seeds=GIVE_UP.no_seeds_hours * 3600, nudged=True)
    torrent, watch = a_torrent(Fetching(7), clocks=ran_out), a_watch()
    assert step(torrent, watch) == steps.Wait()  # not before a look
    for _ in range(plan.GONE_LOOKS):
        watch.look_missed(NOW)
    given_up = step(torrent, watch)
    assert isinstance(given_up, steps.GiveUpOn)
    assert given_up.cause is Cause.NO_SEEDS


def test_absence_from_lists_is_only_ever_a_reason_to_ask_for_the_item_itself():
    watch = a_watch(a_seen())
    for looks in range(1, 10):
        watch.look_missed(NOW + looks)
        expected = steps.AskById(7) if looks >= plan.GONE_LOOKS else steps.Wait()
        assert step(a_torrent(Fetching(7)), watch) == expected


def test_a_no_by_id_is_believed_only_after_a_quarter_of_an_hour():
    watch = a_watch(a_seen())
    watch.look_missed(NOW)
    assert not plan.missing_long_enough(watch, NOW + 899)
    assert plan.missing_long_enough(watch, NOW + 900)


def test_a_clock_that_runs_out_first_nudges_then_gives_up():
    half, full = Clocks(no_seeds=3600.0), Clocks(no_seeds=7200.0)
    watch = a_watch(a_seen(state="stalled", seeds=0))
    assert step(a_torrent(Fetching(7), clocks=Clocks(no_seeds=3599)), watch) == steps.Wait()
    assert step(a_torrent(Fetching(7), clocks=half), watch) == steps.Nudge()
    assert step(a_torrent(Fetching(7), clocks=full), watch) == steps.Nudge()
    given_up = step(a_torrent(Fetching(7), clocks=replace(full, nudged=True)), watch)
    assert given_up == steps.GiveUpOn(Cause.NO_SEEDS, "no seeds in 2 hours")


def test_a_torrent_that_is_ready_is_delivered_even_if_a_clock_has_run_out():
    clocks = Clocks(no_seeds=1e9, no_growth=1e9, nudged=True)
    assert step(a_torrent(Fetching(7), clocks=clocks), a_watch(ready())) == steps.Deliver()


def test_growth_sets_every_clock_back():
    before, after = a_seen(downloaded=10), a_seen(downloaded=11)
    clocks = Clocks(no_seeds=100, no_growth=100, nudged=True, delivery=5)
    assert observed(clocks, before, after, 60) == Clocks(delivery=5)


def test_waiting_in_torboxs_own_slots_adds_nothing_to_a_clock():
    clocks = Clocks(no_seeds=100, no_growth=100)
    seen = a_seen(state="queued", seeds=0)
    assert observed(clocks, seen, seen, 60) == clocks
    for word in ("paused", "checking", "downloading"):
        seen = a_seen(state=word, seeds=0)
        assert observed(clocks, seen, seen, 60, paused=True) == clocks


@pytest.mark.parametrize("seen", [a_seen(state=word, seeds=0) for word in BUSY])
def test_while_torbox_checks_and_stores_only_the_clock_of_growth_runs(seen):
    clocks = Clocks(no_seeds=100, no_growth=100, torbox_failed=5)
    assert observed(clocks, seen, seen, 60) == Clocks(no_seeds=100, no_growth=160)


def test_finished_there_and_never_stored_it_is_given_up_in_the_end():
    seen = a_seen(state="uploading", finished=True, present=False, active=True, progress=1.0)
    clocks = Clocks()
    for _ in range(7 * 60):
        clocks = observed(clocks, seen, seen, 60)
    assert clock_run_out(clocks, GIVE_UP) is not None


def test_more_progress_is_growth_when_torbox_tells_no_bytes():
    before, after = a_seen(progress=0.1), a_seen(progress=0.2)
    assert observed(Clocks(no_growth=100), before, after, 60) == Clocks()


def test_what_somebody_paused_at_torbox_is_resumed_after_ten_minutes():
    seen = a_seen(state="paused")
    torrent = a_torrent(Fetching(7), clocks=Clocks(no_growth=599))
    assert step(torrent, a_watch(seen)) == steps.Wait()
    torrent = a_torrent(Fetching(7), clocks=Clocks(no_growth=601))
    assert step(torrent, a_watch(seen)) == steps.Nudge()


def test_the_word_failed_starts_a_clock_of_ten_minutes_only():
    seen = a_seen(state="failed")
    clocks = observed(Clocks(), seen, seen, 60)
    assert clocks.torbox_failed == 60
    assert step(a_torrent(Fetching(7), clocks=clocks), a_watch(seen)) == steps.Nudge()


@given(st.text(max_size=20), st.booleans(), st.floats(0, 1), st.integers(0, 10**9))
def test_no_single_look_ever_fails_a_torrent(word, finished, progress, downloaded):
    seen = a_seen(state=word, finished=finished, progress=progress, downloaded=downloaded)
    clocks = observed(Clocks(), None, seen, 0.0)
    assert not isinstance(
        step(a_torrent(Fetching(7), clocks=clocks), a_watch(seen)), steps.GiveUpOn
    )


def test_nothing_outstanding_means_no_look():
    assert cadence.next_look_at([], 60, None, NOW) is None


def test_looks_follow_a_create_after_two_five_and_fifteen_seconds():
    watch = a_watch(sent_at=NOW)
    looks, last = [], NOW
    for _ in range(4):
        last = cadence.next_look_at([watch], 60, last, last)
        looks.append(last - NOW)
    assert looks == [2, 5, 15, 75]


def test_an_expected_finish_brings_the_next_look_forward_but_not_below_five_seconds():
    watch = a_watch(a_seen(eta_seconds=20), grew_at=NOW)
    assert cadence.next_look_at([watch], 60, NOW, NOW) == NOW + 20
    watch.seen = a_seen(eta_seconds=1)
    assert cadence.next_look_at([watch], 60, NOW, NOW) == NOW + 5


def test_looks_are_rare_while_everything_is_stalled():
    watch = a_watch(a_seen(state="stalled"))
    assert cadence.next_look_at([watch], 60, NOW, NOW) == NOW + 300


def test_what_was_seen_before_a_new_create_says_nothing_of_what_it_made():
    watch = a_watch(ready())
    for _ in range(plan.GONE_LOOKS):
        watch.look_missed(NOW - plan.GONE_SECONDS)
    watch.sent(NOW)
    assert step(a_torrent(Fetching(8), recreated=True), watch) == steps.Wait()
    assert not plan.missing_long_enough(watch, NOW)
    watch.look_missed(NOW + 2)
    assert step(a_torrent(Fetching(8), recreated=True), watch) == steps.Wait()


def test_a_queued_torrent_that_no_list_shows_is_looked_for_after_a_quarter_of_an_hour():
    watch = a_watch(since=0.0)
    for _ in range(plan.GONE_LOOKS):
        watch.look_missed(NOW - plan.GONE_SECONDS + 1)
    assert step(a_torrent(Queued(3)), watch) == steps.Wait()
    watch.missing_since = NOW - plan.GONE_SECONDS
    assert step(a_torrent(Queued(3)), watch) == steps.Resolve()
    watch.met()
    assert step(a_torrent(Queued(3)), watch) == steps.Wait()


def test_a_state_disk_that_is_full_is_not_called_torboxs_silence():
    weather = Weather()
    weather.met(StoreTrouble("no room left on the disk"), NOW)
    assert weather.sentence == "no room left on the disk"
    assert isinstance(step(a_torrent(Waiting()), weather=weather), steps.Wait)


def test_the_looks_after_many_creates_are_shared():
    def looks(count):
        """How many looks follow so many creates, one every 0.3 s."""
        watches = [a_watch(since=NOW, sent_at=NOW + 0.3 * n) for n in range(count)]
        last, looked = NOW, 0
        while (last := cadence.next_look_at(watches, 60.0, last, last)) < NOW + 30:
            looked += 1
        return looked

    assert looks(1) == 3  # after 2, 5 and 15 seconds
    assert looks(10) <= 5
