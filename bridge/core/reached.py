"""By which addresses the arrs reach us: the surest sign that a download client entry means us."""

import json
from collections.abc import Iterable

from bridge.arrs.arr import KINDS

MOST_ADDRESSES = 20  # for each kind of arr

Address = tuple[str, int, str]  # host in lower case, port, URL base


class Reached:
    """What arrs that were let in wrote into their Host headers, by kind of arr."""

    def __init__(self, url_base: str) -> None:
        self._base = url_base
        self._seen: dict[str, dict[tuple[str, int], None]] = {kind: {} for kind in KINDS}
        self.changed = False

    def note(self, user_agent: str, host: str) -> None:
        """An arr that is logged in asked us by this name."""
        kind = user_agent.partition("/")[0].capitalize()
        seen = self._seen.get(kind)
        if seen is None:
            return
        address = _split(host)
        if address is None or address in seen:
            return
        seen[address] = None
        while len(seen) > MOST_ADDRESSES:
            del seen[next(iter(seen))]
        self.changed = True

    def addresses(self, kind: str) -> frozenset[Address]:
        """Where arrs of this kind were seen to reach us."""
        return frozenset((host, port, self._base) for host, port in self._seen.get(kind, {}))

    def dump(self) -> str:
        """To be remembered."""
        self.changed = False
        return json.dumps({kind: list(seen) for kind, seen in self._seen.items() if seen})

    def load(self, text: str) -> None:
        """Start with what was remembered."""
        for kind, seen in json.loads(text or "{}").items():
            if kind in self._seen:
                self._seen[kind] = dict.fromkeys(_pairs(seen))


def _pairs(seen: Iterable[tuple[str, int]]) -> Iterable[tuple[str, int]]:
    return ((str(host), int(port)) for host, port in seen)


def _split(host: str) -> tuple[str, int] | None:
    """Name and port of a Host header; a port that is not said is 80, or a proxy's business."""
    name, colon, port = host.lower().rpartition(":")
    if not colon or port.endswith("]"):
        name, port = host.lower(), "80"
    if not name or len(name) > 255 or not port.isdecimal():
        return None
    return name.strip("[]"), int(port)
