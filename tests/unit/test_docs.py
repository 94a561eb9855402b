"""What we tell people about the settings is complete and true."""

import argparse
import re
from pathlib import Path

import pytest
import yaml

from bridge.cli import _parser
from bridge.config import CategorySettings, Settings, load
from bridge.config.building import Leaf, leaves
from bridge.config.environment import SWITCHES, names

ROOT = Path(__file__).parent.parent.parent
EXAMPLE = (ROOT / "config.example.yaml").read_text("utf-8")
# `#path: x` is a setting that is switched off; `# Path` is a sentence.
EXAMPLE_ALL_ON = re.sub(r"^(\s*)#(\w+:)", r"\1\2", EXAMPLE, flags=re.MULTILINE)
DOC = (ROOT / "docs" / "settings.md").read_text("utf-8")


@pytest.fixture
def container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "config"
    folder.mkdir()
    return folder


def every_leaf() -> list[Leaf]:
    return [*leaves(), *leaves(CategorySettings, "categories.*")]


def rows() -> dict[str, list[str]]:
    """The table rows of the page: what stands in the first cell → the other cells."""
    lines = [line.strip("| ").split(" | ") for line in DOC.splitlines() if line.startswith("| `")]
    return {cells[0].strip("`"): [cell.strip() for cell in cells[1:]] for cells in lines}


def written(default: object) -> str:
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, float):
        return f"{default:g}"
    if isinstance(default, tuple):
        return f"[{', '.join(default)}]"
    return str(default) or '""'


def test_the_example_loads_and_is_the_default(container: Path) -> None:
    (container / "config.yaml").write_text(EXAMPLE)
    (container.parent / "all-on.yaml").write_text(EXAMPLE_ALL_ON)
    default = Settings()
    for argument in (None, container.parent / "all-on.yaml"):
        settings = load(argument, {}, container=container)
        for section in Settings.__struct_fields__:
            if section != "categories":
                assert getattr(settings, section) == getattr(default, section)
        assert set(settings.categories) == {"*", "tv-sonarr"}
        assert set(settings.categories.values()) == {CategorySettings()}


def test_no_setting_is_missing_in_the_example() -> None:
    example = yaml.safe_load(EXAMPLE_ALL_ON)
    missing = []
    for leaf in every_leaf():
        at: object = example
        for key in leaf.path.split("."):
            at = at.get(key, missing) if isinstance(at, dict) else missing
        if at is missing:
            missing.append(leaf.path)
    assert missing == []


def test_every_setting_in_the_example_has_a_comment() -> None:
    lines = EXAMPLE.splitlines()
    bare = {"username", "host", "tv-sonarr"}  # their names say it all
    for number, line in enumerate(lines):
        found = re.match(r"  #?([\w\"*-]+):", line)
        if found and found[1] not in bare and found[1] != '"*"':
            assert lines[number - 1].lstrip().startswith("# "), line


def test_every_setting_is_documented_with_its_default_and_its_variable() -> None:
    table = rows()
    variable_of = {path: variable for variable, path in names().items()}
    for leaf in every_leaf():
        cells = table.pop(leaf.path)
        if leaf.path.startswith("categories."):
            default, meaning = cells
        else:
            variables, default, meaning = cells
            assert f"`{variable_of[leaf.path]}`" in variables
        assert default == f"`{written(leaf.default)}`", leaf.path
        assert len(meaning) > 20
    # What is left documents variables that are no settings: nothing was made up.
    assert set(table) == {"BRIDGE_CONFIG", "PUID`, `PGID", "UMASK", "TZ", "SSL_CERT_FILE",
                          "BRIDGE_TIME_FACTOR"}  # fmt: skip


def test_every_variable_that_the_pages_name_exists() -> None:
    known = {*names(), *SWITCHES}  # one of them ends in _FILE itself
    pages = [ROOT / "README.md", ROOT / "SECURITY.md", *(ROOT / "docs").glob("*.md")]
    pages += [ROOT / "compose.example.yaml", ROOT / "config.example.yaml", ROOT / "Dockerfile"]
    pages += [one for one in (ROOT / "packaging").rglob("*") if one.is_file()]
    for page in pages:
        for found in re.findall(
            r"\b(?:BRIDGE_[A-Z0-9_]+[A-Z]|TORBOX_API_KEY\w*)", page.read_text()
        ):
            assert {found, found.removesuffix("_FILE")} & known, f"{page.name} names {found}"


def test_what_the_pages_link_to_exists() -> None:
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text("utf-8")):
            if not target.startswith(("http://", "https://")):
                assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_page_and_every_picture_is_reached() -> None:
    pages = {page.name: page.read_text("utf-8") for page in (ROOT / "docs").glob("*.md")}
    index = pages.pop("README.md")
    assert {name for name in pages if f"]({name})" not in index} == set()
    everything = "".join([*pages.values(), (ROOT / "README.md").read_text("utf-8")])
    pictures = {f"pictures/{one.name}" for one in (ROOT / "docs" / "pictures").glob("*.png")}
    assert {picture for picture in pictures if picture not in everything} == set()


def test_every_option_of_every_command_is_documented() -> None:
    page = (ROOT / "docs" / "operations.md").read_text("utf-8")
    (commands,) = [
        action for action in _parser()._actions if isinstance(action, argparse._SubParsersAction)
    ]
    for name, command in commands.choices.items():
        (row,) = re.findall(rf"^\| `{name}\b.*$", page, re.MULTILINE)
        for action in command._actions:
            for option in action.option_strings:
                everywhere = option in ("-h", "--help", "--config")
                assert everywhere or f"`{option}" in row, f"{name} {option}"
            if not action.option_strings:
                assert str(action.metavar) in row, f"{name} {action.metavar}"


def test_the_architecture_page_names_only_what_exists() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    for name in re.findall(r"`((?:tests|bridge)/[\w/.]+)`", text):
        assert (ROOT / name).exists(), name
