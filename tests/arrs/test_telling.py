"""Dead grabs replace themselves: the arr is told, once, and touches nothing else."""

import pytest

from bridge.simulator import Cached, Failing, NoMetadata, Refused, Stalled

HOUR = 3600


async def fails_with(house, torbox, script, grab, arr):
    """Let time pass until this grab is given up."""


async def lives_through(house, arr, seconds, step=60):
    """Time passes, and the arr polls as arrs do."""
    while seconds > 0:
        await house.passes(step, step=step)
        await arr.polls()
        await arr.idle()
        seconds -= step


DEAD = {
    "dead swarm": Stalled(at=0.2),
    "failed at TorBox": Failing(after=60),
    "metadata never": NoMetadata(),
    "refused": Refused(),
}


@pytest.mark.parametrize("script", DEAD.values(), ids=DEAD.keys())
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("Sonarr", {"apis": ("v3",)}),
        ("Sonarr", {"apis": ("v3", "v5"), "version": "5.0.0.1", "strict_history": True}),
        ("Sonarr", {"apis": ("v5",), "version": "6.0.0.1", "strict_history": True}),
        ("Radarr", {"version": "6.1.0.1"}),
        ("Lidarr", {"apis": ("v1",), "version": "3.0.0.1"}),
        ("Readarr", {"apis": ("v1",), "version": "0.4.0.1"}),
        ("Whisparr", {"version": "2.0.0.1"}),
    ],
    ids=["sonarr 4", "sonarr 5", "v5 alone", "radarr", "lidarr", "readarr", "whisparr"],
)
async def test_a_dead_release_is_blocklisted_and_the_next_one_imported(
    house, torbox, street, offers, script, kind, options
):
    arr = await street.opens(kind, **options)
    await street.starts()
    dead = torbox.publish("Dead", script=script)
    living = torbox.publish("Living", script=Cached())

    wanted = await arr.wants(offers(dead, living), episodes=3 if kind == "Sonarr" else 1)
    await arr.polls()

    async def imported():
        await lives_through(house, arr, 60)
        return wanted.state == "imported"

    await house.eventually(imported, jump=0, within=50)
    assert arr.library.blocklist == [dead.hash]
    assert torbox.item_of(dead.hash) is None
    assert len(arr.deletes()) == 1
    assert dead.hash not in house.bridge.ledger.torrents
    assert (arr.into / "Living" / "Living.mkv").read_bytes() == living.content("Living.mkv")
