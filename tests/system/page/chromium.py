"""Chromium, driven over plain WebDriver calls: for the tests of the page and its benchmark."""

import asyncio
import base64
import contextlib
import os
import re
import shutil
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace

import aiohttp

PATIENCE_SECONDS = 20.0
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
KEYS = SimpleNamespace(
    TAB="\ue004",
    ENTER="\ue007",
    ESCAPE="\ue00c",
    END="\ue010",
    HOME="\ue011",
    UP="\ue013",
    DOWN="\ue015",
)
ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--window-size=1280,900",
)


# A picture is to show the paths that people have, not those of a test.
PLAIN_PATHS = r"""
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const node = walker.currentNode, text = node.data
    .replaceAll(/\S*\/torrents(?=[\s\/.,]|$)/g, "/data/torrents")
    .replaceAll(/\S*\/state(?=[\s\/]|$)/g, "/config")
    .replaceAll(location.port, "8484").replaceAll("127.0.0.1", "192.168.1.20");
  if (text !== node.data) node.data = text;
}
"""


class Browser:
    """One tab. What it does and sees is what a person would."""

    def __init__(self, session: aiohttp.ClientSession, url: str, pictures: Path) -> None:
        self._session, self._url, self.pictures = session, url, pictures

    async def call(self, method: str, path: str, **body):
        options = {"json": body} if method == "POST" else {}
        url = f"{self._url}/{path}".rstrip("/")  # a slash at the end is never answered
        async with self._session.request(method, url, **options) as answer:
            value = (await answer.json())["value"]
        if isinstance(value, dict) and "error" in value:
            raise AssertionError(f"{path}: {value['error']}: {value.get('message', '')[:300]}")
        return value

    async def opens(self, url: str) -> None:
        await self.call("POST", "url", url=url)

    async def runs(self, script: str, *args):
        """A script's result; `arguments` are its own."""
        return await self.call("POST", "execute/sync", script=script, args=list(args))

    async def waits(self, script: str, *args, within: float = PATIENCE_SECONDS):
        """Until a script's result is true; gives it."""
        until = time.monotonic() + within
        while True:
            found = await self.runs(script, *args)
            if found:
                return found
            assert time.monotonic() < until, f"the page never came to: {script} {args}"
            await asyncio.sleep(0.05)

    async def text(self, selector: str) -> str:
        """The text of an element as it is seen; "" without one."""
        return await self.runs(
            "return document.querySelector(arguments[0])?.innerText ?? ''", selector
        )

    async def reads(self, selector: str, words: str) -> None:
        """Until an element's text contains these words."""
        await self.waits(
            "return document.querySelector(arguments[0])?.textContent.includes(arguments[1])",
            selector,
            words,
        )

    async def sees(self, selector: str) -> None:
        """Until the element is there and visible."""
        await self.waits(
            "return document.querySelector(arguments[0])?.checkVisibility() ?? false", selector
        )

    async def misses(self, selector: str) -> None:
        """Until no such element is visible."""
        await self.waits(
            "return !(document.querySelector(arguments[0])?.checkVisibility())", selector
        )

    async def clicks(self, selector: str) -> None:
        """As a person does: again, if the element was just drawn anew or something lay over it."""
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            await self.sees(selector)
            try:
                return await self.call("POST", f"element/{await self._find(selector)}/click")
            except AssertionError as error:
                if not re.search("stale element|no such element|click intercepted", str(error)):
                    raise
                if time.monotonic() > until:
                    raise
                await asyncio.sleep(0.05)

    async def types(self, selector: str, text: str) -> None:
        await self.sees(selector)
        await self.call("POST", f"element/{await self._find(selector)}/value", text=text)

    async def presses(self, *keys: str) -> None:
        """Keys on whatever has the focus."""
        strokes = [
            stroke
            for key in keys
            for stroke in ({"type": "keyDown", "value": key}, {"type": "keyUp", "value": key})
        ]
        keyboard = {"type": "key", "id": "keyboard", "actions": strokes}
        await self.call("POST", "actions", actions=[keyboard])

    async def count(self, selector: str) -> int:
        return await self.runs("return document.querySelectorAll(arguments[0]).length", selector)

    async def focuses(self, selector: str) -> None:
        """Until the focus is on this element."""
        await self.waits("return document.activeElement?.matches(arguments[0])", selector)

    async def focused(self) -> str:
        """What has the focus: its id, else its class."""
        return await self.runs(
            "const e = document.activeElement; return e.id || e.className || e.tagName"
        )

    async def logs_in(self, url: str, password: str) -> None:
        await self.opens(url)
        await self.types("#username", "admin")
        await self.types("#password", password)
        await self.presses(KEYS.ENTER)
        await self.sees("#main")

    async def complaints(self) -> list[str]:
        """What the console says of errors, but for answers that ask for a login."""
        lines = [line["message"] for line in await self.call("POST", "se/log", type="browser")]
        return [line for line in lines if "403" not in line and "ERR_CONNECTION" not in line]

    async def cdp(self, command: str, **parameters):
        """Chromium's own protocol."""
        return await self.call("POST", "goog/cdp/execute", cmd=command, params=parameters)

    async def is_dark(self, *, dark: bool = True) -> None:
        feature = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.cdp("Emulation.setEmulatedMedia", features=[feature])

    async def has_size(self, width: int, height: int, *, phone: bool = False) -> None:
        await self.cdp(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=phone,
        )

    async def refreshes(self) -> None:
        """Ask at once, as when the page comes to the front, instead of within two seconds."""
        await self.runs("document.dispatchEvent(new Event('visibilitychange'))")

    async def picture(self, name: str) -> None:
        """The screen as a PNG file, once nothing moves any more; for the docs with PICTURES_TO."""
        await self.waits("return document.getAnimations().every(a => a.playState !== 'running')")
        await self.runs(PLAIN_PATHS)
        png = base64.b64decode(await self.call("GET", "screenshot"))
        assert png.startswith(b"\x89PNG")
        self.pictures.mkdir(parents=True, exist_ok=True)
        (self.pictures / f"{name}.png").write_bytes(png)

    async def _find(self, selector: str) -> str:
        found = await self.call("POST", "element", using="css selector", value=selector)
        return found[ELEMENT]


