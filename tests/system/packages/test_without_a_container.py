"""The ways without a container: pipx, a wheel, and systemd, by the commands of docs/install.md."""

import os
import re
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.conftest import KEY
from tests.system.packages.conftest import PATH, ROOT, commands, end_all_in, run, typed
from tests.system.packages.test_image import free_port

pytestmark = pytest.mark.timeout(400)  # on a busy machine

UNIT = ROOT / "packaging" / "torbox-bridge.service"
INSTALL = ROOT / "docs" / "install.md"
MOST_EXPOSED = 1.5  # systemd's own measure, of 10
PATIENCE_SECONDS = 60.0

# A machine in spaces of its own. What the kernel shares with us is read-only in there.
BOOT = """
set -e
mount --bind {root} {root}
mount -t proc proc {root}/proc
mount --bind {root}/proc/sys {root}/proc/sys
mount -o remount,bind,ro {root}/proc/sys
mount --bind /sys {root}/sys
mount -o remount,bind,ro {root}/sys
mount -t tmpfs tmpfs {root}/sys/fs/cgroup
mount -t cgroup2 cgroup2 {root}/sys/fs/cgroup
mount -t tmpfs tmpfs {root}/run
mount -t tmpfs tmpfs {root}/dev
cp --archive /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty {root}/dev/
mkdir {root}/dev/pts {root}/dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts {root}/dev/pts
ln --symbolic pts/ptmx {root}/dev/ptmx
cd {root}
pivot_root . .
umount --lazy .
cd /
exec env -i container=other PATH={path} \
    /lib/systemd/systemd --unit=basic.target --log-target=null --show-status=no
"""

# A grab as a client would send it, from inside the machine; prints where the files are.
GRAB = """
import base64, json, sys, time, urllib.parse, urllib.request
password, magnet = sys.argv[1:]
login = base64.b64encode(f"admin:{password}".encode()).decode()
def ask(path, **form):
    data = urllib.parse.urlencode(form).encode() if form else None
    headers = {"Authorization": f"Basic {login}"}
    request = urllib.request.Request(f"http://127.0.0.1:8484/api/v2/{path}", data, headers)
    return urllib.request.urlopen(request, timeout=10).read()
assert ask("torrents/add", urls=magnet, category="tv-sonarr") == b"Ok."
until = time.monotonic() + 60
while (row := json.loads(ask("torrents/info"))[0])["state"] != "pausedUP":
    assert time.monotonic() < until, row
    time.sleep(0.2)
print(row["content_path"])
"""


class Machine:
    """A Debian that has booted, and the shell of its root."""

    def __init__(self, root: Path, pid: str) -> None:
        self.root, self.pid = root, pid
        self.background: list[subprocess.Popen[bytes]] = []

    def inside(self, *command: str) -> list[str]:
        spaces = ["--mount", "--pid", "--cgroup", "--net", "--uts", "--ipc"]
        return ["nsenter", f"--target={self.pid}", *spaces, *command]

    def types(self, line: str, folder: str = "/", **environment: str) -> str:
        shell = self.inside("sh", "-ec", f"cd {folder} && {line}")
        return run(*shell, env={"PATH": PATH, "HOME": "/root", **environment})

    def starts(self, *command: str) -> Path:
        """In the background; gives the file with what it says."""
        said = self.root / "tmp" / "said"
        with said.open("wb") as output:
            self.background.append(
                subprocess.Popen(
                    self.inside(*command), stdout=output, stderr=output, env={"PATH": PATH}
                )
            )
        return said


def eventually(look: Callable[[], str]) -> str:
    until = time.monotonic() + PATIENCE_SECONDS
    while not (found := look()):
        assert time.monotonic() < until, "it never came true"
        time.sleep(0.1)
    return found


@pytest.fixture
def machine(cloned: None, clean: Path, wheels: Path, tmp_path: Path) -> Iterator[Machine]:
    root = tmp_path / "machine"
    root.mkdir()
    run("tar", "-xf", clean, "-C", root)
    shutil.copytree(wheels, root / "wheelhouse")
    run("git", "clone", "--quiet", ROOT, root / "root" / "torbox-bridge")
    spaces = ["--mount", "--pid", "--cgroup", "--net", "--uts", "--ipc", "--fork", "--kill-child"]
    boot = subprocess.Popen(["unshare", *spaces, "sh", "-c", BOOT.format(root=root, path=PATH)])
    try:
        children = Path(f"/proc/{boot.pid}/task/{boot.pid}/children")
        pid = eventually(children.read_text).split()[0]
        one = Machine(root, pid)
        eventually(lambda: "systemd" if (root / "proc").exists() and booted(one) else "")
        yield one
    finally:
        end_all_in(boot.pid)
        boot.wait()
        for process in one.background:
            process.wait()
        shutil.rmtree(root)


def booted(machine: Machine) -> bool:
    asked = machine.inside("systemctl", "is-active", "basic.target")
    ended = subprocess.run(asked, capture_output=True, text=True)
    return ended.stdout.strip() == "active"


