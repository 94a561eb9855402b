"""The image without a Docker engine: the Dockerfile's own steps, in a clean Debian made for it.

The clean root is what `python:3.13-slim` is made of, Debian 13 with Python 3.13; only that its
Python is Debian's. A container is a process in it with mounts, processes and capabilities of its
own, as the compose file asks for.
"""

import asyncio
import contextlib
import fnmatch
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[3]
SUITE = "trixie"
PACKAGES = "python3,python3-venv,python3-pip,python-is-python3,systemd"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PATIENCE_SECONDS = 60.0
STOP_SECONDS = 8.0
READY = r"^torbox-bridge ready: http://[^/ ]+:(\d+)"


def run(*command: str | Path, **options) -> str:
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300, **options)
    assert ended.returncode == 0, f"{command}\n{ended.stdout[-2000:]}\n{ended.stderr[-4000:]}"
    return ended.stdout


@dataclass
class Stage:
    """One FROM of the Dockerfile, and what is done after it."""

    base: str
    name: str
    steps: list[tuple[str, str]] = field(default_factory=list)


def stages() -> list[Stage]:
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    found: list[Stage] = []
    for line in text.replace("\\\n", " ").splitlines():
        word, _, rest = line.strip().partition(" ")
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            found.append(Stage(base, name))
        elif word:
            found[-1].steps.append((word, rest.strip()))
    return found


def in_context(path: str) -> bool:
    """Whether the build may see this, by .dockerignore: the last rule that fits counts."""
    seen = True
    for rule in (ROOT / ".dockerignore").read_text().split():
        kept, pattern = rule.startswith("!"), rule.lstrip("!")
        top = path.split("/", maxsplit=1)[0]
        fits = fnmatch.fnmatch(top, pattern) or pattern.removeprefix("**/") in path.split("/")
        seen = kept if fits else seen
    return seen


@dataclass
class Image:
    """A root in which the steps were carried out, and what they say about running it."""

    root: Path
    clean: Path
    wheels: Path
    built: dict[str, "Image"]
    environment: dict[str, str] = field(default_factory=lambda: {"PATH": PATH})
    workdir: str = "/"
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    healthcheck: list[str] = field(default_factory=list)
    added: list[str] = field(default_factory=list)

    def carry_out(self, stage: Stage) -> "Image":
        self.root.mkdir()
        run("tar", "-xf", self.clean, "-C", self.root)
        shutil.copytree(self.wheels, self.root / "wheelhouse")
        for word, rest in stage.steps:
            getattr(self, f"do_{word.lower()}")(rest)
        shutil.rmtree(self.root / "wheelhouse")
        return self

    def below(self, path: str) -> Path:
        return (
            self.root / os.path.normpath(f"{self.workdir}/{path}" if path[0] != "/" else path)[1:]
        )

    def do_workdir(self, rest: str) -> None:
        self.workdir = rest
        self.below(rest).mkdir(parents=True, exist_ok=True)

    def do_copy(self, rest: str) -> None:
        words = shlex.split(rest)
        options = dict(word[2:].split("=") for word in words if word.startswith("--"))
        *sources, target = [word for word in words if not word.startswith("--")]
        came_from = self.built[options["from"]].root if "from" in options else None
        for source in sources:
            assert came_from or in_context(source), f".dockerignore hides {source}"
            start = came_from / source[1:] if came_from else ROOT / source
            end = self.below(target)
            if target.endswith("/"):
                end = end / start.name
            end.parent.mkdir(parents=True, exist_ok=True)
            if start.is_dir():
                hidden = None if came_from else shutil.ignore_patterns("__pycache__")
                shutil.copytree(start, end, symlinks=True, ignore=hidden, dirs_exist_ok=True)
            else:
                shutil.copy(start, end)
            if "chmod" in options:
                end.chmod(int(options["chmod"], 8))
            self.added.append(str(end))

    def do_run(self, rest: str) -> None:
        # No registry is asked in there: the wheels are here already, as pip would get them.
        pip = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/wheelhouse"}
        into = f"cd {self.workdir} && {rest}"
        run("chroot", self.root, "/bin/sh", "-c", into, env=self.environment | pip)

    def do_env(self, rest: str) -> None:
        for word in shlex.split(rest):
            name, _, value = word.partition("=")
            self.environment[name] = value.replace("$PATH", self.environment["PATH"])

    def do_volume(self, rest: str) -> None:
        assert (self.root / rest[1:]).is_dir()

    def do_label(self, rest: str) -> None:
        assert all("=" in word for word in shlex.split(rest))

    def do_expose(self, rest: str) -> None:
        assert rest == "8484"

    def do_healthcheck(self, rest: str) -> None:
        self.healthcheck = json.loads(rest.partition("CMD ")[2])

    def do_entrypoint(self, rest: str) -> None:
        self.entrypoint = json.loads(rest)

    def do_cmd(self, rest: str) -> None:
        self.command = json.loads(rest)


