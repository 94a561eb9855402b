"""Passwords and keys: compared in constant time, and guessing slowed to one a second.

Nobody is ever shut out (qBittorrent bans for an hour): behind a proxy or a container's gateway
many clients share one address, and one with a wrong password must not stop the others. So each
guess is judged as it comes: a right one is let in at once, and only the answer to a wrong one is
held back. Whoever does not wait for answers could thus guess faster. That cannot be had
otherwise: a queue that holds up the guesser who hangs up holds up an arr behind the same address
as well. Against guessing stands the length of a password, and the one we make has 20 characters.
"""

import base64
import binascii
import hashlib
import hmac
import logging
import secrets
from ipaddress import IPv6Address, ip_address

from bridge.clock import Clock

SECONDS_BETWEEN_ANSWERS = 1.0
MOST_SECONDS_HELD = 8.0  # programs give up after ten, and then do not learn that they are wrong
# Held answers cost memory and a connection each. Beyond these they are given at once, which gains
# nothing over hanging up and asking again.
MOST_HELD = 500
MOST_HELD_OF_ONE = 100
MOST_ADDRESSES = 10_000
MOST_KNOWN = 1000

log = logging.getLogger(__name__)


class _Gate:
    """The wrong guesses from one address: how many, when the next answer may go, who waits."""

    def __init__(self) -> None:
        self.opens_at = 0.0
        self.held = 0
        self.guesses = 0


class Credentials:
    """What opens the door, and how fast somebody is told that it does not."""

    def __init__(self, clock: Clock, username: str, password: str, api_key: str) -> None:
        self._clock = clock
        self._salt = secrets.token_bytes(32)
        self._login = self._digest(_joined(username, password))
        self._api_key = self._digest(api_key.encode("utf-8", "replace"))
        self.has_api_key = bool(api_key)  # whether a Bearer key means anything here
        self._gates: dict[str, _Gate] = {}  # the one used last comes last
        self._held = 0
        self._foreign: dict[bytes, None] = {}

    async def bearer(self, address: str, key: str) -> bool:
        """Whether this is the API key."""
        if self._same(key.encode("utf-8", "replace"), self._api_key):
            return True
        await self._hold(address)
        return False

    async def login(self, address: str, username: str, password: str) -> bool:
        """Whether these are right."""
        if self._same(_joined(username, password), self._login):
            return True
        await self._hold(address)
        return False

    async def basic(self, address: str, header: str) -> bool:
        """Whether an `Authorization: Basic` is ours.

        Arrs send a proxy's credentials, or blank ones, with every call: the same foreign header
        again is ignored at once. Only a new one is a guess.
        """
        given = _decoded(header)
        if given is not None and self._same(given, self._login):
            return True
        key = self._digest(f"{address}\n{header}".encode("utf-8", "replace"))
        known = key in self._foreign
        self._foreign.pop(key, None)
        self._foreign[key] = None
        if len(self._foreign) > MOST_KNOWN:
            del self._foreign[next(iter(self._foreign))]
        if not known:
            await self._hold(address)
        return False

    def _same(self, given: bytes, right: bytes) -> bool:
        """Digests are compared, so that how long it takes does not even tell a length."""
        return hmac.compare_digest(self._digest(given), right)

    def _digest(self, data: bytes) -> bytes:
        return hashlib.blake2b(data, key=self._salt).digest()

    async def _hold(self, address: str) -> None:
        """Wait with the answer to a wrong guess, so that one a second goes to each address."""
        gate, now = self._gate(address), self._clock.monotonic()
        gate.guesses += 1
        _tell(address, gate.guesses)
        opens_at = max(gate.opens_at, now)
        gate.opens_at = min(opens_at + SECONDS_BETWEEN_ANSWERS, now + MOST_SECONDS_HELD)
        if opens_at <= now or gate.held >= MOST_HELD_OF_ONE or self._held >= MOST_HELD:
            return
        gate.held += 1
        self._held += 1
        try:
            await self._clock.sleep(opens_at - now)
        finally:
            gate.held -= 1
            self._held -= 1

    def _gate(self, address: str) -> _Gate:
        network = _network(address)
        gate = self._gates.pop(network, None) or _Gate()
        self._gates[network] = gate
        if len(self._gates) > MOST_ADDRESSES:
            del self._gates[next(iter(self._gates))]
        return gate


def _tell(address: str, guesses: int) -> None:
    """Each power of ten gets a line: who mistypes is told apart from who guesses."""
    if str(guesses).strip("0") == "1":
        times = "" if guesses == 1 else f", {guesses} so far"
        log.warning("wrong user name, password or key from %s%s", address or "nowhere", times)


def _network(address: str) -> str:
    """Who has one IPv6 address has all of its network to guess from."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    return str(int(parsed) >> 64) if isinstance(parsed, IPv6Address) else address


def _joined(username: str, password: str) -> bytes:
    return f"{len(username)} {username} {password}".encode("utf-8", "replace")


def _decoded(header: str) -> bytes | None:
    try:
        text = base64.b64decode(header, validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    username, _, password = text.partition(":")
    return _joined(username, password)
