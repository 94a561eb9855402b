"""The page before the real demo, as `torbox-bridge demo --stay` serves it."""

import asyncio
import contextlib
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent.parent
DEMO_SECONDS = 110.0


@pytest.fixture
async def demo(tmp_path: Path) -> AsyncIterator[tuple[str, str]]:
    """Its address and password, once it shows what it shows."""
    said = tmp_path / "demo.out"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    with said.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bridge", "demo", "--stay",
            stdout=out, stderr=out, env=environment, cwd=tmp_path,
        )  # fmt: skip
    try:
        async with asyncio.timeout(DEMO_SECONDS):
            while not (found := re.search(r"Password +(\S+)", said.read_text())):
                assert process.returncode is None, said.read_text()
                await asyncio.sleep(0.1)
        url = re.search(r"the bridge on (\S+?),", said.read_text())
        yield f"{url[1]}/", found[1]
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        await process.wait()


async def test_the_demo_shows_two_complete_and_why_the_third_is_not(browser, demo) -> None:
    url, password = demo
    await browser.logs_in(url, password)
    await browser.reads("#count", "3 torrents")
    await browser.clicks('[data-group="complete"]')
    await browser.reads("#count", "2 of 3 torrents")
    await browser.clicks('[data-group="failed"]')
    await browser.reads("#count", "1 of 3 torrents")
    await browser.reads(".row .name", "S01E03")
    await browser.reads(".row .sentence", "no seeds in")
    assert await browser.complaints() == []
