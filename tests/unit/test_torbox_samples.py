"""Every recorded or documented answer of TorBox's, served as it is over a real socket."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bridge.errors import (
    AccountTrouble,
    BridgeError,
    OurMistake,
    Shut,
    TorBoxBusy,
    TorBoxError,
    TorBoxRefused,
    TorBoxSaysNo,
    TorBoxUnwell,
    Trouble,
)
from bridge.torbox.client import TorBox
from bridge.torbox.replies import Created, QueuedItem
from tests.unit.torbox_words import KEY

SAMPLES = Path(__file__).parents[1] / "data" / "torbox"
SEASON = "S01.1080p.WEB-DL"


def _create(torbox: TorBox, **more: Any) -> Any:
    return torbox.create(magnet="magnet:?xt=urn:btih:" + "a" * 40, torrent=None, seed=3, **more)


ASK: dict[str, Callable[[TorBox], Any]] = {
    "create": _create,
    "create cached": lambda torbox: _create(torbox, only_if_cached=True),
    "items": lambda torbox: torbox.items(),
    "queue": lambda torbox: torbox.queue(),
    "delete": lambda torbox: torbox.control(7, "delete"),
    "link": lambda torbox: torbox.link(7, 0),
    "cached": lambda torbox: torbox.cached(["xxxxxxxxxxxxxxxxxx", "X" * 19, "b" * 40]),
    "account": lambda torbox: torbox.account(),
    "export": lambda torbox: torbox.export(7),
    "info": lambda torbox: torbox.torrent_info("a" * 40),
    "file": lambda torbox: torbox.torrent_info(b"d4:infode"),
}
for _id in (123456, 123457, 123458, 123459, 123460):
    ASK[f"item {_id}"] = lambda torbox, _id=_id: torbox.item(_id)

Check = Callable[[Any], bool]


def anything(_answer: Any) -> bool:
    return True


def too_large(error: Any) -> bool:
    return error.code == "DOWNLOAD_TOO_LARGE" and "larger than" in str(error)


def trouble(kind: Trouble) -> Check:
    return lambda error: error.trouble is kind


# the end of the sample's name → what is asked → the error's type, None for an answer → what is
# true of the error or answer
CASES: list[tuple[str, str, type[TorBoxError] | None, Check]] = [
    ("doc-torrents-mylist-null", "items", None, lambda a: a == () and a.all_read),
    ("doc-torrents-mylist-null", "queue", None, lambda a: a == ()),
    ("obs-429-text", "items", TorBoxBusy, lambda e: 55 < e.wait_seconds <= 60),
    ("obs-502-html", "items", TorBoxUnwell, lambda e: "<html" not in str(e)),
    ("obs-502-html", "create", TorBoxUnwell, anything),
    ("obs-asynccreate-ok", "create", None, lambda a: a == Created()),
    ("obs-bad-token-403", "account", AccountTrouble, trouble(Trouble.KEY)),
    ("obs-bad-token-403", "link", AccountTrouble, lambda e: "abuse" in str(e)),
    ("obs-no-auth-403", "account", AccountTrouble, trouble(Trouble.KEY)),
    ("obs-control-delete-ok", "delete", None, lambda a: a is None),
    ("obs-createtorrent-429-hourly", "create", TorBoxBusy, lambda e: e.wait_seconds > 50),
    ("obs-createtorrent-active-limit-500", "create", TorBoxBusy, lambda e: e.shut is Shut.SLOTS),
    ("obs-createtorrent-bozo-magnet-400", "create", TorBoxRefused, lambda e: "Magnet" in str(e)),
    ("obs-createtorrent-cached", "create", None, lambda a: a.torrent_id == 7654321 and a.cached),
    ("obs-createtorrent-duplicate", "create", None, lambda a: a == Created(already=True)),
    ("obs-createtorrent-new", "create", None, lambda a: a.torrent_id == 7654322 and not a.cached),
    ("obs-createtorrent-no-servers-400", "create", TorBoxBusy, lambda e: e.shut is Shut.SERVERS),
    ("obs-createtorrent-not-cached", "create cached", TorBoxRefused, lambda e: "cached" in str(e)),
    # Not asked for only what is cached, this answer makes no sense: it must not fail a torrent.
    ("obs-createtorrent-not-cached", "create", TorBoxSaysNo, anything),
    ("obs-createtorrent-plan-restricted", "create", AccountTrouble, trouble(Trouble.PLAN)),
    ("obs-createtorrent-queued-data", "create", None, lambda a: a.queued_id == 55),
    ("obs-endpoint-not-found", "items", OurMistake, anything),
    ("obs-endpoint-not-found", "delete", OurMistake, anything),
    (
        "obs-queued-list",
        "queue",
        None,
        lambda a: a == (QueuedItem(7, "a" * 40, "Show", 1791333216),),
    ),
    ("obs-ratelimit-headers-200", "items", None, lambda a: a == ()),
    ("obs-requestdl-ok", "link", None, lambda a: a.startswith("https://nexus-138.")),
    ("obs-requestdl-redirect-307", "link", TorBoxUnwell, lambda e: "nexus" not in str(e)),
    ("obs-torrents-mylist-by-id-object", "item 123456", None, lambda a: a.created_at == 1773004888),
    ("obs-torrents-mylist-by-id-object", "item 123456", None, lambda a: a.root == "Show." + SEASON),
    ("obs-torrents-mylist-by-id-object", "item 123457", TorBoxUnwell, anything),
    ("obs-torrents-mylist-completed-list", "items", None, lambda a: a[0].files[1].size == 1024),
    ("obs-torrents-mylist-completed-list", "items", None, lambda a: a[0].ready),
    ("--export-torrent-data-fail-500", "export", TorBoxSaysNo, anything),
    ("--export-torrent-data-fail", "export", OurMistake, anything),
    ("--export-torrent-data-file-success", "export", None, lambda a: a == b"sometorrentfilebytes"),
    ("--export-torrent-data-magnet", "export", TorBoxUnwell, lambda e: "magnet:" not in str(e)),
    ("-availability-list-success", "cached", None, lambda a: a == {"x" * 18}),
    ("-availability-list-with-files-success", "cached", None, lambda a: a == {"x" * 18}),
    ("-availability-object-success", "cached", None, lambda a: a == {"x" * 18, "x" * 19}),
    ("-availability-success-uncached", "cached", None, lambda a: a == frozenset()),
    ("--get-torrent-info-fail", "info", TorBoxSaysNo, anything),
    ("get-get-torrent-info--get-torrent-info-success", "info", None, lambda a: a.size == 276445467),
    ("get-get-torrent-info--get-torrent-info-success", "info", None, lambda a: a.seeds == 6),
    ("post-get-torrent-info--get-torrent-info-success", "file", None, lambda a: a.peers == 64),
    ("--get-torrent-list-success", "items", None, lambda a: a[0].created_at == 1703283154.78989),
    ("--request-download-link-success", "link", None, lambda a: a.startswith("https://XXX")),
    ("--control-torrent-fail", "delete", TorBoxSaysNo, anything),
    ("--control-torrent-success", "delete", None, lambda a: a is None),
    ("--control-torrent-wrong-type", "delete", OurMistake, anything),
    ("--create-torrent-fail", "create", TorBoxSaysNo, anything),
    ("--create-torrent-missing-file-magnet", "create", OurMistake, anything),
    ("--create-torrent-provided-both-magnet-and-file", "create", OurMistake, anything),
    ("--create-torrent-monthly-limit-fail", "create", AccountTrouble, trouble(Trouble.MONTH)),
    ("--create-torrent-queued", "create", None, lambda a: (a.queued_id, a.torrent_id) == (0, None)),
    ("--create-torrent-success", "create", None, lambda a: a.torrent_id == 0 and not a.cached),
    ("-too-large-limit-essential-standard", "create", TorBoxRefused, too_large),
    ("-too-large-limit-free", "create", TorBoxRefused, too_large),
    ("-too-large-limit-pro", "create", TorBoxRefused, too_large),
    ("--get-user-data-settings-success", "account", None, lambda a: (a.id, a.slots) == (0, 1)),
    ("--get-user-data-success", "account", None, lambda a: a.plan_name == "Free"),
    ("syn-422-validation", "items", OurMistake, lambda e: "valid integer" in str(e)),
    ("syn-torrents-mylist-downloading", "item 123457", None, lambda a: a.progress == 0.3137),
    ("syn-torrents-mylist-downloading", "item 123457", None, lambda a: a.eta_seconds == 561),
    ("syn-torrents-mylist-finished-not-present", "item 123460", None, lambda a: not a.ready),
    ("syn-torrents-mylist-metadl", "item 123458", None, lambda a: a.files == () and a.size == 0),
    ("syn-torrents-mylist-metadl", "item 123458", None, lambda a: a.eta_seconds is None),
    ("syn-torrents-mylist-stalled", "item 123459", None, lambda a: a.state == "stalled"),
    ("syn-user-me-essential", "account", None, lambda a: a.cooldown_until == 1781053686),
    ("syn-user-me-essential", "account", None, lambda a: (a.id, a.plan, a.slots) == (1, 1, 3)),
]


def sample_named(end: str) -> Path:
    (path,) = [path for path in SAMPLES.glob("*.json") if path.stem.endswith(end)]
    return path


async def outcome_of(call: Any) -> Any:
    """What a call gives, or the error that it raises."""
    try:
        return await call
    except BridgeError as error:
        return error


@pytest.mark.parametrize(
    ("sample", "asked", "error", "check"),
    CASES,
    ids=[f"{number}-{case[0].lstrip('-')}-{case[1]}" for number, case in enumerate(CASES)],
)
async def test_the_sample_is_understood(
    torbox: TorBox,
    canned: Any,
    sample: str,
    asked: str,
    error: type[TorBoxError] | None,
    check: Check,
) -> None:
    said = json.loads(sample_named(sample).read_text())["response"]
    canned.says(said.get("body_text", said.get("body")), said["status"] or 400, said["headers"])

    met = await outcome_of(ASK[asked](torbox))

    assert type(met) is error if error else not isinstance(met, BridgeError), repr(met)
    assert check(met), repr(met)
    assert KEY not in str(met)


def test_every_sample_that_concerns_a_client_is_understood() -> None:
    elsewhere = ("obs-cdn-", "obs-webhook", "doc-webhook", "openapi-")
    present = {path for path in SAMPLES.glob("*.json") if not path.stem.startswith(elsewhere)}

    assert present == {sample_named(sample) for sample, *_ in CASES}
