"""The generated password: made once, kept for its owner only."""

import re
from pathlib import Path

import pytest

from bridge.config import QBittorrentSettings
from bridge.errors import CannotStart
from bridge.password import qbittorrent_password

UNSET = QBittorrentSettings()


def test_a_password_that_was_set_is_used_and_nothing_is_kept(tmp_path: Path) -> None:
    settings = QBittorrentSettings(password="chosen")
    assert qbittorrent_password(settings, tmp_path) == ("chosen", False)
    assert list(tmp_path.iterdir()) == []


def test_without_one_twenty_letters_and_digits_are_made_once(tmp_path: Path) -> None:
    state = tmp_path / "new" / "state"
    password, made_now = qbittorrent_password(UNSET, state)
    assert made_now
    assert re.fullmatch(r"[A-Za-z0-9]{20}", password)
    assert qbittorrent_password(UNSET, state) == (password, False)
    assert qbittorrent_password(UNSET, tmp_path / "other")[0] != password


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    qbittorrent_password(UNSET, tmp_path)
    (file,) = tmp_path.iterdir()
    assert file.name == "qbittorrent-password"
    assert file.stat().st_mode & 0o777 == 0o600
    file.chmod(0o644)
    qbittorrent_password(UNSET, tmp_path)
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_start_that_was_cut_short_does_not_stop_the_next(tmp_path: Path) -> None:
    (tmp_path / ".qbittorrent-password.new").write_text("half")
    (tmp_path / "qbittorrent-password").write_text("")
    password, made_now = qbittorrent_password(UNSET, tmp_path)
    assert made_now
    assert [file.read_text() for file in tmp_path.iterdir()] == [password + "\n"]


def test_a_password_file_that_cannot_be_used_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "qbittorrent-password").mkdir()
    with pytest.raises(CannotStart, match=r"the password file .* cannot be used: Is a directory"):
        qbittorrent_password(UNSET, tmp_path)
