"""A real browser before the page."""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from bridge.app import bridge, listening
from tests.system.page.chromium import KEYS, Browser, chromium, installed


@pytest.fixture
async def browser(tmp_path: Path) -> AsyncIterator[Browser]:
    if not installed():
        pytest.skip("there is no Chromium here; .ci/run installs it")
    pictures = Path(os.environ.get("PICTURES_TO", tmp_path / "pictures"))
    async with chromium(tmp_path, pictures) as one:
        yield one


@pytest.fixture
def keys() -> SimpleNamespace:
    return KEYS


@pytest.fixture
def row_of() -> Callable[[str], str]:
    """The selector of a torrent's line."""
    return lambda torrent_hash: f'.row[data-hash="{torrent_hash}"]'


@pytest.fixture
def alone():
    """The house's bridge without an arr, at a port of one's own choice."""

    @asynccontextmanager
    async def started(house, port: int = 0) -> AsyncIterator[int]:
        async with (
            bridge(house.settings, house.clock, "pass-word") as running,
            listening(running.app, "127.0.0.1", port) as at,
        ):
            yield at

    return started
