"""The limit, `python -m bench.peers.bare PORT`: aiohttp echoing a mutation's input and broadcasting it, no GraphQL.

A subscription is a message `{"id": ..., "jobId": ...}` on a socket. Requests, responses and pushed messages have the
engine's own bytes, and the loop and the JSON library are the engine's.
"""

import asyncio
import sys
from typing import Any, Final

import orjson
import uvloop
from aiohttp import WSMsgType, web

from bench.application import VERSION

_JSON: Final = "application/json;charset=UTF-8"
Listener = tuple[web.WebSocketResponse, bytes]
listeners: dict[str, list[Listener]] = {}


async def handle(request: web.BaseRequest) -> web.StreamResponse:
    if request.headers.get("upgrade", "").lower() == "websocket":
        return await listen(request)
    asked = orjson.loads(await request.read())
    if not asked["variables"]:
        return web.Response(body=orjson.dumps({"data": {"version": VERSION}}), headers={"content-type": _JSON})
    status: dict[str, Any] = asked["variables"]["input"]
    heard = listeners.get(status["jobId"])
    if heard:
        payload = orjson.dumps({"data": {"onInferenceStatusChange": status}})
        for response, head in heard:
            await response.send_frame(head + payload + b"}", WSMsgType.TEXT)
    return web.Response(body=orjson.dumps({"data": {"updateStatus": status}}), headers={"content-type": _JSON})


async def listen(request: web.BaseRequest) -> web.StreamResponse:
    response = web.WebSocketResponse(compress=False, protocols=("bare",))
    await response.prepare(request)
    mine: list[tuple[str, Listener]] = []
    try:
        async for message in response:
            asked = orjson.loads(message.data)
            listener = (response, b'{"id":%s,"type":"data","payload":' % orjson.dumps(asked["id"]))
            listeners.setdefault(asked["jobId"], []).append(listener)
            mine.append((asked["jobId"], listener))
    finally:
        for job_id, listener in mine:
            listeners[job_id].remove(listener)
    return response


async def main(port: int) -> None:
    runner = web.ServerRunner(web.Server(handle, access_log=None))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
