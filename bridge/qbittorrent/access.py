"""Who may ask (design §6): one middleware for qBittorrent's API, the bridge's own and the page.

The order of the checks is the real server's (qbittorrent.md §1.1): form, Host and origin, session.
"""

import re

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from bridge.clock import Clock
from bridge.config import QBittorrentSettings, ServerSettings
from bridge.qbittorrent import answers
from bridge.qbittorrent.credentials import Credentials
from bridge.qbittorrent.dialect import Dialect
from bridge.qbittorrent.errors import word
from bridge.qbittorrent.forms import MOST_BODY_BYTES, form_of, is_form
from bridge.qbittorrent.origin import Caller, Origins
from bridge.qbittorrent.session import COOKIE, SESSION, Session, Sessions, sids_in

API = "/api/v2/"
LOGIN = "/api/v2/auth/login"
MOST_BYTES_BEFORE_LOGIN = 64 * 1024

# What matches is an endpoint, known or not, and is told to nobody without a session.
_ENDPOINT = re.compile(r"/api/v2/[A-Za-z_][A-Za-z_0-9]*/[A-Za-z_][A-Za-z_0-9]*")
_GUARDED = ("/api/bridge/", "/metrics")
# These carry their own secret, or none, and come from machines that know nothing of Host names.
_FREE = ("/health", "/ready", "/strm/", "/hooks/")


class Access:
    """Lets requests in, and keeps their sessions."""

    def __init__(
        self,
        settings: QBittorrentSettings,
        server: ServerSettings,
        dialect: Dialect,
        clock: Clock,
        password: str,
    ) -> None:
        self.sessions = Sessions(clock)
        self.origins = Origins(
            server.allowed_hosts, server.trusted_proxies, settings.trusted_networks
        )
        self.credentials = Credentials(clock, settings.username, password, settings.api_key)
        self._dialect = dialect
        self._base = server.url_base

    @web.middleware
    async def guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer the request only if whoever sends it may ask that."""
        path = self._path(request)
        if path.startswith(_FREE):
            return await handler(request)
        if refusal := self._refuse_form(request, path):
            return refusal
        caller = _caller(request)
        if not self.origins.takes(caller):
            return word(401)
        keyed = await self._bearer(request, caller)
        if keyed is not True and not _is_page(request, path) and not self.origins.same_site(caller):
            return word(401)
        guarded = bool(_ENDPOINT.fullmatch(path)) or path.startswith(_GUARDED)
        if not guarded or path == LOGIN:
            return await handler(request)
        sids = list(sids_in(_cookies(request)))
        session = await self._session(request, caller, sids, keyed)
        if session is None:
            return word(403)
        request[SESSION] = session
        response = await handler(request)
        # A caller from a trusted network gets the session's cookie, as on the real server.
        if session.sid not in sids and hdrs.AUTHORIZATION not in request.headers:
            self._offer_cookie(response, session)
        return response

    async def login(self, request: web.Request) -> web.Response:
        """`auth/login`: `Ok.` with a cookie, or `Fails.`, both with status 200."""
        form = await form_of(request, MOST_BYTES_BEFORE_LOGIN)
        if self.sessions.find(sids_in(_cookies(request))) is not None:
            return answers.text("Ok.")
        trusted = self.origins.trusts(_caller(request))
        if not trusted and not await self.credentials.login(
            self.origins.address(_caller(request)), form.text("username"), form.text("password")
        ):
            return answers.text("Fails.")
        response = answers.text("Ok.")
        self._set_cookie(response, self.sessions.open())
        return response

    async def logout(self, request: web.Request) -> web.Response:
        """`auth/logout`: the session is over."""
        self.sessions.close(request[SESSION])
        response = answers.nothing()
        response.headers[hdrs.SET_COOKIE] = (
            f"{COOKIE}=; expires=Thu, 01-Jan-1970 00:00:00 GMT; path=/"
        )
        return response

    def _path(self, request: web.Request) -> str:
        """The path below `url_base`; what lies beside it is nobody's secret, there is nothing."""
        path = request.path
        if path.startswith(f"{self._base}/"):
            return path[len(self._base) :]
        return path if path.startswith(_FREE) else ""

    def _refuse_form(self, request: web.Request, path: str) -> web.Response | None:
        """What the real server's parser refuses, before it knows who asks."""
        api = path.startswith(API)
        if not api and request.match_info.http_exception is None:
            return None
        methods = {"GET", "POST", "HEAD"}
        if request.method not in methods:
            return answers.Bare(self._dialect.odd_method_status)
        if request.method != "POST" or not request.body_exists:
            return None
        if (request.content_length or 0) > MOST_BODY_BYTES:
            return answers.Bare(400)
        empty = request.content_length == 0
        if not empty and not is_form(request.headers.get(hdrs.CONTENT_TYPE, "")):
            return answers.Bare(400)
        return None

    async def _bearer(self, request: web.Request, caller: Caller) -> bool | None:
        """Whether the API key is right; None if none was sent, or none means anything here."""
        scheme, _, key = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
        if scheme.lower() != "bearer" or not self.credentials.has_api_key:
            return None
        return await self.credentials.bearer(self.origins.address(caller), key.strip())

    async def _session(
        self, request: web.Request, caller: Caller, sids: list[str], keyed: bool | None
    ) -> Session | None:
        if keyed is False:
            return None  # a wrong key is a no even with a valid cookie (qbittorrent.md §2)
        if keyed:
            return self.sessions.of_caller(self._caller("bearer", caller))
        if session := self.sessions.find(sids):
            return session
        if self.origins.trusts(caller):
            return self.sessions.of_caller(self._caller("trusted", caller))
        scheme, _, value = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
        if scheme.lower() != "basic":
            return None
        if await self.credentials.basic(self.origins.address(caller), value.strip()):
            return self.sessions.of_caller(self._caller("basic", caller))
        return None

    def _caller(self, how: str, caller: Caller) -> str:
        """Two programs on one machine are two callers."""
        agent = caller.headers.get(hdrs.USER_AGENT, "")[:200]
        return f"{how} {self.origins.address(caller)} {agent}"

    def _offer_cookie(self, response: web.StreamResponse, session: Session) -> None:
        if hdrs.SET_COOKIE not in response.headers:
            self._set_cookie(response, session)

    def _set_cookie(self, response: web.StreamResponse, session: Session) -> None:
        attributes = self._dialect.cookie_attributes
        response.headers[hdrs.SET_COOKIE] = f"{COOKIE}={session.sid}; {attributes}"


def _caller(request: web.Request) -> Caller:
    return Caller(request.remote or "", request.headers)


def _is_page(request: web.Request, path: str) -> bool:
    """The page without any data may be linked to from elsewhere, as a dashboard does."""
    return request.method in {"GET", "HEAD"} and (path in {"", "/"} or path.startswith("/static/"))


def _cookies(request: web.Request) -> list[str]:
    return request.headers.getall(hdrs.COOKIE, [])
