"""A real qBittorrent on loopback, in a profile that is thrown away afterwards."""

import asyncio
import base64
import hashlib
import os
import shutil
import signal
import socket
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

PASSWORD = "pass-word"
START_SECONDS = 20.0

# Nothing leaves the machine: no DHT, no peers of the neighbourhood, no port mapping, one address.
SETTINGS = """[BitTorrent]
Session\\AddTrackersEnabled=false
Session\\DHTEnabled=false
Session\\DefaultSavePath={downloads}
Session\\InterfaceAddress=127.0.0.1
Session\\LSDEnabled=false
Session\\PeXEnabled=false
Session\\Port={peers_port}
Session\\TempPath={downloads}/temp

[Core]
AutoDeleteAddedTorrentFile=Never

[LegalNotice]
Accepted=true

[Network]
PortForwardingEnabled=false

[Preferences]
General\\Locale=C
WebUI\\Address=127.0.0.1
WebUI\\LocalHostAuth=true
WebUI\\Password_PBKDF2="@ByteArray({password})"
WebUI\\Port={port}
WebUI\\UseUPnP=false
WebUI\\Username=admin
"""


@dataclass(frozen=True)
class RealServer:
    """One that runs."""

    version: str  # as it says it, without the v
    port: int
    folder: Path  # everything of it, as this machine sees it
    inside: str  # the same, as the server sees it
    pid: int


def a_free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def command(chroot: str = "") -> Sequence[str] | None:
    """How to start it, None where it is not installed; `chroot` holds another system's."""
    if not chroot:
        return ["qbittorrent-nox"] if shutil.which("qbittorrent-nox") else None
    there = Path(chroot, "usr/bin/qbittorrent-nox").exists()
    return ["chroot", chroot, "qbittorrent-nox"] if there else None


@asynccontextmanager
async def real_server(chroot: str = "") -> AsyncIterator[RealServer]:
    """Start one; it and its profile are gone afterwards."""
    start = command(chroot)
    assert start is not None, "qbittorrent-nox is not installed"
    with tempfile.TemporaryDirectory(dir=f"{chroot}/tmp" if chroot else None) as name:
        folder, inside = Path(name), name.removeprefix(chroot)
        port = a_free_port()
        _write_profile(folder, inside, port)
        process = await asyncio.create_subprocess_exec(
            *start,
            f"--profile={inside}/profile",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            env=_environment(inside),
            start_new_session=True,
        )
        try:
            version = await _version(port, process)
            yield RealServer(version, port, folder, inside, process.pid)
        finally:
            await _ended(process)


def _write_profile(folder: Path, inside: str, port: int) -> None:
    config = folder / "profile/qBittorrent/config"
    config.mkdir(parents=True)
    (folder / "downloads").mkdir()
    salt = os.urandom(16)
    key = hashlib.pbkdf2_hmac("sha512", PASSWORD.encode(), salt, 100_000, 64)
    text = SETTINGS.format(
        downloads=f"{inside}/downloads",
        password=f"{base64.b64encode(salt).decode()}:{base64.b64encode(key).decode()}",
        peers_port=a_free_port(),
        port=port,
    )
    (config / "qBittorrent.conf").write_text(text, "utf-8")


def _environment(inside: str) -> dict[str, str]:
    """A home of its own, so that nothing of the user's is read or written."""
    home = {"HOME": inside} | {
        f"XDG_{name}_HOME": f"{inside}/{name.lower()}" for name in ("CONFIG", "DATA", "CACHE")
    }
    return {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "TZ": "UTC"} | home


async def _version(port: int, process: asyncio.subprocess.Process) -> str:
    """The version, once it answers."""
    async with asyncio.timeout(START_SECONDS):
        while True:
            assert process.returncode is None, "the server ended at once"
            try:
                return (await asyncio.to_thread(_ask_version, port)).removeprefix("v")
            except OSError:
                await asyncio.sleep(0.1)


def _ask_version(port: int) -> str:
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        body = f"username=admin&password={PASSWORD}"
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", "/api/v2/auth/login", body, kind)
        login = connection.getresponse()
        assert login.read() == b"Ok."
        cookie = (login.headers["set-cookie"] or "").partition(";")[0]
        connection.request("GET", "/api/v2/app/version", headers={"Cookie": cookie})
        return connection.getresponse().read().decode()
    finally:
        connection.close()


async def _ended(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
        try:
            async with asyncio.timeout(10):
                await process.wait()
        except TimeoutError:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
