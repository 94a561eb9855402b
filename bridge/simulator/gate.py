"""What every API call passes before and after its handler: recording, being down, faults,
slowness, limits, keys, and the writing of the answer.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from math import isfinite
from typing import Any

from aiohttp import web

from . import params, replies
from .account import Account
from .creating import rate_headers
from .faults import Answer, AnswerAfterDoing, Cut, Faults, Hang, Odd
from .habits import Oddities
from .limits import Room
from .replies import Reply, Said
from .world import World

Handler = Callable[[web.Request, Account | None], Awaitable[Reply]]
Routes = Mapping[tuple[str, str], Handler]  # method and path below /v1/api/
Sleep = Callable[[float], Awaitable[object]]

# No key asked (§1.1).
OPEN = {"torrentinfo", "magnettofile", "stats", "speedtest", "root"}
TOKEN_IN_QUERY = {"requestdl"}
SECRET_HEADERS = {"authorization", "cookie"}
MOST_REMEMBERED = 100_000  # calls
LOOK_SECONDS = 0.02  # real time between two looks whether a client has left


@dataclass
class Call:
    """One call of the API, as it came in and was answered."""

    endpoint: str
    method: str
    at: float
    params: dict[str, Any]  # query, form and JSON together, without the key
    headers: dict[str, str]  # names in lower case, without secrets
    account: int | None = None
    status: int | None = None  # None: still waiting, or cut off
    sent_bytes: int = 0
    fault: str = ""  # what was done to it on purpose


@dataclass
class Gate:
    """The one way in."""

    world: World
    faults: Faults
    sleep: Sleep
    routes: Routes
    calls: list[Call] = field(default_factory=list)
    bytes_sent: int = 0
    awake: asyncio.Event = field(default_factory=asyncio.Event)  # set: hung calls end

    async def through(self, request: web.Request) -> web.StreamResponse:
        """Answer one call."""
        call = self._recorded(request)
        linking = call.endpoint == "requestdl"
        self._linking(linking)
        try:
            reply, oddities = await self._reply(request, call)
        except Said as said:
            reply, oddities = said.reply, self.world.habits.oddities
        finally:
            self.world.linking -= linking
        if reply is None:
            return _cut(request)
        body = reply.written(oddities)
        call.status, call.sent_bytes = reply.status, len(body)
        self.bytes_sent += len(body)
        return self._response(reply, body)

    def _recorded(self, request: web.Request) -> Call:
        params = {key: value for key, value in request.query.items() if key != "token"}
        headers = {k.lower(): v for k, v in request.headers.items()}
        call = Call(
            endpoint_of(request.path),
            request.method,
            self.world.now,
            params,
            {k: v for k, v in headers.items() if k not in SECRET_HEADERS},
        )
        self.calls.append(call)
        if len(self.calls) > MOST_REMEMBERED:
            del self.calls[: MOST_REMEMBERED // 2]
        return call

    def _linking(self, one_more: bool) -> None:
        """Too many links asked for at once poison every endpoint for a while (§5)."""
        limits = self.world.habits.limits
        self.world.linking += one_more
        if self.world.linking > limits.concurrent_links and self.world.habits.enforce_limits:
            self.world.poisoned_until = self.world.now + limits.poisoned_seconds

    async def _reply(self, request: web.Request, call: Call) -> tuple[Reply | None, Oddities]:
        """The answer and its oddities; None: the connection is to be cut."""
        usual = self.world.habits.oddities
        call.params |= await params.body(request)
        if not request.headers.get("User-Agent"):
            return replies.html(403, "error code: 1010"), usual
        if self.faults.down == "hang":
            call.fault = "hang"
            await silence(request, self.awake)
            if self.faults.down or _left(request):
                return None, usual
        elif self.faults.down:
            call.fault = self.faults.down
            page = replies.html(502, replies.HTML_502)
            return (page if self.faults.down == "down" else None), usual
        fault = self.faults.draw(call.endpoint, self.world.now)
        call.fault = type(fault).__name__ if fault else call.fault
        await self._slow(call)
        match fault:
            case None:
                return await self._done(request, call), usual
            case Odd():
                # In force while the call is answered: shapes of items depend on them too.
                return await self._oddly(fault, request, call)
            case AnswerAfterDoing(then):
                await self._done(request, call)
                return await self._faulty(then, request), usual
            case _:
                return await self._faulty(fault, request), usual

    async def _slow(self, call: Call) -> None:
        slow = self.world.habits.slow
        seconds = slow.get(call.endpoint, slow.get("*", 0.0))
        if call.endpoint == "mylist" and "id" in call.params:
            seconds = slow.get("mylist by id", seconds)  # one item is no list (§2.5)
        if seconds:
            await self.sleep(seconds)

    async def _oddly(self, odd: Odd, request: web.Request, call: Call) -> tuple[Reply, Oddities]:
        habits = self.world.habits
        usual = habits.oddities
        habits.oddities = odd.oddities(usual)
        try:
            return await self._done(request, call), habits.oddities
        finally:
            habits.oddities = usual

    async def _faulty(self, fault: Answer | Cut | Hang, request: web.Request) -> Reply | None:
        match fault:
            case Answer():
                return fault.reply()
            case Hang(seconds) if isfinite(seconds):
                await self.sleep(seconds)
            case Hang():
                await silence(request, self.awake)
            case Cut():
                pass
        return None

    async def _done(self, request: web.Request, call: Call) -> Reply:
        """The call as TorBox means it: key, limits, then the handler."""
        try:
            key = self._key(request, call)
            room = self._room(key or request.remote or "", call)
            account = self._account(key, call)
            handler = self._handler(request)
        except Said as said:
            return said.reply
        try:
            reply = await handler(request, account)
        except Said as said:
            reply = said.reply
        if room is not None and not reply.bare:
            reply.headers = rate_headers(room, self.world.habits, self.world.now) | reply.headers
        return reply

    def _handler(self, request: web.Request) -> Handler:
        path = request.match_info["path"]
        handler = self.routes.get((request.method, path))
        if handler is not None:
            return handler
        if any(known == path for _, known in self.routes):
            raise Said(Reply(405, {"detail": "Method Not Allowed"}))
        detail = "Endpoint not found. Please check the URL and try again."
        raise Said(replies.no(404, "ENDPOINT_NOT_FOUND", detail))

    def _key(self, request: web.Request, call: Call) -> str | None:
        if call.endpoint in OPEN:
            return None
        if call.endpoint in TOKEN_IN_QUERY:
            if "token" not in request.query:
                raise Said(replies.unprocessable("query", "token", "Field required", "missing"))
            return request.query["token"]
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        return key.strip() if scheme.lower() == "bearer" else ""

    def _account(self, key: str | None, call: Call) -> Account | None:
        if key is None:
            return None
        if not key:
            raise Said(replies.no(403, "NO_AUTH", "There are no provided credentials."))
        account = self.world.account_with(key)
        if account is None:
            status = self.world.habits.oddities.bad_token_status
            raise Said(replies.no(status, "BAD_TOKEN", "The provided token is invalid."))
        if not account.plan.api and call.endpoint != "user/me":
            raise Said(_plan_restricted())
        call.account = account.id
        return account

    def _room(self, key: str, call: Call) -> Room | None:
        """The general limit: each endpoint, each key, a sliding minute (§5)."""
        limits, now = self.world.habits.limits, self.world.now
        if not self.world.habits.enforce_limits:
            return None
        if now < self.world.poisoned_until:
            raise self._refusal("poisoned", call, replies.text(429, "rate limit exceeded"))
        room = self.world.windows.take((key, call.endpoint), limits.per_minute, 60.0, now)
        if not room.allowed:
            raise self._refusal("minute", call, self._too_many(room))
        return room

    def _refusal(self, why: str, call: Call, reply: Reply) -> Said:
        self.world.refuse(why, call.endpoint)
        return Said(replace(reply, bare=True))

    def _too_many(self, room: Room) -> Reply:
        headers = rate_headers(room, self.world.habits, self.world.now, refused=True)
        match self.world.habits.limits.general_429:
            case "json":
                return Reply(429, {"detail": f"{room.limit} per 1 minute"}, headers)
            case "text":
                return replies.text(429, "rate limit exceeded", headers)
            case "html":
                return replace(replies.html(429, "<html>429</html>"), headers=headers)
            case "envelope":
                reply = replies.no(429, "RATE_LIMIT", "Too many requests.")
                return replace(reply, headers=headers)

    def _response(self, reply: Reply, body: bytes) -> web.Response:
        date = formatdate(self.world.now, usegmt=True)
        headers = {"Date": date, "Server": "cloudflare"} | reply.headers
        headers["Content-Type"] = reply.content_type
        return web.Response(status=reply.status, body=body, headers=headers)


def endpoint_of(path: str) -> str:
    """The name under which limits, faults and records know an endpoint."""
    parts = [part for part in path.split("/") if part]
    if parts[-2:] == ["user", "me"]:
        return "user/me"
    return parts[-1] if parts else "root"


async def silence(request: web.Request, end: asyncio.Event) -> bool:
    """Nothing, until the event (True) or until the client leaves (False)."""
    # The server does not cancel handlers of clients that left: a create goes on without them.
    while not end.is_set():
        if _left(request):
            return False
        await asyncio.sleep(LOOK_SECONDS)
    return True


def _left(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()


def _cut(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=499)


def _plan_restricted() -> Reply:
    detail = (
        "API feature not available on your plan. Please upgrade to a paid plan to access the API."
    )
    return replies.no(403, "PLAN_RESTRICTED_FEATURE", detail)
