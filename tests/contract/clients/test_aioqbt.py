"""PyPI's aioqbt: every call that applies, made to the bridge, and its result checked."""

import importlib
import inspect
import pkgutil
from datetime import timedelta

import pytest

from bridge.simulator import FetchedOver, MiB
from tests.contract.clients.surface import Recorded, Surface

aioqbt = pytest.importorskip("aioqbt", reason="aioqbt is not installed")

PASSWORD = "pass-word"
MAGNET = f"magnet:?xt=urn:btih:{'a' * 40}&dn=Some.Show&tr=http%3A%2F%2Ftracker.example%2Fannounce"
HASH, OTHER = "a" * 40, "b" * 40
# Neither a mail nor a certificate is for a server like this.
ELSEWHERE = "app.send_test_email torrents.set_ssl_parameters"
ONLY_FIVE = "torrents.count torrents.ssl_parameters"


def offered() -> list[str]:
    """Scope and method of everything in the library's API classes."""
    found = []
    for module in pkgutil.iter_modules(aioqbt.api.__path__):
        for name, value in vars(importlib.import_module(f"aioqbt.api.{module.name}")).items():
            if name.lower() == f"{module.name}api" and inspect.isclass(value):
                found += [
                    f"{module.name}.{method}"
                    for method, function in vars(value).items()
                    if inspect.isfunction(function) and not method.startswith("_")
                ]
    return found


class Scopes:
    """The client's scopes, with every call noted."""

    def __init__(self, client, surface: Surface) -> None:
        self.client = client
        for name in ("app", "auth", "log", "rss", "search", "sync", "torrents", "transfer"):
            setattr(self, name, Recorded(getattr(client, name), surface, f"{name}."))


@pytest.fixture(params=["4", "5"])
async def lent(house, torbox, request):
    import aioqbt.client

    house.sets(qbittorrent={"dialect": request.param})
    await house.starts()
    done = torbox.publish("Done", {"Done.mkv": MiB, "Notes/a.txt": 10})
    under_way = torbox.publish("Under.Way", {"way.mkv": MiB}, FetchedOver(9000))
    await house.arr.grabs(done, as_file=True)
    await house.arr.grabs(under_way)
    await house.sees_state(done, "pausedUP", "stoppedUP")
    await house.sees_state(under_way, "downloading")
    # By name: its cookie jar keeps none for an address.
    url = f"http://localhost:{house.port}/api/v2/"
    client = await aioqbt.client.create_client(url, username="admin", password=PASSWORD)
    yield house, client, done, under_way, request.param == "5"
    await client.close()


async def test_every_call_that_applies_gives_what_it_should(lent) -> None:
    house, client, done, under_way, later = lent
    left_out = f"{ELSEWHERE} {'' if later else ONLY_FIVE}".split()
    surface = Surface(offered(), left_out)
    c = Scopes(client, surface)
    place = str(house.downloads)
    await application(c, place)
    await adding(c, done)
    await labels(c, place)
    await verbs(c)
    await wishes(c)
    await queue(c)
    await places(c, place, under_way)
    await reading(c, done, under_way)
    await the_rest(c)
    await refused(c)
    if later:
        assert await c.torrents.count() == len(await c.torrents.info())
        assert (await c.torrents.ssl_parameters(HASH)).ssl_certificate == ""
    await c.torrents.delete([done.hash, HASH], delete_files=True)
    assert not {row.hash for row in await c.torrents.info()} & {done.hash, HASH}
    await c.app.shutdown()
    assert house.bridge.asked_to_stop.is_set()
    await c.auth.logout()
    await c.auth.login("admin", PASSWORD)
    assert surface.forgotten() == set()
    assert surface.invented() == set()


async def row(c, torrent_hash: str = HASH):
    (found,) = await c.torrents.info(hashes=[torrent_hash])
    return found


async def application(c, place: str) -> None:
    assert await c.app.version() in {"v4.5.2", "v5.1.0"}
    assert await c.app.webapi_version() in {"2.8.19", "2.11.4"}
    assert (await c.app.build_info()).bitness == 64
    assert await c.app.default_save_path() == place
    await c.app.set_preferences({"max_active_downloads": 7, "dht": False})
    shown = await c.app.preferences()
    assert (shown["max_active_downloads"], shown["dht"]) == (7, True)
    assert "lo" in [one.name for one in await c.app.network_interface_list()]
    assert await c.app.network_interface_address_list("lo") == []


