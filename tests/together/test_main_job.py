"""The main job, whole: a grab becomes proven files on disk, and nothing else is harmed."""


from bridge.simulator import MiB


async def test_a_cached_grab_becomes_proven_files_and_is_cleaned_up(house, torbox, arr):
    grab = torbox.publish("Show.S01E01", {"Show.S01E01.mkv": 3 * MiB, "Subs/en.srt": 1000})

    assert await arr.grabs(grab) == "Ok."
    row = await house.sees_state(grab, "pausedUP")

    assert row["progress"] == 1
    assert row["amount_left"] == 0
    assert row["content_path"] == f"{row['save_path']}/Show.S01E01"
    assert house.files_of(row) == {
        file.path: grab.content(file.path) for file in grab.files
    }

    await arr.removes(grab)
    assert await arr.polls() == []
    await house.eventually(lambda: torbox.items == [])
    await house.eventually(lambda: not (house.downloads / "tv-sonarr" / "Show.S01E01").exists())
