"""`/hooks/<secret>`: TorBox's webhook, which is unsigned and names no torrent: it wakes a look."""

import hmac
import secrets

from aiohttp import web

from bridge.core.engine import Engine
from bridge.store.store import Store, keep

KEPT_AS = "hook"


class Hooks:
    """Takes webhooks under a path that only TorBox was told."""

    def __init__(self, engine: Engine, secret: str) -> None:
        self._engine = engine
        self.secret = secret

    def routes(self, base: str) -> list[web.RouteDef]:
        """The hook itself, and where a logged-in person reads its path."""
        return [
            web.post(f"{base}/hooks/{{secret}}", self.hook),
            web.get(f"{base}/api/bridge/webhook", self.path),
        ]

    async def hook(self, request: web.Request) -> web.Response:
        """Wake a look; the body is not read, as nothing in it can be believed."""
        if not hmac.compare_digest(request.match_info["secret"].encode(), self.secret.encode()):
            raise web.HTTPNotFound
        self._engine.look_soon()
        return web.Response(text="ok")

    async def path(self, _request: web.Request) -> web.Response:
        """What to append to the bridge's public address in TorBox's settings."""
        return web.json_response({"path": f"/hooks/{self.secret}"})


async def hook_secret(kept: dict[str, str], store: Store) -> str:
    """The secret of the webhook's path, made once."""
    secret = kept.get(KEPT_AS) or secrets.token_urlsafe(24)
    if KEPT_AS not in kept:
        await store.write(keep(KEPT_AS, secret))
    return secret
