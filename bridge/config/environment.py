"""Settings and switches from environment variables and from the secret files they name."""

import math
import os
from collections.abc import Mapping
from pathlib import Path

from bridge.config.building import did_you_mean, leaves
from bridge.config.yamlfile import Raw, parse
from bridge.errors import BadSettings

PREFIX = "BRIDGE_"
KEY_NAME = "TORBOX_API_KEY"  # the name that users know
KEY_PATH = "torbox.api_key"
SWITCHES = frozenset({"BRIDGE_CONFIG", "BRIDGE_TIME_FACTOR"})
LARGEST_FILE = 64 * 1024
WHOLE = frozenset({"arrs", "categories"})  # these have no simple form: always YAML


def names() -> dict[str, str]:
    """Each variable that sets something, and the dotted name of what it sets."""
    known = {KEY_NAME: KEY_PATH}
    for leaf in leaves():
        known[PREFIX + leaf.path.upper().replace(".", "__")] = leaf.path
    return known


def said(environ: Mapping[str, str]) -> dict[str, tuple[str, Raw]]:
    """What the environment sets: dotted name → (variable, value). Empty variables say nothing."""
    known = names()
    found: dict[str, tuple[str, Raw]] = {}
    for variable in sorted(environ):
        name = _plain_name(variable, known)
        if name is None or not environ[variable].strip():
            continue
        path = known[name]
        before = found.get(path, ("", None))[0]
        if before and _plain_name(before, known) == name:
            raise BadSettings(f"{before} and {variable} are both set: keep one of them")
        # The short name of the key gives way to the long one, which means this program only.
        if before and name == KEY_NAME:
            continue
        text = environ[variable] if variable == name else read_secret(variable, environ[variable])
        found[path] = (variable, _value(text, path, variable))
    return found


def _plain_name(variable: str, known: Mapping[str, str]) -> str | None:
    """The variable without `FILE__` or `_FILE`; None if it is not meant for the bridge."""
    name = variable.removeprefix("FILE__")
    if name == variable and name not in known:
        name = variable.removesuffix("_FILE")
    if name in known:
        return name
    if variable in SWITCHES or not name.startswith(PREFIX):
        return None
    raise BadSettings(f"{variable}: there is no such setting{_suggestion(name, known)}")


def _suggestion(name: str, known: Mapping[str, str]) -> str:
    ending = "__" + name.removeprefix(PREFIX).lstrip("_")
    same_key = [candidate for candidate in known if candidate.endswith(ending)]
    return f"; did you mean {same_key[0]}?" if same_key else did_you_mean(name, [*known, *SWITCHES])


def _value(text: str, path: str, variable: str) -> Raw:
    if path in WHOLE or text.lstrip().startswith("["):
        return parse(text, variable).value
    return text.strip() if path == KEY_PATH else text


def read_secret(variable: str, path: str) -> str:
    """The trimmed text of the file that this variable names."""
    # The secret itself is easily put where its file's path belongs: that is not repeated.
    names_a_file = path.startswith(("/", ".")) and path.isprintable()
    name = f"the file {path}" if names_a_file else "its file"
    try:
        with Path(path).open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "not a path"
        raise BadSettings(f"{variable}: {name} cannot be read: {why}") from None
    if len(data) > LARGEST_FILE:
        raise BadSettings(f"{variable}: {name} is larger than {LARGEST_FILE} bytes")
    try:
        text = data.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise BadSettings(f"{variable}: {name} is not UTF-8 text") from None
    if not text:
        raise BadSettings(f"{variable}: {name} is empty")
    return text


def time_factor(environ: Mapping[str, str]) -> float:
    """How many times faster the bridge's own time runs; 1 except in tests (design §6)."""
    text = environ.get("BRIDGE_TIME_FACTOR", "").strip() or "1"
    try:
        factor = float(text)
    except ValueError:
        factor = 0.0
    if not math.isfinite(factor) or factor < 1:
        raise BadSettings("BRIDGE_TIME_FACTOR: expected a number of 1 or more")
    return factor


def apply_umask(environ: Mapping[str, str]) -> int:
    """Set the process's umask from `UMASK` (octal, 002 by default), and return it.

    002 lets the arrs, which share a group with the bridge, move and delete what it delivered.
    """
    text = environ.get("UMASK", "").strip() or "002"
    try:
        mask = int(text, 8)
    except ValueError:
        mask = -1
    if not 0 <= mask <= 0o777:
        raise BadSettings("UMASK: expected an octal number like 002 or 022")
    os.umask(mask)
    return mask
