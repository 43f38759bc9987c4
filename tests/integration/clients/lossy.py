"""A network with faults, between a client and the stack: it does to pushes what AppSync may do."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import aiohttp
from aiohttp import ClientWebSocketResponse, web

FORWARDED = ("authorization", "content-type")


class Fault(StrEnum):
    """What happens once to a frame from the server."""

    DROPPED = "dropped"  # never delivered
    REPEATED = "repeated"  # delivered twice
    LATE = "late"  # delivered after the next one
    CUT = "cut"  # delivered, and then the connection is cut


@dataclass
class Network:
    """A proxy for requests and realtime connections.

    Attributes:
        target: The GraphQL URL of the stack.
        faults: The fault of each frame. An event is named by its sequence, its status or, if it is the first one of its
            connection, by `connection N`; another frame is named by its type.
        happened: The names of the frames whose fault has happened, in order.
        connections: How many realtime connections there were.
        url: The GraphQL URL of this network.
    """

    target: str
    faults: Mapping[int | str, Fault]
    happened: list[int | str] = field(default_factory=list)
    connections: int = 0
    url: str = ""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Listen on a free port of the loopback interface."""
        app = web.Application()
        app.router.add_post("/graphql", self._request)
        app.router.add_get("/graphql", self._connection)
        app.router.add_get("/graphql/realtime", self._connection)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/graphql"
        try:
            async with aiohttp.ClientSession() as self._session:
                yield
        finally:
            await runner.cleanup()

    async def _request(self, request: web.Request) -> web.Response:
        headers = {name: request.headers[name] for name in FORWARDED if name in request.headers}
        async with self._session.post(self.target, data=await request.read(), headers=headers) as answer:
            return web.Response(body=await answer.read(), status=answer.status, content_type="application/json")

    async def _connection(self, request: web.Request) -> web.WebSocketResponse:
        self.connections += 1
        near = web.WebSocketResponse(protocols=("graphql-ws",))
        await near.prepare(request)
        offered = [entry.strip() for entry in request.headers["sec-websocket-protocol"].split(",")]
        address = self.target.removesuffix("/graphql") + request.raw_path
        async with self._session.ws_connect(address, protocols=offered) as far:
            upwards = asyncio.create_task(_forward(near, far))
            try:
                await self._downwards(request, far, near)
            finally:
                upwards.cancel()
        return near

    async def _downwards(self, request: web.Request, far: ClientWebSocketResponse, near: web.WebSocketResponse) -> None:
        late: list[str] = []
        async for message in far:
            text = str(message.data)
            waiting, late = late, []
            match self._fault(json.loads(text)):
                case None:
                    now = [text]
                case Fault.DROPPED:
                    now = []
                case Fault.REPEATED:
                    now = [text, text]
                case Fault.LATE:
                    now, late = [], [text]
                case Fault.CUT:
                    await near.send_str(text)
                    assert request.transport is not None
                    request.transport.abort()
                    return
            for frame in now + waiting:
                await near.send_str(frame)
        await near.close()

    def _fault(self, frame: Mapping[str, Any]) -> Fault | None:
        names: list[int | str] = [frame["type"]]
        if frame["type"] == "data":
            event = frame["payload"]["data"]["onInferenceStatusChange"]
            names = [event["sequence"], event["status"], f"connection {self.connections}"]
        for name in names:
            if name in self.faults and name not in self.happened:
                self.happened.append(name)
                return self.faults[name]
        return None


async def _forward(source: web.WebSocketResponse, sink: ClientWebSocketResponse) -> None:
    async for message in source:
        await sink.send_str(str(message.data))
    await sink.close()