@asynccontextmanager
async def driver(folder: Path) -> AsyncIterator[str]:
    """Chromedriver's address, while it and the browsers that it started run."""
    said = folder / "chromedriver.log"
    with said.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            "chromedriver", "--port=0", stdout=output, stderr=output, start_new_session=True
        )
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (found := re.search(r"successfully on port (\d+)", said.read_text())):
                assert process.returncode is None, said.read_text()
                await asyncio.sleep(0.05)
        yield f"http://127.0.0.1:{found[1]}"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


def installed() -> str | None:
    """Where Chromium is, if it and its driver are installed."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    return program if shutil.which("chromedriver") else None


@asynccontextmanager
async def chromium(folder: Path, pictures: Path) -> AsyncIterator[Browser]:
    """A fresh browser that keeps what it writes in `folder`."""
    options = {
        "binary": installed(),
        "args": [*ARGUMENTS, f"--user-data-dir={folder / 'chromium'}"],
    }
    wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
    timeout = aiohttp.ClientTimeout(total=60)
    async with driver(folder) as url, aiohttp.ClientSession(timeout=timeout) as session:
        body = {"capabilities": {"alwaysMatch": wanted}}
        async with session.post(f"{url}/session", json=body) as answer:
            started = (await answer.json())["value"]
        assert "sessionId" in started, started
        one = Browser(session, f"{url}/session/{started['sessionId']}", pictures)
        try:
            yield one
        finally:
            await one.call("DELETE", "")
