"""Where settings come from: defaults, then the file, then the environment; later wins."""

from collections.abc import Mapping
from pathlib import Path

from bridge.config.building import WrongSetting, build
from bridge.config.environment import said
from bridge.config.rules import checked
from bridge.config.types import Settings
from bridge.config.yamlfile import Raw, parse
from bridge.errors import BadSettings

CONTAINER = Path("/config")  # it exists in a container and hardly anywhere else
LARGEST_FILE = 256 * 1024


def load(
    argv_config: Path | None, environ: Mapping[str, str], *, container: Path = CONTAINER
) -> Settings:
    """The settings to run with, checked and complete; raises BadSettings with one line."""
    origins: dict[str, str] = {}
    try:
        raw = _over(
            _defaults(environ, container), _from_file(argv_config, environ, container, origins)
        )
        for name, (variable, value) in said(environ).items():
            raw = _over(raw, _nested(name, value))
            origins[name] = variable
        return checked(build(Settings, _inherited(raw)), environ)
    except WrongSetting as wrong:
        raise BadSettings(f"{wrong.path}: {wrong.sentence}{_origin(wrong.path, origins)}") from None


def _defaults(environ: Mapping[str, str], container: Path) -> dict[str, Raw]:
    """The two paths that a clone on somebody's machine needs elsewhere than a container does."""
    if container.is_dir():
        return {}
    state_home = environ.get("XDG_STATE_HOME", "")
    if not Path(state_home).is_absolute():  # the XDG specification says to ignore it then
        state_home = "~/.local/state"
    return {"state": {"path": f"{state_home}/torbox-bridge"}, "downloads": {"path": "downloads"}}


def _from_file(
    argv_config: Path | None, environ: Mapping[str, str], container: Path, origins: dict[str, str]
) -> Mapping[str, Raw]:
    """What the settings file says; its lines are added to `origins`."""
    file = _find(argv_config, environ, container)
    if file is None:
        return {}
    path, text = file
    document = parse(text, str(path))
    if document.value is None:
        return {}
    if not isinstance(document.value, dict):
        raise BadSettings(f"{path}: expected settings (name: value) at the top")
    origins |= {name: f"{path}, line {line}" for name, line in document.lines.items()}
    # On its own first: what is wrong in it is said, also where a variable would hide it.
    build(Settings, document.value)
    return document.value


def _find(
    argv_config: Path | None, environ: Mapping[str, str], container: Path
) -> tuple[Path, str] | None:
    named = argv_config or Path(environ.get("BRIDGE_CONFIG", ""))
    if named != Path():
        if not str(named).isprintable():
            raise BadSettings("the name of the settings file holds a control character")
        text = _read(named)
        if text is None:
            raise BadSettings(f"{named}: there is no such settings file")
        return named, text
    for path in (container / "config.yaml", Path("config.yaml")):
        text = _read(path)
        if text is not None:
            return path, text
    return None


def _read(path: Path) -> str | None:
    """The text of a settings file, None if there is no such file."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        return None
    except IsADirectoryError:
        # Docker makes a folder when the file to be mounted does not exist.
        raise BadSettings(f"{path}: it is a folder, expected a settings file") from None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "not a path"
        raise BadSettings(f"{path}: it cannot be read: {why}") from None
    if len(data) > LARGEST_FILE:
        raise BadSettings(f"{path}: it is larger than {LARGEST_FILE // 1024} KiB")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadSettings(f"{path}: it is not UTF-8 text") from None


def _over(lower: Mapping[str, Raw], upper: Mapping[str, Raw]) -> dict[str, Raw]:
    """Both merged; `upper` wins, and None in it says nothing."""
    merged = dict(lower)
    for key, value in upper.items():
        before = merged.get(key)
        if isinstance(value, dict) and isinstance(before, dict):
            merged[key] = _over(before, value)
        elif value is not None or key not in merged:
            merged[key] = value
    return merged


def _nested(path: str, value: Raw) -> dict[str, Raw]:
    for key in reversed(path.split(".")):
        value = {key: value}
    assert isinstance(value, dict)
    return value


def _inherited(raw: dict[str, Raw]) -> dict[str, Raw]:
    """What a category does not say comes from "*", which is looked at first."""
    categories = raw.get("categories")
    if not isinstance(categories, dict):
        return raw
    common = categories.get("*")
    filled: dict[str, Raw] = {"*": common}
    for name, own in categories.items():
        if isinstance(common, dict) and isinstance(own, dict | None):
            filled[name] = _over(common, own or {})
        else:
            filled[name] = own
    return {**raw, "categories": filled}


def _origin(path: str, origins: Mapping[str, str]) -> str:
    """Where a setting was said, or the nearest thing above it."""
    while path:
        if path in origins:
            return f" ({origins[path]})"
        path = path.rpartition(".")[0]
    return ""
