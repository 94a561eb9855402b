"""The log: one line per event, no secret in any of them, no forged lines."""

import json
import logging
import re
import sys
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from bridge.config import LogSettings
from bridge.logs import Redactor, printable, set_up

KEY = "11111111-2222-3333-4444-555555555555"


class Written:
    """What the log wrote so far."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self._text = ""

    @property
    def text(self) -> str:
        self._text += self._capsys.readouterr().err
        return self._text


@pytest.fixture
def written(capsys: pytest.CaptureFixture[str]) -> Iterator[Written]:
    """Standard error; logging is put back as it was."""
    root = logging.getLogger()
    level, before = root.level, (root.handlers[:], logging.raiseExceptions, sys.excepthook)
    logging.getLogger("bridge").setLevel(logging.NOTSET)  # the suite listens at the finest
    yield Written(capsys)
    logging.captureWarnings(False)
    root.handlers[:], logging.raiseExceptions, sys.excepthook = before
    root.setLevel(level)  # loggers remember what they may say until this is called


def failing_with(error: Exception, cause: Exception | None = None) -> None:
    raise error from cause


@pytest.fixture
def log() -> logging.Logger:
    return logging.getLogger("bridge.test")


def test_a_line_is_time_level_and_sentence(written: Written, log: logging.Logger) -> None:
    set_up(LogSettings(), [])
    log.info("%d torrents are here", 3)
    log.warning("careful")
    log.debug("not at this level")
    first, second = written.text.splitlines()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d INFO  3 torrents are here", first)
    assert second.endswith(" WARN  careful")


def test_a_json_line_holds_the_same(written: Written, log: logging.Logger) -> None:
    set_up(LogSettings(level="debug", format="json"), [KEY])
    log.debug('said "%s"\n', KEY)
    entry = json.loads(written.text)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", entry.pop("time"))
    assert entry == {
        "level": "debug",
        "part": "bridge.test",
        "message": 'said "<secret>"\\n',
    }


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_secret_shows_neither_in_message_arguments_nor_traceback(
    written: Written, log: logging.Logger, form: str
) -> None:
    redactor = set_up(LogSettings(format=form), [KEY])
    redactor.add("added-later")

    log.info(f"in the text: {KEY}")  # noqa: G004  what is tested
    log.info("in an argument: %s and %r", KEY, {"key": KEY})
    try:
        failing_with(RuntimeError({"answer": "added-later"}), ValueError(f"cause {KEY}"))
    except RuntimeError:
        log.exception("failed", stack_info=True)
    assert "cause <secret>" in written.text
    assert "RuntimeError: {'answer': '<secret>'}" in written.text
    assert KEY not in written.text
    assert "added-later" not in written.text


def test_a_line_that_cannot_be_formatted_is_kept_and_shows_no_secret(
    written: Written, log: logging.Logger
) -> None:
    set_up(LogSettings(), [KEY])
    log.info("%d torrents", KEY)
    assert "%d torrents (its arguments do not fit)" in written.text
    assert KEY not in written.text


def test_what_nobody_caught_goes_through_the_log(written: Written) -> None:
    set_up(LogSettings(), [KEY])
    try:
        failing_with(RuntimeError(KEY))
    except RuntimeError as error:
        sys.excepthook(type(error), error, error.__traceback__)
    assert " FATAL this should not happen" in written.text
    assert "RuntimeError: <secret>" in written.text


def test_setting_up_again_writes_every_line_once(written: Written, log: logging.Logger) -> None:
    set_up(LogSettings(), [])
    set_up(LogSettings(), [])
    log.info("once")
    assert written.text.count("once") == 1


@pytest.mark.parametrize("secret", ["p@ss w/rd+&=%", "päss'\"wörd", "back\\slash", "1234", "a.*[b"])
def test_a_known_secret_is_found_in_every_spelling(secret: str) -> None:
    redactor = Redactor([secret])
    for text in (secret, repr(secret), quote(secret, ""), quote(secret), json.dumps(secret)):
        cleaned = redactor.clean(f"before {text} after")
        assert re.fullmatch(r"before ['\"]?<secret>['\"]? after", cleaned)


def test_the_longer_of_two_secrets_is_hidden_whole() -> None:
    assert Redactor(["abcd", "abcdefgh"]).clean("abcdefgh abcd") == "<secret> <secret>"


def test_empty_and_tiny_secrets_do_not_garble_the_log() -> None:
    assert Redactor(["", "a", "abc"]).clean("an abc") == "an abc"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("GET https://store-079.wnam.tb-cdn.io/dld/0a1b?token=0c2d failed", "GET <link> failed"),
        ("URL('https://nexus.erth.tb-cdn.earth/zip/SECRET&filename=x')", "URL('<link>')"),
        ("http://TB-CDN.st/SECRET", "<link>"),
        ("https%3A%2F%2Fnexus.tb-cdn.io%2Fdld%2FSECRET", "<link>"),
        ("https://storage.torbox.app/SECRET", "<link>"),
        ("http://127.0.0.1:9/dld/SECRET?x=1", "http://127.0.0.1:9/dld/<secret>"),
        ("/v1/api/torrents/requestdl?token=SECRET&torrent_id=1", "requestdl?token=<secret>&"),
        ("a=1&apikey=SECRET", "apikey=<secret>"),
        ("api_key=SECRET;", "api_key=<secret>;"),
        ("{'api_key': 'SECRET'}", "{'api_key': '<secret>'}"),
        ('{"token": "SECRET", "a": 1}', '{"token": "<secret>", "a": 1}'),
        ("Authorization: Bearer SECRET", "Bearer <secret>"),
        ("{'Authorization': 'Bearer SECRET'}", "'Bearer <secret>'}"),
        ("Authorization: Basic SECRET", "Authorization: <secret>"),
        ("('authorization', 'Basic SECRET')", "('authorization', '<secret>')"),
        ("(b'Authorization', b'Basic SECRET')", "<secret>"),
        ("username=admin&password=SECRET", "username=admin&password=<secret>"),
        ("Cookie: SID=SECRET; a=b", "SID=<secret>; a=b"),
        ("QBT_SID_8484=SECRET", "QBT_SID_8484=<secret>"),
        ("http://user:SECRET@proxy:3128/", "http://<secret>@proxy:3128/"),
        ("https://t.example/announce?passkey=SECRET", "passkey=<secret>"),
        ("https://t.example/announce.php?torrent_pass=SECRET&x=1", "torrent_pass=<secret>&x=1"),
        ("https://t.example/announce/SECRET", "/announce/<secret>"),
        ("https://t.example/SECRET0123456789/announce", "t.example/<secret>/announce"),
        ("tr=https%3A%2F%2Ft.example%2FSECRET0123456789%2Fannounce&dn=x",
         "t.example%2F<secret>%2Fannounce&dn=x"),
        ("tr=https%3A%2F%2Ft.example%2Fannounce%3Fpasskey%3DSECRET%26a=1&dn=x",
         "passkey%3D<secret>%26a=1&dn=x"),
    ],
)  # fmt: skip
def test_what_looks_like_a_secret_is_hidden_whoever_wrote_it(text: str, left: str) -> None:
    cleaned = Redactor().clean(text)
    assert left in cleaned
    assert "SECRET" not in cleaned


@pytest.mark.parametrize(
    "text",
    [
        "Show.S01E01.1080p: TorBox has it, 3 of 12 files are here",
        "wrong password from 192.168.1.5, three times in a minute",
        "magnet:?xt=urn:btih:0123456789abcdef0123456789abcdef01234567&dn=Some.Name",
        "torbox-bridge ready: http://0.0.0.0:8484 qBittorrent v4.5.2 (2.8.19), 0 torrents",
        "udp://tracker.example:1337/announce",
        "POST /api/v2/torrents/add took 3 ms",
    ],
)
def test_ordinary_sentences_stay_as_they_are(text: str) -> None:
    assert Redactor([KEY]).clean(text) == text


def test_a_stranger_cannot_forge_a_line(written: Written, log: logging.Logger) -> None:
    set_up(LogSettings(), [])
    forged = "x\n2026-11-24 20:31:02 INFO  forged\r\x1b[2J\u2028\u202e\x85\ud800"
    log.info("added %s", forged)
    try:
        failing_with(ValueError(forged))
    except ValueError:
        log.exception("failed")
    lines = written.text.split("\n")
    assert lines[0].endswith(
        r"added x\n2026-11-24 20:31:02 INFO  forged\r\x1b[2J\u2028\u202e\x85\ud800"
    )
    assert sum(bool(re.match(r"\d{4}-", line)) for line in lines) == 2
    assert all(line.startswith("    ") for line in lines[2:-1])
    assert printable(written.text.replace("\n", "")) == written.text.replace("\n", "")


def test_a_huge_message_is_cut_and_no_secret_survives_at_the_edge(
    written: Written, log: logging.Logger
) -> None:
    set_up(LogSettings(), [KEY])
    for pad in range(7_950, 8_010, 7):
        log.info("%s", "x" * pad + KEY * 2_000)
    assert all(len(line) < 8_100 for line in written.text.splitlines())
    assert KEY[:8] not in written.text
