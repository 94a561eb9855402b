"""People are told what they chose, where and when they chose, and never a secret."""

import logging

import pytest
from aiohttp import web

from bridge.config import FailureAction, NotifySettings
from bridge.core.notices import quiet_end
from bridge.errors import BadSettings, NotSent
from bridge.notify.apprise import Apprise
from bridge.notify.message import Message, Notice, NoticeKind
from bridge.simulator import Answer, Refused

HOUR = 3600.0
SECRET = "hook-0123456789abcdef"


class Hook:
    """Whoever is told."""

    def __init__(self) -> None:
        self.got: list[dict] = []
        self.status = 200
        self.tries = 0

    async def take(self, request: web.Request) -> web.Response:
        self.tries += 1
        if self.status == 200:
            self.got.append(await request.json())
        return web.Response(status=self.status)

    @property
    def events(self) -> list[dict]:
        return [event for message in self.got for event in message["events"]]


@pytest.fixture
async def hook(aiohttp_server, house):
    hook = Hook()
    app = web.Application()
    app.router.add_post("/{rest:.*}", hook.take)
    server = await aiohttp_server(app)
    hook.url = str(server.make_url(f"/{SECRET}"))
    yield hook
    await house.stops()


def told_of(house, hook, **fields):
    house.sets(notify={"webhook": hook.url, **fields})


async def test_nobody_is_told_by_default(house, torbox, street, hook):
    assert house.settings.notify == NotifySettings()
    await street.starts()
    await house.arr.grabs(torbox.publish("Dead", script=Refused()))
    await house.passes(HOUR)
    assert hook.tries == 0


async def test_a_dead_release_that_is_replaced_is_told_once(house, torbox, street, offers, hook):
    sonarr = await street.opens()
    told_of(house, hook)
    await street.starts()
    dead, living = torbox.publish("Dead", script=Refused()), torbox.publish("Living")
    wanted = await sonarr.wants(offers(dead, living))
    await house.eventually(lambda: wanted.state == "imported")
    await house.eventually(lambda: hook.got)
    [event] = hook.events
    assert (event["kind"], event["name"], event["hash"]) == ("replaced", "Dead", dead.hash)
    assert event["text"].startswith("Dead: failed: TorBox refuses")
    assert event["text"].endswith("Sonarr was told, blocklisted, another one is searched for")
    assert hook.got[0]["title"] == "torbox-bridge: Dead failed, and is replaced"


async def test_a_failure_that_nothing_replaces_is_told_with_what_to_do(house, torbox, street, hook):
    told_of(house, hook)
    await street.starts()
    await house.arr.grabs(torbox.publish("Dead", script=Refused()))
    await house.eventually(lambda: hook.events)
    [event] = hook.events
    assert event["kind"] == "failed"
    assert "arrs:" in event["text"]


async def test_what_is_complete_is_told_where_that_is_wanted(house, torbox, street, hook):
    told_of(house, hook, about=("complete",))
    await street.starts()
    await house.arr.grabs(torbox.publish("Show", {"a.mkv": 1000}))
    await house.arr.grabs(torbox.publish("Dead", script=Refused()))
    await house.eventually(lambda: hook.events)
    await house.passes(HOUR)
    [event] = hook.events
    assert (event["kind"], event["text"]) == ("complete", "Show: complete")


async def test_a_digest_is_one_message(house, torbox, street, hook):
    told_of(house, hook, about=("complete", "failed"), digest_minutes=30)
    await street.starts()
    shows = [torbox.publish(f"Show.{n}", {"a.mkv": 1000}) for n in range(3)]
    for grab in (*shows, torbox.publish("Dead", script=Refused())):
        await house.arr.grabs(grab)
    for grab in shows:
        await house.sees_state(grab, "pausedUP", jump=0)
    await house.passes(20 * 60)
    assert hook.got == []
    await house.eventually(lambda: hook.got, jump=30)
    [message] = hook.got
    assert len(message["events"]) == 4
    assert message["title"] == "torbox-bridge: 3 complete, 1 failed"
    assert message["text"].count("\n") == 3


async def test_quiet_hours_are_quiet_and_nothing_is_lost(house, torbox, street, hook):
    told_of(house, hook, about=("complete",), quiet_hours="00:00-23:59")
    await street.starts()
    grabs = [torbox.publish(f"Show.{n}", {"a.mkv": 1000}) for n in range(2)]
    for grab in grabs:
        await house.arr.grabs(grab)
        await house.sees_state(grab, "pausedUP", jump=0)
    if quiet_end("00:00-23:59", house.clock.time()) > house.clock.time() + 120:
        await house.passes(60)
        assert hook.got == []
    await house.eventually(lambda: len(hook.events) == 2, jump=60)


