"""Connections: how long one that says nothing is kept."""

import asyncio

from aiohttp import web

from bridge.qbittorrent.connection import accepting

REQUEST = b"GET / HTTP/1.1\r\nHost: nas\r\n\r\n"


async def until_closed(port: int, sent: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(sent)
        async with asyncio.timeout(20):
            return await reader.read()
    finally:
        writer.close()


async def test_who_says_nothing_or_half_a_request_is_hung_up_on_and_who_waits_is_not() -> None:
    others_gone = asyncio.Event()

    async def slow(_request: web.Request) -> web.Response:
        await others_gone.wait()
        return web.Response(text="late")

    app = web.Application()
    app.router.add_get("/", slow)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        async with accepting(runner, "127.0.0.1", 0, idle_seconds=0.2) as port:
            waiting = asyncio.create_task(until_closed(port, REQUEST))
            for said in (b"", REQUEST[:-2], b"POST / HTTP/1.1\r\nHost: nas\r\nX"):
                assert await until_closed(port, said) == b""
            others_gone.set()
            assert (await waiting).endswith(b"late")
    finally:
        await runner.cleanup()
