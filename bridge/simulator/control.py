"""The simulator by HTTP under /simulator/: JSON in, JSON out, mirroring the Python."""

import base64
import dataclasses
import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from aiohttp import web

from . import faults, habits, scripts
from .cdn_faults import Spoiled
from .cdn_weather import CdnWeather
from .faults import Weather
from .published import Published

if TYPE_CHECKING:
    from .server import Simulator

Told = dict[str, Any]
Act = Callable[[Told], Any]
# Said of a torrent by its hash, and nothing else.
OF_A_HASH = ("purge", "uncache", "cache", "promote", "delete", "stop_seeding")
OF_THE_ACCOUNT = ("plan_number", "additional_slots", "monthly_limit", "cooldown_until")


class Control:
    """POST /simulator/<verb> with a JSON object; GET for what there is to see."""

    def __init__(self, simulator: "Simulator") -> None:
        self.simulator = simulator

    def routes(self) -> list[web.RouteDef]:
        """Everything that can be asked for."""
        acts: dict[str, Act] = {
            "publish": self.publish,
            "set": self.set,
            "account": self.account,
            "stop": self.stop,
            "resume": lambda told: self.simulator.resume(),
            "advance": lambda told: self.simulator.advance(float(told["seconds"])),
            "next": self.next,
            "weather": self.weather,
            "cdn": self.cdn,
            "cdn_weather": self.cdn_weather,
            "follow": self.follow,
            "foreign": lambda told: {"ids": [i.id for i in self.simulator.foreign(told["count"])]},
            "already_in_account": self.already_in_account,
            "rotate_key": lambda told: {"api_key": self.simulator.rotate_key()},
            "expire_links": lambda told: self.simulator.expire_links(),
            "clear": self.clear,
        }
        acts |= {verb: self._of_a_hash(verb) for verb in OF_A_HASH}
        return [
            *(web.post(f"/simulator/{verb}", _answering(act)) for verb, act in acts.items()),
            web.get("/simulator/", self.overview),
            web.get("/simulator/calls", self.calls),
            web.get("/simulator/torrents", self.torrents),
            web.get("/simulator/torrents/{hash}.torrent", self.torrent),
        ]

    def publish(self, told: Told) -> Told:
        """`{name, files?, script?, private?, single_file?}`."""
        script = scripts.from_json(told["script"]) if told.get("script") else None
        made = self.simulator.publish(
            told["name"],
            told.get("files"),
            script,
            private=bool(told.get("private")),
            single_file=bool(told.get("single_file")),
        )
        return _published(made) | {"torrent": base64.b64encode(made.torrent).decode()}

    def set(self, told: Told) -> None:
        """Habits by name; `oddities` and `limits` by their own fields."""
        _change(self.simulator, told, habits.Habits)

    def account(self, told: Told) -> None:
        """Of the first account: plan_number, additional_slots, monthly_limit, cooldown_until."""
        for name, value in told.items():
            if name not in OF_THE_ACCOUNT:
                raise ValueError(f"{name} cannot be set")
            setattr(self.simulator.account, name, value)

    def stop(self, told: Told) -> None:
        """`{how: down|hang|refuse, cdn?}`."""
        self.simulator.stop(told.get("how", "down"), cdn=bool(told.get("cdn")))

    def next(self, told: Told) -> None:
        """`{endpoint, kind or answer, after_doing?, times?}`; answer has Answer's fields."""
        fault: Any
        fault = faults.USUAL[told["kind"]] if "kind" in told else faults.Answer(**told["answer"])
        if told.get("after_doing"):
            fault = faults.AnswerAfterDoing(fault)
        self.simulator.next(told["endpoint"], fault, int(told.get("times", 1)))

    def weather(self, told: Told) -> None:
        """Weather's own fields; an empty object for none."""
        told = _with_tuples(told)
        if told.get("endpoints") is not None:
            told["endpoints"] = frozenset(told["endpoints"])
        self.simulator.weather = Weather(**told) if told else None

    def cdn(self, told: Told) -> None:
        """Spoiled's own fields and `times`; `bytes_per_second` for the pace."""
        if "bytes_per_second" in told:
            self.simulator.cdn.slow(float(told.pop("bytes_per_second")))
        times = float(told.pop("times", 1))
        if told:
            told["headers"] = tuple(map(tuple, told.get("headers", ())))
            self.simulator.cdn.spoil(Spoiled(**told), times)

    def cdn_weather(self, told: Told) -> None:
        """CdnWeather's own fields; an empty object for none."""
        self.simulator.cdn.weather = CdnWeather(**_with_tuples(told)) if told else None

    def follow(self, told: Told) -> None:
        """`{hash, script}`."""
        self.simulator.follow(told["hash"], scripts.from_json(told["script"]))

    def already_in_account(self, told: Told) -> Told:
        """`{hash, days_ago?}`."""
        made = self.simulator.world.torrents[told["hash"]]
        item = self.simulator.already_in_account(made, days_ago=float(told.get("days_ago", 5)))
        return {"id": item.id}

    def clear(self, told: Told) -> None:
        """No faults any more, here and at the CDN."""
        self.simulator.faults.clear()
        self.simulator.cdn.clear()

    def _of_a_hash(self, verb: str) -> Act:
        return lambda told: getattr(self.simulator, verb)(told["hash"])

    async def overview(self, request: web.Request) -> web.Response:
        """What there is."""
        sim, now = self.simulator, self.simulator.now()
        items = [
            {"id": i.id, "hash": i.hash, "name": i.name, "state": i.look(now).state}
            for i in sim.items
        ]
        return web.json_response(
            {
                "now": now,
                "plan": sim.plan,
                "active": sim.account.active(now),
                "slots": sim.account.slots,
                "items": items,
                "queue": [{"id": e.id, "hash": e.hash} for e in sim.queue],
                "refusals": dict(sim.refusals),
                "bytes_sent": sim.bytes_sent,
                "cdn_bytes_sent": sim.cdn.bytes_sent,
            }
        )

    async def calls(self, request: web.Request) -> web.Response:
        """The API calls so far, of one `endpoint` or of all."""
        wanted = request.query.get("endpoint")
        calls = [c for c in self.simulator.calls if wanted in (None, c.endpoint)]
        rows = [dataclasses.asdict(call) for call in calls]
        return web.json_response(rows, dumps=lambda told: json.dumps(told, default=_size))

    async def torrents(self, request: web.Request) -> web.Response:
        """What the swarm has, with the digest of every file if `digests` is asked for."""
        with_digests = "digests" in request.query
        made = [one for one in self.simulator.world.torrents.values() if one.known]
        return web.json_response([_published(one, with_digests=with_digests) for one in made])

    async def torrent(self, request: web.Request) -> web.Response:
        """The .torrent."""
        made = self.simulator.world.torrents.get(request.match_info["hash"])
        if made is None or not made.torrent:
            raise web.HTTPNotFound
        return web.Response(body=made.torrent, content_type="application/x-bittorrent")


