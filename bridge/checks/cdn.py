"""Whether files can come from TorBox's CDN: a few bytes of its own test file, with a GET."""

import aiohttp
from yarl import URL

from bridge.checks.check import Check, bad, fine
from bridge.clock import Clock
from bridge.errors import TorBoxError
from bridge.torbox.client import TorBox

CDN_SECONDS = 15.0
WANTED = 64 * 1024
FIX = "let https through to hosts named *.tb-cdn.*; a filter, VPN or DNS blocker may stop it"


async def cdn_checks(torbox: TorBox, clock: Clock, *, allow_http: bool) -> list[Check]:
    """Fetch the beginning of the nearest test file."""
    try:
        link = await torbox.test_link()
    except TorBoxError:
        return []  # that TorBox does not answer is told by another check
    url = URL(link, encoded=True)
    if url.scheme != "https" and not allow_http:
        return [bad("CDN", "TorBox named a test file without https", FIX)]
    timeout = aiohttp.ClientTimeout(total=clock.socket_seconds(CDN_SECONDS))
    headers = {"Range": f"bytes=0-{WANTED - 1}", "Accept-Encoding": "identity"}
    why = ""
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as session,
            session.get(url, headers=headers, allow_redirects=False) as answer,
        ):
            got = await answer.content.read(WANTED)
            if answer.status not in (200, 206) or answer.content_type == "text/html" or not got:
                why = f"answers with status {answer.status}"
    except TimeoutError:
        why = "does not answer in time"
    except (aiohttp.ClientError, OSError) as error:
        why = f"cannot be reached ({type(error).__name__})"
    return [bad("CDN", f"{url.host} {why}", FIX) if why else fine("CDN", f"{url.host} answers")]
