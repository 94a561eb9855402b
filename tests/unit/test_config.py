"""Settings: which source wins, and what a person reads when one is wrong."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from bridge.config import ImportMode, Settings, apply_umask, load, time_factor
from bridge.config.environment import names
from bridge.errors import BadSettings

KEY = "11111111-2222-3333-4444-555555555555"

Load = Callable[..., Settings]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which the command is started, outside a container."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def load_it(here: Path, tmp_path: Path) -> Load:
    """Load settings from a text (as --config) and variables."""

    def load_it(text: str | None = None, **environ: str) -> Settings:
        file = None
        if text is not None:
            file = tmp_path / "settings.yaml"
            file.write_text(text)
        return load(file, {"HOME": "/home/someone", **environ}, container=tmp_path / "none")

    return load_it


def sentence(load_it: Load, text: str | None = None, **environ: str) -> str:
    with pytest.raises(BadSettings) as caught:
        load_it(text, **environ)
    said = str(caught.value)
    assert "\n" not in said
    return said


# --- where they come from


def test_without_file_and_variables_everything_has_its_default(load_it: Load, here: Path) -> None:
    settings = load_it()
    assert settings.server.port == 8484
    assert settings.state.path == "/home/someone/.local/state/torbox-bridge"
    assert settings.downloads.path == str(here / "downloads")


def test_in_a_container_the_paths_are_config_and_data(here: Path, tmp_path: Path) -> None:
    container = tmp_path / "config"
    container.mkdir()
    settings = load(None, {}, container=container)
    assert (settings.state.path, settings.downloads.path) == ("/config", "/data/torrents")


def test_the_state_follows_xdg_state_home_if_it_is_absolute(load_it: Load) -> None:
    assert load_it(XDG_STATE_HOME="/var/x").state.path == "/var/x/torbox-bridge"
    assert load_it(XDG_STATE_HOME="x").state.path.startswith("/home/someone/")


def test_the_environment_wins_over_the_file_and_the_file_over_the_default(load_it: Load) -> None:
    text = "server: {port: 1000, url_base: /file}"
    settings = load_it(text, BRIDGE_SERVER__PORT="2000")
    assert (settings.server.port, settings.server.url_base) == (2000, "/file")
    assert settings.server.host == Settings().server.host


def test_the_file_is_the_named_one_then_the_containers_then_the_one_here(
    here: Path, tmp_path: Path
) -> None:
    container = tmp_path / "config"
    container.mkdir()
    files = {
        "here": here / "config.yaml",
        "container": container / "config.yaml",
        "variable": tmp_path / "variable.yaml",
        "argument": tmp_path / "argument.yaml",
    }

    def username(argument: Path | None = None, **environ: str) -> str:
        return load(argument, environ, container=container).qbittorrent.username

    found = []
    for name, file in files.items():
        file.write_text(f"qbittorrent: {{username: {name}}}")
        environ = {"BRIDGE_CONFIG": str(file)} if name in ("variable", "argument") else {}
        found.append(username(file if name == "argument" else None, **environ))
    assert found == list(files)
    assert username(files["argument"], BRIDGE_CONFIG=str(files["variable"])) == "argument"


@pytest.mark.parametrize("how", ["argument", "variable"])
def test_a_named_file_that_is_missing_is_an_error(here: Path, tmp_path: Path, how: str) -> None:
    missing = tmp_path / "missing.yaml"
    argument = missing if how == "argument" else None
    environ = {"BRIDGE_CONFIG": str(missing)} if how == "variable" else {}
    with pytest.raises(BadSettings, match=r"missing\.yaml: there is no such settings file"):
        load(argument, environ, container=tmp_path / "none")


def test_a_folder_in_place_of_the_file_is_one_sentence(here: Path, tmp_path: Path) -> None:
    (here / "config.yaml").mkdir()
    with pytest.raises(BadSettings, match="it is a folder"):
        load(None, {}, container=tmp_path / "none")


def test_every_simple_setting_can_come_from_the_environment(load_it: Load) -> None:
    settings = load_it(
        BRIDGE_TORBOX__POLL_SECONDS="30",
        BRIDGE_TORBOX__SHARE="0.5",
        BRIDGE_DOWNLOADS__IMPORT="hardlink",
        BRIDGE_QBITTORRENT__DIALECT="5",
        BRIDGE_QBITTORRENT__TRUSTED_NETWORKS="192.168.1.10, 10.0.0.0/8",
        BRIDGE_SERVER__ALLOWED_HOSTS="[Bridge.Example, other.example]",
        BRIDGE_ARRS="[{name: sonarr, url: 'http://sonarr:8989/', api_key: abcdef}]",
        BRIDGE_CATEGORIES="{tv: {give_up: {no_seeds_hours: 3}}}",
    )
    assert (settings.torbox.poll_seconds, settings.torbox.share) == (30.0, 0.5)
    assert settings.downloads.import_mode is ImportMode.HARDLINK
    assert settings.qbittorrent.dialect == "5"
    assert settings.qbittorrent.trusted_networks == ("192.168.1.10/32", "10.0.0.0/8")
    assert settings.server.allowed_hosts == ("bridge.example", "other.example")
    assert settings.arrs[0].url == "http://sonarr:8989"
    assert settings.category("tv").give_up.no_seeds_hours == 3.0


def test_an_empty_variable_says_nothing(load_it: Load) -> None:
    settings = load_it("server: {port: 1000}", BRIDGE_SERVER__PORT="", TORBOX_API_KEY=" ")
    assert (settings.server.port, settings.torbox.api_key) == (1000, "")


def test_the_key_is_taken_under_the_name_that_users_know(load_it: Load) -> None:
    assert load_it("torbox: {api_key: other}", TORBOX_API_KEY=f" {KEY}\n").torbox.api_key == KEY
    both = load_it(TORBOX_API_KEY="short", BRIDGE_TORBOX__API_KEY=KEY)
    assert both.torbox.api_key == KEY


@pytest.mark.parametrize(
    "variable",
    ["TORBOX_API_KEY_FILE", "FILE__TORBOX_API_KEY", "BRIDGE_TORBOX__API_KEY_FILE",
     "FILE__BRIDGE_TORBOX__API_KEY"],
)  # fmt: skip
def test_a_secret_comes_trimmed_from_the_file_that_a_variable_names(
    load_it: Load, tmp_path: Path, variable: str
) -> None:
    (tmp_path / "key").write_text(f"\ufeff{KEY}\r\n\n")
    assert load_it(**{variable: str(tmp_path / "key")}).torbox.api_key == KEY


def test_any_setting_can_come_from_a_file(load_it: Load, tmp_path: Path) -> None:
    (tmp_path / "port").write_text("1234\n")
    assert load_it(BRIDGE_SERVER__PORT_FILE=str(tmp_path / "port")).server.port == 1234


def test_a_secret_file_that_cannot_be_used_is_one_sentence(load_it: Load, tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "large").write_text("x" * 70_000)
    for name, why in {
        "missing": "cannot be read: No such file",
        "empty": "is empty",
        "binary": "is not UTF-8",
        "large": "is larger than",
        "": "cannot be read: Is a directory",
    }.items():
        said = sentence(load_it, TORBOX_API_KEY_FILE=str(tmp_path / name))
        assert said.startswith("TORBOX_API_KEY_FILE: ")
        assert why in said


def test_a_key_given_in_place_of_its_file_is_not_repeated(load_it: Load) -> None:
    assert KEY not in sentence(load_it, TORBOX_API_KEY_FILE=KEY)


def test_a_setting_given_directly_and_as_a_file_is_an_error(load_it: Load) -> None:
    said = sentence(load_it, TORBOX_API_KEY=KEY, TORBOX_API_KEY_FILE="/x")
    assert said == "TORBOX_API_KEY and TORBOX_API_KEY_FILE are both set: keep one of them"


@pytest.mark.parametrize(
    ("variable", "suggestion"),
    [
        ("BRIDGE_SERVER__PROT", "BRIDGE_SERVER__PORT"),
        ("BRIDGE_SERVER_PORT", "BRIDGE_SERVER__PORT"),
        ("BRIDGE_PORT", "BRIDGE_SERVER__PORT"),
        ("BRIDGE_CONFIGS", "BRIDGE_CONFIG"),
        ("FILE__BRIDGE_TORBOX__APIKEY", "BRIDGE_TORBOX__API_KEY"),
        ("BRIDGE_DOWNLOADS__IMPORT_MODE", "BRIDGE_DOWNLOADS__IMPORT"),
    ],
)
def test_an_unknown_variable_is_an_error_that_suggests_the_nearest(
    load_it: Load, variable: str, suggestion: str
) -> None:
    said = sentence(load_it, **{variable: "1"})
    assert said == f"{variable}: there is no such setting; did you mean {suggestion}?"


def test_variables_of_other_programs_are_left_alone(load_it: Load) -> None:
    load_it(FILE__OTHER="/nowhere", BRIDGET="x", TORBOX_PLAN="x", BRIDGE_TIME_FACTOR="60")


# --- what is wrong, and where


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("server:\n  prot: 1", "server.prot: there is no such setting; did you mean server.port?"),
        ("srever: {}", "srever: there is no such setting; did you mean server?"),
        ("port: 1", "port: there is no such setting; did you mean server.port?"),
        ("xyzzy: 1", "xyzzy: there is no such setting"),
        ("categories:\n  tv:\n    cachd: any",
         "categories.tv.cachd: there is no such setting; did you mean categories.tv.cached?"),
        ("categories:\n  tv:\n    give_up: {no_seed_hours: 1}",
         "categories.tv.give_up.no_seed_hours: there is no such setting; "
         "did you mean categories.tv.give_up.no_seeds_hours?"),
        ("downloads: {import_mode: move}",
         "downloads.import_mode: there is no such setting; did you mean downloads.import?"),
    ],
)  # fmt: skip
def test_an_unknown_setting_is_an_error_that_suggests_the_nearest(
    load_it: Load, text: str, said: str
) -> None:
    assert sentence(load_it, text).startswith(said)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("server:\n  port: many", "server.port: expected a whole number, got 'many'"),
        ("server: {port: 1.5}", "server.port: expected a whole number, got '1.5'"),
        ("server: {port: [1]}", "server.port: expected a whole number, got a list"),
        ("torbox: {share: .nan}", "torbox.share: expected a number, got '.nan'"),
        ("torbox: {share: nan}", "torbox.share: expected a number, got 'nan'"),
        ("torbox: {poll_seconds: inf}", "torbox.poll_seconds: expected a number, got 'inf'"),
        ("torbox: {api_key: {a: b}}", "torbox.api_key: expected text, got settings below it"),
        ("server: yes", "server: expected settings below it (name: value), got text"),
        ("categories: [tv]", "categories: expected settings below it (name: value), got a list"),
        ("server: {allowed_hosts: {a: b}}", "server.allowed_hosts: expected a list, got settings"),
        ("downloads: {import: copy}", "downloads.import: expected one of move, hardlink, got"),
        ("categories: {tv: {cached: never}}",
         "categories.tv.cached: expected one of any, cached_first, cached_only, got 'never'"),
    ],
)  # fmt: skip
def test_a_wrong_type_says_what_was_expected_and_where(load_it: Load, text: str, said: str) -> None:
    assert sentence(load_it, text).startswith(said)


def test_an_error_names_the_file_and_the_line_or_the_variable(load_it: Load) -> None:
    said = sentence(load_it, "# a comment\nserver:\n  host: x\n  port: many\n")
    assert said.endswith("settings.yaml, line 4)")
    said = sentence(load_it, "server:\n  port: 1\n", BRIDGE_SERVER__PORT="many")
    assert said.endswith("(BRIDGE_SERVER__PORT)")


def test_a_wrong_file_is_an_error_also_where_a_variable_would_hide_it(load_it: Load) -> None:
    assert "server: expected" in sentence(load_it, "server: x", BRIDGE_SERVER__PORT="1")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: [", "line 2: "),
        ("server:\n\tport: 1", "found character '\\t'"),
        ("torbox: {}\nserver: {}\ntorbox: {}", "line 3: torbox is set twice"),
        ("server:\n  port: 1\n  port: 2", "line 3: server.port is set twice"),
        ("categories:\n  *: {}", 'needs quotes: "*"'),
        ("torbox: {api_key: !!python/object/apply:os.getcwd []}", "line 1: tags"),
        ("torbox: {api_key: !!python/name:os.getcwd ''}", "line 1: tags"),
        ("? [a]\n: b", "line 1: a name must be plain text"),
        ('"a\\nb": 1', "line 1: a name is too long or holds a control character"),
        ("a: &a [*a]", "nested too deeply"),
        ("[" * 50_000, "nested too deeply"),
        ("a: \x01", "a character that YAML does not allow"),
        ("--- {}\n--- {}", "expected a single document"),
        ("just text", "expected settings (name: value) at the top"),
        ("#" * 300_000, "it is larger than 256 KiB"),
    ],
)
def test_what_is_not_good_yaml_is_one_sentence_with_its_line(
    load_it: Load, text: str, said: str
) -> None:
    assert said in sentence(load_it, text)


def test_aliases_cannot_multiply(load_it: Load) -> None:
    text = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)
    )
    assert "too large" in sentence(load_it, text)


@pytest.mark.parametrize(
    "text",
    [
        "torbox: {api_key: *hunter22}",
        "torbox: {api_key: !hunter22 x}",
        "torbox:\n  api_key: 'hunter22",
        "torbox: {api_key: [hunter22]}",
        "torbox: hunter22",
        "qbittorrent: {password: {hunter22: 1}}",
        "torbox: {api_key: hunter22 x}",
    ],
)
def test_an_error_near_a_secret_does_not_repeat_it(load_it: Load, text: str) -> None:
    assert "hunter22" not in sentence(load_it, text)


def test_a_long_value_is_not_repeated_as_it_may_be_a_key_in_the_wrong_place(load_it: Load) -> None:
    for variable in ("BRIDGE_SERVER__PORT", "BRIDGE_LOG__LEVEL", "BRIDGE_SERVER__TRUSTED_PROXIES"):
        assert KEY not in sentence(load_it, **{variable: KEY})


def test_a_file_that_says_nothing_is_fine(load_it: Load) -> None:
    everything_left_out = "server:\n  port:\n  host: ~\ncategories:\ntorbox: null\n"
    for text in ("", "# only a comment\n", "{}", everything_left_out):
        assert load_it(text) == load_it()


def test_text_stays_as_it_was_written(load_it: Load) -> None:
    text = "qbittorrent: {password: 0123, username: no, dialect: 5}"
    face = load_it(text).qbittorrent
    assert (face.password, face.username, face.dialect) == ("0123", "no", "5")


WORDS = (
    "torbox server categories * tv give_up port api_key arrs name url cached no_seeds_hours x "
    "downloads path import log level allowed_hosts qbittorrent public_url url_base"
)
KEYS = st.sampled_from(WORDS.split())
SCALARS = st.one_of(
    st.none(), st.text(max_size=5), st.integers(), st.floats(), st.booleans(),
    st.sampled_from(["http://x", "http://[::1", "::1", "10.0.0.0/8", "any", "/", "~", "a/b"]),
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
TEXTS = st.one_of(
    st.binary(max_size=100),
    st.text("torbxapi_key:{}[]\"'*&!?|>-#\n\t ,.%@`~0", max_size=100).map(str.encode),
    st.dictionaries(KEYS, VALUES, max_size=4).map(lambda value: yaml.safe_dump(value).encode()),
)
VARIABLES = st.dictionaries(
    st.sampled_from([*names(), *(f"{name}_FILE" for name in names())]),
    st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=20),
    max_size=3,
)


@hypothesis_settings(max_examples=300, deadline=None)
@given(text=TEXTS, variables=VARIABLES)
def test_whatever_is_said_the_answer_is_settings_or_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, text: bytes, variables: dict[str, str]
) -> None:
    folder = tmp_path_factory.getbasetemp()
    (folder / "anything.yaml").write_bytes(text)
    said = "nothing"
    try:
        load(folder / "anything.yaml", {"HOME": "/h", **variables}, container=folder / "none")
    except BadSettings as error:
        said = str(error)
    assert said.isprintable()


# --- categories


def test_a_category_takes_what_it_does_not_say_from_the_star(load_it: Load) -> None:
    settings = load_it("""
