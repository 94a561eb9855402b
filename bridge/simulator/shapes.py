"""TorBox's JSON for items, files and queue entries, with the keys and types of the real captures
(torbox-api.md §2, Appendix A). Pure.
"""

import mimetypes
from datetime import UTC, datetime
from math import isfinite
from typing import Any

from . import zipped
from .account import Account, Item, QueueEntry
from .habits import Habits, Oddities
from .published import Published, TorrentFile
from .scripts import Look

DAY = 86400.0
UPLOAD_SPEED = 1024


def date(at: float, oddities: Oddities) -> str:
    """A date as TorBox writes it: since v5.0, or as before."""
    moment = datetime.fromtimestamp(at, UTC)
    if oddities.old_dates:
        return moment.strftime("%Y-%m-%dT%H:%M:%S.%f").rstrip("0").rstrip(".") + "+00:00"
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def item(item: Item, account: Account, at: float, habits: Habits) -> dict[str, Any]:
    """A mylist object."""
    look, odd = item.look(at), habits.oddities
    shown = (
        _who(item, account, look) | _how_far(item, look, at, odd) | _where(item, look, at, habits)
    )
    shown["created_at"] = date(item.born_at, odd)
    changed = item.present_at if look.present else at
    shown["updated_at"] = date(max(item.born_at, changed), odd)
    if look.metadata:
        shown["files"] = [file(item, one, habits) for one in listed_files(item)]
    return _oddly(shown, odd)


def _who(item: Item, account: Account, look: Look) -> dict[str, Any]:
    return {
        "id": item.id,
        "auth_id": account.auth_id,
        "server": 7,
        "hash": item.hash,
        "name": item.name if look.metadata else item.hash,
        "magnet": item.magnet,
        "size": item.torrent.size if look.metadata else 0,
        "active": look.active,
        "download_state": look.state,
        "torrent_file": item.with_torrent,
        "download_present": look.present,
        "download_finished": look.finished,
        "files": None,
        "owner": account.auth_id,
        "seed_torrent": item.seeds_for > 0,
        "allow_zipped": item.allow_zip,
        "long_term_seeding": False,
        "private": item.torrent.private,
        "alternative_hashes": item.alternative_hashes,
        "tags": item.tags,
    }


def _how_far(item: Item, look: Look, at: float, odd: Oddities) -> dict[str, Any]:
    size = item.torrent.size
    pace = _pace(item, at) if look.moving else 0
    seeding = look.present and look.active
    ratio = ratio_of(item, at)
    return {
        "seeds": look.seeds,
        "peers": look.peers,
        "ratio": round(ratio, 4),
        "progress": look.progress,
        "download_speed": pace,
        "upload_speed": UPLOAD_SPEED if seeding else 0,
        "eta": 0 if look.finished else _eta(size * (1 - look.progress), pace, odd),
        "availability": 1 if look.seeds else round(look.progress, 3),
        "total_uploaded": int(ratio * size),
        "total_downloaded": int(look.progress * size) if not item.cached_at_once else size,
    }


def _where(item: Item, look: Look, at: float, habits: Habits) -> dict[str, Any]:
    stored = look.finished and isfinite(item.present_at)
    kept = item.kept_for if isfinite(item.kept_for) else 30 * DAY
    expires = max(item.present_at, item.used_at) + kept
    trackers = item.torrent.trackers
    odd = habits.oddities
    return {
        "expires_at": date(expires, odd) if stored else None,
        "cached_at": date(item.present_at, odd) if look.present else None,
        "cached": look.present or (item.cached_at_once and not look.finished),
        "download_path": str(item.id) if look.finished else None,
        "tracker": trackers[0] if trackers and look.active and look.metadata else None,
        "tracker_message": "rested\tand\x01well" if odd.raw_control_characters else None,
    }


def ratio_of(item: Item, at: float) -> float:
    """Uploaded by downloaded: as set, else what a small pace gave since the end."""
    if item.ratio is not None:
        return item.ratio
    seeded = min(at - item.present_at, item.seeds_for)
    if not isfinite(seeded) or seeded <= 0 or not item.torrent.size:
        return 0.0
    return seeded * UPLOAD_SPEED / item.torrent.size


def _pace(item: Item, at: float) -> int:
    """Bytes a second: what its script makes of the next second."""
    elapsed = item.elapsed(at)
    grown = item.script.look(elapsed + 1).progress - item.script.look(elapsed).progress
    return max(1, int(item.torrent.size * grown))


def _eta(bytes_left: float, pace: int, odd: Oddities) -> float:
    return int(bytes_left / pace) if pace else odd.infinite_eta


def is_zipped(item: Item) -> bool:
    """TorBox zips a hundred files and more unless told not to (§1.3)."""
    return item.allow_zip and len(item.torrent.files) >= zipped.FROM_FILES


