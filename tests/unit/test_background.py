"""What works beside everything else."""

import asyncio

import pytest

from bridge.core.background import Background


class Failing(Background):
    """One work that fails, beside one that never ends by itself."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    async def _begin(self):
        return [self._fails(), self._goes_on()]

    async def _fails(self) -> None:
        raise RuntimeError("a mistake of ours")

    async def _goes_on(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            self.seen.append("stopped")

    async def _end(self) -> None:
        self.seen.append("ended")


async def test_what_fails_stops_the_rest_and_is_still_brought_to_its_end() -> None:
    failing = Failing()
    with pytest.raises(ExceptionGroup, match="unhandled errors"):
        async with failing:
            await asyncio.Event().wait()
    assert failing.seen == ["stopped", "ended"]