async def adding(c, done) -> None:
    from aioqbt.api import AddFormBuilder

    form = AddFormBuilder.with_client(c.client).include_url(MAGNET).category("by-hand")
    form = form.tags(["x", "y"]).stopped(True).ratio_limit(1.5).dl_limit(10)
    form = form.seeding_time_limit(timedelta(minutes=30)).sequential_download(True)
    await c.torrents.add(form.build())
    shown = await row(c)
    # It parts tags at the comma and keeps the blank that both real servers put there.
    assert [tag.strip() for tag in shown.tags] == ["x", "y"]
    assert (shown.category, shown.ratio_limit) == ("by-hand", 1.5)
    assert (shown.dl_limit, shown.seq_dl) == (10, True)
    assert str(shown.state) in {"pausedDL", "stoppedDL"}
    again = AddFormBuilder.with_client(c.client).include_file(done.torrent, "again.torrent")
    await c.torrents.add(again.build())


async def labels(c, place: str) -> None:
    await c.torrents.create_category("films", f"{place}/films")
    await c.torrents.edit_category("films", f"{place}/movies")
    assert (await c.torrents.categories())["films"].savePath == f"{place}/movies"
    await c.torrents.set_category([HASH], "films")
    assert (await row(c)).category == "films"
    await c.torrents.remove_categories(["films"])
    assert (await row(c)).category == ""
    await c.torrents.create_tags(["p", "q"])
    await c.torrents.add_tags([HASH], ["p", "r"])
    await c.torrents.remove_tags([HASH], ["x", "y"])
    await c.torrents.delete_tags(["p"])
    assert (await row(c)).tags == ["r"]
    assert set(await c.torrents.tags()) == {"q", "r", "x", "y"}


async def verbs(c) -> None:
    for hold, go in (
        (c.torrents.pause, c.torrents.resume),
        (c.torrents.stop, c.torrents.start),
    ):
        await go([HASH])
        assert str((await row(c)).state) == "queuedDL"
        await hold([HASH])
        assert str((await row(c)).state) in {"pausedDL", "stoppedDL"}
    await c.torrents.recheck([HASH])
    await c.torrents.reannounce([HASH])


async def wishes(c) -> None:
    await c.torrents.set_download_limit([HASH], 1000)
    await c.torrents.set_upload_limit([HASH], 2000)
    assert (await c.torrents.download_limit([HASH]))[HASH] == 1000
    assert (await c.torrents.upload_limit([HASH]))[HASH] == 2000
    hour, half = timedelta(hours=1), timedelta(minutes=30)
    await c.torrents.set_share_limits([HASH], 2.0, hour, half)
    await c.torrents.set_auto_management([HASH], True)
    await c.torrents.set_force_start([HASH], True)
    await c.torrents.set_super_seeding([HASH], True)
    before = (await row(c)).f_l_piece_prio, (await row(c)).seq_dl
    await c.torrents.toggle_first_last_piece_prio([HASH])
    await c.torrents.toggle_sequential_download([HASH])
    shown = await row(c)
    assert (shown.f_l_piece_prio, shown.seq_dl) == (not before[0], not before[1])
    await c.torrents.set_first_last_piece_prio([HASH], True)
    await c.torrents.set_sequential_download([HASH], True)
    shown = await row(c)
    assert (shown.ratio_limit, shown.seeding_time_limit) == (2, hour)
    assert (shown.force_start, shown.super_seeding, shown.auto_tmm) == (True, True, False)
    assert (shown.f_l_piece_prio, shown.seq_dl) == (True, True)


async def queue(c) -> None:
    from aioqbt.api import AddFormBuilder

    form = AddFormBuilder.with_client(c.client).include_url(OTHER).stopped(True)
    await c.torrents.add(form.build())
    await c.torrents.bottom_prio([HASH])
    assert (await row(c)).priority > (await row(c, OTHER)).priority
    await c.torrents.top_prio([HASH])
    assert (await row(c)).priority == 1
    await c.torrents.decrease_prio([HASH])
    await c.torrents.increase_prio([HASH])
    assert (await row(c)).priority < (await row(c, OTHER)).priority


