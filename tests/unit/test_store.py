"""The store: what it promises to remember, and what it says when it cannot."""

import sqlite3

import pytest

from bridge.errors import CannotStart, StoreTrouble
from bridge.model import AccountItem, Category, Delivering, File, Torrent, Waiting, Wishes
from bridge.store import schema
from bridge.store import store as remember
from bridge.store.store import Store


def a_torrent(**fields):
    defaults = {
        "hash": "a" * 40,
        "v1": "a" * 40,
        "v2": "",
        "name": "Show",
        "magnet": "magnet:?xt=urn:btih:" + "a" * 40,
        "save_path": "/d",
        "added_at": 1.0,
        "phase": Waiting(5.0, "why"),
    }
    return Torrent(**(defaults | fields))


async def test_everything_written_is_there_after_opening_again(tmp_path):
    torrent = a_torrent(
        phase=Delivering(7, placing=True),
        files=(File("a/b.mkv", 5, torbox_id=0, md5="x", priority=0),),
        wishes=Wishes(ratio_limit=1.5),
        tags=("one", "two"),
    )
    item = AccountItem("a" * 40, 1, 2.5, torrent_id=7, ours=True)
    async with Store(tmp_path / "bridge.db") as store:
        await store.write(
            remember.put_torrent(torrent),
            remember.put_source(torrent.hash, b"d4:infode"),
            remember.put_items(torrent.hash, [item]),
            remember.put_category(Category("tv", "")),
            remember.put_tag("one"),
            remember.keep("preferences", "{}"),
        )
        await store.add_call("createtorrent", 10.0)
        await store.set_pause("mylist", 99.0)
    async with Store(tmp_path / "bridge.db") as store:
        remembered = await store.remembered()
        assert remembered.torrents == (torrent,)
        assert remembered.items == (item,)
        assert remembered.categories == (Category("tv", ""),)
        assert remembered.tags == ("one",)
        assert remembered.kept == {"preferences": "{}"}
        assert await store.torrent_file(torrent.hash) == b"d4:infode"
        assert await store.calls_since(9.0) == [("createtorrent", 10.0)]
        assert await store.pauses() == {"mylist": 99.0}


async def test_account_items_outlive_their_torrent(tmp_path):
    torrent, item = a_torrent(), AccountItem("a" * 40, 1, 2.5, torrent_id=7)
    async with Store(tmp_path / "bridge.db") as store:
        await store.write(remember.put_torrent(torrent), remember.put_items(torrent.hash, [item]))
        await store.write(remember.forget_torrent(torrent.hash))
        remembered = await store.remembered()
    assert remembered.torrents == ()
    assert remembered.items == (item,)


async def test_a_failing_write_leaves_nothing_of_its_companions(tmp_path):
    def breaks(connection):
        connection.execute("INSERT INTO nowhere VALUES (1)")

    async with Store(tmp_path / "bridge.db") as store:
        with pytest.raises(StoreTrouble):
            await store.write(remember.put_torrent(a_torrent()), breaks)
        assert (await store.remembered()).torrents == ()
        await store.write(remember.put_torrent(a_torrent()))
        assert len((await store.remembered()).torrents) == 1


async def test_a_full_disk_is_one_sentence_and_loses_nothing(tmp_path):
    async with Store(tmp_path / "bridge.db") as store:
        await store.write(remember.put_torrent(a_torrent()))
        await store.write(lambda connection: connection.execute("PRAGMA max_page_count=20"))
        with pytest.raises(StoreTrouble, match="no room left on the disk"):
            await store.write(remember.put_source("a" * 40, b"x" * 1_000_000))
        assert len((await store.remembered()).torrents) == 1


async def test_a_second_process_is_refused_with_one_sentence(tmp_path):
    async with Store(tmp_path / "bridge.db"):
        with pytest.raises(CannotStart, match="another torbox-bridge"):
            async with Store(tmp_path / "bridge.db"):
                pass


async def test_a_database_from_the_future_is_refused_and_left_as_it_is(tmp_path):
    path = tmp_path / "bridge.db"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version=99")
    connection.close()
    with pytest.raises(CannotStart, match="newer torbox-bridge"):
        async with Store(path):
            pass
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA user_version").fetchone() == (99,)
    connection.close()


async def test_what_is_not_a_database_is_refused_with_one_sentence(tmp_path):
    path = tmp_path / "bridge.db"
    path.write_bytes(b"this is no database, whatever its name says" * 100)
    with pytest.raises(CannotStart, match="not a database of the bridge"):
        async with Store(path):
            pass


async def test_a_folder_that_cannot_be_used_is_refused_with_one_sentence(tmp_path):
    with pytest.raises(CannotStart, match="cannot be written"):
        async with Store(tmp_path / "nowhere" / "bridge.db"):
            pass


async def test_a_migration_keeps_a_copy_of_the_file_before(tmp_path):
    path = tmp_path / "bridge.db"
    async with Store(path) as store:
        await store.write(remember.put_torrent(a_torrent()))
    known = schema.migrations()
    later = [*known, "CREATE TABLE later (x TEXT) STRICT;"]
    migrated = schema.open_database(path, later)
    assert migrated.execute("SELECT count(*) FROM torrents, later").fetchone() == (0,)
    assert migrated.execute("SELECT count(*) FROM torrents").fetchone() == (1,)
    migrated.close()
    copy = sqlite3.connect(tmp_path / f"bridge.db.before-{len(later)}")
    assert copy.execute("PRAGMA user_version").fetchone() == (len(known),)
    assert copy.execute("SELECT count(*) FROM torrents").fetchone() == (1,)
    copy.close()


async def test_a_migration_that_fails_leaves_the_database_as_it_was(tmp_path):
    path = tmp_path / "bridge.db"
    async with Store(path) as store:
        await store.write(remember.put_torrent(a_torrent()))
    broken = [*schema.migrations(), "CREATE TABLE later (x TEXT) STRICT; INSERT INTO nowhere;"]
    with pytest.raises(CannotStart):
        schema.open_database(path, broken)
    async with Store(path) as store:
        assert len((await store.remembered()).torrents) == 1
