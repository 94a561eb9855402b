"""Recorded calls, sent to a server byte for byte as they were sent to the real one."""

import asyncio
import base64
import gzip
import json
import re
from pathlib import Path

# What was done between the recorded calls: before this step, these.
BETWEEN = {
    "cat.edit_no_change": [
        ("torrents/editCategory", "category=sonarr&savePath=%2Flab%2Fcats%2Fsonarr")
    ],
    "sync.delta_category_added": [("torrents/createCategory", "category=newcat")],
    "sync.delta_category_removed": [("torrents/removeCategories", "categories=newcat")],
    "info.magnet_forcedMetaDL": [
        ("torrents/add", f"urls=magnet:?xt=urn:btih:{'fa' * 20}&forced=true")
    ],
    "tracker.warning_message": [("torrents/add", f"urls={'c2' * 20}")],
    "info.hashes_uppercase": [
        ("torrents/add", "urls=magnet:?xt=urn:btih:ABCDEF4444444444444444444444444444444444")
    ],
    "dup.info_magnet_got_metadata_from_file": [
        (
            "torrents/add",
            "urls=magnet:?xt=urn:btih:f52360ca12441336bc516cce4954f0f8247fe029%26dn=mag",
        )
    ],
    "tracker.http_503": [("torrents/add", f"urls={'c3' * 20}")],
}
# A torrent that was added between the recorded calls, and by which recorded call it is added.
ADDED = {
    "partial.files_stopped": "layout.multi_original.add",
    "dup.info_magnet_got_metadata_from_file": "add.file_single_stopped",
    "pref_layout_subfolder.info": "pref_ext.add",
    "tmm.complete_in_category_path": "add.file_single_stopped",
}
# Polls between the recorded calls: before the first of these, the second's rid was given.
POLLED = {
    "files.indexes_garbage": "sync.delta_nothing_changed",
    "setTags.ok": "sync.delta_tags_removed",
    "info.big_downloading": "sync.delta_downloading",
    "props.meta_done": "sync.delta_torrent_removed",
}
FOLDER = Path(__file__).parent / "recordings"
PASSWORD = "pass-word"  # of the house; the laboratory's needed escapes
LAB = "/lab"  # where the laboratory kept its downloads and everything else


