"""`longcall chaos` with the engine's own control endpoint."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from appsync_local.devtools.chaos.control import CHAOS_PATH, ChaosPage
from appsync_local.devtools.chaos.spec import Fault, parse_chaos
from appsync_local.devtools.chaos.switch import Chaos
from appsync_local.devtools.pages import PageRequest
from longcall.cli.exits import ExitCode
from tests.unit.longcall.cli.stack import Stack
from tests.unit.longcall.cli.test_commands import begin, finish


@pytest.fixture
async def chaos(stack: Stack) -> AsyncIterator[Chaos]:
    """The faults of the stack that the command finds."""
    chaos = Chaos(parse_chaos("drop=0.5,seed=7"))
    chaos.counts.update({Fault.DROP: 112, Fault.DUPLICATE: 3})

    async def handle(request: web.Request) -> web.Response:
        asked = PageRequest(request.method, CHAOS_PATH, {}, await request.read())
        answered = await ChaosPage(chaos).answer(asked)
        return web.Response(status=answered.status, body=answered.body, content_type="application/json")

    app = web.Application()
    app.router.add_route("*", "/chaos", handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    stack.write(graphqlUrl=f"http://127.0.0.1:{runner.addresses[0][1]}/graphql")
    yield chaos
    await runner.cleanup()


async def test_command_shows_the_active_faults_and_their_counts(chaos: Chaos, tmp_path: Path) -> None:
    ended = await finish(await begin("chaos", cwd=tmp_path))

    assert ended.out.decode().splitlines() == ["chaos is drop=0.5,seed=7", "drop       112", "duplicate  3"]
    assert ended.code == ExitCode.OK


async def test_command_sets_faults_and_removes_them(chaos: Chaos, tmp_path: Path) -> None:
    changed = await finish(await begin("chaos", "crash=0.25,seed=3", "--json", cwd=tmp_path))

    assert changed.rows == [{"spec": "crash=0.25,seed=3", "counts": {"drop": 112, "duplicate": 3}}]
    assert str(chaos.spec) == "crash=0.25,seed=3"

    calmed = await finish(await begin("chaos", "off", cwd=tmp_path))

    assert calmed.out.startswith(b"chaos is off\n")
    assert chaos.spec.is_calm


async def test_invalid_specification_is_a_usage_error_in_one_sentence(chaos: Chaos, tmp_path: Path) -> None:
    refused = await finish(await begin("chaos", "drop=2", cwd=tmp_path))

    assert refused.code == ExitCode.USAGE
    assert refused.sentence == "longcall: drop must be a rate from 0 to 1, such as drop=0.1, but is '2'"
    assert str(chaos.spec) == "drop=0.5,seed=7"


async def test_deployed_stack_is_refused(stack: Stack, tmp_path: Path) -> None:
    stack.write(target="aws")

    refused = await finish(await begin("chaos", "drop=1", "--json", cwd=tmp_path))

    assert refused.code == ExitCode.USAGE
    assert "chaos is for a stack on this machine" in json.loads(refused.sentence)["message"]


async def test_stack_that_does_not_answer_is_unreachable(stack: Stack, tmp_path: Path) -> None:
    stack.write(graphqlUrl="http://127.0.0.1:1/graphql")

    refused = await finish(await begin("chaos", cwd=tmp_path))

    assert refused.code == ExitCode.UNREACHABLE
    assert refused.sentence.startswith("longcall: no answer from http://127.0.0.1:1/chaos; ")
