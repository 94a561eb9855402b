"""The arrs in the settings: whether they answer, and whether they see the same download folder."""

import asyncio
import secrets
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from bridge.arrs.arr import Arr
from bridge.checks.check import Check, bad, fine
from bridge.clock import Clock
from bridge.config import ArrSettings
from bridge.errors import ArrGone, BridgeError

MARKER = "torbox-bridge-check-"


async def arr_checks(
    arrs: Iterable[ArrSettings], downloads: Path, clock: Clock, user_agent: str
) -> list[Check]:
    """Each arr in turn."""
    found: list[Check] = []
    for settings in arrs:
        async with Arr(settings, clock, user_agent) as arr:
            found += await checked(arr, downloads, downloads)
    if not found:
        hint = "with an arr's key under arrs: dead releases are replaced without a person"
        return [fine("arrs", "none in the settings", hint)]
    return found


async def checked(arr: Arr, downloads: Path, folder: Path) -> list[Check]:
    """One arr; `folder` is what it must see: the download folder, or a category's in it."""
    try:
        app = await arr.app()
    except BridgeError as error:
        return [bad(arr.name, str(error), "mend its url and api_key under arrs:")]
    checks = [fine(arr.name, f"{app.name} {app.version} answers")]
    try:
        checks.append(await _folder(arr, folder))
        checks += await _roots(arr, downloads)
        checks += await _mounts(arr, downloads)
    except BridgeError as error:
        checks.append(bad(arr.name, str(error), "its log may say why"))
    return checks


async def _folder(arr: Arr, downloads: Path) -> Check:
    """Put an empty folder there, and ask the arr what it sees."""
    seen_as = await _mapped(arr, downloads)
    marker = downloads / f"{MARKER}{secrets.token_hex(4)}"
    try:
        await asyncio.to_thread(marker.mkdir)
    except OSError:
        return fine(f"{arr.name} folder", "could not be compared: nothing can be written there")
    try:
        params = {"path": f"{seen_as}/", "allowFoldersWithoutTrailingSlashes": "true"}
        reply = await arr.wire.call("GET", await arr.path("filesystem"), params=params)
    finally:
        await asyncio.to_thread(marker.rmdir)
    if marker.name in _folders_in(reply.body):
        return fine(f"{arr.name} folder", f"it sees {seen_as}, and it is the same folder")
    fix = f"mount the folder {downloads} of the bridge under the same name in {arr.name}"
    return bad(f"{arr.name} folder", f"it does not see {seen_as}, or another folder there", fix)


async def _mapped(arr: Arr, downloads: Path) -> str:
    """Where a remote path mapping of the arr's puts the folder; mostly where it is."""
    reply = await arr.wire.call("GET", await arr.path("remotepathmapping"))
    for one in _objects(reply.body):
        remote = PurePosixPath(str(one.get("remotePath", "")))
        local = PurePosixPath(str(one.get("localPath", "")))
        if remote.parts and downloads.is_relative_to(remote):
            return str(local / downloads.relative_to(remote))
    return str(downloads)


def _objects(body: object) -> Iterator[Mapping[str, Any]]:
    for one in body if isinstance(body, list) else []:
        if isinstance(one, dict):
            yield one


def _folders_in(body: object) -> set[str]:
    listed = body.get("directories") if isinstance(body, dict) else None
    return {str(one.get("name", "")) for one in _objects(listed)}


async def _roots(arr: Arr, downloads: Path) -> list[Check]:
    """A library in the download folder, or around it, makes an arr import what it holds already."""
    reply = await arr.wire.call("GET", await arr.path("rootfolder"))
    roots = [PurePosixPath(str(one.get("path", ""))) for one in _objects(reply.body)]
    here = PurePosixPath(downloads)
    wrong = [root for root in roots if root.is_relative_to(here) or here.is_relative_to(root)]
    if not wrong:
        return []
    fix = f"use a library beside the download folder, such as {here.parent}/media"
    return [bad(f"{arr.name} library", f"its root folder {wrong[0]} meets {downloads}", fix)]


async def _mounts(arr: Arr, downloads: Path) -> list[Check]:
    """On one file system a finished file is moved or linked in no time, else it is copied."""
    reply = await arr.wire.call("GET", await arr.path("rootfolder"))
    roots = [PurePosixPath(str(one.get("path", ""))) for one in _objects(reply.body)]
    try:
        reply = await arr.wire.call("GET", await arr.path("diskspace"))
    except ArrGone:
        return []
    mounts = [PurePosixPath(str(one.get("path", ""))) for one in _objects(reply.body)]
    here = _mount_of(PurePosixPath(await _mapped(arr, downloads)), mounts)
    apart = [root for root in roots if _mount_of(root, mounts) != here]
    if here is None or not apart:
        return []
    fix = (
        f"give {arr.name} and the bridge one volume that holds both, such as /data with"
        " /data/torrents and /data/media; until then every import is a copy"
    )
    sentence = f"{apart[0]} and {downloads} are not on one file system for {arr.name}"
    return [bad(f"{arr.name} file system", sentence, fix)]


def _mount_of(path: PurePosixPath, mounts: Iterable[PurePosixPath]) -> PurePosixPath | None:
    around = [mount for mount in mounts if path.is_relative_to(mount)]
    return max(around, key=lambda mount: len(mount.parts), default=None)
