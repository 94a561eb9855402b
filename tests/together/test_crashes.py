"""Killed at any instant, the bridge ends where it would have ended undisturbed.

Enumerated, not sampled: a story is filmed once, undisturbed, and every frame of the film is then
the beginning of another ending (see filming.py). None may create twice at TorBox, lose a torrent
that was answered `Ok.`, touch what is somebody else's, or leave anything lying about.
"""

import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import msgspec
import pytest

from bridge.config import CategorySettings, GiveUp
from bridge.model import Torrent
from bridge.simulator import (
    Answer,
    AnswerAfterDoing,
    Cached,
    FetchedOver,
    Published,
    QueuedThen,
    Script,
    Simulator,
    Stalled,
)
from tests.conftest import KEY, House, JumpClock, a_house
from tests.together.filming import Film, Frame

pytestmark = pytest.mark.timeout(300)  # each test is some fifty restarts
FILES = {"a.mkv": 30_000, "b/c.srt": 100}


@dataclass(frozen=True)
class Act:
    """Something that an arr does or waits for; done again after a kill if it was under way."""

    do: Callable[[House, Published], Awaitable[None]]
    listed: bool = True  # whether the arr sees the torrent from then on


@dataclass(frozen=True)
class Story:
    """What happens, undisturbed."""

    acts: tuple[Act, ...]
    script: Script = field(default_factory=Cached)
    attempts: int = 1
    private: bool = False
    begins: Callable[[Simulator, Published], None] = lambda _torbox, _grab: None


async def grabs(house: House, grab: Published) -> None:
    assert await house.arr.grabs(grab) == "Ok."


async def grabs_as_file(house: House, grab: Published) -> None:
    assert await house.arr.grabs(grab, as_file=True) == "Ok."


async def grabs_with_a_ratio(house: House, grab: Published) -> None:
    assert await house.arr.grabs(grab, as_file=True, ratioLimit="1.5") == "Ok."


async def completes(house: House, grab: Published) -> None:
    whole = {file.path: grab.content(file.path) for file in grab.files}

    async def complete() -> bool:
        row = await house.arr.sees(grab)
        # Added again it shows complete until it was seen that its files are gone.
        return bool(row) and row["state"] == "pausedUP" and house.files_of(row) == whole

    await house.eventually(complete, jump=3)


async def is_under_way(house: House, grab: Published) -> None:
    async def some_bytes() -> bool:
        row = await house.arr.sees(grab)
        return row is not None and row["progress"] > 0

    await house.eventually(some_bytes, jump=3)


async def fails(house: House, grab: Published) -> None:
    async def failed() -> bool:
        told = await house.arr.json(f"../bridge/torrents/{grab.hash}")
        return told["phase"] == "failed"

    await house.eventually(failed, jump=60)


async def is_queued(house: House, grab: Published) -> None:
    await house.eventually(lambda: house.torbox.queue, jump=1)
    await house.calm()


async def loses_its_files(house: House, grab: Published) -> None:
    """The arr has moved them into its library."""
    for path in FILES:
        (house.downloads / "tv-sonarr" / grab.name / path).unlink(missing_ok=True)


async def seeds_enough(house: House, grab: Published) -> None:
    if house.torbox.item_of(grab.hash):
        house.torbox.seeds(grab.hash, ratio=2.0)
    await house.eventually(lambda: grab.hash not in house.bridge.ledger.items, jump=600)


async def pauses(house: House, grab: Published) -> None:
    await house.arr.call("POST", "torrents/pause", data={"hashes": grab.hash})
    await house.passes(60, step=10)


async def resumes(house: House, grab: Published) -> None:
    await house.arr.call("POST", "torrents/resume", data={"hashes": grab.hash})


async def is_purged(house: House, grab: Published) -> None:
    """Once: TorBox drops the content, and lists the item all the same."""
    await house.eventually(lambda: house.torbox.item_of(grab.hash), jump=1)
    item = house.torbox.item_of(grab.hash)
    assert item is not None
    if item.script != Cached() and item.born_at + 300 > house.clock.time():
        house.torbox.purge(grab.hash)


async def removes(house: House, grab: Published) -> None:
    await house.arr.removes(grab)


