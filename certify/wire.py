"""A proxy in front of DynamoDB that fails calls, loses answers, and kills the caller between writing a record and its
projection, as a network fault or a crash would.
"""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from enum import StrEnum
from random import Random
from typing import Final

import aiohttp
from aiohttp import web

from certify.processes import kill, with_connection

TARGET: Final = "X-Amz-Target"  # names the operation. Source: DynamoDB Developer Guide, "DynamoDB low-level API"
FAILED_RATE: Final = 0.03
LOST_RATE: Final = 0.03
KILLED_EVERY: Final = 30  # records, on average
HOP_BY_HOP: Final = frozenset({"connection", "transfer-encoding", "content-length", "date", "server"})
FAILURE: Final = json.dumps(
    {"__type": "com.amazon.coral.service#InternalServerError", "message": "Internal server error"}
)


class WireFault(StrEnum):
    """A fault of one call."""

    FAILED = "dynamodb_failed"  # answered with 500 and not carried out
    LOST = "dynamodb_answer_lost"  # carried out, and the connection is closed without an answer
    KILLED = "relay_killed_after_record"  # a record was written; the caller is killed before it gets the answer


class Wire:
    """The proxy.

    Args:
        target: DynamoDB's endpoint.
        seed: Seed of all decisions.
        workers: Returns the processes that may be the caller.

    Attributes:
        counts: Number of faults of each kind.
        url: Its address while it is running.
    """

    def __init__(self, target: str, *, seed: int, workers: Callable[[], list[int]]) -> None:
        self.counts: Counter[str] = Counter()
        self.url = ""
        self._target = target
        self._calls = Random(f"{seed} calls")  # noqa: S311  # reproducible on purpose
        self._records = Random(f"{seed} records")  # noqa: S311  # reproducible on purpose
        self._until_kill = self._draw_kill()  # records until the next kill
        self._workers = workers
        self._is_calm = False
        self._session: aiohttp.ClientSession | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Listen on a free port of the loopback interface."""
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_post("/", self._call)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            async with aiohttp.ClientSession(auto_decompress=False) as self._session:
                yield
        finally:
            await runner.cleanup()

    def calm(self) -> None:
        """Stop injecting faults."""
        self._is_calm = True

    async def _call(self, request: web.Request) -> web.StreamResponse:
        try:
            body = await request.read()
        except ConnectionResetError:  # the caller was killed before it had sent everything
            return web.Response(status=400)
        fault = self._decide(request.headers.get(TARGET, ""), body)
        if fault is WireFault.FAILED:
            self.counts[fault] += 1
            return web.Response(status=500, text=FAILURE, content_type="application/x-amz-json-1.0")
        answer = await self._forward(request, body)
        if fault is WireFault.KILLED and answer.status == 200:
            await self._kill_caller(request)
        if fault is WireFault.LOST:
            self.counts[fault] += 1
        if fault is not None and request.transport is not None:
            request.transport.abort()
        return answer

    def _decide(self, target: str, body: bytes) -> WireFault | None:
        failed, lost = self._calls.random() < FAILED_RATE, self._calls.random() < LOST_RATE
        if self._is_calm:
            return None
        if _is_record(target, body):
            self._until_kill -= 1
            if self._until_kill == 0:
                self._until_kill = self._draw_kill()
                return WireFault.KILLED
        return WireFault.FAILED if failed else WireFault.LOST if lost else None

    def _draw_kill(self) -> int:
        return self._records.randint(1, 2 * KILLED_EVERY)

    async def _forward(self, request: web.Request, body: bytes) -> web.Response:
        assert self._session is not None  # noqa: S101  # it is running
        headers = {name: value for name, value in request.headers.items() if name.lower() not in HOP_BY_HOP}
        async with self._session.post(self._target, data=body, headers=headers) as answer:
            kept = {name: value for name, value in answer.headers.items() if name.lower() not in HOP_BY_HOP}
            return web.Response(body=await answer.read(), status=answer.status, headers=kept)

    async def _kill_caller(self, request: web.Request) -> None:
        peer = request.transport.get_extra_info("peername") if request.transport else None
        if peer is None:
            return
        callers = await asyncio.to_thread(lambda: with_connection(self._workers(), peer[1]))
        killed = [kill(caller) for caller in callers]
        self.counts[WireFault.KILLED] += any(killed)


def _is_record(target: str, body: bytes) -> bool:
    return target.endswith(".PutItem") and b'"event#' in body
