"""TorBox's list into `Seen`, forgiving: what is odd costs only itself, and is logged once.

The fields, words and oddities are those of torbox-api.md §2 and §3.
"""

import re
from collections.abc import Container

from bridge.model import Seen, SeenFile
from bridge.torbox.envelope import Oddities, flag, number, text, when, whole

ETA_UNKNOWN = 8640000  # TorBox's word for never

_HASH_IN_MAGNET = re.compile(r"urn:btih:([0-9a-fA-F]{40})\b")
_KNOWN_FIELDS = frozenset(
    re.findall(
        r"\w+",
        """id auth_id owner server hash name magnet size active created_at updated_at cached_at
        expires_at download_state seeds peers ratio progress download_speed upload_speed eta
        torrent_file download_present download_finished files download_path inactive_check
        availability tracker tracker_message total_uploaded total_downloaded cached seed_torrent
        allow_zipped long_term_seeding private alternative_hashes tags airlocked""",
    )
)
_KNOWN_STATES = frozenset(
    re.findall(
        r"\w+",
        """downloading forceddl forced_start metadl checkingresumedata checking checkingdl
        checkingup allocating moving processing pending stalled stalleddl paused pauseddl stoppeddl
        queued queueddl queuedup uploading stalledup forcedup pausedup completed cached incomplete
        failed error missing missingfiles expired""",
    )
)


class Page(tuple[Seen, ...]):
    """Items of the account, newest first, each once."""

    # Whether TorBox sent as many as were asked for, counting those that could not be read.
    full: bool = False
    # Whether every element could be read: only then does absence from the list mean anything.
    all_read: bool = True

    def without(self, ids: Container[int]) -> "Page":
        """The same page, less these items."""
        rest = Page(item for item in self if item.torrent_id not in ids)
        rest.full, rest.all_read = self.full, self.all_read
        return rest


def page(data: object, limit: int, oddities: Oddities) -> Page:
    """A list of items from a list's data; an odd element costs only itself."""
    elements = elements_of(data)
    items = [seen_item(element, oddities) for element in elements]
    first: dict[int, Seen] = {}
    for item in items:
        if item is not None:
            first.setdefault(item.torrent_id, item)
    found = Page(first.values())
    found.full = len(elements) >= limit
    found.all_read = None not in items
    return found


def elements_of(data: object) -> list[object]:
    """A list, one object instead of it, or nothing at all."""
    if isinstance(data, list):
        return data
    return [data] if isinstance(data, dict) and data else []


def seen_item(element: object, oddities: Oddities) -> Seen | None:
    """One item of `mylist`, None when it cannot be told which one it is."""
    if not isinstance(element, dict):
        oddities.note("element in a list", type(element).__name__)
        return None
    torrent_id, torrent_hash = whole(element.get("id")), hash_of(element)
    if torrent_id is None or not torrent_hash:
        oddities.note("element in a list", "without id or hash")
        return None
    for field in element.keys() - _KNOWN_FIELDS:
        oddities.note("field of an item", field)
    root, files = _files(element.get("files"), oddities)
    return Seen(
        torrent_id=torrent_id,
        hash=torrent_hash,
        name=text(element.get("name")) or torrent_hash,
        state=_state(element.get("download_state"), oddities),
        size=whole(element.get("size")) or 0,
        progress=min(1.0, max(0.0, number(element.get("progress")) or 0.0)),
        downloaded=whole(element.get("total_downloaded")) or 0,
        speed=whole(element.get("download_speed")) or 0,
        eta_seconds=_eta(element.get("eta")),
        seeds=whole(element.get("seeds")) or 0,
        peers=whole(element.get("peers")) or 0,
        availability=max(0.0, number(element.get("availability")) or 0.0),
        ratio=max(0.0, number(element.get("ratio")) or 0.0),
        active=flag(element.get("active")),
        finished=flag(element.get("download_finished")),
        present=flag(element.get("download_present")),
        cached=flag(element.get("cached")),
        private=flag(element.get("private")),
        created_at=when(element.get("created_at")),
        files=files,
        root=root,
    )


def hash_of(element: dict[str, object]) -> str:
    """The v1 hash in lower case, from the magnet if need be."""
    named = text(element.get("hash")).strip().lower()
    if named:
        return named[:64]
    found = _HASH_IN_MAGNET.search(text(element.get("magnet")))
    return found.group(1).lower() if found else ""


def _state(value: object, oddities: Oddities) -> str:
    state = text(value).partition("(")[0].strip().lower()[:80]
    if state.removeprefix("reported ") not in _KNOWN_STATES:
        oddities.note("download_state", state)
    return state


def _eta(value: object) -> int | None:
    seconds = number(value)
    return int(seconds) if seconds is not None and 0 < seconds < ETA_UNKNOWN else None


def _files(value: object, oddities: Oddities) -> tuple[str, tuple[SeenFile, ...]]:
    """The common first folder of the files, and the files below it."""
    if not isinstance(value, list) or not value:
        return "", ()
    files: dict[int, SeenFile] = {}
    for element in value:
        file = _file(element)
        if file is None or files.get(file.id, file) != file:
            # Some of the files would be taken for all of them: rather none for now.
            oddities.note("shape of files", "a file without its own id, size or name")
            return "", ()
        files[file.id] = file
    return _below_root(tuple(files.values()))


def _file(element: object) -> SeenFile | None:
    if not isinstance(element, dict):
        return None
    file_id, size = whole(element.get("id")), whole(element.get("size"))
    path = text(element.get("name")) or text(element.get("short_name"))
    path = "/".join(part for part in path.split("/") if part)
    if file_id is None or size is None or not path:
        return None
    md5 = text(element.get("md5")).lower()
    return SeenFile(
        id=file_id,
        path=path,
        size=size,
        md5=md5 if re.fullmatch(r"[0-9a-f]{32}", md5) else None,
        zipped=flag(element.get("zipped")),
        infected=flag(element.get("infected")),
    )


def _below_root(files: tuple[SeenFile, ...]) -> tuple[str, tuple[SeenFile, ...]]:
    splits = [file.path.partition("/") for file in files]
    roots = {root for root, _, _ in splits}
    if len(roots) != 1 or not all(rest for _, _, rest in splits) or roots & {".", ".."}:
        return "", files
    below = tuple(
        SeenFile(file.id, rest, file.size, file.md5, file.zipped, file.infected)
        for file, (_, _, rest) in zip(files, splits, strict=True)
    )
    return roots.pop(), below