async def is_forgotten(house: House, grab: Published) -> None:
    await house.eventually(lambda: grab.hash not in house.bridge.ledger.torrents, jump=3)


async def rests(house: House, grab: Published) -> None:
    """Nothing more happens in an hour."""
    await house.passes(3600, step=120)


GRAB = Act(grabs)
COMPLETE = Act(completes)
REMOVE = Act(removes, listed=False)
GONE = Act(is_forgotten, listed=False)

STORIES = {
    "cached": Story((GRAB, COMPLETE, REMOVE, GONE)),
    "cached, as .torrent": Story((Act(grabs_as_file), COMPLETE, REMOVE, GONE)),
    "uncached": Story((GRAB, COMPLETE, REMOVE, GONE), FetchedOver(60, metadata_after=20)),
    "the create worked and was answered 502": Story(
        (GRAB, COMPLETE, REMOVE, GONE),
        FetchedOver(30),
        begins=lambda torbox, _grab: torbox.next(
            "createtorrent", AnswerAfterDoing(Answer(502, "<html>bad gateway</html>"))
        ),
    ),
    "queued and promoted": Story(
        (GRAB, COMPLETE, REMOVE, GONE), QueuedThen(40, gap_seconds=30, then=FetchedOver(20))
    ),
    "deleted in mid-delivery": Story(
        (GRAB, Act(is_under_way), REMOVE, GONE),
        begins=lambda torbox, _grab: torbox.cdn.stalls(after=10_000, path="a.mkv"),
    ),
    "added again while it is removed": Story(
        (GRAB, COMPLETE, REMOVE, GRAB, COMPLETE, REMOVE, GONE), attempts=2
    ),
    "given up": Story((GRAB, Act(fails), Act(rests)), Stalled(at=0.2)),
    "purged and created again": Story(
        (GRAB, Act(is_purged), Act(rests), COMPLETE, REMOVE, GONE), FetchedOver(300), attempts=2
    ),
    "removed while TorBox queues it": Story(
        (GRAB, Act(is_queued), REMOVE, GONE), QueuedThen(7200, then=FetchedOver(20))
    ),
    "added again when its files are gone": Story(
        (GRAB, COMPLETE, Act(loses_its_files), GRAB, COMPLETE, REMOVE, GONE), attempts=2
    ),
    "paused and resumed": Story(
        (GRAB, Act(is_under_way), Act(pauses), Act(resumes), COMPLETE, REMOVE, GONE),
        FetchedOver(60),
    ),
    "private, and seeds on after the removal": Story(
        (Act(grabs_with_a_ratio), COMPLETE, REMOVE, GONE, Act(seeds_enough, listed=False)),
        FetchedOver(30),
        private=True,
    ),
    "it was there before us": Story(
        (GRAB, COMPLETE, REMOVE, GONE),
        begins=lambda torbox, grab: torbox.already_in_account(grab) and None,
    ),
}


async def plays(house: House, grab: Published, story: Story, film: Film | None = None) -> None:
    for number, act in enumerate(story.acts):
        if film is not None:
            film.act = number
        await act.do(house, grab)
    await house.calm()


async def ending(house: House) -> dict[str, object]:
    """Everything that an arr, a person at TorBox's website or one at the disk can see."""
    rows = await house.arr.polls()
    return {
        "listed": [(row["hash"], row["state"], row["progress"]) for row in rows],
        "items": sorted((item.hash, item.look(item.born_at).state) for item in house.torbox.items),
        "queue": [entry.hash for entry in house.torbox.queue],
        "disk": {
            str(path.relative_to(house.downloads)): path.read_bytes() if path.is_file() else None
            for path in house.downloads.rglob("*")
        },
        "memory": sorted(house.bridge.ledger.torrents),
        "intents": sorted(house.bridge.ledger.items),
        "refused": house.torbox.refusals,
    }


Filmed = Callable[[Story], Awaitable[tuple[Film, Published, dict[str, object]]]]