async def test_a_hook_that_is_ill_gets_it_later(house, torbox, street, hook):
    told_of(house, hook, about=("complete",))
    hook.status = 500
    await street.starts()
    await house.arr.grabs(torbox.publish("Show", {"a.mkv": 1000}))
    await house.eventually(lambda: hook.tries == 2)
    hook.status = 200
    await house.eventually(lambda: hook.events)
    assert len(hook.got) == 1


async def test_a_hook_that_stays_ill_is_let_be_and_its_url_told_to_nobody(
    house, torbox, street, hook, caplog
):
    caplog.set_level(logging.DEBUG)
    told_of(house, hook, about=("complete",))
    hook.status = 500
    await street.starts()
    await house.arr.grabs(torbox.publish("Show", {"a.mkv": 1000}))
    await house.eventually(lambda: "was not sent" in caplog.text, jump=5)
    assert hook.tries == 4
    ours = [one.getMessage() for one in caplog.records if one.name.startswith("bridge")]
    assert SECRET not in "".join(ours)
    assert SECRET not in repr(house.settings)


async def test_what_needs_a_person_is_told_once_while_it_lasts(house, torbox, street, hook):
    told_of(house, hook)
    await street.starts()
    bad_key = Answer(403, {"success": False, "error": "BAD_TOKEN", "detail": "Bad token."})
    torbox.next("createtorrent", bad_key, times=1)
    torbox.faults.queue("mylist", bad_key, times=50)
    await house.arr.grabs(torbox.publish("Show", {"a.mkv": 1000}))
    await house.eventually(lambda: hook.events, jump=10)
    await house.passes(HOUR)
    [event] = hook.events
    assert event["kind"] == "person"
    assert "key" in event["text"].lower()


async def test_a_wrong_key_of_an_arr_needs_a_person(house, torbox, street, offers, hook):
    sonarr = await street.opens(key="f" * 32)
    told_of(house, hook)
    await street.starts()
    await sonarr.wants(offers(torbox.publish("Dead", script=Refused())))
    await house.eventually(lambda: hook.events, jump=10)
    assert hook.events[0]["text"] == "Sonarr does not accept the API key in the settings"


async def test_more_than_anyone_reads_is_counted(house, torbox, street, hook):
    told_of(house, hook, about=("failed",), digest_minutes=60)
    house.sets(failures={"refused": FailureAction.TELL})
    await street.starts()
    notifier = house.bridge.aftercare._notifier
    for number in range(250):
        notifier._add(NoticeKind.FAILED, f"number {number}")
    await house.eventually(lambda: hook.got, jump=60)
    [message] = hook.got
    assert len(message["events"]) == 200
    assert message["left_out"] == 50
    assert message["text"].endswith("and 50 more")


@pytest.mark.parametrize(
    ("hours", "at", "left"),
    [
        ("", "12:00", 0),
        ("22:00-07:00", "21:59", 0),
        ("22:00-07:00", "22:00", 9 * 60),
        ("22:00-07:00", "06:30", 30),
        ("22:00-07:00", "07:00", 0),
        ("9:00-10:00", "09:15", 45),
        ("09:00-10:00", "10:00", 0),
    ],
)
def test_quiet_hours_end_when_they_say(hours, at, left):
    from datetime import datetime

    hour, minute = at.split(":")
    moment = datetime(2026, 11, 24, int(hour), int(minute), 20).astimezone().timestamp()
    assert quiet_end(hours, moment) == (moment - 20 + left * 60 if left else 0)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Apprise's own
async def test_apprise_is_told_too(hook):
    pytest.importorskip("apprise")
    host = hook.url.removeprefix("http://")
    message = Message((Notice(NoticeKind.COMPLETE, 0.0, "Show: complete", name="Show"),))
    await Apprise([f"json://{host}"]).send(message)
    [got] = hook.got
    assert (got["title"], got["message"]) == ("torbox-bridge: Show complete", "Show: complete")
    hook.status = 500
    with pytest.raises(NotSent, match="could not reach"):
        await Apprise([f"json://{host}"]).send(message)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_an_address_that_apprise_does_not_know_is_an_error_without_it():
    pytest.importorskip("apprise")
    with pytest.raises(BadSettings, match="number 1 is none") as raised:
        Apprise([f"nonsense-{SECRET}"])
    assert SECRET not in str(raised.value)