class Answer:
    """An answer, recorded or ours, with what says nothing left out."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        packed = headers.get("content-encoding") == "gzip"
        self.status, self.headers = status, headers
        self.body = gzip.decompress(body) if packed else body

    @property
    def kind(self) -> str:
        return self.headers.get("content-type", "")

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    @property
    def json(self) -> object:
        return json.loads(self.body) if self.kind == "application/json" else None


class Step:
    """One call of a recording."""

    def __init__(self, call: dict, usual: dict[str, str]) -> None:
        self.name, self.request = call["name"], call["request"]
        said = call["response"]
        headers = {key: value for key, value in usual.items() if key not in said.get("without", ())}
        body = said.get("body", "").encode() or base64.b64decode(said.get("body_b64", ""))
        self.answer = Answer(said["status"], headers | said.get("headers", {}), body)

    @property
    def sid(self) -> str:
        """The session id that the request carries, "" if none."""
        found = re.search(r'SID="?([^;"]+)', self.request.get("headers", {}).get("Cookie", ""))
        return found[1] if found else ""


def steps(version: str) -> list[Step]:
    first, *lines = (FOLDER / f"{version}.jsonl").read_text("utf-8").splitlines()
    usual = json.loads(first)["usual"]
    return [Step(json.loads(line), usual) for line in lines]


class Player:
    """Sends recorded requests to a server, with its own port, paths and session ids put in.

    `places` says where the laboratory's folders are here, longest first.
    """

    def __init__(self, port: int, places: dict[str, str]) -> None:
        self.port, self.places = port, places
        self.username, self.password = "admin", PASSWORD
        self.sids: dict[str, str] = {}  # recorded → ours
        self.rids: dict[str, dict[int, int]] = {}  # our session → recorded rid → our rid

    def ours(self, text: str) -> str:
        """What the laboratory called its own, in our terms."""
        for lab, place in self.places.items():
            for spelled in (lab, lab.replace("/", "%2F")):
                pattern = re.escape(spelled) + r"(?=$|[/&\s\"'%;])"
                text = re.sub(pattern, place, text)
        text = text.replace(":8080", f":{self.port}")
        for lab in ("s3cret-Pass%2Bword%26%3D", "s3cret-Pass+word&="):
            text = text.replace(lab, PASSWORD)
        for recorded, sid in self.sids.items():
            text = text.replace(recorded, sid)
        return text

    def theirs(self, body: bytes) -> bytes:
        """Our answer in the laboratory's terms."""
        for lab, place in self.places.items():
            body = body.replace(place.encode(), lab.encode())
        return body

    def raw(self, step: Step) -> bytes:
        request = step.request
        if "raw" in request:
            return self.ours(request["raw"]).encode()
        body = self._body(request.get("body"), request.get("headers", {}))
        headers = {key: self.ours(value) for key, value in request.get("headers", {}).items()}
        if body or request["method"] == "POST":
            headers["Content-Length"] = str(len(body))
        head = f"{request['method']} {self.ours(request['path'])} HTTP/1.1\r\n"
        head += "".join(f"{key}: {value}\r\n" for key, value in headers.items())
        return head.encode() + b"\r\n" + body

    def _body(self, body: object, headers: dict[str, str]) -> bytes:
        if isinstance(body, str):
            return self.ours(body).encode()
        if not isinstance(body, dict):
            return b""
        if "b64" in body:
            return base64.b64decode(body["b64"])
        boundary = headers["Content-Type"].partition("boundary=")[2].encode()
        parts = [
            b'Content-Disposition: form-data; name="%s"\r\n\r\n%s'
            % (name.encode(), self.ours(value).encode())
            for name, value in body["multipart"]["fields"]
        ]
        for file in body["multipart"]["files"]:
            parts.append(
                b'Content-Disposition: form-data; name="%s"; filename="%s"\r\n'
                b"Content-Type: application/x-bittorrent\r\n\r\n%s"
                % (
                    file["name"].encode(),
                    file["filename"].encode(),
                    base64.b64decode(file["data_b64"]),
                )
            )
        whole = b"".join(b"--%s\r\n%s\r\n" % (boundary, part) for part in parts)
        return whole + b"--%s--\r\n" % boundary

    async def send(self, raw: bytes) -> Answer:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(raw)
            async with asyncio.timeout(20):
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                first, *lines = head.strip().split("\r\n")
                headers = dict(line.split(": ", 1) for line in lines)
                headers = {name.lower(): value for name, value in headers.items()}
                length = int(headers.get("content-length", "0"))
                body = b"" if raw.startswith(b"HEAD") else await reader.readexactly(length)
        finally:
            writer.close()
        for name in ("date", "connection", "content-length"):
            headers.pop(name, None)
        answer = Answer(int(first.split()[1]), headers, body)
        answer.body = self.theirs(answer.body)
        return answer

    async def log_in(self) -> str:
        body = f"username={self.username}&password={self.password}".encode()
        answer = await self.send(
            b"POST /api/v2/auth/login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: "
            b"application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
        )
        assert "set-cookie" in answer.headers, answer.text
        return answer.headers["set-cookie"].partition(";")[0].removeprefix("SID=")

    async def play(self, step: Step) -> Answer:
        """Send this step, in a session that is begun here if its beginning was not recorded."""
        known = step.sid in self.sids or step.answer.status in {401, 403}
        if step.sid and not known:
            self.sids[step.sid] = await self.log_in()
        raw = self.raw(step)
        if "sync/maindata?rid=" in step.request["path"]:
            raw = await self._with_our_rid(step, raw)
        answer = await self.send(raw)
        begun = re.match(r"SID=([^;]+);", step.answer.headers.get("set-cookie", ""))
        ours = re.match(r"SID=([^;]+);", answer.headers.get("set-cookie", ""))
        if begun and ours:
            self.sids[begun[1]] = ours[1]
        if "sync/maindata" in step.request["path"] and answer.status == 200:
            rids = self.rids.setdefault(step.sid, {})
            rids[step.answer.json["rid"]] = answer.json["rid"]
        return answer

    async def _with_our_rid(self, step: Step, raw: bytes) -> bytes:
        """The rid that we gave where the real server gave the recorded one.

        If it gave that one in an answer that was not kept, there is such an answer here, too.
        """
        rids = self.rids.setdefault(step.sid, {})
        recorded = step.request["path"].rpartition("=")[2]
        if not recorded.isdigit() or not int(recorded):
            return raw
        if int(recorded) not in rids and "old" not in step.name:
            await self.know(step)
        ours = rids.get(int(recorded), recorded)
        return raw.replace(f"rid={recorded} ".encode(), f"rid={ours} ".encode(), 1)

    async def know(self, step: Step) -> None:
        """Let the session of this step have been answered with the rid that the step sends."""
        if step.sid not in self.sids:
            self.sids[step.sid] = await self.log_in()
        rids = self.rids.setdefault(step.sid, {})
        recorded = int(step.request["path"].rpartition("=")[2])
        last = max(rids.values(), default=0) if recorded > 1 else 0
        answer = await self.send(
            f"GET /api/v2/sync/maindata?rid={last} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Cookie: SID={self.sids[step.sid]}\r\n\r\n".encode()
        )
        rids[recorded] = answer.json["rid"]

    async def again(self, step: Step) -> None:
        """Make a recorded call once more, in a session of its own."""
        request = step.request
        headers = request.get("headers", {}) | {"Cookie": f"SID={await self.log_in()}"}
        step.request = request | {"headers": headers}
        await self.send(self.raw(step))
        step.request = request

    async def post(self, path: str, body: str) -> None:
        """A call that was made between the recorded ones."""
        sid = await self.log_in()
        head = (
            f"POST /api/v2/{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: SID={sid}\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\n"
        )
        data = self.ours(body).encode()
        await self.send(f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data)
