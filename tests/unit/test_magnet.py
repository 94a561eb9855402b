"""Magnet links and bare info-hashes."""

import base64
import unicodedata
from contextlib import suppress
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.errors import NotATorrent
from bridge.torrentfile import read_source

calm = settings(deadline=None)  # how long an example takes says nothing about the code

V1 = "0123456789abcdef0123456789abcdef01234567"
V2 = "00112233445566778899aabbccddeeff" * 2
BASE32 = base64.b32encode(bytes.fromhex(V1)).decode()


@pytest.mark.parametrize(
    "text",
    [
        V1,
        V1.upper(),
        f"  {V1}\r\n",
        BASE32,
        BASE32.lower(),
        f"magnet:?xt=urn:btih:{V1}",
        f"magnet:?xt=urn:btih:{V1.upper()}",
        f"magnet:?xt=urn:btih:{BASE32}",
        f"magnet:?xt=urn:btih:{BASE32.lower()}",
        f"MAGNET:?XT=URN:BTIH:{V1}",
        f"magnet:?xt=urn%3Abtih%3A{V1}",
        f"magnet:xt=urn:btih:{V1}",
        f"magnet:?xt.1=urn:btih:{V1}",
        f"magnet:?dn=&tr=&xt=urn:btih:{V1}",
        f"magnet:?xt=urn:sha1:{BASE32}&xt=urn:btih:{V1}",
        f"magnet:?xt=urn:btih:tooshort&xt=urn:btih:{V1}",
        f"magnet:?xt=urn:btih:{V1}&xt=urn:btmh:1220short",
        f"magnet:?xl=5&x.pe=1.2.3.4:5&ws=http://a/b&so=0&kt=a+b&&=&xt=urn:btih:{V1}",
    ],
)
def test_every_form_of_a_hash_is_read(text: str) -> None:
    source = read_source(text)
    assert (source.v1, source.v2, source.hash) == (V1, "", V1)
    assert source.name == V1
    assert source.magnet == f"magnet:?xt=urn:btih:{V1}"
    assert source.trackers == ()
    assert (source.torrent, source.files, source.private, source.root) == (None, (), None, "")


@pytest.mark.parametrize(
    "text",
    [V2, V2.upper(), f"magnet:?xt=urn:btmh:1220{V2}", f"magnet:?xt=urn%3abtmh%3A1220{V2.upper()}"],
)
def test_a_v2_only_hash_is_read(text: str) -> None:
    source = read_source(text)
    assert (source.v1, source.v2, source.hash, source.name) == ("", V2, V2, V2)
    assert source.magnet == f"magnet:?xt=urn:btmh:1220{V2}"


def test_a_hybrid_is_known_by_its_first_hash() -> None:
    source = read_source(f"magnet:?xt=urn:btmh:1220{V2}&xt=urn:btih:{BASE32}&dn=x")
    assert (source.v1, source.v2, source.hash) == (V1, V2, V1)
    assert source.magnet == f"magnet:?xt=urn:btih:{V1}&xt=urn:btmh:1220{V2}&dn=x"


@pytest.mark.parametrize(
    ("dn", "name"),
    [
        ("Some.Film.2024", "Some.Film.2024"),
        ("Some+Film+%282024%29", "Some Film (2024)"),
        ("C%2B%2B", "C++"),
        ("%E6%97%A5%E6%9C%AC", "日本"),
        ("日本", "日本"),
        ("100%", "100%"),
        ("bad%FFbyte", "bad\ufffdbyte"),
        ("two%0Alines%00", "two lines"),
        ("a=b", "a=b"),
        ("%0A", V1),
        ("half\ud83c", "half?"),
    ],
)
def test_the_name_is_decoded_and_kept_on_one_line(dn: str, name: str) -> None:
    assert read_source(f"magnet:?xt=urn:btih:{V1}&dn={dn}").name == name


