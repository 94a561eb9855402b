"""PyPI's qbittorrent-api: every call that applies, made to the bridge, and its result checked."""

import asyncio

import pytest
import qbittorrentapi
from qbittorrentapi import Conflict409Error, NotFound404Error

from bridge.simulator import FetchedOver, MiB
from tests.contract.clients.surface import Recorded, Surface

PASSWORD = "pass-word"
MAGNET = f"magnet:?xt=urn:btih:{'a' * 40}&dn=Some.Show&tr=http%3A%2F%2Ftracker.example%2Fannounce"
HASH = "a" * 40
SCOPES = ("app", "auth", "log", "rss", "search", "sync", "torrents", "transfer", "torrentcreator")
OFFERED = [
    name
    for name in dir(qbittorrentapi.Client)
    if name.split("_")[0] in SCOPES and "_" in name and name == name.lower()
]
# Endpoints of 5.2 and later, which neither dialect claims to be.
LATER = """app_delete_api_key app_rotate_api_key app_get_free_space_at_path app_process_info
rss_clone_rule rss_export_rules rss_import_rules rss_set_feed_refresh_interval
torrents_download_file torrents_fetch_metadata torrents_parse_metadata torrents_save_metadata
torrents_piece_availability torrents_set_comment transfer_pause_session transfer_resume_session
transfer_set_speed_limits transfer_speed_limits"""
# No mail is sent, and no version has search/categories.
ELSEWHERE = "search_categories app_send_test_email"
ONLY_FIVE = """app_cookies app_set_cookies app_get_directory_content torrents_count
torrents_set_tags torrents_ssl_parameters torrents_set_ssl_parameters torrents_add_webseeds
torrents_edit_webseed torrents_remove_webseeds rss_set_feed_url search_download_torrent
torrentcreator_status torrentcreator_add_task torrentcreator_delete_task
torrentcreator_torrent_file"""


@pytest.fixture(params=["4", "5"])
async def lent(house, torbox, request):
    """A bridge with a complete torrent and one that TorBox fetches, and a client for it."""
    house.sets(qbittorrent={"dialect": request.param})
    await house.starts()
    done = torbox.publish("Done", {"Done.mkv": MiB, "Notes/a.txt": 10})
    under_way = torbox.publish("Under.Way", {"way.mkv": MiB}, FetchedOver(9000))
    await house.arr.grabs(done, as_file=True)
    await house.arr.grabs(under_way)
    await house.sees_state(done, "pausedUP", "stoppedUP")
    await house.sees_state(under_way, "downloading")
    client = qbittorrentapi.Client(
        f"http://127.0.0.1:{house.port}", username="admin", password=PASSWORD
    )
    return house, client, done, under_way, request.param == "5"


async def test_every_call_that_applies_gives_what_it_should(lent) -> None:
    house, client, done, under_way, later = lent
    left_out = f"{LATER} {ELSEWHERE} {'' if later else ONLY_FIVE}".split()
    surface = Surface(OFFERED, left_out)
    noted = Recorded(client, surface)
    place = str(house.downloads)
    for work in (application, adding, labels, verbs, wishes, queue, files):
        await asyncio.to_thread(work, noted, done, place)
    await asyncio.to_thread(reading, noted, done, under_way)
    await asyncio.to_thread(the_rest, noted, later)
    await asyncio.to_thread(the_end, noted, done)
    assert house.bridge.asked_to_stop.is_set()
    if later:
        await asyncio.to_thread(only_five, noted)
    assert surface.forgotten() == set()
    assert surface.invented() == set()


def application(c, _done, place) -> None:
    assert c.auth_log_in() is None
    assert c.app_version() in {"v4.5.2", "v5.1.0"}
    assert qbittorrentapi.Version.is_app_version_supported(c.app_version())
    assert c.app_web_api_version() in {"2.8.19", "2.11.4"}
    assert c.app_build_info().bitness == 64
    assert c.app_default_save_path() == place
    assert c.app_preferences().queueing_enabled is True
    c.app_set_preferences({"max_active_downloads": 7, "dht": False})
    shown = c.app_preferences()
    assert (shown.max_active_downloads, shown.dht) == (7, True)
    assert "lo" in [one.name for one in c.app_network_interface_list()]
    assert list(c.app_network_interface_address_list("lo")) == []


