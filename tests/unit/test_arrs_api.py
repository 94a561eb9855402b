"""The arrs' own API is read forgivingly, and no answer of theirs is more than a sentence."""

import json

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from bridge.arrs import replies
from bridge.arrs.arr import Arr
from bridge.clock import Clock
from bridge.config import ArrSettings
from bridge.errors import ArrError, ArrGone, ArrRefused, ArrUnwell

KEY = "0123456789abcdef0123456789abcdef"
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.floats(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["records", "id", "downloadId", "fields", "name", "value", "port", "x"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(anything)
def test_any_json_is_read_without_a_fall(body):
    list(replies.rows(body))
    list(replies.events(body))
    list(replies.entries(body))
    replies.total(body)


def test_a_queue_row_is_read_as_v3_and_v5_write_it():
    v3 = {
        "id": 7,
        "seriesId": 12,
        "episodeId": 3,
        "downloadId": "AB" * 20,
        "downloadClient": "TorBox",
        "trackedDownloadState": "importBlocked",
        "statusMessages": [{"title": "x", "messages": ["Sample\n"]}],
    }
    pending = {"id": 8, "seriesId": 12, "downloadId": None}
    [row] = replies.rows({"records": [v3, pending, "x", None]})
    assert row == replies.Row(7, "AB" * 20, "TorBox", "series 12", "importBlocked", "Sample")
    v5 = v3 | {"episodeIds": [3, 4], "movieId": 0}
    assert list(replies.rows({"records": [v5]})) == [row]


@pytest.mark.parametrize(
    ("names", "category", "imported"),
    [
        ({"tvCategory": "tv", "tvImportedCategory": "done"}, "tv", "done"),
        ({"movieImportedCategory": None, "movieCategory": "radarr"}, "radarr", ""),
        ({"musicCategory": "lidarr"}, "lidarr", ""),
    ],
)
def test_a_download_client_is_read_whatever_the_arr(names, category, imported):
    said = {"host": "Bridge", "port": 8484, "urlBase": "x/", "useSsl": True, **names}
    record = {
        "id": 3,
        "name": "TorBox",
        "implementation": "QBittorrent",
        "fields": [{"name": name, "value": value} for name, value in said.items()],
    }
    [entry] = replies.entries([record, record | {"implementation": "Transmission"}])
    assert (entry.host, entry.port, entry.url_base, entry.ssl) == ("bridge", 8484, "/x", True)
    assert (entry.category, entry.imported_category) == (category, imported)


@pytest.fixture
async def answering(aiohttp_server):
    """An arr whose every answer is the one given."""
    opened = []

    async def serve(answer) -> Arr:
        async def handler(request):
            return answer(request)

        app = web.Application()
        app.router.add_route("*", "/{rest:.*}", handler)
        server = await aiohttp_server(app)
        arr = Arr(ArrSettings("Sonarr", str(server.make_url("/base")), KEY), Clock(), "test")
        await arr.__aenter__()
        opened.append(arr)
        return arr

    yield serve
    for arr in opened:
        await arr.__aexit__(None, None, None)


def page(text, status=200, kind="text/html", **headers):
    return lambda _request: web.Response(
        text=text, status=status, content_type=kind, headers=headers
    )


@pytest.mark.parametrize(
    ("answer", "error", "sentence"),
    [
        (page("<html>", 200), ArrUnwell, "not well"),
        (page("<html>", 502), ArrUnwell, "status 502"),
        (page("<html>", 429), ArrUnwell, "status 429"),
        (page('{"error": "Unauthorized"}', 401), ArrRefused, "does not accept the API key"),
        (page("", 307, location="/base/"), ArrRefused, "lacks its URL base"),
        (page('{"message": "NotFound"}', 404), ArrUnwell, "not as an arr does"),
        (page('{"appName": "Prowlarr"}'), ArrRefused, "is Prowlarr, not one of"),
        (page("[]"), ArrRefused, "something else"),
    ],
)
async def test_whatever_is_not_an_arr_becomes_one_sentence(answering, answer, error, sentence):
    arr = await answering(answer)
    with pytest.raises(error, match=sentence) as raised:
        await arr.app()
    assert KEY not in repr(raised.value)
    assert raised.value.__context__ is None or KEY not in repr(raised.value.__context__)


async def test_a_validation_that_fails_says_its_reasons(answering):
    failures = [{"propertyName": "Host", "errorMessage": "Unable to connect"}, {"x": 1}]

    def answer(request):
        if request.path.endswith("status"):
            return web.json_response({"appName": "Radarr", "version": "6"})
        return web.json_response(failures, status=400)

    arr = await answering(answer)
    with pytest.raises(ArrRefused, match="Sonarr says: Unable to connect"):
        await arr.refresh()


@pytest.mark.parametrize(
    ("failures", "only"),
    [
        ([{"errorMessage": "x", "severity": "warning"}], True),
        ([{"errorMessage": "x", "isWarning": True}, {"errorMessage": "y"}], False),
        ([], False),
        ("x", False),
    ],
)
async def test_remarks_are_told_from_refusals(answering, failures, only):
    def answer(request):
        if request.path.endswith("status"):
            return web.json_response({"appName": "Radarr"})
        return web.json_response(failures, status=400)

    arr = await answering(answer)
    with pytest.raises(ArrRefused) as raised:
        await arr.refresh()
    assert raised.value.only_warnings is only


async def test_a_row_that_is_gone_is_told_from_one_that_is_refused(answering):
    def answer(request):
        if request.path.endswith("status"):
            return web.json_response({"appName": "Sonarr"})
        return web.json_response({"message": "NotFound"}, status=404)

    arr = await answering(answer)
    with pytest.raises(ArrGone):
        await arr.queue()


async def test_nobody_there_is_unwell(unused_tcp_port):
    url = f"http://127.0.0.1:{unused_tcp_port}"
    async with Arr(ArrSettings("Sonarr", url, KEY), Clock(), "test") as arr:
        with pytest.raises(ArrError, match="does not answer"):
            await arr.app()


async def test_all_pages_of_a_long_queue_are_read(answering):
    rows = [
        {"id": number, "downloadId": f"{number:040X}", "downloadClient": "TorBox"}
        for number in range(2500)
    ]
    asked = []

    def answer(request):
        if request.path.endswith("status"):
            return web.json_response({"appName": "Sonarr"})
        asked.append(request.query)
        number, size = int(request.query["page"]), int(request.query["pageSize"])
        records = rows[(number - 1) * size : number * size]
        return web.json_response({"records": records, "totalRecords": len(rows)})

    arr = await answering(answer)
    assert len(await arr.queue()) == 2500
    assert len(asked) == 3
    assert asked[0]["includeUnknownSeriesItems"] == asked[0]["includeUnknownMovieItems"] == "true"


async def test_the_key_travels_in_a_header_only(answering):
    seen = []

    def answer(request):
        seen.append((str(request.url), request.headers.get("X-Api-Key")))
        return web.Response(text=json.dumps({"appName": "Sonarr"}))

    arr = await answering(answer)
    await arr.app()
    [(url, key)] = seen
    assert key == KEY
    assert KEY not in url
    assert url.endswith("/base/api/v3/system/status")
