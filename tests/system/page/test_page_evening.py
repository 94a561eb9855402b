"""A busy evening on the page: every kind of torrent at once, and what came in the last hour."""

from bridge.simulator import Cached, FetchedOver, MiB, NoMetadata, Stalled

PASSWORD = "pass-word"
EVENING = (
    ("The.Lighthouse.Keepers.S02E04.1080p.WEB.h264-GROUP", 48, Cached()),
    ("A.Quiet.Harbour.2024.2160p.WEB-DL.DDP5.1.H.265", 24, FetchedOver(2400)),
    ("Night.Ferry.S01E01.720p.HDTV.x264", 3, Stalled(at=0.14)),
    ("Tidewater.S03.COMPLETE.1080p.BluRay.x265", 6, Cached()),
    ("Fog.Signals.2023.1080p.WEB-DL", 3, NoMetadata()),
    ("Salt.and.Rope.S05E11.1080p.WEB.h264", 9, Cached()),
)


async def test_a_busy_evening_is_seen_at_a_glance(house, torbox, browser, row_of) -> None:
    torbox.plan = 2  # Pro
    arr = await house.starts()
    for number in range(10):  # what came earlier in this hour
        early = torbox.publish(f"Earlier.{number}", {"a.mkv": (1 + number * 7 % 5) * MiB})
        await arr.grabs(early)
        await house.sees_state(early, "pausedUP")
        await arr.removes(early)
        await house.passes(200, step=20)
    torbox.cdn.slow(4 * MiB)
    grabs = {
        name: torbox.publish(name, {f"{name}.mkv": size * MiB, "Subs/English.srt": 40_000}, script)
        for name, size, script in reversed(EVENING)
    }
    for grab in grabs.values():
        category = "radarr" if ".20" in grab.name else "tv-sonarr"
        await arr.grabs(grab, category=category)
        house.clock.jump(3)
    by_name = {name: row_of(grab.hash) for name, grab in grabs.items()}
    coming, fetching, stalled, *_ = (by_name[name] for name, _, _ in EVENING)
    await browser.logs_in(f"http://127.0.0.1:{house.port}/", PASSWORD)
    for _ in range(40):
        house.clock.jump(17)
        await browser.refreshes()
    await browser.reads(f"{stalled} .badge", "Stalled")
    await browser.reads(f"{coming} .badge", "Coming here")
    await browser.reads(f"{fetching} .badge", "At TorBox")
    await browser.reads("#plan", "Pro")
    await browser.reads("#plan-more", "of 10 slots")
    await browser.reads("#chart-text", "in the last hour")
    await browser.waits("return document.querySelectorAll('#chart path').length === 3")
    await browser.picture("list")
    await browser.is_dark()
    await browser.picture("list-dark")
    await browser.is_dark(dark=False)
    await browser.clicks(coming)
    await browser.reads("#drawer-timeline", "accepted")
    await browser.reads("#drawer-files", "English.srt")
    await browser.picture("drawer")
    await browser.presses("\ue00c")
    await browser.has_size(390, 844, phone=True)
    await browser.runs("document.querySelector('#toolbar').scrollIntoView()")
    await browser.picture("phone")
    assert await browser.complaints() == []
