"""JSON as qBittorrent writes it (qbittorrent.md §1.8): compact, keys sorted, raw UTF-8."""

import math

import msgspec

MOST_INT32 = 2**31 - 1  # Cleanuparr reads speeds and counts into an Int32 (arr-contract.md §7.1)

_ENCODER = msgspec.json.Encoder(order="sorted")


def encode(value: object) -> bytes:
    """The value as JSON. Half characters, which no JSON can hold, become question marks."""
    try:
        return _ENCODER.encode(value)
    except UnicodeEncodeError:
        return _ENCODER.encode(_without_surrogates(msgspec.to_builtins(value)))


def number(value: float) -> int | float:
    """A number as Qt prints it: without a fraction when integral; never NaN, never infinite."""
    if not math.isfinite(value):
        return 0
    return int(value) if value == int(value) else round(value, 6)


def count(value: float) -> int:
    """A speed or a count: whole, not negative, and small enough for an Int32."""
    return max(0, min(int(value), MOST_INT32))


def _without_surrogates(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_without_surrogates(key): _without_surrogates(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_without_surrogates(one) for one in value]
    return value
