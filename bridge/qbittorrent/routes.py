"""Every endpoint we answer. GET and POST as the real server takes them (qbittorrent.md §1.1)."""

from collections.abc import Iterator

from aiohttp import web
from aiohttp.typedefs import Handler

from bridge.core import queueing
from bridge.qbittorrent import idle
from bridge.qbittorrent.face import Face

READ, WRITE = "GET POST", "POST"
Endpoint = tuple[str, str, Handler]


def routes(face: Face, base: str = "") -> list[web.RouteDef]:
    """The endpoints below `base`, for this face's dialect."""
    head = face.dialect.later  # 4.5.2 answers HEAD with 405
    table = []
    for methods, path, handler in endpoints(face):
        url = f"{base}/api/v2/{path}"
        if methods == READ:
            table.append(web.get(url, handler, allow_head=head))
        table.append(web.post(url, handler))
    return table


def endpoints(face: Face) -> Iterator[Endpoint]:
    """All of them, by scope."""
    yield WRITE, "auth/login", face.access.login
    yield WRITE, "auth/logout", face.access.logout
    yield from _app(face)
    yield from _torrents_reading(face)
    yield from _torrents_doing(face)
    yield from _torrents_setting(face)
    yield from _places(face)
    yield from _labels(face)
    yield READ, "sync/maindata", face.sync.maindata
    yield READ, "sync/torrentPeers", face.sync.peers
    yield from _transfer(face)
    yield READ, "log/main", face.logbook.main
    yield READ, "log/peers", idle.empty_list
    yield from _feeds()
    yield from _searches()
    if face.dialect.later:
        yield from _later(face)
        yield from _later_idle(face)


def _app(face: Face) -> Iterator[Endpoint]:
    app = face.application
    yield READ, "app/version", app.version
    yield READ, "app/webapiVersion", app.api_version
    yield READ, "app/buildInfo", app.build_info
    yield READ, "app/preferences", app.preferences
    yield WRITE, "app/setPreferences", app.set_preferences
    yield READ, "app/defaultSavePath", app.save_path
    yield READ, "app/networkInterfaceList", app.interfaces
    yield READ, "app/networkInterfaceAddressList", app.interface_addresses
    yield WRITE, "app/shutdown", app.shut_down


def _torrents_reading(face: Face) -> Iterator[Endpoint]:
    torrents = face.torrents
    yield READ, "torrents/info", torrents.info
    yield READ, "torrents/properties", torrents.properties
    yield READ, "torrents/files", torrents.files
    yield READ, "torrents/trackers", torrents.trackers
    yield READ, "torrents/webseeds", torrents.web_seeds
    yield READ, "torrents/pieceStates", torrents.piece_states
    yield READ, "torrents/pieceHashes", torrents.piece_hashes
    yield READ, "torrents/export", torrents.export
    yield READ, "torrents/downloadLimit", torrents.download_limit
    yield READ, "torrents/uploadLimit", torrents.upload_limit


def _torrents_doing(face: Face) -> Iterator[Endpoint]:
    changing, commands = face.changing, face.commands
    yield WRITE, "torrents/add", face.adding.add
    yield WRITE, "torrents/delete", changing.delete
    yield WRITE, "torrents/pause", changing.verb(commands.pause)
    yield WRITE, "torrents/resume", changing.resume
    yield WRITE, "torrents/stop", changing.verb(commands.pause)
    yield WRITE, "torrents/start", changing.resume
    yield WRITE, "torrents/recheck", changing.verb(commands.recheck)
    yield WRITE, "torrents/reannounce", changing.verb(commands.reannounce)
    yield WRITE, "torrents/topPrio", changing.order(queueing.to_top)
    yield WRITE, "torrents/bottomPrio", changing.order(queueing.to_bottom)
    yield WRITE, "torrents/increasePrio", changing.order(queueing.a_step_up)
    yield WRITE, "torrents/decreasePrio", changing.order(queueing.a_step_down)


def _torrents_setting(face: Face) -> Iterator[Endpoint]:
    changing = face.changing
    yield WRITE, "torrents/setForceStart", changing.set_force_start
    yield WRITE, "torrents/setSuperSeeding", changing.set_super_seeding
    yield WRITE, "torrents/setAutoManagement", changing.set_auto_management
    yield WRITE, "torrents/toggleSequentialDownload", changing.toggle_sequential
    yield WRITE, "torrents/toggleFirstLastPiecePrio", changing.toggle_first_last
    yield WRITE, "torrents/setShareLimits", changing.set_share_limits
    yield WRITE, "torrents/setDownloadLimit", changing.set_download_limit
    yield WRITE, "torrents/setUploadLimit", changing.set_upload_limit
    yield WRITE, "torrents/filePrio", changing.set_file_priority
    yield WRITE, "torrents/rename", changing.rename
    yield WRITE, "torrents/addPeers", changing.add_peers


def _places(face: Face) -> Iterator[Endpoint]:
    locations, announcing = face.locations, face.announcing
    yield WRITE, "torrents/setLocation", locations.set_location
    yield WRITE, "torrents/setSavePath", locations.set_save_path
    yield WRITE, "torrents/setDownloadPath", locations.set_download_path
    yield WRITE, "torrents/renameFile", locations.rename_file
    yield WRITE, "torrents/renameFolder", locations.rename_folder
    yield WRITE, "torrents/addTrackers", announcing.add
    yield WRITE, "torrents/editTracker", announcing.edit
    yield WRITE, "torrents/removeTrackers", announcing.remove


