"""Passwords and keys: compared in constant time, and guessing slowed to one a second.

Nobody is ever shut out (qBittorrent bans for an hour): behind a proxy or a container's gateway
many clients share one address, and one with a wrong password must not stop the others.
"""

import base64
import binascii
import hashlib
import hmac
import secrets

from bridge.clock import Clock

SECONDS_BETWEEN_GUESSES = 1.0
MOST_ADDRESSES = 10_000
MOST_KNOWN = 1000


class _Gate:
    """Those from one address who wait to be judged; the latest goes first.

    So a right password is judged within a second even while many wrong ones wait.
    """

    def __init__(self, opens_at: float) -> None:
        self.opens_at = opens_at
        self.waiting: list[object] = []


class Credentials:
    """What opens the door, and how often somebody may try."""

    def __init__(self, clock: Clock, username: str, password: str, api_key: str) -> None:
        self._clock = clock
        self._login = _joined(username, password)
        self._api_key = api_key.encode()
        self._gates: dict[str, _Gate] = {}
        self._known_basic: dict[bytes, bool] = {}
        self._salt = secrets.token_bytes(32)

    @property
    def has_api_key(self) -> bool:
        """Whether a Bearer key means anything here."""
        return bool(self._api_key)

    def bearer(self, key: str) -> bool:
        """Whether this is the API key."""
        return hmac.compare_digest(key.encode("utf-8", "replace"), self._api_key)

    async def login(self, address: str, username: str, password: str) -> bool:
        """Whether these are right. Waits for its turn after wrong ones from the same address."""
        await self._turn(address)
        return self._judge(address, _joined(username, password))

    async def basic(self, address: str, header: str) -> bool:
        """Whether an `Authorization: Basic` is ours.

        Arrs send a proxy's credentials, or blank ones, with every call: the same foreign header
        again is ignored at once. Only a new one is a guess.
        """
        key = hashlib.blake2b(f"{address}\n{header}".encode(), key=self._salt).digest()
        if key not in self._known_basic:
            given = _decoded(header)
            await self._turn(address)
            self._known_basic[key] = given is not None and self._judge(address, given)
            while len(self._known_basic) > MOST_KNOWN:
                del self._known_basic[next(iter(self._known_basic))]
        return self._known_basic[key]

    def _judge(self, address: str, given: bytes) -> bool:
        if hmac.compare_digest(given, self._login):
            return True
        opens_at = self._clock.monotonic() + SECONDS_BETWEEN_GUESSES
        self._gates.setdefault(address, _Gate(opens_at)).opens_at = opens_at
        return False

    async def _turn(self, address: str) -> None:
        gate = self._gates.get(address)
        if gate is None:
            return
        me = object()
        gate.waiting.append(me)
        try:
            while (left := gate.opens_at - self._clock.monotonic()) > 0 or gate.waiting[
                -1
            ] is not me:
                await self._clock.sleep(max(left, SECONDS_BETWEEN_GUESSES / 20))
        finally:
            gate.waiting.remove(me)
            self._forget_idle()

    def _forget_idle(self) -> None:
        if len(self._gates) > MOST_ADDRESSES:
            now = self._clock.monotonic()
            idle = [
                address
                for address, gate in self._gates.items()
                if not gate.waiting and gate.opens_at <= now
            ]
            for address in idle:
                del self._gates[address]


def _joined(username: str, password: str) -> bytes:
    return f"{len(username)} {username} {password}".encode("utf-8", "replace")


def _decoded(header: str) -> bytes | None:
    try:
        text = base64.b64decode(header, validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    username, _, password = text.partition(":")
    return _joined(username, password)
