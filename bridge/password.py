"""The password that Sonarr and Radarr log in with, made at first start if none was set."""

import os
import secrets
import string
from contextlib import suppress
from pathlib import Path

from bridge.config.types import QBittorrentSettings
from bridge.errors import CannotStart

FILE_NAME = "qbittorrent-password"
LENGTH = 20
LETTERS = string.ascii_letters + string.digits
LARGEST_FILE = 1024


def qbittorrent_password(settings: QBittorrentSettings, state_path: Path) -> tuple[str, bool]:
    """The password, and whether it was made just now (only then is it shown).

    Raises CannotStart if the state folder does not let it be read or kept.
    """
    if settings.password:
        return settings.password, False
    file = state_path / FILE_NAME
    try:
        kept = _read(file)
        if kept:
            return kept, False
        password = "".join(secrets.choice(LETTERS) for _ in range(LENGTH))
        _write(file, password)
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text"
        raise CannotStart(f"the password file {file} cannot be used: {why}") from None
    return password, True


def _read(file: Path) -> str:
    """The kept password, "" if there is none yet."""
    try:
        with file.open("rb") as opened:
            if os.fstat(opened.fileno()).st_mode & 0o077:
                with suppress(PermissionError):  # somebody else's file, and theirs to close
                    file.chmod(0o600)
            return opened.read(LARGEST_FILE).decode().strip()
    except FileNotFoundError:
        return ""


def _write(file: Path, password: str) -> None:
    """Keep the password, readable by its owner only; after a crash it is there whole or not."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = file.with_name(f".{FILE_NAME}.new")
    fresh.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with os.fdopen(os.open(fresh, flags, 0o600), "w", encoding="ascii") as opened:
        opened.write(password + "\n")
        opened.flush()
        os.fsync(opened.fileno())
    fresh.replace(file)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
