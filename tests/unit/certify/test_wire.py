"""The proxy before DynamoDB, on real sockets, with a service behind it that counts what reaches it."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from certify.wire import TARGET, Wire, WireFault

PUT = {TARGET: "DynamoDB_20120810.PutItem"}
READ = {TARGET: "DynamoDB_20120810.Query"}
RECORD = json.dumps({"Item": {"entry": {"S": "event#000000001"}}})
CALLS = 200


class Service:
    """Answers every request, and stores its body."""

    def __init__(self) -> None:
        self.bodies: list[str] = []
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.text())
        return web.Response(text='{"ok":true}', headers={"x-amz-crc32": "1"})


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    service = Service()
    app = web.Application()
    app.router.add_post("/", service.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    service.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield service
    await runner.cleanup()


async def call(session: aiohttp.ClientSession, url: str, headers: dict[str, str], body: str) -> int | None:
    """The status, or None if there was no answer."""
    try:
        async with session.post(url, data=body, headers=headers) as answer:
            await answer.read()
            return answer.status
    except aiohttp.ClientConnectionError:
        return None


async def outcomes(wire: Wire, headers: dict[str, str]) -> list[int | None]:
    async with wire.running(), aiohttp.ClientSession() as session:
        return [await call(session, wire.url, headers, f'"{number}"') for number in range(CALLS)]


async def test_call_that_fails_is_not_carried_out_and_one_whose_answer_is_lost_is(service: Service) -> None:
    wire = Wire(service.url, seed=1, workers=list)

    answers = await outcomes(wire, READ)

    carried_out = {json.loads(body) for body in service.bodies}
    assert {str(number) for number, status in enumerate(answers) if status in (200, None)} == carried_out
    assert answers.count(500) == wire.counts[WireFault.FAILED] > 0
    assert answers.count(None) == wire.counts[WireFault.LOST] > 0


async def test_a_caller_that_ends_in_the_middle_of_its_request_is_no_error(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    wire = Wire(service.url, seed=1, workers=list)
    wire.calm()
    async with wire.running(), aiohttp.ClientSession() as session:
        _, writer = await asyncio.open_connection("127.0.0.1", int(wire.url.rpartition(":")[2]))
        writer.write(b"POST / HTTP/1.1\r\nHost: dynamodb\r\nContent-Length: 100\r\n\r\nthe first part")
        await writer.drain()
        before = await call(session, wire.url, READ, "before")  # the proxy has read the first part by now
        writer.transport.abort()
        after = await call(session, wire.url, READ, "after")

    assert (before, after) == (200, 200)
    assert service.bodies == ["before", "after"]
    assert [record.getMessage() for record in caplog.records] == []


async def test_same_seed_has_the_same_fate(service: Service) -> None:
    first = await outcomes(Wire(service.url, seed=5, workers=list), READ)
    second = await outcomes(Wire(service.url, seed=5, workers=list), READ)
    other = await outcomes(Wire(service.url, seed=6, workers=list), READ)

    assert first == second != other


async def test_nothing_goes_wrong_once_it_is_calm(service: Service) -> None:
    wire = Wire(service.url, seed=1, workers=list)
    wire.calm()

    assert set(await outcomes(wire, PUT)) == {200}


CALLER = """
import sys, urllib.request
url, times, body = sys.argv[1], int(sys.argv[2]), sys.argv[3].encode()
for _ in range(times):
    try:
        urllib.request.urlopen(urllib.request.Request(url, body, {"X-Amz-Target": "DynamoDB_20120810.PutItem"})).read()
    except OSError:
        continue
    print("answered", flush=True)
"""


async def test_caller_is_killed_after_its_record_was_written_and_before_it_hears_of_it(service: Service) -> None:
    processes = [os.getpid()]
    wire = Wire(service.url, seed=1, workers=lambda: processes)

    async with wire.running():
        caller = await asyncio.create_subprocess_exec(
            sys.executable, "-c", CALLER, wire.url, str(CALLS), RECORD, stdout=asyncio.subprocess.PIPE
        )
        processes.append(caller.pid)
        told, _ = await caller.communicate()

    assert caller.returncode == -signal.SIGKILL
    assert wire.counts[WireFault.KILLED] == 1
    assert len(service.bodies) == len(told.splitlines()) + wire.counts[WireFault.LOST] + 1
