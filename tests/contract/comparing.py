"""How equal two answers are: the one place that says what counts and what does not."""

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
# Of a difference in `sync/maindata`: what may be told or not, depending on the moment.
PARTS = frozenset({"torrents", "server_state", "peers"})
# Says that one of two lists is empty.
NOTHING = "instead of"


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
    """Where keys or types differ, "" if nowhere. A null has no shape, but an empty list differs.

    In a difference (`partly`) it depends on the moment which torrents and figures are told.
    """
    if theirs is None or ours is None:
        return ""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        if where.rpartition(".")[2] in BY_KEY or looks_keyed(theirs) or looks_keyed(ours):
            both = theirs.keys() & ours.keys()
            pairs = [(theirs[key], ours[key], "*") for key in both] or [
                (one, other, "*") for one in theirs.values() for other in ours.values()
            ]
        else:
            pairs = [(theirs[key], ours[key], key) for key in theirs if key in ours]
            optional = PARTS if not where else set(theirs) | set(ours)
            missing = set(theirs) - set(ours) - (optional if partly else set())
            more = set(ours) - set(theirs) - set(LATER.split()) - (optional if partly else set())
            if missing or more:
                return f"{where}: without {sorted(missing)[:5]}, with {sorted(more)[:5]}"
    elif isinstance(theirs, list) and isinstance(ours, list):
        if bool(theirs) != bool(ours):
            return f"{where}: {len(ours)} {NOTHING} {len(theirs)}"
        pairs = [(one, other, "[]") for one, other in zip(theirs, ours, strict=False)]
    else:
        return "" if kind(theirs) == kind(ours) else f"{where}: {kind(ours)} for {kind(theirs)}"
    checks = (misshapen(one, other, f"{where}.{key}", partly=partly) for one, other, key in pairs)
    return next((bad for bad in checks if bad), "")


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
