"""Sessions in memory: who is logged in, and what each was told last (qbittorrent.md §2)."""

import secrets
from collections.abc import Iterable, Iterator

from aiohttp import web

from bridge.clock import Clock

COOKIE = "SID"
TIMEOUT_SECONDS = 3600.0  # since the last request, as qBittorrent's default
MOST_SESSIONS = 1000
MOST_WITHOUT_COOKIE = 200


class Told:
    """What a session's `sync/maindata` was answered, so that the next answer can be a difference.

    "Sent" is the last answer, "accepted" the last one whose rid came back.
    """

    def __init__(self) -> None:
        self.sent_rid = 0
        self.accepted_rid = 0
        self.sent: object = None
        self.accepted: object = None


class Session:
    """One client that is let in."""

    def __init__(self, sid: str, now: float) -> None:
        self.sid = sid
        self.used_at = now
        self.told = Told()
        # Which category it asked for last: a delete means that one's claim (design §5).
        self.category: str | None = None


SESSION = web.RequestKey("session", Session)


class Sessions:
    """All sessions, least recently used first."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._by_sid: dict[str, Session] = {}
        self._by_caller: dict[str, Session] = {}

    def open(self) -> Session:
        """A new session; the one that was unused for longest makes room if need be."""
        # 32 characters that survive in a cookie as they are, quoted or not.
        session = Session(secrets.token_urlsafe(24), self._clock.monotonic())
        self._by_sid[session.sid] = session
        while len(self._by_sid) > MOST_SESSIONS:
            del self._by_sid[next(iter(self._by_sid))]
        return session

    def find(self, sids: Iterable[str]) -> Session | None:
        """The first of these that is known and has not expired; it counts as used now."""
        now = self._clock.monotonic()
        for sid in sids:
            session = self._by_sid.pop(sid, None)
            if session is not None and now - session.used_at < TIMEOUT_SECONDS:
                session.used_at = now
                self._by_sid[sid] = session
                return session
        return None

    def of_caller(self, caller: str) -> Session:
        """The session of one who shows credentials with each request instead of a cookie."""
        session = self._by_caller.pop(caller, None)
        if session is None or self.find([session.sid]) is None:
            session = self.open()
        self._by_caller[caller] = session
        while len(self._by_caller) > MOST_WITHOUT_COOKIE:
            del self._by_caller[next(iter(self._by_caller))]
        return session

    def close(self, session: Session) -> None:
        """This session is over."""
        self._by_sid.pop(session.sid, None)


def sids_in(cookies: Iterable[str]) -> Iterator[str]:
    """Every session id in Cookie headers, as clients send them: plain, quoted, with more."""
    for header in cookies:
        for part in header.split(";"):
            name, equals, value = part.strip().partition("=")
            if equals and name == COOKIE:
                yield value.strip('"')
