"""The page for everybody: axe-core finds nothing serious in any of its states, light and dark."""

from pathlib import Path

import pytest

from bridge.simulator import Cached, FetchedOver, MiB, NoMetadata, Stalled

ROOT = Path(__file__).parent.parent.parent.parent
AXE = ROOT / ".ci" / "cache" / "node_modules" / "axe-core" / "axe.min.js"  # put there by .ci/run
PASSWORD = "pass-word"


@pytest.fixture
def axe() -> str:
    if not AXE.exists():
        pytest.skip("axe-core is not here; .ci/run installs it")
    return AXE.read_text("utf-8")


async def findings(browser, axe: str) -> list[str]:
    """What axe says is serious or critical, each with its first element."""
    await browser.waits("return document.getAnimations().every(a => a.playState !== 'running')")
    if not await browser.runs("return Boolean(window.axe)"):
        await browser.runs(axe)
    found = await browser.runs("return axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{one['impact']}: {one['id']}: {one['nodes'][0]['html'][:200]}"
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("dark", [False, True])
async def test_axe_finds_nothing_serious_in_any_state_of_the_page(
    house, torbox, browser, axe: str, row_of, dark: bool
) -> None:
    arr = await house.starts()
    await browser.is_dark(dark=dark)
    await browser.opens(f"http://127.0.0.1:{house.port}/")
    await browser.sees("#login")
    assert await findings(browser, axe) == []
    await browser.logs_in(f"http://127.0.0.1:{house.port}/", PASSWORD)
    await browser.clicks("#open-connect")
    await browser.reads("#connect-ticks", "Sonarr has connected")
    assert await findings(browser, axe) == []
    scripts = [Cached(), FetchedOver(3600), Stalled(at=0.2), NoMetadata()]
    grabs = [
        torbox.publish(f"Show.S01E{n:02}", {"a.mkv": MiB}, script)
        for n, script in enumerate(scripts)
    ]
    for grab in grabs:
        await arr.grabs(grab)
    await house.sees_state(grabs[0], "pausedUP")
    await house.passes(900, step=60)
    await browser.reads("#count", "4 torrents")
    await browser.reads(f"{row_of(grabs[2].hash)} .badge", "Stalled")
    assert await findings(browser, axe) == []
    await browser.clicks(row_of(grabs[2].hash))
    await browser.reads("#drawer-files", "a.mkv")
    assert await findings(browser, axe) == []
    await browser.clicks('[data-action="remove"]')
    assert await findings(browser, axe) == []
    await browser.clicks("#remove [data-close]")
    await browser.clicks("#drawer .close")
    await browser.clicks("#open-add")
    assert await findings(browser, axe) == []
    await browser.clicks("#add .close")
    torbox.rotate_key()
    house.clock.jump(11)
    await browser.clicks("#open-checks")
    await browser.reads("#checks-said", "to mend")
    assert await findings(browser, axe) == []
    await browser.clicks("#checks .close")
    await house.eventually(lambda: house.bridge.engine.weather.account)
    await browser.sees("#holds")
    await browser.sees("#problems-box")
    assert await findings(browser, axe) == []
