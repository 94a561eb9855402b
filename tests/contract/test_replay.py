"""The recorded sessions of two real servers, sent to the bridge, and the answers compared.

`classes.txt` says of each step how equal the answers are: it is the whole truth, in both
directions. A step that becomes more equal fails here, too, until it says so.
"""

import re
from collections import Counter
from pathlib import Path

import pytest

VERSIONS = ("4.5.2", "5.1.0")
CLASSES = Path(__file__).parent / "classes.txt"
ROOT = Path(__file__).parent.parent.parent
# Raised when more steps become alike, never lowered.
FLOOR = {"4.5.2": {"equal": 382, "alike": 599}, "5.1.0": {"equal": 384, "alike": 597}}

# What two runs of the same server would not answer alike either.
VOLATILE = """added_on addition_date completion_date completion_on last_activity seen_complete
last_seen timestamp time_active seeding_time time_elapsed free_space_on_disk average_time_queue
dlspeed upspeed dl_speed up_speed dl_speed_avg up_speed_avg dl_info_data up_info_data dl_info_speed
up_info_speed alltime_dl alltime_ul reannounce"""
# Keys of later versions that are answered in earlier ones, too: no client minds more.
LATER = """comment has_metadata inactive_seeding_time_limit max_inactive_seeding_time popularity
private reannounce root_path progress"""
# Objects whose keys are data.
BY_KEY = frozenset({"torrents", "categories", "trackers", "peers"})


# What was done between the recorded calls: before this step, these.
BETWEEN = {
    "cat.edit_no_change": [
        ("torrents/editCategory", "category=sonarr&savePath=%2Flab%2Fcats%2Fsonarr")
    ],
    "sync.delta_category_added": [("torrents/createCategory", "category=newcat")],
    "sync.delta_category_removed": [("torrents/removeCategories", "categories=newcat")],
    "info.magnet_forcedMetaDL": [
        ("torrents/add", f"urls=magnet:?xt=urn:btih:{'fa' * 20}&forced=true")
    ],
    "tracker.warning_message": [("torrents/add", f"urls={'c2' * 20}")],
    "tracker.http_503": [("torrents/add", f"urls={'c3' * 20}")],
}
# A torrent that was added between the recorded calls, and by which recorded call it is added.
ADDED = {"partial.files_stopped": "layout.multi_original.add"}
# The real server was set up otherwise for these steps; a fresh bridge is, too.
SETTINGS = {
    "bypass.": {"qbittorrent": {"trusted_networks": ("127.0.0.0/8",)}},
    "domainlist.": {"server": {"allowed_hosts": ("good.example", "a.wild.example")}},
    "partial.": {},
}
# Polls between the recorded calls: before the first of these, the second's rid was given.
POLLED = {
    "files.indexes_garbage": "sync.delta_nothing_changed",
    "setTags.ok": "sync.delta_tags_removed",
    "info.big_downloading": "sync.delta_downloading",
    "props.meta_done": "sync.delta_torrent_removed",
}
# Seconds that had gone by, here put forward.
LATER_BY = {"session.after_expiry": 3601.0}


def verdict(theirs, ours) -> str:
    """`equal`, `shape` (the same keys and types), or what is different."""
    if ours.status != theirs.status:
        return f"status {ours.status} {ours.text[:40]!r}"
    if set(ours.headers) != set(theirs.headers):
        return f"headers {sorted(set(ours.headers) ^ set(theirs.headers))}"
    if ours.kind != theirs.kind:
        return f"type {ours.kind}"
    if ours.json is None or theirs.json is None:
        return "equal" if ours.text == theirs.text else f"body {ours.text[:40]!r}"
    if settled(ours.json) == settled(theirs.json):
        return "equal"
    difference = (
        isinstance(theirs.json, dict)
        and set(theirs.json) & {"rid"}
        and not (theirs.json.get("full_update"))
    )
    wrong = misshapen(theirs.json, ours.json, "", partly=bool(difference))
    return f"shape of {wrong}" if wrong else "shape"


def settled(value: object) -> object:
    """The value without what is volatile and without later keys."""
    if isinstance(value, dict):
        left_out = {*VOLATILE.split(), *LATER.split()}
        return {key: settled(one) for key, one in value.items() if key not in left_out}
    if isinstance(value, list):
        return [settled(one) for one in value]
    return value


def misshapen(theirs: object, ours: object, where: str, *, partly: bool = False) -> str:
    """Where keys or types differ, "" if nowhere. An empty list or null has no shape.

    In a difference (`partly`) it depends on the moment which torrents and figures are told.
    """
    if theirs is None or ours is None:
        return ""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        if where.rpartition(".")[2] in BY_KEY or looks_keyed(theirs) or looks_keyed(ours):
            pairs = [(one, other, "*") for one in theirs.values() for other in ours.values()]
        else:
            pairs = [(theirs[key], ours[key], key) for key in theirs if key in ours]
            optional = PARTS if not where else set(theirs) | set(ours)
            missing = set(theirs) - set(ours) - (optional if partly else set())
            more = set(ours) - set(theirs) - set(LATER.split()) - (optional if partly else set())
            if missing or more:
                return f"{where}: without {sorted(missing)[:5]}, with {sorted(more)[:5]}"
    elif isinstance(theirs, list) and isinstance(ours, list):
        pairs = [(one, other, "[]") for one, other in zip(theirs, ours, strict=False)]
    else:
        return "" if kind(theirs) == kind(ours) else f"{where}: {kind(ours)} for {kind(theirs)}"
    checks = (misshapen(one, other, f"{where}.{key}", partly=partly) for one, other, key in pairs)
    return next((bad for bad in checks if bad), "")


PARTS = {"torrents", "server_state", "peers"}


def looks_keyed(value: dict) -> bool:
    """Whether the keys are hashes or names of categories."""
    return bool(value) and all(
        isinstance(one, dict) and (len(key) in {40, 64} or "savePath" in one)
        for key, one in value.items()
    )


def kind(value: object) -> str:
    if isinstance(value, bool):
        return "bool"
    return "number" if isinstance(value, int | float) else type(value).__name__


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
        as_said = found not in {"equal", "shape"} if expected.isdigit() else found == expected
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
    assert counted["equal"] + counted["shape"] + different + counted["-"] == len(classed())


def test_every_difference_is_in_the_documentation_and_none_is_invented() -> None:
    page = (ROOT / "docs" / "qbittorrent-api.md").read_text("utf-8")
    numbered = set(re.findall(r"^(\d+)\. ", page.partition("## Differences")[2], re.MULTILINE))
    used = {word for said in classed().values() for word in said.values() if word.isdigit()}
    assert used <= numbered