categories:
  tv: {cached: any, give_up: {no_growth_hours: 1}}
  films:
  "*": {give_up: {no_seeds_hours: 9, no_growth_hours: 7}}
""")
    tv = settings.category("tv")
    assert (tv.give_up.no_growth_hours, tv.give_up.no_seeds_hours) == (1.0, 9.0)
    assert tv.give_up.no_metadata_minutes == 30.0
    assert settings.category("films") == settings.category("*") == settings.category("unheard of")
    assert settings.category("films").give_up.no_growth_hours == 7.0


def test_without_a_star_the_defaults_are_inherited(load_it: Load) -> None:
    settings = load_it("categories: {tv: {give_up: {no_seeds_hours: 1}}}")
    assert settings.category("tv").give_up.no_growth_hours == 6.0
    assert settings.category("other") == load_it().category("other")


@pytest.mark.parametrize(
    "rule",
    ["deliver: symlink", "deliver: strm"],
)
def test_a_rule_that_comes_later_is_refused_plainly(load_it: Load, rule: str) -> None:
    name, _, value = rule.partition(": ")
    said = sentence(load_it, f"categories: {{tv: {{{rule}}}}}")
    assert said.startswith(f"categories.tv.{name}: {value} is not available in this version, only")


# --- rules


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("BRIDGE_SERVER__PORT", "-1", "server.port: expected a port"),
        ("BRIDGE_SERVER__PORT", "65536", "server.port: expected a port"),
        ("BRIDGE_SERVER__HOST", "a b", "server.host: expected an address"),
        ("BRIDGE_SERVER__URL_BASE", "/a b", "server.url_base: expected a path"),
        ("BRIDGE_SERVER__URL_BASE", "a//b", "server.url_base: expected a path"),
        ("BRIDGE_SERVER__URL_BASE", "/../x", "server.url_base: expected a path"),
        ("BRIDGE_SERVER__PUBLIC_URL", "bridge.example", "server.public_url: expected a URL"),
        ("BRIDGE_SERVER__ALLOWED_HOSTS", "http://x", "server.allowed_hosts: 'http://x'"),
        ("BRIDGE_SERVER__ALLOWED_HOSTS", "x:8484", "server.allowed_hosts: 'x:8484'"),
        ("BRIDGE_SERVER__TRUSTED_PROXIES", "10.0.0.300", "server.trusted_proxies: '10.0.0.300'"),
        ("BRIDGE_QBITTORRENT__TRUSTED_NETWORKS", "lan", "qbittorrent.trusted_networks: 'lan'"),
        ("BRIDGE_QBITTORRENT__DIALECT", "6", "qbittorrent.dialect: expected one of 4, 5"),
        ("BRIDGE_QBITTORRENT__USERNAME", "a\nb", "qbittorrent.username: it is empty or holds"),
        ("BRIDGE_TORBOX__POLL_SECONDS", "4.9", "torbox.poll_seconds: expected 5 seconds or more"),
        ("BRIDGE_TORBOX__SHARE", "0", "torbox.share: expected a number above 0"),
        ("BRIDGE_TORBOX__SHARE", "1.1", "torbox.share: expected a number above 0"),
        ("BRIDGE_TORBOX__API_URL", "https://api.torbox.app/v1/api", "torbox.api_url: leave out"),
        ("BRIDGE_TORBOX__API_URL", "ftp://x", "torbox.api_url: expected a URL"),
        ("BRIDGE_TORBOX__API_URL", "https://", "torbox.api_url: expected a URL"),
        ("BRIDGE_TORBOX__API_URL", "http://[", "torbox.api_url: it is not a URL"),
        ("BRIDGE_TORBOX__API_URL", "http://x:99999", "torbox.api_url: it is not a URL"),
        ("BRIDGE_TORBOX__API_URL", "https://u:p@x", "torbox.api_url: expected a URL without"),
        ("TORBOX_API_KEY", "two words", "torbox.api_key: it holds a space"),
        ("BRIDGE_DOWNLOADS__PARALLEL_FILES", "0", "downloads.parallel_files: expected 1 to 32"),
        ("BRIDGE_DOWNLOADS__PARALLEL_FILES", "33", "downloads.parallel_files: expected 1 to 32"),
        ("BRIDGE_DOWNLOADS__PATH", "/", "downloads.path: the root of the file system"),
        ("BRIDGE_DOWNLOADS__PATH", "/a/..", "downloads.path: the root of the file system"),
        ("BRIDGE_STATE__PATH", "a\0b", "state.path: it is empty or holds"),
        ("BRIDGE_STATE__PATH", "downloads", "state.path: it must not be the folder of"),
        ("BRIDGE_LOG__LEVEL", "loud", "log.level: expected one of debug, info, warning, error"),
        ("BRIDGE_LOG__FORMAT", "xml", "log.format: expected one of text, json"),
        ("BRIDGE_CATEGORIES", "{tv: {give_up: {no_seeds_hours: 0}}}",
         "categories.tv.give_up.no_seeds_hours: expected a number above 0"),
        ("BRIDGE_CATEGORIES", "{tv: {deliver: pigeon}}", "categories.tv.deliver: expected one of"),
        ("BRIDGE_ARRS", "[{name: x}]", "arrs: each needs name, url and api_key"),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_used_is_refused_in_a_sentence(
    load_it: Load, variable: str, value: str, said: str
) -> None:
    assert sentence(load_it, **{variable: value}).startswith(said)


def test_an_empty_path_is_refused(load_it: Load) -> None:
    assert "downloads.path: it is empty" in sentence(load_it, 'downloads: {path: ""}')


@pytest.mark.parametrize(
    ("written", "kept"), [("/", ""), ("x", "/x"), ("/x/", "/x"), ("/x/y", "/x/y"), ("", "")]
)
def test_the_url_base_has_one_spelling(load_it: Load, written: str, kept: str) -> None:
    assert load_it(f'server: {{url_base: "{written}"}}').server.url_base == kept


def test_values_at_the_edge_are_accepted(load_it: Load) -> None:
    settings = load_it(
        BRIDGE_SERVER__PORT="0",
        BRIDGE_TORBOX__POLL_SECONDS="5",
        BRIDGE_DOWNLOADS__PARALLEL_FILES="32",
        BRIDGE_TORBOX__API_URL="http://127.0.0.1:9/torbox/",
        BRIDGE_LOG__LEVEL="DEBUG",
    )
    assert settings.server.port == 0
    assert settings.torbox.api_url == "http://127.0.0.1:9/torbox"
    assert settings.log.level == "debug"


def test_paths_become_absolute(load_it: Load, here: Path) -> None:
    settings = load_it(BRIDGE_DOWNLOADS__PATH="~/x/../y", BRIDGE_STATE__PATH="./state/")
    assert settings.downloads.path == "/home/someone/y"
    assert settings.state.path == str(here / "state")


def test_only_serving_needs_a_key_and_its_lack_says_where_to_find_one(load_it: Load) -> None:
    with pytest.raises(BadSettings, match=r"torbox\.app/settings.*TORBOX_API_KEY"):
        load_it().require_key()
    load_it(TORBOX_API_KEY=KEY).require_key()


def test_printing_the_settings_shows_no_secret(load_it: Load) -> None:
    settings = load_it(
        TORBOX_API_KEY=KEY,
        BRIDGE_QBITTORRENT__PASSWORD="hunter22",
        BRIDGE_QBITTORRENT__API_KEY="hunter23",
        BRIDGE_ARRS="[{name: sonarr, url: 'http://sonarr:8989/', api_key: hunter24}]",
    )
    assert set(settings.secrets()) == {KEY, "hunter22", "hunter23", "hunter24"}
    for shown in (repr(settings), str(settings), f"{settings.torbox}", repr(settings.arrs)):
        assert not any(secret in shown for secret in settings.secrets())


# --- switches


def test_time_runs_as_fast_as_the_switch_says() -> None:
    assert time_factor({}) == time_factor({"BRIDGE_TIME_FACTOR": ""}) == 1.0
    assert time_factor({"BRIDGE_TIME_FACTOR": "60"}) == 60.0
    for wrong in ("0", "0.5", "-1", "fast", "nan", "inf"):
        with pytest.raises(BadSettings, match="BRIDGE_TIME_FACTOR"):
            time_factor({"BRIDGE_TIME_FACTOR": wrong})


@pytest.fixture
def umask_kept() -> Iterator[None]:
    before = os.umask(0o022)
    os.umask(before)
    yield
    os.umask(before)


@pytest.mark.usefixtures("umask_kept")
def test_new_files_are_for_the_group_unless_umask_says_otherwise(tmp_path: Path) -> None:
    modes = []
    for said in ({}, {"UMASK": "022"}, {"UMASK": "077"}):
        apply_umask(said)
        file = tmp_path / said.get("UMASK", "default")
        os.close(os.open(file, os.O_CREAT, 0o666))
        modes.append(file.stat().st_mode & 0o777)
    assert modes == [0o664, 0o644, 0o600]
    for wrong in ("9", "rwx", "-2", "7777"):
        with pytest.raises(BadSettings, match="UMASK: expected an octal number"):
            apply_umask({"UMASK": wrong})


@pytest.mark.parametrize(("word", "meant"), [("true", True), ("Yes", True), ("off", False)])
def test_a_switch_means_what_it_says(load_it: Load, word: str, meant: bool) -> None:
    settings = load_it(f"categories: {{tv: {{refuse_at_add: {word}}}}}")
    assert settings.category("tv").refuse_at_add is meant


def test_a_switch_that_is_neither_on_nor_off_is_refused(load_it: Load) -> None:
    said = sentence(load_it, "categories: {tv: {refuse_at_add: perhaps}}")
    assert said.startswith("categories.tv.refuse_at_add: expected true or false, got 'perhaps'")
