"""Sessions in memory: who is logged in, and what each was told last (qbittorrent.md §2)."""

import secrets
from collections.abc import Iterable, Iterator

from aiohttp import hdrs, web

from bridge.clock import Clock
from bridge.core.claims import Asker

COOKIE = "SID"
TIMEOUT_SECONDS = 3600.0  # since the last request, as qBittorrent's default
MOST_SESSIONS = 1000
MOST_WITHOUT_COOKIE = 200
MOST_RID = 1_000_000
MOST_FIRST_RID = 2**30  # clients read 32 bits
MOST_TOLD = 8
MOST_POLLED = 16


class Told:
    """What a session's `sync/maindata` was answered, so that the next answer can be a difference.

    "Sent" is the last answer, "accepted" the last one whose rid came back; others are forgotten.
    """

    def __init__(self) -> None:
        self._sent: tuple[int, object] = (0, None)
        self._accepted: tuple[int, object] = (0, None)

    def known(self, rid: int) -> object:
        """What the client has that sends this rid back; None if it must be told everything."""
        if rid > 0 and rid == self._sent[0]:
            self._accepted = self._sent
        if rid <= 0 or rid != self._accepted[0]:
            self._accepted = (0, None)  # it is told everything: what it had before is past
        return self._accepted[1]

    def tell(self, moment: object, *, from_one: bool) -> int:
        """Remember what is answered now; gives its rid."""
        rid = 1 if from_one else self._sent[0] % MOST_RID + 1
        self._sent = (rid, moment)
        return rid


class ToldSeveral(Told):
    """The same for several clients that cannot be told apart.

    No rid is given twice, and a session begins with one that nobody can have from another: else a
    client would be told the difference to what another one was shown.
    """

    def __init__(self) -> None:
        self._rid = secrets.randbelow(MOST_FIRST_RID)
        self._moments: dict[int, object] = {}  # the one used last comes last

    def known(self, rid: int) -> object:
        moment = self._moments.pop(rid, None)
        if moment is not None:
            self._moments[rid] = moment
        return moment

    def tell(self, moment: object, *, from_one: bool) -> int:
        self._rid += 1
        self._moments[self._rid] = moment
        if len(self._moments) > MOST_TOLD:
            del self._moments[next(iter(self._moments))]
        return self._rid


class Session:
    """One client that is let in; or several without cookies that look alike."""

    def __init__(self, sid: str, now: float, *, shared: bool = False) -> None:
        self.sid = sid
        self.used_at = now
        self.told = ToldSeveral() if shared else Told()
        self.told_of_peers = ToldSeveral() if shared else Told()
        self.polls_all = False
        self._polled: dict[str, float] = {}

    def polls(self, category: str) -> None:
        """It asks for the torrents of this category: a delete means its claim (design §5)."""
        self._polled.pop(category, None)
        self._polled[category] = self.used_at
        if len(self._polled) > MOST_POLLED:
            del self._polled[next(iter(self._polled))]

    @property
    def polled(self) -> list[str]:
        """The categories that whoever this is asks for, the latest first."""
        since = self.used_at - TIMEOUT_SECONDS
        return [name for name, at in reversed(self._polled.items()) if at > since]


SESSION = web.RequestKey("session", Session)


def asker_of(request: web.Request) -> Asker:
    """Who this is, for those who must know one arr from another."""
    session = request[SESSION]
    program = request.headers.get(hdrs.USER_AGENT, "").partition("/")[0]
    return Asker(tuple(session.polled), program, session.polls_all)


class Sessions:
    """All sessions, least recently used first."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._by_sid: dict[str, Session] = {}
        self._by_caller: dict[str, Session] = {}

    def open(self, *, shared: bool = False) -> Session:
        """A new session; the one that was unused for longest makes room if need be."""
        # 32 characters that survive in a cookie as they are, quoted or not.
        session = Session(secrets.token_urlsafe(24), self._clock.monotonic(), shared=shared)
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
            session = self.open(shared=True)
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
