"""Where a request comes from: the client's own address, the Host it names, the page it is from."""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from msgspec import Struct
from multidict import MultiMapping
from yarl import URL

# Whoever sends one of these speaks for somebody else.
FORWARDING = (
    "CF-Connecting-IP",
    "Forwarded",
    "True-Client-IP",
    "Via",
    "X-Client-IP",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Forwarded-Server",
    "X-Real-IP",
)

Network = IPv4Network | IPv6Network


class Caller(Struct, frozen=True):
    """What is known of who asks: the connection's other end, and what the request says."""

    remote: str
    headers: MultiMapping[str]  # of any case

    @property
    def peer(self) -> str:
        """The connection's other end as an address in one spelling, "" if it has none."""
        return _plain(self.remote)

    @property
    def host(self) -> str:
        """The Host header. (aiohttp's `request.host` asks the resolver when it is missing.)"""
        return self.headers.get("Host", "")

    def listed(self, name: str) -> list[str]:
        """All that a header lists, also when it comes several times: some proxies add a line."""
        return ",".join(self.headers.getall(name, ())).split(",")


class Origins:
    """Judges origins by the settings of design §6, "Who may ask"."""

    def __init__(
        self, allowed_hosts: Sequence[str], trusted_proxies: Iterable[str], trusted: Iterable[str]
    ) -> None:
        self._allowed = frozenset(_ascii(name) for name in allowed_hosts)
        self._proxies = _networks(trusted_proxies)
        self._trusted = _networks(trusted)

    def address(self, caller: Caller) -> str:
        """The client's own address: a trusted proxy's word for it, else the connection's."""
        peer = caller.peer
        if not _within(peer, self._proxies):
            return peer
        if "X-Forwarded-For" not in caller.headers:
            return peer
        for hop in reversed(caller.listed("X-Forwarded-For")):
            # What cannot be read ends the chain: further left anybody may have written anything.
            peer = _plain(split_host(hop)[0])
            if not _within(peer, self._proxies):
                break
        return peer

    def trusts(self, caller: Caller) -> bool:
        """Whether no login is asked. A header that hides the sender, or an odd Host, ends trust."""
        if not self._trusted or not self.knows(caller.host):
            return False
        peer = caller.peer
        forwarded = any(name in caller.headers for name in FORWARDING)
        if forwarded and not _within(peer, self._proxies):
            return False
        return _within(self.address(caller), self._trusted)

    def takes(self, caller: Caller) -> bool:
        """Whether the Host is one of ours; without a list every name is, as on the real server."""
        return not self._allowed or not caller.host or self.knows(caller.host)

    def knows(self, host: str) -> bool:
        """Whether a page from elsewhere cannot have made this name point here."""
        name, _ = split_host(host)
        return name == "localhost" or "." not in name or _is_address(name) or name in self._allowed

    def same_site(self, caller: Caller) -> bool:
        """Whether the page that asks, if it is a page, is ours (CSRF)."""
        for header in ("Origin", "Referer"):
            if source := caller.headers.get(header, ""):
                return self._is_ours(caller, source)
        return True

    def _is_ours(self, caller: Caller, source: str) -> bool:
        try:
            url = URL(source)
            name, port = (url.raw_host or "").lower().rstrip("."), url.explicit_port
        except ValueError:
            return False
        if not name:
            return False
        hosts = [caller.host]
        if _within(caller.peer, self._proxies):
            hosts += caller.listed("X-Forwarded-Host")
        return name in self._allowed or any(_same(name, port, host) for host in hosts if host)


def split_host(host: str) -> tuple[str, int | None]:
    """A Host header's name in lower case, and its port if it names one."""
    host = host.strip().lower()
    name, colon, port = host.rpartition(":")
    if colon and port.isdigit() and (not name.count(":") or name.endswith("]")):
        return name.strip("[]").rstrip("."), int(port)
    return host.strip("[]").rstrip("."), None


def _same(name: str, port: int | None, host: str) -> bool:
    other, other_port = split_host(host)
    return name == other and (port is None or other_port is None or port == other_port)


def _ascii(name: str) -> str:
    """A host's name as it is sent: browsers write other scripts in ASCII."""
    return (URL.build(scheme="http", host=name).raw_host or name).lower().rstrip(".")


def _networks(texts: Iterable[str]) -> tuple[Network, ...]:
    return tuple(ip_network(text, strict=False) for text in texts)


def _plain(text: str) -> str:
    """An address in one spelling, an IPv4 one in IPv6's clothes undressed; "" if it is none."""
    try:
        address = ip_address(text.strip("[]").partition("%")[0])
    except ValueError:
        return ""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)


def _within(text: str, networks: Iterable[Network]) -> bool:
    if not text:
        return False
    address = ip_address(text)
    return any(address in network for network in networks)


def _is_address(name: str) -> bool:
    return bool(_plain(name))
