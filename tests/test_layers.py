"""The house rules that a machine can hold: which way imports point, how large things may get."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent


class Layer(NamedTuple):
    """Parts that may use every layer below. Peers are strangers, unless they stand together."""

    parts: frozenset[str]
    together: bool = False


def layer(parts: str, *, together: bool = False) -> Layer:
    return Layer(frozenset(parts.split()), together)


# Lowest first (design: imports point the way the data flows).
LAYERS = (
    layer("model errors names clock config logs logfile password", together=True),
    layer("store torrentfile"),
    layer("torbox delivery arrs notify"),
    layer("core checks"),
    layer("qbittorrent dashboard"),
    layer("app cli connect demo doctor reload backup backup_command __main__", together=True),
)
SIMULATOR = "simulator"  # it would share our mistakes if it shared our code
SIMULATOR_IS_FOR = LAYERS[-1].parts

LONGEST_MODULE = 400
LONGEST_FUNCTION = 40
VAGUE_NAMES = frozenset({"utils", "util", "helpers", "helper", "manager", "managers"})


def part_of(module: str) -> str:
    """`core` for `bridge.core.plan`, "" for `bridge` itself."""
    return ".".join(module.split(".")[1:2])


def module_name(file: Path, root: Path) -> str:
    parts = file.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(file: Path, root: Path) -> Iterator[tuple[int, str]]:
    """Line and name of each module of the package that this file imports, anywhere in it."""
    names = {module_name(other, root) for other in (root / "bridge").rglob("*.py")}
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if part_of(alias.name) or alias.name == "bridge":
                    yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            source = node.module or ""
            if node.level:
                package = file.relative_to(root).parts[: -node.level]
                source = ".".join([*package, *source.split(".")]).rstrip(".")
            for alias in node.names:
                below = f"{source}.{alias.name}"
                yield node.lineno, below if below in names else source


def may_import(part: str, other: str) -> bool:
    """Whether the house allows this part to use that one."""
    if part == other:
        return True
    if other == SIMULATOR:
        return part in SIMULATOR_IS_FOR
    if part == SIMULATOR or not part:
        return False
    heights = {name: height for height, layer in enumerate(LAYERS) for name in layer.parts}
    if part not in heights or other not in heights:
        return False
    if heights[part] == heights[other]:
        return LAYERS[heights[part]].together
    return heights[part] > heights[other]


def wrong_imports(root: Path) -> list[str]:
    """Every import in `root/bridge` that points the wrong way."""
    wrong = []
    for file in sorted((root / "bridge").rglob("*.py")):
        part = part_of(module_name(file, root))
        for line, name in imported(file, root):
            if name.split(".")[0] != "bridge":
                continue
            # The package itself is empty and may be named by all.
            if part_of(name) and not may_import(part, part_of(name)):
                wrong.append(f"{file.relative_to(root)}:{line} imports {name}")
    return wrong


def too_long(root: Path) -> list[str]:
    """Modules and functions over the house's limits."""
    found = []
    for file in sorted((root / "bridge").rglob("*.py")):
        text = file.read_text("utf-8")
        if text.count("\n") > LONGEST_MODULE:
            found.append(f"{file.relative_to(root)} has {text.count(chr(10))} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or 0) - node.lineno + 1
                if lines > LONGEST_FUNCTION:
                    found.append(f"{file.relative_to(root)}: {node.name} has {lines} lines")
    return found


def vague(root: Path) -> list[str]:
    """Modules and packages whose name says nothing."""
    paths = sorted((root / "bridge").rglob("*"))
    return [str(path.relative_to(root)) for path in paths if path.stem in VAGUE_NAMES]


def test_imports_point_the_way_the_data_flows() -> None:
    assert wrong_imports(ROOT) == []


def test_no_module_and_no_function_is_too_long_to_be_read_at_once() -> None:
    assert too_long(ROOT) == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert vague(ROOT) == []


# --- that the rules above can fail


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A package with one empty module in each part."""
    for part in [*(part for layer in LAYERS for part in layer.parts), SIMULATOR]:
        folder = tmp_path / "bridge" / part
        folder.mkdir(parents=True)
        (folder / "__init__.py").touch()
        (folder / "thing.py").touch()
    (tmp_path / "bridge" / "__init__.py").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("core/x.py", "from bridge.qbittorrent.thing import a"),
        ("core/x.py", "import bridge.qbittorrent.thing"),
        ("core/x.py", "from bridge import qbittorrent"),
        ("core/x.py", "from ..qbittorrent import thing"),
        ("core/x.py", "from .. import dashboard"),
        ("core/deep/x.py", "from ...app import thing"),
        ("core/x.py", "def f():\n    from bridge.app import a"),
        ("core/x.py", "if TYPE_CHECKING:\n    from bridge.app import a"),
        ("model/x.py", "from bridge.store import a"),
        ("store/x.py", "from bridge.torrentfile import a"),
        ("torrentfile/x.py", "from bridge.store import a"),
        ("torbox/x.py", "from bridge.delivery import a"),
        ("qbittorrent/x.py", "from bridge.dashboard import a"),
        ("simulator/x.py", "from bridge.errors import a"),
        ("core/x.py", "from bridge.simulator import a"),
        ("config/x.py", "from bridge.core import a"),
        ("unheard_of/x.py", "from bridge.errors import a"),
        ("core/x.py", "from bridge.unheard_of import a"),
        ("__init__.py", "from bridge.errors import a"),
    ],
)
def test_an_import_that_points_the_wrong_way_is_found(tree: Path, module: str, text: str) -> None:
    assert wrong_imports(tree) == []
    (tree / "bridge" / module).parent.mkdir(exist_ok=True)
    (tree / "bridge" / module).write_text(text + "\n")
    (found,) = wrong_imports(tree)
    assert found.startswith(f"bridge/{module}:")


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("core/x.py", "from bridge.delivery.thing import a\nfrom bridge.model import b"),
        ("core/x.py", "from .thing import a\nfrom . import thing\nfrom bridge import __version__"),
        ("config/x.py", "from bridge.errors import a"),
        ("demo/x.py", "from bridge.simulator import a\nfrom bridge.app import b"),
        ("simulator/x.py", "from bridge.simulator.thing import a\nimport json"),
        ("core/x.py", "import bridgehead\nfrom bridgehead.app import a"),
    ],
)
def test_an_import_that_points_the_right_way_is_left_alone(
    tree: Path, module: str, text: str
) -> None:
    (tree / "bridge" / module).write_text(text + "\n")
    assert wrong_imports(tree) == []


def test_what_is_too_long_or_vaguely_named_is_found(tree: Path) -> None:
    core = tree / "bridge" / "core"
    body = "    pass\n"
    (core / "long.py").write_text("#\n" * 401)
    (core / "allowed.py").write_text("#\n" * 359 + "def f():\n" + body * 39)
    (core / "slow.py").write_text("class A:\n    async def f():\n" + f"    {body}" * 40)
    (core / "utils.py").touch()
    (tree / "bridge" / "manager").mkdir()
    assert too_long(tree) == [
        "bridge/core/long.py has 401 lines",
        "bridge/core/slow.py: f has 41 lines",
    ]
    assert vague(tree) == ["bridge/core/utils.py", "bridge/manager"]
