"""What a person asks for a single torrent from the page: new links go on at the same byte."""

from bridge.simulator import FetchedOver, MiB


async def links(arr, torrent_hash: str) -> int:
    url = f"{arr.url}/api/bridge/torrents/{torrent_hash}/links"
    async with arr._session.post(url) as answer:
        return answer.status


async def test_new_links_are_asked_for_and_no_byte_is_fetched_twice(house, torbox, arr) -> None:
    torbox.cdn.slow(2 * MiB)
    grab = torbox.publish("Show.S01E01", files={"e.mkv": 4 * MiB})
    await arr.grabs(grab)
    await house.eventually(lambda: torbox.cdn.sent("e.mkv") > MiB, jump=0)
    before = len(torbox.calls_to("requestdl"))
    assert await links(arr, grab.hash) == 200
    row = await house.sees_state(grab, "pausedUP", jump=0)
    assert len(torbox.calls_to("requestdl")) == before + 1
    assert house.files_of(row)["e.mkv"] == grab.content("e.mkv")
    assert len(torbox.cdn.ranges_asked) == 2
    # What was on its way when the first connection was cut is all that came twice.
    assert torbox.cdn.sent("e.mkv") < 4 * MiB + 3 * MiB


async def test_there_are_no_links_before_files_come_and_after_they_are_here(
    house, torbox, arr
) -> None:
    early = torbox.publish("Early", script=FetchedOver(3600))
    late = torbox.publish("Late")
    for grab in (early, late):
        await arr.grabs(grab)
    await house.sees_state(late, "pausedUP")
    assert await links(arr, early.hash) == 409
    assert await links(arr, late.hash) == 409
    assert await links(arr, "0" * 40) == 404
