"""Plays the recorded scenario to a real server again, keeps its answers, and says what changed.

    make contract
    python -m tests.contract.recorder --chroot FOLDER   (another Debian's qBittorrent)

The stored recording is scenario and expectation in one: its requests are sent again, to a fresh
`qbittorrent-nox` on loopback. The answers are written beside each other as one recording more
(`--into`), and compared with the stored ones as the bridge's are. `--keep` puts the fresh answer of
these steps into the stored recording.
"""

import argparse
import asyncio
import base64
import json
import sys
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import quote

from bridge.torrentfile import read_torrent
from tests.contract.comparing import verdict
from tests.contract.playing import ADDED, BETWEEN, FOLDER, LAB, POLLED, Answer, Player, Step, steps
from tests.contract.real import RealServer, command, real_server

# Preferences that the laboratory had set for the steps of these names; put back afterwards.
PREFERENCES: dict[str, dict[str, object]] = {
    "ban.": {"web_ui_ban_duration": 1},
    "session.": {"web_ui_session_timeout": 2},
    "bypass.": {"bypass_local_auth": True},
    "domainlist.": {"web_ui_domain_list": "good.example;*.wild.example"},
    "nocsrf.": {
        "web_ui_csrf_protection_enabled": False,
        "web_ui_clickjacking_protection_enabled": False,
        "web_ui_use_custom_http_headers_enabled": True,
        "web_ui_custom_http_headers": "X-Lab: yes",
    },
    "pref_category_paths_in_manual": {"use_category_paths_in_manual_mode": True},
    "pref_temp_path": {"temp_path_enabled": True},
    "pref_auto_tmm": {"auto_tmm_enabled": True},
    "pref_start_stopped": {"start_paused_enabled": True, "add_stopped_enabled": True},
    "pref_layout_subfolder": {"torrent_content_layout": "Subfolder"},
    "pref_ext": {"incomplete_files_ext": True},
    "topPrio.queueing_disabled": {"queueing_enabled": False},
    "topPrio.queueing_enabled": {"queueing_enabled": True},
    "bottomPrio.queueing_enabled": {"queueing_enabled": True},
    "decreasePrio.queueing_enabled": {"queueing_enabled": True},
    "topPrio.unknown_hash_queueing_enabled": {"queueing_enabled": True},
    "password.short": {"web_ui_username": "ab", "web_ui_password": "short"},
    "password.": {"web_ui_password": "new-password-1"},
    "app.shutdown": {"web_ui_username": "ab", "web_ui_password": "short"},
}
# What was done between the recorded calls, and means nothing to the bridge.
UNRECORDED = {
    "cat.list": [
        ("torrents/createCategory", "category=dlpbad"),
        ("torrents/createCategory", "category=dlpoff&downloadPathEnabled=false"),
    ],
}
# Calls of which only some were kept: before this step, that one so many times more.
MORE = {"ban.attempt_5": ("ban.attempt_2", 2)}
# The same torrents are added over and over by these: they were deleted in between.
ADDED_AGAIN = ("layout.", "pref_", "add.skip_checking")
# What cannot come out as it was, and why.
ELSEWHERE = {
    "sync.delta_torrent_removed": "needs a swarm",
    "filter.completed": "needs a swarm",
    "filter.stalled_uploading": "needs a swarm",
    "filter.errored_with_error": "needs a disk that is full",
    "filter.moving": "needs files that move for a while",
    "info.checkingDL": "needs files that are checked for a while",
    "info.checkingUP": "needs files that are checked for a while",
    "info.checking_while_stopped": "needs files that are checked for a while",
    "http.chunked_request_body": "the laboratory also kept the answer to the second request",
}
WAITS = {"session.after_1s_ok": 1.0, "session.after_another_1s_sliding": 1.0,
         "session.after_expiry": 3.5, "renameFile.odd_chars": 1.0}  # fmt: skip
# The laboratory began anew here, with an empty server.
FRESH = "partial."
# A real server checks, announces and refreshes; what it says is awaited so long.
PATIENCE_SECONDS = 2.0
ALIKE = {"equal", "shape"}