def end_all_in(unshare: int) -> None:
    """kill -9 to the first process of the space that this unshare made: all in there end with it.

    It is not enough that unshare dies: a process that has changed its user is not told of it.
    """
    children = Path(f"/proc/{unshare}/task/{unshare}/children")
    inside = children.read_text().split() if children.exists() else []
    for pid in [*inside, str(unshare)]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)


class Container:
    """A process in an image, started as `docker run` would."""

    def __init__(self, image: Image, folder: Path, service: dict) -> None:
        self.image, self.folder, self.service = image, folder, service
        self.environment = image.environment | {
            name: str(value) for name, value in service["environment"].items()
        }
        self.mounts = [mount.split(":")[:2] for mount in service["volumes"]]
        self.process: asyncio.subprocess.Process | None = None

    def host(self, path: str) -> Path:
        """Where a path of the container lies outside of it."""
        for outside, inside in self.mounts:
            if path == inside or path.startswith(f"{inside}/"):
                return self.folder / outside / path[len(inside) :].lstrip("/")
        return self.image.root / path[1:]

    def _wrapped(self, command: list[str]) -> list[str]:
        """What unshare carries out: the mounts, then the command as this user with these rights."""
        root = shlex.quote(str(self.image.root))
        lines = ["set -e", f"mount --bind {root} {root}"]
        for outside, inside in self.mounts:
            here = self.folder / outside
            here.mkdir(parents=True, exist_ok=True)  # as Docker does, for root
            lines.append(f"mount --bind {shlex.quote(str(here))} {root}{inside}")
        lines.append(f"mount -t proc proc {root}/proc")
        if self.service.get("read_only"):
            lines.append(f"mount -o remount,bind,ro {root}")
        lines.append(f"exec {shlex.join(self._in_root(command))}")
        space = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
        return [*space, "sh", "-c", "\n".join(lines)]

    def _in_root(self, command: list[str]) -> list[str]:
        """Below the image's root as the service's user, with its rights and no others."""
        given = [f"+{name.lower()}" for name in self.service.get("cap_add", [])]
        bounds = ",".join(["-all", *given]) if self.service.get("cap_drop") == ["ALL"] else "+all"
        rights = ["setpriv", f"--bounding-set={bounds}", f"--inh-caps={bounds}"]
        if "no-new-privileges:true" in self.service.get("security_opt", []):
            rights.append("--no-new-privs")
        if user := self.service.get("user"):
            who, _, group = user.partition(":")
            rights += [f"--reuid={who}", f"--regid={group}", "--clear-groups"]
        return ["chroot", str(self.image.root), *rights, "--", *command]

    async def starts(self, *command: str) -> None:
        wanted = [*self.image.entrypoint, *(command or self.image.command)]
        said, told = self.folder / "said", self.folder / "told"
        with said.open("ab") as out, told.open("ab") as err:
            self.process = await asyncio.create_subprocess_exec(
                *self._wrapped(wanted),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=self.environment,
            )

    @property
    def said(self) -> str:
        return (self.folder / "said").read_text()

    @property
    def told(self) -> str:
        return (self.folder / "told").read_text()

    @property
    def pid(self) -> str:
        """The first process in there."""
        pid = self.process.pid
        return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0]

    async def says(self, pattern: str) -> re.Match[str]:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (found := re.search(pattern, self.said, re.MULTILINE)):
                assert self.process.returncode is None, f"it ended: {self.said}{self.told}"
                await asyncio.sleep(0.05)
        return found

    async def executes(self, *command: str) -> tuple[int, str]:
        """`docker exec`: exit code, and all that was said."""
        inside = ["nsenter", f"--target={self.pid}", "--mount", "--pid"]
        process = await asyncio.create_subprocess_exec(
            *inside,
            *self._in_root([*command]),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=self.environment,
        )
        async with asyncio.timeout(PATIENCE_SECONDS):
            said, _ = await process.communicate()
        return process.returncode, said.decode()

    async def ends(self) -> int:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self.process.wait()

    async def stops(self) -> int:
        """`docker stop`; its exit code, which has to come in time."""
        os.kill(int(self.pid), signal.SIGTERM)
        async with asyncio.timeout(STOP_SECONDS):
            return await self.process.wait()

    async def killed(self) -> None:
        if self.process is not None and self.process.returncode is None:
            end_all_in(self.process.pid)
            await self.process.wait()


