"""A TorBox key that changes while the bridge runs, as TorBox's abuse warnings make it."""

import signal

from bridge.simulator import FetchedOver


async def test_a_new_key_in_its_file_is_used_after_sighup(house, torbox, tmp_path):
    file = tmp_path / "key"
    file.write_text(house.environment["TORBOX_API_KEY"])
    await house.starts(TORBOX_API_KEY=None, TORBOX_API_KEY_FILE=str(file))
    grab = torbox.publish("Show", script=FetchedOver(20))
    new_key = torbox.rotate_key()
    await house.arr.grabs(grab)
    row = await house.sees(grab, "queuedDL")
    assert row["progress"] == 0

    file.write_text(new_key + "\n")
    house.serve.hears(signal.SIGHUP)

    row = await house.sees(grab, "pausedUP")
    assert house.delivered(row) == {file.path: grab.content(file.path) for file in grab.files}
    assert "key has changed" in house.serve.stderr
    assert new_key not in house.serve.stderr
