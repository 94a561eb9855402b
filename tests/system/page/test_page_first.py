"""The page in Chromium: from the first start to the end of a torrent, as a person sees it."""

import asyncio
from functools import partial

import aiohttp

from bridge.config import CategorySettings, GiveUp
from bridge.simulator import FetchedOver, MiB, Stalled

PASSWORD = "pass-word"


async def calls(port: int, agent: str, password: str) -> None:
    """An arr's login."""
    url = f"http://127.0.0.1:{port}/api/v2/auth/login"
    data = {"username": "admin", "password": password}
    async with aiohttp.ClientSession(headers={"User-Agent": agent}) as session:
        await session.post(url, data=data)


async def told(arr, torrent_hash: str, phase: str) -> bool:
    return (await arr.json(f"../bridge/torrents/{torrent_hash}"))["phase"] == phase


async def test_the_first_run_says_what_to_type_and_ticks_who_has_connected(
    house, browser, alone
) -> None:
    async with alone(house) as port:
        await browser.logs_in(f"http://127.0.0.1:{port}/", PASSWORD)
        await browser.sees("#first-run")
        fields = await browser.text("#connect-fields")
        for word in ("127.0.0.1", str(port), "admin", "tv-sonarr", "radarr"):
            assert word in fields
        assert PASSWORD not in await browser.runs("return document.documentElement.outerHTML")
        await browser.reads("#connect-ticks", "Waiting for Sonarr …")
        await browser.picture("first-run")
        await calls(port, "Sonarr/4.0.19.2979 (debian 12)", PASSWORD)
        await browser.reads("#connect-ticks", "✓ Sonarr has connected")
        await calls(port, "Radarr/6.1.0.10360 (alpine)", "wrong")
        await browser.reads("#connect-ticks", "✗ Radarr came with a wrong username or password")
        await browser.picture("connected")
        await browser.clicks("#hide-first-run")
        await browser.misses("#first-run")
        assert await browser.complaints() == []


async def test_what_is_to_be_typed_can_be_copied(house, browser) -> None:
    await house.starts()
    await browser.logs_in(f"http://127.0.0.1:{house.port}/", PASSWORD)
    await browser.cdp("Browser.grantPermissions", permissions=["clipboardReadWrite"])
    await browser.clicks("#open-connect")
    await browser.clicks('[aria-label="Copy Port"]')
    await browser.reads('[aria-label="Copy Port"]', "Copied")
    await browser.waits(
        "return navigator.clipboard.readText().then(text => text === arguments[0])",
        str(house.port),
    )


async def test_a_wrong_password_is_told_and_a_right_one_lets_in(house, browser) -> None:
    await house.starts()
    await browser.opens(f"http://127.0.0.1:{house.port}/")
    await browser.types("#username", "admin")
    await browser.types("#password", "wrong")
    await browser.clicks("#login-form button")
    await browser.reads("#login-error", "not the right name and password")
    await browser.misses("#main")
    await browser.types("#password", PASSWORD)
    await browser.clicks("#login-form button")
    await browser.sees("#main")


async def test_a_grab_is_seen_to_the_end_and_its_bar_never_goes_back(
    house, torbox, browser, row_of
) -> None:
    arr = await house.starts()
    await browser.logs_in(f"http://127.0.0.1:{house.port}/", PASSWORD)
    torbox.cdn.slow(3 * MiB)
    grab = torbox.publish("Show.S01E01", files={"e.mkv": 9 * MiB}, script=FetchedOver(120))
    await arr.grabs(grab)
    await browser.reads(f"{row_of(grab.hash)} .name", "Show.S01E01")
    await browser.runs(
        """
        const track = document.querySelector(arguments[0]);
        window.seen = [Number(track.ariaValueNow)];
        new MutationObserver(() => window.seen.push(Number(track.ariaValueNow)))
          .observe(track, {attributes: true});
        """,
        f"{row_of(grab.hash)} .track",
    )
    badge = f"{row_of(grab.hash)} .badge"
    while (now := await browser.text(badge)) != "Complete":
        # The local leg takes the time that it takes; TorBox's is put forward.
        house.clock.jump(0 if now == "Coming here" else 4)
        await browser.refreshes()
        await asyncio.sleep(0.05)
    seen = await browser.runs("return window.seen")
    assert seen == sorted(seen)
    assert seen[-1] == 100
    assert any(0 < value < 50 for value in seen)
    assert any(50 < value < 100 for value in seen)
    await browser.reads(f"{row_of(grab.hash)} .sentence", "complete, in ")
    assert await browser.complaints() == []


