"""The page in Chromium: thousands of torrents, hostile names, keys only, a phone, a restart."""

import pytest

from benchmarks.remembered import remembered
from bridge.simulator import FetchedOver, Stalled

PASSWORD = "pass-word"
HOSTILE = '<img src=x onerror="window.hit=1"><script>window.hit=1</script>${7*7}{{7*7}}&lt;b&gt;'


async def opened(house, browser) -> None:
    await browser.logs_in(f"http://127.0.0.1:{house.port}/", PASSWORD)


async def test_five_thousand_torrents_are_scrolled_searched_sorted_and_filtered(
    house, browser
) -> None:
    await remembered(house.settings, 5000)
    await house.starts()
    await opened(house, browser)
    await browser.reads("#count", "5,000 torrents")
    assert await browser.count(".row") < 60
    await browser.reads(".row .name", "Show.0000")
    await browser.runs("window.scrollTo(0, document.documentElement.scrollHeight)")
    await browser.sees(f'.row[data-hash="{4999:040x}"]')
    await browser.types("#search", "show.42 radarr")
    await browser.reads("#count", "50 of 5,000 torrents")
    await browser.clicks('[data-group="failed"]')
    await browser.waits(
        "const shown = [...document.querySelectorAll('.row .name')].map(e => e.textContent);"
        "return shown.length === 16 && shown.every(name => name.startsWith('Show.42'))"
    )
    await browser.runs("document.querySelector('#search').value = ''")
    await browser.types("#search", " ")
    await browser.clicks('[data-group="all"]')
    await browser.runs(
        "const s = document.querySelector('#sort'); s.value = 'size';"
        "s.dispatchEvent(new Event('change'))"
    )
    await browser.reads("#count", "5,000 torrents")
    await browser.waits(
        "return document.querySelector('.row .amount')?.textContent.startsWith('12.5 GiB')"
    )
    await browser.picture("thousands")
    assert await browser.complaints() == []


async def test_each_step_of_the_list_draws_what_is_seen_however_many_there_are(
    house, browser
) -> None:
    await remembered(house.settings, 5000)
    await house.starts()
    await opened(house, browser)
    await browser.reads("#count", "5,000 torrents")
    await browser.sees(".row")
    await browser.runs(
        "window.drawn = 0; new MutationObserver(changes => changes.forEach(change =>"
        "window.drawn += change.addedNodes.length + change.removedNodes.length))"
        ".observe(document.querySelector('#list'), {childList: true})"
    )
    words = ("s", "h", "o", "w", ".", "1")
    for word in words:
        await browser.types("#search", word)
        await browser.runs("window.scrollBy(0, 3000)")
    await browser.reads("#count", "1,000 of 5,000")
    drawn = await browser.runs("return window.drawn")
    # A key and the scrolling after it each take away one screen and draw another, at most.
    assert 0 < drawn < len(words) * 4 * 60


async def test_a_hostile_name_is_shown_as_text(house, torbox, browser, row_of) -> None:
    arr = await house.starts()
    grab = torbox.publish("Harmless", script=Stalled(at=0.1))
    await arr.grabs(grab, rename=HOSTILE, category="<b>cat</b>")
    await opened(house, browser)
    await browser.reads(f"{row_of(grab.hash)} .name", '<img src=x onerror="window.hit=1">')
    await browser.reads(f"{row_of(grab.hash)} .side", "<b>cat</b>")
    await browser.clicks(row_of(grab.hash))
    await browser.reads("#drawer-name", "<script>window.hit=1</script>${7*7}{{7*7}}&lt;b&gt;")
    await browser.clicks('[data-action="remove"]')
    await browser.reads("#remove-name", "<script>")
    assert await browser.runs("return window.hit ?? null") is None
    assert await browser.count("main img, dialog img, main script, .name *, h2 *, small *") == 0
    assert await browser.complaints() == []


