"""Amounts as people write them."""

import re
from typing import Self

_UNITS = {"": 1, "b": 1}
for _power, _letter in enumerate("kmgt", 1):
    _UNITS |= {
        f"{_letter}b": 1000**_power,
        f"{_letter}ib": 1024**_power,
        _letter: 1024**_power,
    }
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]*)", re.ASCII | re.IGNORECASE)


class Bytes(int):
    """So many bytes: `500 MB`, `1 GiB`, `1.5G`, `0`. ValueError for anything else."""

    def __new__(cls, amount: str | int) -> Self:
        if isinstance(amount, int):
            return super().__new__(cls, amount)
        found = _AMOUNT.fullmatch(amount.strip())
        if not found or found[2].lower() not in _UNITS:
            raise ValueError("not an amount of bytes")
        return super().__new__(cls, round(float(found[1]) * _UNITS[found[2].lower()]))

    def __str__(self) -> str:
        return written(self)

    __repr__ = __str__


def written(count: int) -> str:
    """The amount in the unit that suits it."""
    if count < 1024:
        return f"{count:d} B" if count else "0"
    for power, unit in reversed(list(enumerate(("KiB", "MiB", "GiB", "TiB"), 1))):
        if count >= 1024**power:
            amount = f"{count / 1024**power:.1f}"
            return f"{amount.removesuffix('.0')} {unit}"
    raise AssertionError("one of the units suits")
