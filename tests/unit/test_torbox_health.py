"""How TorBox is, what time it has, when it is silent, and that nothing secret is told."""

import logging
import traceback
from email.utils import formatdate
from typing import Any

import pytest

from bridge.clock import Clock
from bridge.config import TorBoxSettings
from bridge.errors import (
    TorBoxError,
    TorBoxUnwell,
)
from bridge.torbox.client import TorBox
from bridge.torbox.limits import Limits
from tests.unit.torbox_words import (
    KEY,
    MAGNET,
    OK,
    error_of,
    fails,
)


async def test_torbox_is_unwell_from_its_first_bad_answer_to_the_next_good_one(
    torbox: TorBox, canned: Any
) -> None:
    canned.says(OK).says("<html>", 502).says(fails("DATABASE_ERROR"), 500).says(OK)
    assert (torbox.last_good_at, torbox.unwell_since) == (None, None)

    await torbox.items()
    good = torbox.last_good_at
    assert good is not None
    await error_of(torbox.items())
    since = torbox.unwell_since
    assert since is not None
    await error_of(torbox.items())
    assert (torbox.last_good_at, torbox.unwell_since) == (good, since)
    await torbox.items()
    assert torbox.unwell_since is None
    assert torbox.last_good_at is not None
    assert torbox.last_good_at > good


async def test_a_link_that_is_not_ready_says_nothing_about_torbox(
    torbox: TorBox, canned: Any
) -> None:
    canned.says(fails("DATABASE_ERROR"), 500)

    assert isinstance(await error_of(torbox.link(1, 2)), TorBoxUnwell)
    assert torbox.unwell_since is None


async def test_torboxs_clock_is_known_from_its_answers(torbox: TorBox, canned: Any) -> None:
    assert torbox.server_offset == 0.0
    canned.says(OK, headers={"Date": formatdate(Clock().time() + 3600, usegmt=True)})
    canned.says("<html>", 200, {"Date": formatdate(0, usegmt=True)})

    await torbox.items()
    assert torbox.server_offset == pytest.approx(3600, abs=5)
    await error_of(torbox.items())
    assert torbox.server_offset == pytest.approx(3600, abs=5)


async def test_no_secret_is_in_any_error_or_log(
    torbox: TorBox, canned: Any, memory: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    link = "https://cdn.example/dld/x?token=cdn-secret"
    spoken = f"see {link} or {MAGNET} or token=cdn-secret with {KEY}"
    canned.says(fails("X" + KEY, spoken), 400).says(spoken, 200).says("", 307, {"Location": link})
    canned.says(OK | {"data": {"url": {"url": link}}}).says(spoken, 429)

    errors: list[TorBoxError] = [await error_of(torbox.link(1, 1)) for _ in range(5)]
    clock = Clock()
    nowhere = TorBoxSettings(api_key=KEY, api_url="http://127.0.0.1:1")
    async with TorBox(nowhere, Limits(clock, memory), clock, "test") as unreachable:
        errors.append(await error_of(unreachable.link(1, 1)))

    shown = caplog.text + "".join("".join(traceback.format_exception(e)) for e in errors)
    assert all(e.__context__ is None and e.__cause__ is None for e in errors)
    assert "createtorrent" not in shown
    for secret in (KEY, KEY.upper(), "cdn-secret", "passkey"):
        assert secret not in shown
