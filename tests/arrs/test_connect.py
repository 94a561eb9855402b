"""`torbox-bridge connect`: one command, and the arr grabs through the bridge."""

from pathlib import Path

import pytest

from bridge.clock import Clock
from bridge.connect import Wanted, connecting
from bridge.simulator import FetchedOver
from bridge.simulator.arr.client import MASK

PASSWORD = "pass-word"


@pytest.fixture
async def connects(house, street):
    """Run the command against this arr; gives its exit code and what it said."""

    async def run(arr, *, password=PASSWORD, **asked):
        said = []
        server = {"port": house.port}
        house.sets(server=server)
        wanted = Wanted(
            asked.get("url", arr.url),
            asked.get("key", arr.key),
            asked.get("bridge_url", ""),
            asked.get("category", ""),
        )
        code = await connecting(house.settings, password, wanted, Clock(), said.append)
        assert PASSWORD not in "".join(said)
        assert arr.key not in "".join(said)
        return code, "\n".join(said)

    return run


@pytest.mark.parametrize(
    ("kind", "apis", "category"),
    [
        ("Sonarr", ("v3",), "tv-sonarr"),
        ("Sonarr", ("v5",), "tv-sonarr"),
        ("Radarr", ("v3",), "radarr"),
        ("Lidarr", ("v1",), "lidarr"),
    ],
)
async def test_an_arr_that_never_heard_of_us_grabs_through_us(
    house, torbox, street, offers, connects, kind, apis, category
):
    arr = await street.opens(kind, apis=apis)
    await house.starts()
    code, said = await connects(arr, category=category if kind == "Lidarr" else "")
    assert code == 0, said
    [client] = arr.clients
    assert (client.name, client.category, client.port) == ("TorBox", category, house.port)
    assert f"TorBox at http://127.0.0.1:{house.port}" in said
    wanted = await arr.wants(offers(torbox.publish("Show", script=FetchedOver(60))))
    await house.eventually(lambda: wanted.state == "imported", jump=5)


async def test_an_entry_that_is_there_is_mended_and_keeps_what_people_chose(
    house, street, connects
):
    sonarr = await street.opens()
    await house.starts()
    old = street.meets(sonarr, "My bridge", category="tv-4k", imported_category="done")
    old.password = "an old one"
    other = sonarr.add_client("qBittorrent", "http://127.0.0.1:1", category="tv-sonarr")
    code, said = await connects(sonarr)
    assert code == 0, said
    mended, untouched = sonarr.clients
    assert untouched is other
    assert (mended.name, mended.password) == ("My bridge", PASSWORD)
    assert (mended.category, mended.imported_category) == ("tv-4k", "done")
    assert "is up to date" in said
    assert (await connects(sonarr))[0] == 0
    assert len(sonarr.clients) == 2


async def test_what_the_test_says_is_said_with_the_fix(house, street, connects, unused_tcp_port):
    sonarr = await street.opens()
    await house.starts()
    code, said = await connects(sonarr, bridge_url=f"http://127.0.0.1:{unused_tcp_port}")
    assert code == 1
    assert "Unable to connect" in said
    assert "--bridge" in said
    assert sonarr.clients == []
    code, said = await connects(sonarr, password="wrong")
    assert code == 1
    assert "Authentication failure" in said
    assert sonarr.clients == []


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"key": "f" * 32}, "does not accept the API key"),
        ({"url": "http://127.0.0.1:1"}, "does not answer"),
    ],
)
async def test_an_arr_that_cannot_be_spoken_to_is_said(house, street, connects, asked, sentence):
    sonarr = await street.opens()
    await house.starts()
    code, said = await connects(sonarr, **asked)
    assert code == 1
    assert sentence in said
    assert said.count("✗") == 1


async def test_a_folder_that_the_arr_does_not_see_is_said(house, street, connects):
    sonarr = await street.opens()
    sonarr.sees = lambda _path: False
    await house.starts()
    code, said = await connects(sonarr)
    assert code == 1
    assert f"it does not see {house.downloads}/tv-sonarr" in said
    assert "mount the folder" in said


async def test_a_library_in_the_download_folder_is_said(house, street, connects):
    sonarr = await street.opens()
    sonarr.root_folders = [f"{house.downloads}/tv", "/media/tv"]
    await house.starts()
    code, said = await connects(sonarr)
    assert code == 1
    assert f"its root folder {house.downloads}/tv meets" in said


async def test_a_library_on_another_file_system_is_said(house, street, connects):
    sonarr = await street.opens()
    sonarr.root_folders, sonarr.mounts = ["/media/tv"], ["/", "/media", str(house.downloads)]
    await house.starts()
    code, said = await connects(sonarr)
    assert code == 1
    assert "are not on one file system" in said
    assert "every import is a copy" in said
    sonarr.mounts = ["/"]
    assert (await connects(sonarr))[0] == 0


async def test_nothing_is_left_in_the_folder_afterwards(house, street, connects):
    sonarr = await street.opens()
    await house.starts()
    assert (await connects(sonarr))[0] == 0
    assert list(Path(house.downloads, "tv-sonarr").iterdir()) == []


async def test_a_masked_password_is_never_sent_back_as_ours(house, street, connects):
    sonarr = await street.opens()
    await house.starts()
    await connects(sonarr)
    await connects(sonarr)
    assert sonarr.clients[0].password == PASSWORD
    assert MASK != PASSWORD