async def test_everything_can_be_done_with_keys_alone(house, torbox, browser, keys, row_of) -> None:
    arr = await house.starts()
    grabs = [torbox.publish(f"Show.S01E{n:02}", script=FetchedOver(3600)) for n in range(3)]
    for grab in grabs:
        await arr.grabs(grab)
        house.clock.jump(5)
    await browser.opens(f"http://127.0.0.1:{house.port}/")
    await browser.focuses("#username")
    await browser.presses(*"admin", keys.TAB, *PASSWORD, keys.ENTER)
    await browser.sees(row_of(grabs[0].hash))
    await browser.presses(keys.TAB)
    for _ in range(25):
        if await browser.focused() == "row":
            break
        await browser.presses(keys.TAB)
    assert await browser.focused() == "row"
    await browser.presses(keys.DOWN, keys.DOWN)
    await browser.focuses(row_of(grabs[0].hash))
    await browser.presses(keys.HOME)
    await browser.focuses(row_of(grabs[2].hash))
    await browser.presses(keys.END, keys.ENTER)
    await browser.reads("#drawer-name", "Show.S01E00")
    await browser.presses(keys.ESCAPE)
    await browser.misses("#drawer")
    await browser.focuses(row_of(grabs[0].hash))
    await browser.presses(keys.ENTER)
    for _ in range(8):
        if await browser.runs("return document.activeElement.dataset.action") == "remove":
            break
        await browser.presses(keys.TAB)
    await browser.presses(keys.ENTER)
    await browser.sees("#remove")
    for _ in range(4):
        if await browser.runs("return document.activeElement.className") == "danger":
            break
        await browser.presses(keys.TAB)
    await browser.presses(keys.ENTER)
    await browser.misses(row_of(grabs[0].hash))
    assert [row["hash"] for row in await arr.polls()] != []
    assert await arr.sees(grabs[0]) is None


async def test_the_row_with_the_focus_keeps_it_while_the_list_changes(
    house, torbox, browser, keys, row_of
) -> None:
    arr = await house.starts()
    first = torbox.publish("First", script=FetchedOver(3600))
    await arr.grabs(first)
    await opened(house, browser)
    await browser.sees(row_of(first.hash))
    await browser.runs("document.querySelector(arguments[0]).focus()", row_of(first.hash))
    house.clock.jump(5)
    second = torbox.publish("Second", script=FetchedOver(3600))
    await arr.grabs(second)
    await browser.sees(row_of(second.hash))
    assert await browser.runs("return document.activeElement.dataset.hash") == first.hash


@pytest.mark.parametrize("dark", [False, True])
async def test_on_a_phone_nothing_is_wider_than_the_screen(
    house, torbox, browser, row_of, dark: bool
) -> None:
    arr = await house.starts()
    name = "A.Very.Long.Name.That.Goes.On.And.On." + "x" * 80
    grab = torbox.publish(name, script=Stalled(at=0.4))
    await arr.grabs(grab)
    await browser.has_size(360, 740, phone=True)
    await browser.is_dark(dark=dark)
    await opened(house, browser)
    await browser.sees(row_of(grab.hash))
    wide = "return document.documentElement.scrollWidth"
    assert await browser.runs(wide) <= 360
    await browser.picture(f"phone-{'dark' if dark else 'light'}")
    await browser.clicks(row_of(grab.hash))
    await browser.reads("#drawer-files", name)
    assert await browser.runs("return document.querySelector('#drawer').scrollWidth") <= 360
    await browser.picture(f"phone-drawer-{'dark' if dark else 'light'}")
    for button in ("#drawer-actions button", ".close"):
        height = await browser.runs(
            "return document.querySelector(arguments[0]).getBoundingClientRect().height", button
        )
        assert height >= 36


async def test_the_bridge_restarted_under_the_open_page(
    house, torbox, browser, row_of, alone
) -> None:
    arr = await house.starts()
    grab = torbox.publish("Show.S01E01")
    await arr.grabs(grab)
    await opened(house, browser)
    await browser.sees(row_of(grab.hash))
    port = house.port
    await house.stops()
    await browser.reads("#health", "does not answer")
    await browser.sees(row_of(grab.hash))
    async with alone(house, port):
        # Sessions do not outlive the bridge: the page asks for the password, and keeps its list.
        await browser.reads("#login-hint", "the bridge was started again")
        await browser.sees(row_of(grab.hash))
        await browser.types("#password", PASSWORD)
        await browser.clicks("#login-form button")
        await browser.misses("#login")
        await browser.reads("#health", "All well")
        await browser.reads("#count", "1 torrent")
        await browser.reads(f"{row_of(grab.hash)} .badge", "Complete")