def _published(made: Published, *, with_digests: bool = False) -> Told:
    files = [{"path": f.path, "size": f.size, "id": f.id} for f in made.files]
    if with_digests:
        files = [f | {"sha256": made.sha256(str(f["path"]))} for f in files]
    return {"hash": made.hash, "name": made.name, "magnet": made.magnet, "files": files}


def _change(target: Any, told: Told, kind: type) -> None:
    known = {field.name for field in dataclasses.fields(kind)}
    for name, value in told.items():
        if name not in known:
            raise ValueError(f"{name} cannot be set")
        current = getattr(target, name)
        if dataclasses.is_dataclass(current) and not isinstance(current, type):
            _change(current, value, type(current))
        else:
            setattr(target, name, value)


def _with_tuples(told: Told) -> Told:
    return {key: tuple(v) if isinstance(v, list) else v for key, v in told.items()}


def _size(value: object) -> str:
    return f"<{len(value)} bytes>" if isinstance(value, bytes) else str(value)


def _answering(act: Act) -> Callable[[web.Request], Awaitable[web.Response]]:
    """A handler: JSON in, the act, JSON out; a mistake is a 400 that says what it was."""

    async def answer(request: web.Request) -> web.Response:
        try:
            told = json.loads(await request.text() or "{}")
            result = act(told)
        except (ArithmeticError, LookupError, StopIteration, TypeError, ValueError) as error:
            return web.json_response({"error": f"{type(error).__name__}: {error}"}, status=400)
        return web.json_response(result if isinstance(result, dict) else {})

    return answer
