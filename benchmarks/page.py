"""What an open page costs: CPU of the bridge and of the browser's tab, while nothing happens.

    python -m benchmarks.page [torrents] [seconds]

Prints parts of one core. Nothing outstanding, so the bridge asks TorBox nothing.
"""

import asyncio
import os
import re
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from benchmarks.remembered import remembered
from bridge.config import DownloadsSettings, Settings, StateSettings
from tests.system.page.chromium import Browser, chromium, installed

PASSWORD = "pass-word"
STATIC = Path(__file__).parent.parent / "bridge" / "dashboard" / "static"
TICKS = os.sysconf("SC_CLK_TCK")


@asynccontextmanager
async def serving(folder: Path, torrents: int) -> AsyncIterator[tuple[int, str]]:
    """The real process with so many torrents; gives its id and address."""
    state, downloads = folder / "state", folder / "torrents"
    state.mkdir()
    settings = Settings(
        downloads=DownloadsSettings(path=str(downloads)), state=StateSettings(path=str(state))
    )
    await remembered(settings, torrents)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "TORBOX_API_KEY": "not-a-key",
        "BRIDGE_TORBOX__API_URL": "http://127.0.0.1:9",  # nobody is there
        "BRIDGE_QBITTORRENT__PASSWORD": PASSWORD,
        "BRIDGE_SERVER__HOST": "127.0.0.1",
        "BRIDGE_SERVER__PORT": "0",
        "BRIDGE_STATE__PATH": str(state),
        "BRIDGE_DOWNLOADS__PATH": str(downloads),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bridge", stdout=asyncio.subprocess.PIPE, env=environment
    )
    try:
        while not (ready := re.search(r"ready: (http://\S+)", await _line(process))):
            pass
        yield process.pid, ready[1]
    finally:
        process.terminate()
        await process.communicate()


async def _line(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    line = (await asyncio.wait_for(process.stdout.readline(), 30)).decode()
    assert line, "the bridge did not start"
    return line


def cpu_seconds(pid: int) -> float:
    """What a process has used so far (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


async def tab_seconds(browser: Browser) -> float:
    """What the tab's main thread has used so far."""
    metrics = (await browser.cdp("Performance.getMetrics"))["metrics"]
    return next(metric["value"] for metric in metrics if metric["name"] == "TaskDuration")


async def measured(torrents: int, seconds: float) -> dict[str, float]:
    """Parts of a core, by what was running."""
    with tempfile.TemporaryDirectory() as folder:
        async with (
            serving(Path(folder), torrents) as (pid, url),
            chromium(Path(folder), Path(folder)) as browser,
        ):
            await asyncio.sleep(3)
            alone = await _share(pid, seconds)
            await browser.logs_in(f"{url}/", PASSWORD)
            await browser.reads("#count", f"{torrents:,} torrents")
            await browser.cdp("Performance.enable")
            await asyncio.sleep(3)
            started, tab = time.monotonic(), await tab_seconds(browser)
            open_too = await _share(pid, seconds)
            tab = (await tab_seconds(browser) - tab) / (time.monotonic() - started)
    return {"the bridge, no page open": alone, "the bridge, a page open": open_too, "the tab": tab}


async def _share(pid: int, seconds: float) -> float:
    before, started = cpu_seconds(pid), time.monotonic()
    await asyncio.sleep(seconds)
    return (cpu_seconds(pid) - before) / (time.monotonic() - started)


def main() -> None:
    torrents = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 60.0
    if not installed():
        sys.exit("this needs chromium and chromedriver")
    shares = asyncio.run(measured(torrents, seconds))
    print(f"{torrents} torrents, nothing happens, {seconds:g} s each")
    for name, share in shares.items():
        print(f"  {name:<26} {share:7.2%} of a core")
    added = shares["the bridge, a page open"] - shares["the bridge, no page open"]
    print(f"  {'added by the open page':<26} {added:7.2%} of a core")
    for file in sorted(STATIC.iterdir()):
        print(f"  {file.name:<26} {file.stat().st_size:7,} bytes")
    print(f"  {'the page in all':<26} {sum(f.stat().st_size for f in STATIC.iterdir()):7,} bytes")


if __name__ == "__main__":
    main()
