"""`/metrics`: what Prometheus reads of a whole house, and who may read it."""

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from bridge.simulator import Answer, Stalled


async def scraped(house) -> dict[str, float]:
    """Every sample as `name{label="value"}`."""
    url = f"http://127.0.0.1:{house.port}{house.settings.server.url_base}/metrics"
    login = aiohttp.encode_basic_auth("admin", "pass-word")
    async with (
        aiohttp.ClientSession() as session,
        session.get(url, headers={"Authorization": login}) as answer,
    ):
        assert answer.status == 200
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        text = await answer.text()
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sample.labels.items())
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


async def test_a_grab_is_counted_from_phase_to_phase_and_in_bytes(house, torbox, arr) -> None:
    grab, dead = torbox.publish("Show.S01E01"), torbox.publish("Dead", script=Stalled(at=0.1))
    await arr.grabs(grab)
    await house.sees_state(grab, "pausedUP")
    await arr.grabs(dead)
    await house.eventually(lambda: torbox.item_of(dead.hash))
    await house.calm()
    found = await scraped(house)
    size = sum(file.size for file in grab.files)
    assert found['torbox_bridge_torrents{phase="complete"}'] == 1
    assert found['torbox_bridge_torrents{phase="fetching"}'] == 1
    assert found['torbox_bridge_torrents{phase="failed"}'] == 0
    assert found["torbox_bridge_received_bytes_total"] == size
    assert found["torbox_bridge_complete_seconds_count"] == 1
    assert found["torbox_bridge_import_seconds_count"] == 0
    assert found["torbox_bridge_connected"] == 1
    await arr.removes(grab)
    assert (await scraped(house))["torbox_bridge_import_seconds_count"] == 1


async def test_calls_and_refusals_are_counted_by_endpoint(house, torbox, arr) -> None:
    torbox.next("createtorrent", Answer(429, {"detail": "slow down"}, {"Retry-After": "60"}))
    grab = torbox.publish("Show.S01E01")
    await arr.grabs(grab)
    await house.sees_state(grab, "pausedUP")
    found = await scraped(house)
    creates = len(torbox.calls_to("createtorrent"))
    assert found['torbox_bridge_torbox_calls_total{endpoint="createtorrent"}'] == creates
    limited = 'torbox_bridge_torbox_refusals_total{endpoint="createtorrent",kind="limited"}'
    assert found[limited] == 1
    assert found['torbox_bridge_torbox_call_seconds_count{endpoint="mylist"}'] >= 1
    assert found['torbox_bridge_torbox_budget_left{endpoint="createtorrent"}'] <= 55
    assert found['torbox_bridge_request_seconds_count{endpoint="torrents/add"}'] == 1


async def test_what_holds_everything_up_shows(house, torbox, arr) -> None:
    torbox.stop()
    await arr.grabs(torbox.publish("Show.S01E01"))
    await house.eventually(lambda: not house.bridge.board.health.connected)
    found = await scraped(house)
    assert found['torbox_bridge_held{by="torbox"}'] == 1
    assert found['torbox_bridge_held{by="disk"}'] == 0
    assert found["torbox_bridge_connected"] == 0


async def test_no_name_key_or_link_is_in_the_metrics(house, torbox, arr) -> None:
    grab = torbox.publish("A.Telling.Name")
    await arr.grabs(grab)
    await house.sees_state(grab, "pausedUP")
    text = str(await scraped(house))
    for secret in ("Telling", grab.hash, house.settings.torbox.api_key, "pass-word"):
        assert secret not in text


@pytest.mark.parametrize("base", ["", "/bridge"])
async def test_the_metrics_want_a_login(house, base: str) -> None:
    house.sets(server={"url_base": base})
    await house.starts()
    url = f"http://127.0.0.1:{house.port}{base}/metrics"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        assert answer.status == 403
    assert (await scraped(house))["torbox_bridge_connected"] == 1