async def places(c, place: str, under_way) -> None:
    await c.torrents.rename(HASH, "Another name")
    await c.torrents.set_location([HASH], f"{place}/kept")
    assert (await row(c)).save_path == f"{place}/kept"
    await c.torrents.set_save_path([HASH], f"{place}/other")
    shown = await row(c)
    assert (shown.name, shown.save_path) == ("Another name", f"{place}/other")
    await c.torrents.set_download_path([HASH], f"{place}/x")
    await c.torrents.add_trackers(HASH, ["http://b.example/announce"])
    await c.torrents.edit_tracker(
        HASH, orig_url="http://b.example/announce", new_url="http://c.example/announce"
    )
    await c.torrents.remove_trackers(HASH, ["http://tracker.example/announce"])
    shown = [tracker.url for tracker in await c.torrents.trackers(HASH)]
    assert shown[3:] == ["http://c.example/announce"]
    await c.torrents.add_peers([HASH], ["127.0.0.1:1"])


async def reading(c, done, under_way) -> None:
    assert {one.hash for one in await c.torrents.info()} >= {done.hash, under_way.hash, HASH}
    shown = await c.torrents.properties(done.hash)
    assert (shown.total_size, shown.hash) == (MiB + 10, done.hash)
    names = {file.name for file in await c.torrents.files(done.hash)}
    assert names == {"Done/Done.mkv", "Done/Notes/a.txt"}
    states = await c.torrents.piece_states(done.hash)
    assert len(states) == len(await c.torrents.piece_hashes(done.hash)) > 0
    assert await c.torrents.webseeds(done.hash) == []
    assert await c.torrents.export(done.hash) == done.torrent
    whole = await c.sync.maindata()
    assert set(whole.torrents) >= {done.hash, under_way.hash}
    assert not (await c.sync.maindata(whole.rid)).full_update
    assert (await c.sync.torrent_peers(done.hash)).full_update is True
    lines = await c.log.main(last_known_id=-1)
    assert any(": accepted" in line.message for line in lines)
    assert await c.log.peers() == []
    await c.torrents.file_prio(done.hash, [0], 1)
    await c.torrents.rename_file(done.hash, "Done/Notes/a.txt", "Done/Notes/b.txt")
    name = (await c.torrents.files(under_way.hash) or [None])[0]
    assert name is None or name.name == "Under.Way/way.mkv"
    with pytest.raises(aioqbt.exc.ConflictError):
        await c.torrents.rename_folder(done.hash, "Nothing", "Something")


async def the_rest(c) -> None:
    await c.transfer.set_download_limit(5120)
    await c.transfer.set_upload_limit(6144)
    limits = await c.transfer.download_limit(), await c.transfer.upload_limit()
    assert limits == (5120, 6144)
    assert (await c.transfer.info()).dl_rate_limit == 5120
    await c.transfer.toggle_speed_limits_mode()
    assert await c.transfer.speed_limits_mode() == 1
    await c.transfer.set_speed_limits_mode(0)
    assert await c.transfer.speed_limits_mode() == 0
    await c.transfer.ban_peers([("127.0.0.1", 1)])
    assert list(await c.rss.items()) == []
    assert await c.rss.rules() == {}
    assert await c.rss.matching_articles("x") == {}
    assert (await c.search.plugins(), await c.search.status()) == ([], [])


async def refused(c) -> None:
    """There are no feeds and no searches here; the library says so in its own words."""
    for call, given in (
        (c.rss.add_folder, ("f",)),
        (c.rss.add_feed, ("http://127.0.0.1:1/f", "f")),
        (c.rss.remove_item, ("f",)),
        (c.rss.move_item, ("f", "g")),
        (c.rss.set_rule, ("r", {})),
        (c.search.start, ("p", "all", "all")),
        (c.search.install_plugin, (["s"],)),
    ):
        with pytest.raises(aioqbt.exc.ConflictError):
            await call(*given)
    await c.rss.mark_as_read("f")
    await c.rss.refresh_item("f")
    await c.rss.rename_rule("r", "s")
    await c.rss.remove_rule("r")
    await c.search.uninstall_plugin(["s"])
    await c.search.enable_plugin(["s"], enable=True)
    await c.search.update_plugins()
    assert (list(await c.rss.items()), await c.search.plugins()) == ([], [])
    for call in (c.search.results, c.search.stop, c.search.delete):
        with pytest.raises(aioqbt.exc.NotFoundError):
            await call(1)