def _labels(face: Face) -> Iterator[Endpoint]:
    categories, tags = face.categories, face.tags
    yield READ, "torrents/categories", categories.list
    yield READ, "torrents/tags", tags.list
    yield WRITE, "torrents/createCategory", categories.create
    yield WRITE, "torrents/editCategory", categories.edit
    yield WRITE, "torrents/removeCategories", categories.remove
    yield WRITE, "torrents/setCategory", categories.set
    yield WRITE, "torrents/createTags", tags.create
    yield WRITE, "torrents/deleteTags", tags.delete
    yield WRITE, "torrents/addTags", tags.add
    yield WRITE, "torrents/removeTags", tags.remove


def _transfer(face: Face) -> Iterator[Endpoint]:
    transfer = face.transfer
    yield READ, "transfer/info", transfer.info
    yield READ, "transfer/speedLimitsMode", transfer.mode
    yield WRITE, "transfer/toggleSpeedLimitsMode", transfer.toggle_mode
    yield WRITE, "transfer/setSpeedLimitsMode", transfer.set_mode
    yield READ, "transfer/downloadLimit", transfer.download_limit
    yield READ, "transfer/uploadLimit", transfer.upload_limit
    yield WRITE, "transfer/setDownloadLimit", transfer.set_download_limit
    yield WRITE, "transfer/setUploadLimit", transfer.set_upload_limit
    yield WRITE, "transfer/banPeers", transfer.ban_peers


def _feeds() -> Iterator[Endpoint]:
    no_item, none = "Item doesn't exist: {}.", idle.NO_FEEDS
    yield READ, "rss/items", idle.empty_object
    yield READ, "rss/rules", idle.empty_object
    yield READ, "rss/matchingArticles", idle.matching_articles
    yield WRITE, "rss/addFolder", idle.refused(none, "path")
    yield WRITE, "rss/addFeed", idle.refused(none, "url", "path")
    yield WRITE, "rss/setRule", idle.refused(none, "ruleName", "ruleDef")
    yield WRITE, "rss/removeItem", idle.refused(no_item, "path")
    yield WRITE, "rss/moveItem", idle.refused(no_item, "itemPath", "destPath")
    yield WRITE, "rss/markAsRead", idle.done("itemPath")
    yield WRITE, "rss/refreshItem", idle.done("itemPath")
    yield WRITE, "rss/renameRule", idle.done("ruleName", "newRuleName")
    yield WRITE, "rss/removeRule", idle.done("ruleName")


def _searches() -> Iterator[Endpoint]:
    yield READ, "search/plugins", idle.empty_list
    yield READ, "search/status", idle.none_but("id")
    yield READ, "search/results", idle.unknown("id")
    yield WRITE, "search/stop", idle.unknown("id")
    yield WRITE, "search/delete", idle.unknown("id")
    yield WRITE, "search/start", idle.refused(idle.NO_PYTHON, "pattern", "category", "plugins")
    yield WRITE, "search/installPlugin", idle.refused(idle.NO_SEARCH, "sources")
    yield WRITE, "search/uninstallPlugin", idle.done("names")
    yield WRITE, "search/enablePlugin", idle.done("names", "enable")
    yield WRITE, "search/updatePlugins", idle.done()


def _later(face: Face) -> Iterator[Endpoint]:
    yield READ, "app/cookies", face.application.cookies
    yield WRITE, "app/setCookies", face.application.set_cookies
    yield READ, "app/getDirectoryContent", face.application.folder_content
    yield WRITE, "app/sendTestEmail", face.application.send_test_email
    yield READ, "torrents/count", face.torrents.count
    yield READ, "torrents/SSLParameters", face.torrents.ssl_parameters
    yield WRITE, "torrents/setTags", face.tags.set


def _later_idle(face: Face) -> Iterator[Endpoint]:
    no_feed = "Feed doesn't exist: {}."
    yield WRITE, "rss/setFeedURL", idle.refused(no_feed, "path", "url")
    yield READ, "search/downloadTorrent", idle.refused(idle.NO_SEARCH, "torrentUrl", "pluginName")
    for name, parameters in (
        ("addWebSeeds", ["urls"]),
        ("editWebSeed", ["origUrl", "newUrl"]),
        ("removeWebSeeds", ["urls"]),
        ("setSSLParameters", ["ssl_certificate", "ssl_private_key", "ssl_dh_params"]),
    ):
        refused = idle.refused_for_a_torrent(face.commands.board, idle.NO_PEERS, *parameters)
        yield WRITE, f"torrents/{name}", refused
    yield WRITE, "torrentcreator/addTask", idle.refused(idle.NO_CREATOR, "sourcePath")
    yield READ, "torrentcreator/status", idle.none_but("taskID")
    yield READ, "torrentcreator/torrentFile", idle.unknown("taskID")
    yield WRITE, "torrentcreator/deleteTask", idle.unknown("taskID")
