"""Bad days of the CDN: one fault after the other by chance, the same ones for the same seed."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from .cdn_faults import Spoiled

Dice = random.Random
# What is drawn for a response that was asked for so many bytes from one on (torbox-api.md §7).
Kind = Callable[[Dice, int, int], Spoiled]

WAITS: tuple[int | str, ...] = (0, 1, 7, 75 * 60, -5, "soon", "", "1e99", "0.5", "9" * 40)
LOOKS_LIKE = ("video/x-matroska", "application/octet-stream")

KINDS: dict[str, Kind] = {
    "cut": lambda dice, _start, count: Spoiled(cut_after=dice.randint(0, count)),
    "reset": lambda dice, _start, count: Spoiled(cut_after=dice.randint(0, count), reset=True),
    "stall": lambda dice, _start, count: Spoiled(stall_after=dice.randint(0, count)),
    "refused": lambda dice, _start, _count: Spoiled(
        status=dice.choice((400, 401, 403, 404, 410, 451))
    ),
    "busy": lambda dice, _start, _count: Spoiled(status=429, retry_after=dice.choice(WAITS)),
    "ill": lambda dice, _start, _count: Spoiled(
        status=dice.choice((204, 416, 500, 502, 503, 504, 520))
    ),
    "page": lambda dice, _start, count: Spoiled(html_bytes=dice.choice((0, 150, 2048, count))),
    "error as file": lambda dice, _start, count: Spoiled(
        html_bytes=dice.choice((0, 150, 2048, max(0, count - 1))),
        page_type=dice.choice(LOOKS_LIKE),
    ),
    "whole": lambda dice, _start, count: Spoiled(
        ignore_range=True, cut_after=dice.choice((None, dice.randint(0, count)))
    ),
    "whole, unmeasured": lambda dice, _start, count: Spoiled(
        ignore_range=True,
        no_length=True,
        cut_after=dice.choice((None, dice.randint(0, count))),
        body_by=dice.choice((0, -1, 1, -count // 2, 5000)),
    ),
    "unmeasured": lambda dice, _start, count: Spoiled(
        no_length=True, body_by=dice.choice((0, -1, 1, -count // 2, 5000))
    ),
    "other length": lambda dice, _start, _count: Spoiled(
        length_by=dice.choice((-1000, -1, 1, 1000))
    ),
    "other total": lambda dice, _start, _count: Spoiled(total_by=dice.choice((-1, 1, 1 << 40))),
    "other range": lambda dice, _start, count: Spoiled(
        shift_by=dice.choice((-1, 1, -count, count // 2))
    ),
    "contradiction": lambda dice, _start, _count: Spoiled(
        body_by=dice.choice((-1000, -1, 1, 1000))
    ),
    "smaller range": lambda dice, _start, count: Spoiled(part_bytes=dice.randint(1, max(1, count))),
    "unsaid range": lambda _dice, _start, _count: Spoiled(unsaid_range=True),
    "encoded": lambda dice, _start, _count: Spoiled(
        encoding=dice.choice(("gzip", "br", "nonsense"))
    ),
    "other version": lambda dice, _start, _count: Spoiled(
        headers=(("ETag", f'"{dice.random()}"'),)
    ),
}
# Bytes that look right and are wrong: who has no checksum cannot know.
WRONG: dict[str, Kind] = {
    "wrong byte": lambda dice, start, count: Spoiled(
        wrong_at=start + dice.randrange(max(1, count))
    ),
    "garbled": lambda _dice, _start, _count: Spoiled(garbled=True),
}
ALL = KINDS | WRONG


@dataclass(frozen=True)
class CdnWeather:
    """The same seed gives the same fault to the n-th response for a file, whatever others do."""

    seed: int
    chance: float = 0.2  # of a fault, for each response
    kinds: tuple[str, ...] = tuple(KINDS)

    def spoiled(self, path: str, number: int, start: int, count: int) -> Spoiled | None:
        """What befalls the n-th response for a file, which was asked for so many bytes."""
        dice = random.Random(f"{self.seed}/{path}/{number}")
        if dice.random() >= self.chance:
            return None
        return ALL[dice.choice(self.kinds)](dice, start, count)