class Recorder:
    """Sends one recording to real servers, step by step."""

    def __init__(self, chroot: str, stack: AsyncExitStack) -> None:
        self._chroot = chroot
        self._stack = stack
        self._server: RealServer
        self._player: Player
        self._set: dict[str, object] = {}
        self._before: dict[str, object] = {}

    async def begins(self) -> RealServer:
        """A fresh server, with nothing in it."""
        self._server = await self._stack.enter_async_context(real_server(self._chroot))
        self._player = Player(self._server.port, {LAB: self._server.inside})
        self._set = {}
        return self._server

    async def plays(self, recording: list[Step]) -> dict[str, tuple[Step, Answer, str]]:
        """Every step, the fresh answer, and how it differs from the stored one."""
        named = {step.name: step for step in recording}
        fresh, begun_again = {}, False
        for step in recording:
            if step.name.startswith(FRESH) and not begun_again:
                begun_again = bool(await self.begins())
            await self._prepare(step, named)
            answer, said = await self._patiently(step)
            fresh[step.name] = (step, answer, said)
            if step.name == "app.shutdown":
                await self.begins()
        return fresh

    async def _prepare(self, step: Step, named: dict[str, Step]) -> None:
        await self._prefer(step.name)
        for path, body in [*BETWEEN.get(step.name, ()), *UNRECORDED.get(step.name, ())]:
            await self._player.post(path, body)
        if step.name.startswith(ADDED_AGAIN) and step.request["path"] == "/api/v2/torrents/add":
            await self._player.post("torrents/delete", f"hashes={hashes(step)}&deleteFiles=true")
        again, times = MORE.get(step.name, ("", 0))
        for _ in range(times):
            await self._player.play(named[again])
        if step.name in POLLED:
            await self._player.know(named[POLLED[step.name]])
        if step.name in ADDED:
            await self._player.again(named[ADDED[step.name]])
        await asyncio.sleep(WAITS.get(step.name, 0))

    async def _prefer(self, name: str) -> None:
        """Set up the server as it was set up for this step."""
        wanted = next((PREFERENCES[one] for one in PREFERENCES if name.startswith(one)), {})
        if wanted == self._set:
            return
        if "web_ui_ban_duration" in self._set:
            await asyncio.sleep(2)  # until the ban is over
        if not self._before:
            self._before = await self._preferences()
        back = {key: self._before[key] for key in self._set if key in self._before}
        body = quote(json.dumps(back | wanted))
        try:
            await self._player.post("app/setPreferences", f"json={body}")
        except ConnectionError:  # 5.1.0 may begin to listen anew before it has answered
            await asyncio.sleep(1)
        self._player.username = str(wanted.get("web_ui_username", self._player.username))
        self._player.password = str(wanted.get("web_ui_password", self._player.password))
        self._set = wanted

    async def _preferences(self) -> dict[str, object]:
        sid = await self._player.log_in()
        head = (
            f"GET /api/v2/app/preferences HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: SID={sid}\r\n\r\n"
        )
        found = (await self._player.send(head.encode())).json
        assert isinstance(found, dict)
        return found

    async def _patiently(self, step: Step) -> tuple[Answer, str]:
        """The answer; what only reads is asked again while it is not as it was."""
        ends = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        while True:
            answer = await self._player.play(step)
            said = verdict(step.answer, answer)
            again = step.request["method"] == "GET" and "sync/" not in step.request["path"]
            if said in ALIKE or not again or asyncio.get_running_loop().time() > ends:
                return answer, said
            await asyncio.sleep(0.2)


def hashes(step: Step) -> str:
    """The torrents in an add's files."""
    files = step.request["body"]["multipart"]["files"]
    return "|".join(read_torrent(base64.b64decode(file["data_b64"])).hash for file in files)


def line(step: Step, answer: Answer, usual: dict[str, str]) -> str:
    """A step as it is stored."""
    said: dict[str, object] = {"status": answer.status}
    if without := [name for name in usual if name not in answer.headers]:
        said["without"] = without
    own = {name: value for name, value in answer.headers.items() if usual.get(name) != value}
    if own:
        said["headers"] = own
    try:
        said |= {"body": answer.body.decode()} if answer.body else {}
    except UnicodeDecodeError:
        said["body_b64"] = base64.b64encode(answer.body).decode()
    shown = {"name": step.name, "request": step.request, "response": said}
    return json.dumps(shown, ensure_ascii=False)


def keep(version: str, fresh: dict[str, tuple[Step, Answer, str]], names: set[str]) -> None:
    """Put the fresh answers of these steps into the stored recording."""
    path = FOLDER / f"{version}.jsonl"
    first, *lines = path.read_text("utf-8").splitlines()
    usual = json.loads(first)["usual"]
    kept = []
    for stored in lines:
        name = json.loads(stored)["name"]
        kept.append(line(*fresh[name][:2], usual) if name in names else stored)
    path.write_text("\n".join([first, *kept]) + "\n", "utf-8")


def report(version: str, fresh: dict[str, tuple[Step, Answer, str]]) -> None:
    """How many answers are as they were, and each that is not."""
    verdicts = {name: said for name, (_, _, said) in fresh.items()}
    counted = Counter(
        said if said in ALIKE else "elsewhere" if name in ELSEWHERE else "changed"
        for name, said in verdicts.items()
    )
    print(f"{version}: {counted['equal']} equal, {counted['shape']} equal in shape, "
          f"{counted['changed']} changed, {counted['elsewhere']} not repeated")  # fmt: skip
    for name, said in verdicts.items():
        if said not in ALIKE:
            print(f"  {name}: {ELSEWHERE.get(name, f'now {said}')}")


async def record(chroot: str, into: Path, names: set[str]) -> None:
    """One version's recording, made afresh."""
    async with AsyncExitStack() as stack:
        recorder = Recorder(chroot, stack)
        server = await recorder.begins()
        if not (FOLDER / f"{server.version}.jsonl").exists():
            print(f"skipped: there is no scenario for qBittorrent {server.version}")
            return
        fresh = await recorder.plays(steps(server.version))
    into.mkdir(parents=True, exist_ok=True)
    usual = json.loads((FOLDER / f"{server.version}.jsonl").read_text("utf-8").splitlines()[0])
    lines = [line(step, answer, usual["usual"]) for step, answer, _ in fresh.values()]
    target = into / f"{server.version}.jsonl"
    target.write_text("\n".join([json.dumps(usual), *lines]) + "\n", "utf-8")
    report(server.version, fresh)
    print(f"  all answers are in {target}")
    keep(server.version, fresh, names)


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chroot", default="", help="where a later qbittorrent-nox is installed")
    parser.add_argument("--into", type=Path, default=Path(".recorded"))
    parser.add_argument("--keep", nargs="*", default=[], help="steps whose answers are kept")
    given = parser.parse_args()
    if command(given.chroot) is None:
        print("skipped: there is no qbittorrent-nox here (apt-get install qbittorrent-nox)")
        return 0
    await record(given.chroot, given.into, set(given.keep))
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