def listed_files(item: Item) -> tuple[TorrentFile, ...]:
    """The files as the item lists them: all, or one zip."""
    if not is_zipped(item):
        return item.torrent.files
    return (TorrentFile(0, f"{item.torrent.name}.zip", zipped.size(item.torrent)),)


def file(item: Item, file: TorrentFile, habits: Habits) -> dict[str, Any]:
    """A files[] object (§2.2)."""
    path = item.torrent.listed_path(file, in_folder=habits.single_file_in_folder)
    path = file.path if is_zipped(item) else path
    short = path.rpartition("/")[2]
    md5 = item.torrent.md5(file.path) if habits.gives_md5 and not is_zipped(item) else None
    return {
        "id": file.id,
        "md5": md5,
        "hash": item.hash,
        "name": path,
        "size": file.size,
        "zipped": is_zipped(item),
        "s3_path": f"buckets/{item.id}/{short}",
        "infected": short in habits.infected,
        "mimetype": mimetype(short),
        "short_name": short,
        "absolute_path": f"/completed/{path}",
        "opensubtitles_hash": None,
    }


def mimetype(name: str) -> str:
    """As TorBox says it."""
    if name.endswith(".mkv"):
        return "video/x-matroska"
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


def entry(entry: QueueEntry, habits: Habits) -> dict[str, Any]:
    """A getqueued object: no state, no progress (§1.4)."""
    return {
        "id": entry.id,
        "created_at": date(entry.born_at, habits.oddities),
        "magnet": entry.item.magnet,
        "torrent_file": None,
        "hash": entry.hash,
        "name": entry.item.name,
        "type": "torrent",
        "name_override": entry.name,
        "seed_torrent_override": None,
    }


def _oddly(shown: dict[str, Any], odd: Oddities) -> dict[str, Any]:
    """The item with today's surprises."""
    cased = {"title": str.title, "upper": str.upper, "lower": str.lower}.get(odd.state_case)
    if cased:
        shown["download_state"] = cased(shown["download_state"])
    if odd.progress_in_percent:
        shown["progress"] *= 100
    if odd.numbers_as_floats:
        shown.update({k: float(v) for k, v in shown.items() if type(v) is int and k != "id"})
    if odd.ids_as_text:
        shown["id"] = str(shown["id"])
    if odd.active_as != "bool":
        words = {"int": (0, 1), "text": ("false", "true")}[odd.active_as]
        shown["active"] = words[shown["active"]]
    if odd.unknown_keys:
        shown |= {"airlocked": False, "orbit": {"x": [1, 2]}, "inactive_check": 0}
    return shown


def info(torrent: Published) -> dict[str, Any]:
    """A torrentinfo object."""
    return {
        "name": torrent.name,
        "hash": torrent.hash,
        "size": torrent.size,
        "trackers": list(torrent.trackers),
        "seeds": torrent.script.look(0).seeds,
        "peers": torrent.script.look(0).peers,
        "files": [{"name": torrent.listed_path(f), "size": f.size} for f in torrent.files],
    }


def user(account: Account, now: float, habits: Habits) -> dict[str, Any]:
    """A user/me object. No slot or usage counters (§1.5)."""
    odd, until = habits.oddities, account.cooldown_until
    return {
        "id": account.id,
        "auth_id": account.auth_id,
        "created_at": date(now - 400 * DAY, odd),
        "updated_at": date(now, odd),
        "plan": account.plan_number,
        "total_downloaded": account.downloads_this_month,
        "customer": "cus_simulated",
        "server": 7,
        "is_subscribed": account.plan_number > 0,
        "premium_expires_at": date(now + 90 * DAY, odd) if account.plan_number else None,
        "cooldown_until": date(until, odd) if until is not None else None,
        "email": f"user{account.id}@example.com",
        "user_referral": account.auth_id,
        "base_email": f"user{account.id}@example.com",
        "total_bytes_downloaded": 0,
        "total_bytes_uploaded": 0,
        "torrents_downloaded": account.downloads_this_month,
        "web_downloads_downloaded": 0,
        "usenet_downloads_downloaded": 0,
        "additional_concurrent_slots": account.additional_slots,
        "long_term_seeding": False,
        "long_term_storage": False,
        "is_vendor": False,
        "vendor_id": None,
        "purchases_referred": 0,
    }


def settings() -> dict[str, Any]:
    """What settings=true adds: other services' secrets among it, so do not ask (§1.5)."""
    return {
        "seed_torrents": 1,
        "allow_zipped": True,
        "cdn_selection": "auto",
        "append_filename_to_links": False,
        "webdav_use_local_files": False,
        "webdav_use_folder_view": True,
        "webdav_flatten": False,
        "webhook_url": None,
        "webhook_notifications": False,
        "mega_password": "a secret of another service",
        "pixeldrain_api_key": "a secret of another service",
        "onefichier_api_key": "a secret of another service",
        "gofile_api_key": "a secret of another service",
    }