def adding(c, done, _place) -> None:
    more = {"is_stopped": True, "category": "by-hand", "tags": ["x", "y"], "ratio_limit": 1.5}
    assert c.torrents_add(urls=MAGNET, **more) == "Ok."
    row = one(c, HASH)
    assert (row.category, row.tags, row.ratio_limit) == ("by-hand", "x, y", 1.5)
    assert row.state_enum.is_stopped
    assert c.torrents_add(torrent_files={"again.torrent": done.torrent}) == "Ok."
    with pytest.raises(qbittorrentapi.UnsupportedMediaType415Error):
        c.torrents_add(torrent_files=b"this is no torrent")


def one(c, torrent_hash: str):
    (row,) = c.torrents_info(torrent_hashes=torrent_hash)
    return row


def labels(c, _done, place) -> None:
    c.torrents_create_category("films", save_path=f"{place}/films")
    c.torrents_edit_category("films", save_path=f"{place}/movies")
    assert c.torrents_categories()["films"].savePath == f"{place}/movies"
    c.torrents_set_category(category="films", torrent_hashes=HASH)
    assert one(c, HASH).category == "films"
    c.torrents_remove_categories(["films"])
    assert one(c, HASH).category == ""
    c.torrents_create_tags(["p", "q"])
    c.torrents_add_tags(["p", "r"], torrent_hashes=HASH)
    assert set(one(c, HASH).tags.split(", ")) == {"x", "y", "p", "r"}
    c.torrents_remove_tags(["x", "y"], torrent_hashes=HASH)
    c.torrents_delete_tags(["p"])
    assert one(c, HASH).tags == "r"
    assert set(c.torrents_tags()) == {"q", "r", "x", "y"}


def verbs(c, _done, _place) -> None:
    for hold, go in (
        (c.torrents_pause, c.torrents_resume),
        (c.torrents_stop, c.torrents_start),
    ):
        hold(torrent_hashes=HASH)
        assert one(c, HASH).state_enum.is_stopped
        go(torrent_hashes=HASH)
        assert not one(c, HASH).state_enum.is_stopped
    c.torrents_reannounce(torrent_hashes=HASH)
    c.torrents_recheck(torrent_hashes=HASH)
    c.torrents_stop(torrent_hashes=HASH)


def wishes(c, _done, _place) -> None:
    c.torrents_set_download_limit(limit=1000, torrent_hashes=HASH)
    c.torrents_set_upload_limit(limit=2000, torrent_hashes=HASH)
    assert c.torrents_download_limit(torrent_hashes=HASH)[HASH] == 1000
    assert c.torrents_upload_limit(torrent_hashes=HASH)[HASH] == 2000
    limits = {"ratio_limit": 2, "seeding_time_limit": 60, "inactive_seeding_time_limit": 30}
    c.torrents_set_share_limits(**limits, torrent_hashes=HASH)
    assert (one(c, HASH).ratio_limit, one(c, HASH).seeding_time_limit) == (2, 60)
    c.torrents_set_force_start(enable=True, torrent_hashes=HASH)
    c.torrents_set_super_seeding(enable=True, torrent_hashes=HASH)
    c.torrents_set_auto_management(enable=True, torrent_hashes=HASH)
    c.torrents_toggle_sequential_download(torrent_hashes=HASH)
    c.torrents_toggle_first_last_piece_priority(torrent_hashes=HASH)
    row = one(c, HASH)
    assert (row.force_start, row.super_seeding, row.auto_tmm) == (True, True, False)
    assert (row.seq_dl, row.f_l_piece_prio) == (True, True)