def _missing() -> str:
    if os.geteuid() != 0:
        return "the image is tested by root only"
    if missing := [tool for tool in ("mmdebstrap", "unshare", "nsenter") if not shutil.which(tool)]:
        return f"the image is not tested: {', '.join(missing)} not installed"
    spaces = ["unshare", "--mount", "--pid", "--cgroup", "--net", "--uts", "--ipc", "--fork"]
    mounting = [*spaces, "mount", "-t", "cgroup2", "cgroup2", "/mnt"]
    if subprocess.run(mounting, capture_output=True, timeout=60).returncode:
        return "the image is not tested: this root may not make spaces and mounts of its own"
    return ""


def commands(page: str, heading: str) -> list[str]:
    """The commands below this heading of a page, as they stand there."""
    text = (ROOT / page).read_text()
    section = re.split(r"^#+ ", text.partition(f"# {heading}\n")[2], flags=re.MULTILINE)[0]
    blocks = re.findall(r"^```sh\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    assert blocks, f"{page} shows no command below {heading!r}"
    return [line for block in blocks for line in block.splitlines()]


def typed(line: str, key: str) -> str:
    """A command with its placeholders filled in; what people have to fill in is no more."""
    line = line.replace("<this repository>", str(ROOT)).replace("<your key>", key)
    assert not re.search(r"<[a-z]", line), line
    return line


@pytest.fixture(scope="session")
def cloned() -> None:
    """What is committed can be cloned here."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a clone, so that none can be made of it")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What needs the clean Debian comes last: it is made beside the others, as it takes longest."""
    items.sort(key=lambda item: "clean" in getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session", autouse=True)
def under_way(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[subprocess.Popen[bytes] | None]:
    """mmdebstrap at work, if a test waits for it."""
    needed = any("clean" in getattr(item, "fixturenames", ()) for item in request.session.items)
    if not needed or _missing():
        yield None
        return
    tar = tmp_path_factory.mktemp("clean") / "clean.tar"
    command = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={PACKAGES}", SUITE, tar]
    process = subprocess.Popen(command)
    yield process
    process.terminate()
    process.wait()
    tar.unlink(missing_ok=True)


@pytest.fixture(scope="session")
def clean(under_way: subprocess.Popen[bytes] | None) -> Path:
    """A Debian as new, as a .tar."""
    if under_way is None:
        pytest.skip(_missing())
    assert under_way.wait(timeout=600) == 0
    return Path(str(under_way.args[-1]))


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What pip would fetch inside the image, fetched outside."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    folder = tmp_path_factory.mktemp("wheels")
    machine = os.uname().machine
    platforms = [f"--platform=manylinux_{glibc}_{machine}" for glibc in ("2_28", "2_17")]
    platforms += [f"--platform=manylinux2014_{machine}", "--only-binary=:all:"]
    wanted = [*project["build-system"]["requires"], *project["project"]["dependencies"]]
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--dest", folder]
    run(*pip, *platforms, f"--python-version={python_version()}", *wanted)
    return folder


def python_version() -> str:
    (version,) = {re.match(r"python:(\d\.\d+)-slim$", stage.base)[1] for stage in stages()}
    return version


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory, clean: Path, wheels: Path) -> Iterator[Image]:
    folder = tmp_path_factory.mktemp("image")
    built: dict[str, Image] = {}
    for number, stage in enumerate(stages()):
        name = stage.name or str(number)
        made = Image(folder / name, clean, wheels, built)
        built[name] = made.carry_out(stage)
    (made.root / "data").mkdir()  # as Docker does for a mount
    yield made
    shutil.rmtree(folder)


@pytest.fixture
def service() -> dict:
    """The bridge in the compose example."""
    text = (ROOT / "compose.example.yaml").read_text()
    return yaml.safe_load(text)["services"]["torbox-bridge"]


Starts = Callable[..., Container]


@pytest.fixture
async def container(image: Image, tmp_path: Path) -> AsyncIterator[Starts]:
    """Makes containers, and leaves none behind."""
    made: list[Container] = []

    def make(service: dict, folder: Path | None = None) -> Container:
        container = Container(image, folder or tmp_path, service)
        made.append(container)
        return container

    yield make
    for one in made:
        await one.killed()
