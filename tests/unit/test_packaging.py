"""The ways to install say the same as each other and as the program."""

import re
import shlex
from pathlib import Path
from xml.etree import ElementTree

import yaml

from bridge.config import Settings
from bridge.config.environment import names

ROOT = Path(__file__).parent.parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE = yaml.safe_load((ROOT / "compose.example.yaml").read_text())["services"]
UNRAID = ElementTree.parse(ROOT / "packaging" / "unraid" / "torbox-bridge.xml").getroot()
UNIT = (ROOT / "packaging" / "torbox-bridge.service").read_text()
LINUXSERVER = {"PUID", "PGID", "UMASK", "TZ"}


def unraid(kind: str) -> dict[str, ElementTree.Element]:
    return {
        one.attrib["Target"]: one for one in UNRAID.iter("Config") if one.attrib["Type"] == kind
    }


def test_all_ways_use_the_port_of_the_settings() -> None:
    port = str(Settings().server.port)
    assert re.findall(r"^EXPOSE (\d+)$", DOCKERFILE, re.MULTILINE) == [port]
    assert COMPOSE["torbox-bridge"]["ports"] == [f"{port}:{port}"]
    (mapped,) = unraid("Port").values()
    assert (mapped.attrib["Target"], mapped.text) == (port, port)
    assert UNRAID.findtext("WebUI") == f"http://[IP]:[PORT:{port}]/"


def test_the_arrs_of_the_example_see_the_same_data_as_the_bridge() -> None:
    data = {name: one["volumes"][-1] for name, one in COMPOSE.items()}
    assert set(data) == {"torbox-bridge", "sonarr", "radarr"}
    assert set(data.values()) == {"./data:/data"}
    owners = [
        {name: str(one["environment"][name]) for name in LINUXSERVER} for one in COMPOSE.values()
    ]
    assert owners[0] == owners[1] == owners[2]
    assert Settings().downloads.path in ("/data/torrents", str(Path("downloads").absolute()))


def test_the_unraid_template_asks_for_what_the_image_knows() -> None:
    assert set(unraid("Variable")) - LINUXSERVER == {"TORBOX_API_KEY"}
    assert set(unraid("Variable")) - LINUXSERVER <= set(names())
    assert set(unraid("Path")) == {"/config", "/data"}
    key = unraid("Variable")["TORBOX_API_KEY"]
    assert (key.attrib["Required"], key.attrib["Mask"], key.attrib["Default"]) == (
        "true",
        "true",
        "",
    )
    for one in UNRAID.iter("Config"):
        assert (one.text or "") == one.attrib["Default"], one.attrib["Name"]


def test_the_unraid_template_gives_the_rights_of_the_compose_example() -> None:
    service = COMPOSE["torbox-bridge"]
    wanted = {"--read-only", *(f"--cap-drop={name}" for name in service["cap_drop"])}
    wanted |= {f"--cap-add={name}" for name in service["cap_add"]}
    wanted |= {f"--security-opt={name}" for name in service["security_opt"]}
    assert service["read_only"]
    assert set(shlex.split(UNRAID.findtext("ExtraParams"))) == wanted


def test_the_unit_names_settings_that_exist() -> None:
    variables = re.findall(r"^Environment=(\w+)=", UNIT, re.MULTILINE)
    assert variables
    assert set(variables) <= set(names())
    (folder,) = re.findall(r"^Environment=BRIDGE_DOWNLOADS__PATH=(.*)$", UNIT, re.MULTILINE)
    assert f"ReadWritePaths={folder}\n" in UNIT


def test_the_image_has_no_step_for_one_processor() -> None:
    for word in ("amd64", "x86_64", "arm64", "aarch64", "TARGETARCH"):
        steps = [line for line in DOCKERFILE.splitlines() if word in line]
        assert all(line.startswith("#") for line in steps), word


def test_the_key_can_be_a_secret_file_as_the_example_says() -> None:
    text = (ROOT / "compose.example.yaml").read_text()
    lines = [line for line in text.splitlines() if not re.match(r" +TORBOX_API_KEY:", line)]
    taken_in = re.compile(r"^( *)# ( *(?:TORBOX_API_KEY_FILE|secrets|- torbox|torbox_api|file).*)$")
    changed = yaml.safe_load("\n".join(taken_in.sub(r"\1\2", line) for line in lines))
    service = changed["services"]["torbox-bridge"]
    (name,) = service["secrets"]
    assert set(changed["secrets"]) == {name}
    assert service["environment"]["TORBOX_API_KEY_FILE"] == f"/run/secrets/{name}"
    assert "TORBOX_API_KEY" not in service["environment"]