def queue(c, _done, _place) -> None:
    c.torrents_add(urls="b" * 40, is_stopped=True)
    before = one(c, HASH).priority
    assert before < one(c, "b" * 40).priority
    c.torrents_bottom_priority(torrent_hashes=HASH)
    assert one(c, HASH).priority > one(c, "b" * 40).priority
    c.torrents_top_priority(torrent_hashes=HASH)
    assert one(c, HASH).priority == 1
    c.torrents_decrease_priority(torrent_hashes=HASH)
    c.torrents_increase_priority(torrent_hashes=HASH)
    assert one(c, HASH).priority < one(c, "b" * 40).priority


def files(c, _done, place) -> None:
    c.torrents_rename(torrent_hash=HASH, new_torrent_name="Another name")
    assert one(c, HASH).name == "Another name"
    c.torrents_set_location(location=f"{place}/kept", torrent_hashes=HASH)
    assert one(c, HASH).save_path == f"{place}/kept"
    c.torrents_set_save_path(save_path=f"{place}/other", torrent_hashes=HASH)
    assert one(c, HASH).save_path == f"{place}/other"
    c.torrents_set_download_path(download_path=f"{place}/x", torrent_hashes=HASH)
    assert one(c, HASH).download_path.startswith(f"{place}/.incomplete/")
    c.torrents_add_trackers(torrent_hash=HASH, urls=["http://b.example/announce"])
    c.torrents_edit_tracker(
        torrent_hash=HASH,
        original_url="http://b.example/announce",
        new_url="http://c.example/announce",
    )
    c.torrents_remove_trackers(torrent_hash=HASH, urls=["http://tracker.example/announce"])
    shown = [tracker.url for tracker in c.torrents_trackers(torrent_hash=HASH)]
    assert shown[3:] == ["http://c.example/announce"]


def reading(c, done, under_way) -> None:
    by_hash = {"torrent_hash": done.hash}
    assert {row.hash for row in c.torrents_info()} >= {done.hash, under_way.hash, HASH}
    shown = c.torrents_properties(**by_hash)
    assert (shown.total_size, shown.hash) == (MiB + 10, done.hash)
    names = [file.name for file in c.torrents_files(**by_hash)]
    assert set(names) == {"Done/Done.mkv", "Done/Notes/a.txt"}
    assert len(c.torrents_piece_states(**by_hash)) == len(c.torrents_piece_hashes(**by_hash)) > 0
    assert list(c.torrents_webseeds(**by_hash)) == []
    assert c.torrents_export(**by_hash) == done.torrent
    assert c.torrents_export(torrent_hash=under_way.hash) == under_way.torrent
    whole = c.sync_maindata()
    assert set(whole.torrents) >= {done.hash, under_way.hash}
    assert "full_update" not in c.sync_maindata(rid=whole.rid)
    assert c.sync_torrent_peers(**by_hash).full_update is True
    lines = c.log_main(last_known_id=-1)
    assert any(": accepted" in line.message for line in lines)
    assert list(c.log_main(last_known_id=lines[-1].id)) == []
    assert list(c.log_peers()) == []
    c.torrents_file_priority(torrent_hash=under_way.hash, file_ids=[0], priority=1)
    c.torrents_rename_file(**by_hash, old_path="Done/Notes/a.txt", new_path="Done/Notes/b.txt")
    c.torrents_rename_folder(torrent_hash=under_way.hash, old_path="Under.Way", new_path="Renamed")
    assert c.torrents_files(torrent_hash=under_way.hash)[0].name == "Renamed/way.mkv"
    failed = c.torrents_add_peers(peers=["127.0.0.1:1"], torrent_hashes=HASH)[HASH]
    assert (failed.added, failed.failed) == (0, 1)