def test_the_service_runs_locked_in_and_delivers(machine: Machine) -> None:
    """The unit's own walls stand here: systemd itself has booted in a space of its own."""
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/wheelhouse"}
    simulator = "/opt/torbox-bridge/bin/torbox-bridge"
    for line in commands("docs/install.md", "As a service, with systemd"):
        if line.startswith("systemctl enable"):
            said = machine.starts(simulator, "simulator", "--port", "8485")
            key = says(said, r"simulator ready: \S+ key (\S+)$")
            settings = machine.root / "etc" / "torbox-bridge.env"
            assert settings.read_text() == f"TORBOX_API_KEY={KEY}\n"
            assert settings.stat().st_mode & 0o777 == 0o600
            settings.write_text(
                f"TORBOX_API_KEY={key}\nBRIDGE_TORBOX__API_URL=http://127.0.0.1:8485\n"
                "BRIDGE_TIME_FACTOR=20\n"
            )
        machine.types(typed(line, KEY), "/root/torbox-bridge", **offline)

    journal = eventually(lambda: ready(machine))
    password = re.search(r"Password: +(\w+)", journal)[1]
    magnet = says(said, r"^  (magnet:\S+)$")
    nsenter = ["nsenter", f"--target={machine.pid}", "--net"]
    where = run(*nsenter, sys.executable, "-c", GRAB, password, magnet).strip()
    assert where.startswith("/srv/data/torrents/tv-sonarr/")
    owner = machine.types(f"stat -c %U:%G:%a {where}/*").split()
    assert set(owner) == {"torbox-bridge:media:664"}

    state = machine.root / "var" / "lib" / "torbox-bridge"
    assert state.stat().st_mode & 0o777 == 0o700
    assert (state / "bridge.db").exists()
    (backup,) = re.findall(r"`(BRIDGE_STATE__PATH=\S+ \S+ backup \S+)`", INSTALL.read_text())
    copy = machine.types(backup).removeprefix("kept in ").partition(";")[0]
    assert set(machine.types(f"tar -tf {copy}").split()) == {"bridge.db", "qbittorrent-password"}
    machine.types("systemctl reload torbox-bridge")
    machine.types("systemctl restart torbox-bridge")
    eventually(lambda: "1 torrents" in machine.types("journalctl -u torbox-bridge") and "back")
    machine.types("systemctl stop torbox-bridge")
    shown = machine.types("systemctl show -p Result -p ExecMainStatus torbox-bridge")
    assert set(shown.split()) == {"Result=success", "ExecMainStatus=0"}

    settings.write_text("TORBOX_API_KEY=\n")  # wrong settings are not tried for ever
    machine.types("systemctl start torbox-bridge")
    eventually(lambda: "status=2" in status(machine) and "ended")
    assert "torbox.api_key" in machine.types("journalctl -u torbox-bridge --output=cat")
    assert machine.types("systemctl show -p NRestarts torbox-bridge") == "NRestarts=0\n"


def says(said: Path, pattern: str) -> str:
    def look() -> str:
        found = re.search(pattern, said.read_text(), re.MULTILINE)
        return found[1] if found else ""

    return eventually(look)


def ready(machine: Machine) -> str:
    journal = machine.types("journalctl -u torbox-bridge --output=cat")
    assert "Failed" not in journal, journal
    return journal if "torbox-bridge ready" in journal else ""


def status(machine: Machine) -> str:
    return machine.types("systemctl status torbox-bridge || true")


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
def test_the_unit_is_understood_and_exposes_little() -> None:
    ended = subprocess.run(
        ["systemd-analyze", "verify", UNIT], capture_output=True, text=True, timeout=60
    )
    complaints = [line for line in ended.stderr.splitlines() if UNIT.name in line]
    assert all("is not executable" in line for line in complaints), complaints
    said = run("systemd-analyze", "security", "--offline=true", UNIT)
    exposed = float(re.search(r"Overall exposure level for \S+: ([\d.]+)", said)[1])
    assert exposed <= MOST_EXPOSED


def test_pipx_installs_it_for_one_user(cloned: None, tmp_path: Path) -> None:
    tools, home = tmp_path / "tools", tmp_path / "home"
    run(sys.executable, "-m", "venv", tools)
    run(tools / "bin" / "pip", "install", "--quiet", "pipx")
    run("git", "clone", "--quiet", ROOT, tmp_path / "clone")
    install, start = commands("docs/install.md", "To try it, or for one user")
    port = free_port()
    environment = {
        "PATH": f"{home}/.local/bin:{tools}/bin:{os.environ['PATH']}",
        "HOME": str(home),
        "PIP_CACHE_DIR": str(Path.home() / ".cache" / "pip"),
        "BRIDGE_TORBOX__API_URL": "http://127.0.0.1:9",  # nobody is there
        "BRIDGE_SERVER__PORT": str(port),
    }
    run("sh", "-ec", install, cwd=tmp_path / "clone", env=environment)
    said = tmp_path / "said"
    with said.open("wb") as output:
        process = subprocess.Popen(
            ["sh", "-ec", f"exec env {typed(start, KEY)}"],
            cwd=tmp_path,
            env=environment,
            stdout=output,
            stderr=output,
        )
    try:
        eventually(
            lambda: f"torbox-bridge ready: http://0.0.0.0:{port}" in said.read_text() and "y"
        )
        run("torbox-bridge", "check", "--health", env=environment)
        for path in ("", "static/app.js", "static/style.css"):
            with urlopen(f"http://127.0.0.1:{port}/{path}", timeout=10) as answer:
                assert len(answer.read()) > 1000
        assert (tmp_path / "downloads").is_dir()
        assert (home / ".local" / "state" / "torbox-bridge" / "bridge.db").exists()
    finally:
        process.terminate()
        assert process.wait(timeout=10) == 0


def test_a_wheel_holds_the_whole_package_and_nothing_else(tmp_path: Path) -> None:
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", tmp_path, ROOT)
    (wheel,) = tmp_path.glob("torbox_bridge-*-py3-none-any.whl")
    with zipfile.ZipFile(wheel) as opened:
        inside = set(opened.namelist())
    package = ROOT / "bridge"
    wanted = {
        f"bridge/{path.relative_to(package)}"
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert wanted <= inside
    assert not [name for name in inside - wanted if ".dist-info/" not in name]
