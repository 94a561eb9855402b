"""The page in Chromium: what a person sees from the first start to the end of a torrent."""

from bridge.simulator import FetchedOver, MiB

PASSWORD = "pass-word"


async def test_a_grab_is_seen_to_the_end_with_its_sentence(house, torbox, browser, row_of) -> None:
    arr = await house.starts()
    await browser.logs_in(f"http://127.0.0.1:{house.port}/", PASSWORD)
    grab = torbox.publish("Show.S01E01", files={"e.mkv": 3 * MiB}, script=FetchedOver(60))
    await arr.grabs(grab)
    await browser.reads(f"{row_of(grab.hash)} .name", "Show.S01E01")
    await house.sees_state(grab, "pausedUP")
    await browser.reads(f"{row_of(grab.hash)} .badge", "Complete")
    await browser.reads(f"{row_of(grab.hash)} .sentence", "complete, in ")
    assert await browser.complaints() == []