def the_rest(c, later) -> None:
    c.transfer_set_download_limit(limit=5120)
    c.transfer_set_upload_limit(limit=6144)
    assert (c.transfer_download_limit(), c.transfer_upload_limit()) == (5120, 6144)
    assert c.transfer_info().dl_rate_limit == 5120
    assert c.transfer_info().connection_status == "connected"
    c.transfer_toggle_speed_limits_mode()
    assert c.transfer_speed_limits_mode() == "1"
    c.transfer_set_speed_limits_mode(intended_state=False)
    assert c.transfer_speed_limits_mode() == "0"
    c.transfer_ban_peers(peers=["127.0.0.1:1"])
    assert (dict(c.rss_items()), dict(c.rss_rules())) == ({}, {})
    assert dict(c.rss_matching_articles(rule_name="x")) == {}
    assert (list(c.search_plugins()), list(c.search_status())) == ([], [])
    refused(c)


def refused(c) -> None:
    """There are no feeds and no searches here; the library says so in its own words."""
    for call, given in (
        (c.rss_add_folder, {"folder_path": "f"}),
        (c.rss_add_feed, {"url": "http://127.0.0.1:1/f"}),
        (c.rss_remove_item, {"item_path": "f"}),
        (c.rss_move_item, {"orig_item_path": "f", "new_item_path": "g"}),
        (c.rss_set_rule, {"rule_name": "r", "rule_def": {}}),
        (c.search_start, {"pattern": "p", "plugins": "all", "category": "all"}),
        (c.search_install_plugin, {"sources": "s"}),
    ):
        with pytest.raises(Conflict409Error):
            call(**given)
    c.rss_mark_as_read(item_path="f")
    c.rss_refresh_item(item_path="f")
    c.rss_rename_rule(orig_rule_name="r", new_rule_name="s")
    c.rss_remove_rule(rule_name="r")
    c.search_uninstall_plugin(names="s")
    c.search_enable_plugin(plugins="s", enable=True)
    c.search_update_plugins()
    assert (dict(c.rss_items()), dict(c.rss_rules()), list(c.search_plugins())) == ({}, {}, [])
    for call in (c.search_results, c.search_stop, c.search_delete):
        with pytest.raises(NotFound404Error):
            call(search_id=1)


def the_end(c, done) -> None:
    c.torrents_delete(delete_files=True, torrent_hashes=[done.hash, HASH])
    assert not {row.hash for row in c.torrents_info()} & {done.hash, HASH}
    c.app_shutdown()
    c.auth_log_out()
    assert not c.is_logged_in


def only_five(c) -> None:
    c.auth_log_in()
    assert int(c.torrents_count()) == len(c.torrents_info())
    c.torrents_set_tags(tags=["only"], torrent_hashes="b" * 40)
    assert one(c, "b" * 40).tags == "only"
    assert c.torrents_ssl_parameters(torrent_hash="b" * 40).ssl_certificate == ""
    cookie = {"domain": "d", "path": "/", "name": "n", "value": "v", "expirationDate": 0}
    c.app_set_cookies([cookie])
    assert [one.name for one in c.app_cookies()] == ["n"]
    with pytest.raises(NotFound404Error):
        c.app_get_directory_content("/etc")
    only_five_refused(c)


def only_five_refused(c) -> None:
    seed = {"torrent_hash": "b" * 40, "urls": "http://seed.example/"}
    pem = {"ssl_certificate": "c", "ssl_private_key": "k", "ssl_dh_params": "d"}
    for call, given in (
        (c.torrents_add_webseeds, seed),
        (c.torrents_edit_webseed, {"torrent_hash": "b" * 40, "orig_url": "u", "new_url": "v"}),
        (c.torrents_remove_webseeds, seed),
        (c.torrents_set_ssl_parameters, {"torrent_hash": "b" * 40} | pem),
        (c.rss_set_feed_url, {"url": "http://127.0.0.1:1/f", "item_path": "f"}),
        (c.search_download_torrent, {"url": "http://127.0.0.1:1/t", "plugin": "p"}),
        (c.torrentcreator_add_task, {"source_path": "/etc"}),
    ):
        with pytest.raises(Conflict409Error):
            call(**given)
    for call in (c.torrentcreator_delete_task, c.torrentcreator_torrent_file):
        with pytest.raises(NotFound404Error):
            call(task_id="t")
    assert list(c.torrentcreator_status()) == []