async def test_a_dead_torrent_says_why_and_can_be_tried_again_and_removed(
    house, torbox, browser, row_of
) -> None:
    house.sets(categories={"*": CategorySettings(give_up=GiveUp(no_seeds_hours=0.1))})
    arr = await house.starts()
    dead = torbox.publish("Dead.Show.S01E01", script=Stalled(at=0.1))
    await arr.grabs(dead)
    await browser.logs_in(f"http://127.0.0.1:{house.port}/", PASSWORD)
    failed = partial(told, arr, dead.hash, "failed")
    await house.eventually(failed, jump=20)
    await browser.reads(f"{row_of(dead.hash)} .badge", "Failed")
    sentence = (await arr.json(f"../bridge/torrents/{dead.hash}"))["reason"]
    await browser.reads(f"{row_of(dead.hash)} .sentence", sentence)
    await browser.clicks(row_of(dead.hash))
    await browser.reads("#drawer-reason", sentence)
    await browser.picture("failed")
    await browser.clicks('[data-action="retry"]')
    await browser.misses('[data-action="retry"]')
    assert house.bridge.ledger.torrents[dead.hash].attempt == 2
    await browser.clicks('[data-action="remove"]')
    await browser.reads("#remove-name", "Dead.Show.S01E01")
    await browser.clicks("#remove-form .danger")
    await browser.misses(row_of(dead.hash))
    await browser.misses("#drawer")
    assert await arr.polls() == []


async def test_pause_and_go_on_work_from_the_drawer(house, torbox, browser, row_of) -> None:
    arr = await house.starts()
    grab = torbox.publish("Show.S01E01", script=FetchedOver(3600))
    await arr.grabs(grab)
    await browser.logs_in(f"http://127.0.0.1:{house.port}/", PASSWORD)
    await browser.clicks(row_of(grab.hash))
    await browser.clicks('[data-action="pause"]')
    await browser.sees('[data-action="resume"]')
    assert (await arr.sees(grab))["state"] == "pausedDL"
    await browser.clicks('[data-action="resume"]')
    await browser.sees('[data-action="pause"]')
    assert (await arr.sees(grab))["state"] != "pausedDL"


async def test_a_torrent_is_added_by_magnet_and_by_file(
    house, torbox, browser, row_of, tmp_path
) -> None:
    await house.starts()
    await browser.logs_in(f"http://127.0.0.1:{house.port}/", PASSWORD)
    by_magnet, by_file = torbox.publish("By.Magnet"), torbox.publish("By.File")
    await browser.clicks("#open-add")
    await browser.types("#add-urls", "nonsense")
    await browser.clicks("#add-form .primary")
    await browser.reads("#add-error", "neither a magnet link nor a .torrent")
    await browser.runs("document.querySelector('#add-urls').value = arguments[0]", by_magnet.magnet)
    await browser.types("#add-category", "films")
    await browser.clicks("#add-form .primary")
    await browser.reads(f"{row_of(by_magnet.hash)} .side", "films")
    (tmp_path / "a.torrent").write_bytes(by_file.torrent)
    await browser.clicks("#open-add")
    await browser.types("#add-files", str(tmp_path / "a.torrent"))
    await browser.clicks("#add-form .primary")
    await browser.sees(row_of(by_file.hash))


async def test_what_holds_everything_up_is_told_at_the_top_with_what_to_do(
    house, torbox, browser
) -> None:
    arr = await house.starts()
    torbox.rotate_key()
    await arr.grabs(torbox.publish("Show.S01E01"))
    await house.eventually(lambda: house.bridge.engine.weather.account)
    await browser.logs_in(f"http://127.0.0.1:{house.port}/", PASSWORD)
    await browser.reads("#holds", "key")
    await browser.reads("#holds", "torbox.app")
    await browser.picture("trouble")


async def test_the_checks_are_shown_on_the_page(house, torbox, browser) -> None:
    await house.starts()
    await browser.logs_in(f"http://127.0.0.1:{house.port}/", PASSWORD)
    await browser.clicks("#open-checks")
    await browser.reads("#checks-said", "All is well.")
    await browser.reads("#checks-list", "✓")
    await browser.picture("checks")
    torbox.rotate_key()
    house.clock.jump(11)
    await browser.clicks("#run-checks")
    await browser.reads("#checks-said", "1 thing to mend.")
    await browser.reads("#checks-list .bad", "torbox.app/settings")