def test_trackers_are_kept_in_order_and_once() -> None:
    passkey = "https://tracker.example/p+k/announce?key=a%26b"
    trackers = ["udp://one.example:80/announce", passkey, "udp://one.example:80/announce"]
    link = f"magnet:?xt=urn:btih:{V1}&dn=x&tr={quote(trackers[0], safe='')}&tr={trackers[0]}"
    source = read_source(f"{link}&tr.2={quote(passkey, safe='')}")
    assert source.trackers == (trackers[0], passkey)
    assert source.magnet == (
        f"magnet:?xt=urn:btih:{V1}&dn=x"
        "&tr=udp%3A%2F%2Fone.example%3A80%2Fannounce"
        "&tr=https%3A%2F%2Ftracker.example%2Fp%2Bk%2Fannounce%3Fkey%3Da%2526b"
    )


def test_a_link_that_was_escaped_for_html_is_read() -> None:
    source = read_source(f"magnet:?xt=urn:btih:{V1}&amp;dn=x&amp;tr=udp://a.example:1")
    assert (source.name, source.trackers) == ("x", ("udp://a.example:1",))


def test_what_cannot_be_a_tracker_is_dropped() -> None:
    nonsense = [
        "",
        "tracker",
        "http://a%0d%0ab",
        "http://a%20b",
        "http://" + "a" * 2048,
        "http://%FF",
    ]
    link = f"magnet:?xt=urn:btih:{V1}" + "".join(f"&tr={url}" for url in nonsense)
    assert read_source(link).trackers == ()


def test_of_thousands_of_trackers_the_first_two_thousand_are_kept() -> None:
    urls = [f"udp://tracker{number}.example:1337/announce" for number in range(5000)]
    source = read_source(f"magnet:?xt=urn:btih:{V1}&tr=" + "&tr=".join(urls))
    assert source.trackers == tuple(urls[:2000])
    assert source.magnet.count("&tr=") == 2000


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n",
        "garbage",
        "magnet:",
        "magnet:?",
        "magnet:?dn=Some.Film",
        "magnet:?xt=",
        "magnet:?xt=urn:btih:",
        f"magnet:?xt=urn:btih:{V1[:39]}",
        f"magnet:?xt=urn:btih:{V1}0",
        f"magnet:?xt=urn:btih:{V1[:39]}g",
        f"magnet:?xt=urn:btih:{BASE32[:31]}1",
        f"magnet:?xt=urn:btih:{V2}",
        f"magnet:?xt=urn:btmh:1320{V2}",
        f"magnet:?xt={V1}",
        f"magnet:?xt=urn:btih:{V1[:-1]}\u0663",
        f"magnetic:?xt=urn:btih:{V1}",
        f"https://indexer.example/download?apikey=secret&hash={V1}",
        V1 + "0",
        V1[:39],
        BASE32[:31] + "8",
        V2 + "00",
        f"1220{V2}",
    ],
)
def test_anything_else_is_one_clear_sentence(text: str) -> None:
    with pytest.raises(NotATorrent) as caught:
        read_source(text)
    sentence = str(caught.value)
    assert sentence
    assert "\n" not in sentence
    assert "secret" not in sentence


def test_more_than_a_mebibyte_is_refused() -> None:
    link = f"magnet:?xt=urn:btih:{V1}&dn="
    assert read_source(link + "x" * (1024 * 1024 - len(link))).v1 == V1
    with pytest.raises(NotATorrent, match="longer than 1 MiB"):
        read_source(link + "x" * (1024 * 1024 - len(link) + 1))


@calm
@given(st.text(), st.lists(st.text(st.characters(exclude_categories=["Z", "C"]), min_size=1)))
def test_what_we_write_says_what_we_read(name: str, places: list[str]) -> None:
    trackers = [f"http://{place}" for place in places]
    link = f"magnet:?xt=urn:btih:{BASE32}&dn={quote(name)}"
    source = read_source(link + "".join(f"&tr={quote(url, safe='')}" for url in trackers))
    query = parse_qs(urlsplit(source.magnet).query)
    assert query["xt"] == [f"urn:btih:{V1}"]
    assert query.get("dn", [V1]) == [source.name]
    assert tuple(query.get("tr", ())) == source.trackers
    assert read_source(source.magnet) == source


@calm
@given(st.one_of(st.text(), st.text().map(lambda text: f"magnet:?xt=urn:btih:{V1}&{text}")))
def test_random_text_is_read_or_refused(text: str) -> None:
    with suppress(NotATorrent):
        source = read_source(text)
        assert source.hash
        assert source.magnet.isascii()
        assert not any(unicodedata.category(letter) == "Cc" for letter in source.name)
