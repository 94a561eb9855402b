"""The log in files: it rolls over, keeps secrets out, and holds nothing up."""

import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.config import LogSettings
from bridge.logfile import MOST_WAITING, FileLog
from bridge.logs import Redactor, TextFormatter, set_up


def record(text: str) -> logging.LogRecord:
    return logging.LogRecord("bridge", logging.INFO, "x.py", 1, text, None, None)


@pytest.fixture
def root_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, raising = root.handlers[:], root.level, logging.raiseExceptions
    yield
    for handler in root.handlers[:]:
        root.removeHandler(handler)
        if handler not in handlers:
            handler.close()
    for handler in handlers:
        root.addHandler(handler)
    root.setLevel(level)
    logging.raiseExceptions = raising
    logging.captureWarnings(False)


def test_the_same_lines_as_on_standard_error_are_kept_without_secrets(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], root_as_before: None
) -> None:
    redactor = set_up(LogSettings(), ["the-secret-key"], tmp_path / "logs")
    redactor.add("a-later-one")
    logging.getLogger("bridge").info("a story with the-secret-key and a-later-one\nand a line")
    for handler in logging.getLogger().handlers:
        handler.close()
    kept = (tmp_path / "logs" / "bridge.log").read_text()
    assert kept == capsys.readouterr().err
    assert "a story with <secret> and <secret>\\nand a line" in kept


def test_json_is_json_in_the_file_too(tmp_path: Path, root_as_before: None) -> None:
    set_up(LogSettings(format="json"), [], tmp_path)
    logging.getLogger("bridge").info("a story")
    for handler in logging.getLogger().handlers:
        handler.close()
    assert '"message": "a story"' in (tmp_path / "bridge.log").read_text()


def test_no_files_are_made_when_none_are_wanted(tmp_path: Path, root_as_before: None) -> None:
    set_up(LogSettings(files=0), [], tmp_path / "logs")
    logging.getLogger("bridge").info("a story")
    assert not (tmp_path / "logs").exists()


@pytest.mark.parametrize("files", [1, 3])
def test_the_newest_files_are_kept_and_the_oldest_goes(tmp_path: Path, files: int) -> None:
    log = FileLog(tmp_path, files, largest_bytes=100)
    for number in range(100):
        log.emit(record(f"line {number:03} {'x' * 20}"))
    log.close()
    names = {"bridge.log", *(f"bridge.log.{number}" for number in range(1, files))}
    assert {path.name for path in tmp_path.iterdir()} == names
    text = "".join(
        (tmp_path / name).read_text() for name in sorted(names, key=len, reverse=True)[::-1]
    )
    assert "line 099" in (tmp_path / "bridge.log").read_text()
    assert "line 000" not in text
    assert all(path.stat().st_size < 200 for path in tmp_path.iterdir())


def test_a_later_start_goes_on_in_the_same_file(tmp_path: Path) -> None:
    for text in ("first", "second"):
        log = FileLog(tmp_path, 5)
        log.setFormatter(TextFormatter(Redactor()))
        log.emit(record(text))
        log.close()
    lines = (tmp_path / "bridge.log").read_text().splitlines()
    assert [line.rpartition(" ")[2] for line in lines] == ["first", "second"]


def test_only_the_owner_can_read_it(tmp_path: Path) -> None:
    log = FileLog(tmp_path / "logs", 5)
    log.emit(record("a story"))
    log.close()
    assert stat.S_IMODE((tmp_path / "logs" / "bridge.log").stat().st_mode) == 0o600


def test_a_disk_that_hangs_costs_lines_and_no_time(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "bridge.log")  # whoever opens it to write waits for a reader
    log = FileLog(tmp_path, 5)
    for number in range(MOST_WAITING + 10):
        log.emit(record(f"line {number}"))
    log.close()  # a second at most
    assert log._lost >= 8
    os.close(os.open(tmp_path / "bridge.log", os.O_RDONLY | os.O_NONBLOCK))


def test_a_folder_that_cannot_be_made_is_tried_again_and_what_was_lost_is_counted(
    tmp_path: Path,
) -> None:
    (tmp_path / "logs").write_text("a file lies in the way")
    log = FileLog(tmp_path / "logs", 5)
    log.emit(record("lost"))
    while log._lost == 0:
        pass
    (tmp_path / "logs").unlink()
    log.emit(record("kept"))
    log.close()
    assert (tmp_path / "logs" / "bridge.log").read_text() == "(1 lines are missing here)\nkept\n"