@pytest.fixture
async def filmed(tmp_path: Path) -> Filmed:
    """Plays a story undisturbed; gives its film and its ending."""
    (tmp_path / "house").mkdir()

    async def film_of(story: Story) -> tuple[Film, Published, dict[str, object]]:
        async with a_house(tmp_path / "house", JumpClock()) as house:
            house.torbox.stale_seconds = 1e9  # nothing that was there is forgotten
            house.torbox.foreign(3)
            house.sets(categories={"*": CategorySettings(give_up=GiveUp(no_seeds_hours=0.25))})
            grab = house.torbox.publish("Show.S01E01", FILES, story.script, private=story.private)
            story.begins(house.torbox, grab)
            await house.starts()
            await house.calm()
            film = Film(house, tmp_path / "house", tmp_path / "frames")
            with film.running():
                await plays(house, grab, story, film)
            return film, grab, await ending(house)

    return film_of


def phase_in(frame: Frame) -> str:
    """What the bridge that was killed remembered of its torrent."""
    with closing(sqlite3.connect(frame.disk / "state" / "bridge.db")) as connection:
        row = connection.execute("SELECT record FROM torrents").fetchone()
    return msgspec.json.decode(row[0], type=Torrent).phase.__struct_config__.tag if row else ""


async def goes_on(house: House, grab: Published, story: Story, frame: Frame) -> None:
    """From the act that was under way, which the arr never saw answered."""
    begun = story.acts[frame.act]
    before = story.acts[frame.act - 1].listed if frame.act else False
    listed = await house.arr.sees(grab) is not None
    assert listed in (before, begun.listed), f"after the restart it is listed: {listed}"
    for act in story.acts[frame.act :]:
        await act.do(house, grab)
    await house.calm()
    creates = frame.creates + len(house.torbox.calls_to("createtorrent"))
    assert creates <= story.attempts, f"{creates} creates"


@pytest.mark.parametrize("name", STORIES)
async def test_killed_at_any_instant_it_ends_as_if_undisturbed(filmed, name):
    story = STORIES[name]
    film, grab, undisturbed = await filmed(story)
    assert len(film.frames) > 12, "the film shows too little"
    failures = []
    for number, frame in enumerate(film.frames):
        async with film.killed_at(frame) as house:
            try:
                await house.starts()
                await goes_on(house, grab, story, frame)
                assert await ending(house) == undisturbed
            except AssertionError as error:
                failures.append(f"{number} {phase_in(frame)}, {frame.where}: {error}")
    assert not failures, "\n".join(failures)


async def test_the_film_shows_every_phase_and_the_disk_in_the_middle_of_things(filmed):
    film, _, _ = await filmed(STORIES["cached"])
    phases = [phase_in(frame) for frame in film.frames]
    seen = list(dict.fromkeys(phases))
    assert seen[-8:] == [
        "",
        "waiting",
        "submitting",
        "fetching",
        "delivering",
        "complete",
        "removing",
    ]
    # Intent stored and nothing done yet; done at TorBox, and not recorded.
    creates = [frame.creates for frame in film.frames if phase_in(frame) == "submitting"]
    assert creates == sorted(creates)
    assert set(creates) == {0, 1}
    assert {"before os.mkdir", "before os.remove", "before os.rmdir"} <= film.looked_at


async def test_a_create_that_reaches_torbox_after_the_kill_is_found_and_not_sent_again(filmed):
    film, grab, undisturbed = await filmed(STORIES["uncached"])
    begun = [
        frame for frame in film.frames if phase_in(frame) == "submitting" and not frame.creates
    ]
    assert begun
    for frame in begun:
        async with film.killed_at(frame) as house:
            await house.starts()
            await house.eventually(lambda house=house: house.torbox.calls_to("mylist"), jump=0)
            await house.calm()
            await torbox_gets(house, grab)
            await goes_on(house, grab, STORIES["uncached"], frame)
            assert await ending(house) == undisturbed


async def torbox_gets(house: House, grab: Published) -> None:
    """The create of the bridge that was killed, from somewhere on its way."""
    form = aiohttp.FormData({"magnet": grab.magnet, "seed": "3"}, default_to_multipart=True)
    url, headers = f"{house.torbox.url}/v1/api/torrents/createtorrent", {"User-Agent": "killed"}
    headers["Authorization"] = f"Bearer {KEY}"
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(url, data=form) as answer,
    ):
        assert answer.status == 200
