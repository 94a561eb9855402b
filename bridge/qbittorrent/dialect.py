"""Two versions of qBittorrent whose words we speak, each as recorded from the real server."""

from msgspec import Struct

PLAIN_TEXT = "text/plain; charset=UTF-8"
BENCODE = "application/x-bittorrent"


class Dialect(Struct, frozen=True):
    """How one version of qBittorrent speaks (qbittorrent.md §1 and §7)."""

    name: str
    version: str
    api: str
    build: dict[str, str | int]
    paused_word: str  # before DL and UP
    never: int  # a date in torrents/info that has not come
    odd_method_status: int  # for anything but GET, POST and, later, HEAD
    content_policy: str
    cookie_attributes: str
    export_type: str
    later: bool  # 5.0 and up: more endpoints, null for what is not known, sorted tags

    def word(self, state: str) -> str:
        """A state in this version's spelling."""
        return state.replace("paused", self.paused_word, 1) if state[:6] == "paused" else state


FOUR = Dialect(
    name="4",
    version="v4.5.2",
    api="2.8.19",
    build={
        "bitness": 64,
        "boost": "1.74.0",
        "libtorrent": "2.0.8.0",
        "openssl": "3.0.19",
        "qt": "5.15.8",
        "zlib": "1.2.13",
    },
    paused_word="paused",
    never=0,
    odd_method_status=400,
    content_policy=(
        "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "script-src 'self' 'unsafe-inline'; object-src 'none'; form-action 'self'; "
        "frame-ancestors 'self';"
    ),
    cookie_attributes="HttpOnly; path=/; SameSite=Strict",
    export_type=PLAIN_TEXT,
    later=False,
)

FIVE = Dialect(
    name="5",
    version="v5.1.0",
    api="2.11.4",
    build={
        "bitness": 64,
        "boost": "1.83.0",
        "libtorrent": "2.0.11.0",
        "openssl": "3.5.7",
        "platform": "linux",
        "qt": "6.8.2",
        "zlib": "1.3.1",
    },
    paused_word="stopped",
    never=-1,
    odd_method_status=501,
    content_policy=(
        "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "script-src 'self' 'unsafe-inline'; object-src 'none'; form-action 'self'; "
        "frame-src 'self' blob:; frame-ancestors 'self';"
    ),
    cookie_attributes="HttpOnly; SameSite=Strict; path=/",
    export_type=BENCODE,
    later=True,
)


def dialect(name: str) -> Dialect:
    """The dialect of this name, as the settings say it."""
    return {"4": FOUR, "5": FIVE}[name]
