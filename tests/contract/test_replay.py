"""The recorded sessions of two real servers, sent to the bridge, and the answers compared.

`classes.txt` says of each step how equal the answers are: it is the whole truth, in both
directions. A step that becomes more equal fails here, too, until it says so.
"""

import re
from collections import Counter
from pathlib import Path

import pytest

from tests.contract.comparing import NOTHING, verdict
from tests.contract.playing import ADDED, BETWEEN, POLLED

VERSIONS = ("4.5.2", "5.1.0")
CLASSES = Path(__file__).parent / "classes.txt"
ROOT = Path(__file__).parent.parent.parent
# Raised when more steps become alike, never lowered.
FLOOR = {"4.5.2": {"equal": 677, "alike": 882}, "5.1.0": {"equal": 678, "alike": 880}}

MOST_SWARM = 8  # lowered when fewer need one, never raised

# The real server was set up otherwise for these steps; a fresh bridge is, too.
SETTINGS = {
    "bypass.": {"qbittorrent": {"trusted_networks": ("127.0.0.0/8",)}},
    "domainlist.": {"server": {"allowed_hosts": ("good.example", "a.wild.example")}},
    "partial.": {},
}
# Seconds that had gone by, here put forward.
LATER_BY = {"session.after_expiry": 3601.0}


async def played(house, player_of, recording, version: str) -> dict[str, str]:
    house.sets(qbittorrent={"dialect": version[0]})
    await house.starts()
    player, verdicts, segment = player_of(house), {}, ""
    named = {step.name: step for step in recording}
    for step in recording:
        prefix = next((one for one in SETTINGS if step.name.startswith(one)), segment)
        ordinary = segment and segment != "partial." and not step.name.startswith(segment)
        if prefix != segment or ordinary:
            segment = "" if ordinary and prefix == segment else prefix
            player = await another(house, player_of, SETTINGS.get(segment, {}), version)
        for path, body in BETWEEN.get(step.name, ()):
            await player.post(path, body)
        if step.name in POLLED:
            await player.know(named[POLLED[step.name]])
        if step.name in ADDED:
            await player.again(named[ADDED[step.name]])
        house.clock.jump(LATER_BY.get(step.name, 0))
        verdicts[step.name] = verdict(step.answer, await player.play(step))
    return verdicts


async def another(house, player_of, settings: dict, version: str):
    """A bridge with nothing in it and these settings."""
    await house.stops()
    for file in Path(house.settings.state.path).iterdir():
        file.unlink()
    house.sets(
        qbittorrent={"dialect": version[0], "trusted_networks": ()}
        | settings.get("qbittorrent", {}),
        server={"allowed_hosts": ()} | settings.get("server", {}),
    )
    await house.starts()
    return player_of(house)


def classed() -> dict[str, dict[str, str]]:
    """Step → version → class, as `classes.txt` says."""
    found = {}
    for line in CLASSES.read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            name, *said = (part.strip() for part in line.split("|"))
            found[name] = dict(zip(VERSIONS, said, strict=True))
    return found


@pytest.mark.parametrize("version", VERSIONS)
async def test_the_bridge_answers_as_the_real_server_except_where_it_says_so(
    house, player_of, recordings, version: str
) -> None:
    verdicts = await played(house, player_of, recordings[version], version)
    surprises = {}
    for name, said in classed().items():
        expected, found = said[version], verdicts.pop(name, "-")
        as_said = found == expected
        if expected.isdigit():
            as_said = found not in {"equal", "shape"}
        if expected == "swarm":
            as_said = NOTHING in found
        if not as_said:
            surprises[name] = f"{found}, not {expected}"
    assert surprises == {}
    assert verdicts == {}, "every step is classed"


@pytest.mark.parametrize("version", VERSIONS)
def test_the_count_by_class_does_not_fall(version: str) -> None:
    counted = Counter(said[version] for said in classed().values())
    different = sum(number for word, number in counted.items() if word.isdigit())
    print(version, dict(counted))
    assert counted["equal"] >= FLOOR[version]["equal"]
    assert counted["equal"] + counted["shape"] >= FLOOR[version]["alike"]
    assert counted["swarm"] <= MOST_SWARM
    known = counted["equal"] + counted["shape"] + different + counted["swarm"] + counted["-"]
    assert known == len(classed())


def test_every_difference_is_in_the_documentation_and_none_is_invented() -> None:
    page = (ROOT / "docs" / "qbittorrent-api.md").read_text("utf-8")
    numbered = set(re.findall(r"^(\d+)\. ", page.partition("## Differences")[2], re.MULTILINE))
    used = {word for said in classed().values() for word in said.values() if word.isdigit()}
    assert used <= numbered
