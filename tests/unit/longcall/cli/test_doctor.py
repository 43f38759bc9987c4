"""`longcall doctor`: what it prints, and how it ends when the stack does not answer or is deployed."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from longcall.cli.exits import ExitCode
from longcall.cli.findings import CheckStatus, Finding, row
from tests.unit.longcall.cli.stack import Stack
from tests.unit.longcall.cli.test_commands import begin, finish

FINDINGS = [
    {"about": "token", "status": "good", "found": "access token of ada", "advice": None},
    {"about": "access", "status": "bad", "found": "Not\x1b[2J Authorized", "advice": "call it through AWS_IAM"},
]


@pytest.fixture
async def asked(stack: Stack) -> AsyncIterator[list[object]]:
    """The requests that the command sent to the stack's doctor."""
    asked: list[object] = []

    async with aiohttp.ClientSession() as session:

        async def handle(request: web.Request) -> web.Response:
            body = await request.read()
            if request.path == "/doctor":
                asked.append(json.loads(body))
                return web.json_response({"findings": FINDINGS})
            async with session.post(stack.api.url, data=body, headers=request.headers) as got:
                return web.Response(body=await got.read(), status=got.status, content_type="application/json")

        app = web.Application()
        app.router.add_route("*", "/{any:.*}", handle)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        stack.write(graphqlUrl=f"http://127.0.0.1:{runner.addresses[0][1]}/graphql")
        yield asked
        await runner.cleanup()


def test_finding_and_its_advice_are_a_row_each_without_control_characters() -> None:
    shown = row(Finding("access", CheckStatus.BAD, "Not\x1b[2J Authorized", "call it\nthrough AWS_IAM")).plain

    first, second = shown.splitlines()
    assert first.startswith("no  access            Not")
    assert second.startswith(" " * 22 + "call it")
    assert "\x1b" not in shown


def test_long_subject_is_separated_from_what_was_found() -> None:
    shown = row(Finding("reload of subscriptions", CheckStatus.GOOD, "last turn 1 s ago")).plain

    assert shown == "ok  reload of subscriptions last turn 1 s ago"


async def test_findings_are_printed_as_json_and_a_bad_one_ends_as_refused(asked: list[object], tmp_path: Path) -> None:
    ended = await finish(await begin("doctor", "Query.one", "--token", "Bearer me", "--json", cwd=tmp_path))

    assert asked == [{"headers": {"Authorization": "Bearer me"}, "field": "Query.one"}]
    assert ended.rows[-2:] == FINDINGS
    assert ended.code == ExitCode.REFUSED


async def test_callers_own_token_is_checked_by_default(asked: list[object], tmp_path: Path) -> None:
    await finish(await begin("doctor", "--user", "grace", "--auth", "cognito", cwd=tmp_path))

    assert asked == [{"headers": {"Authorization": "token-of-grace@example.com"}, "field": None}]


async def test_empty_token_is_a_usage_error(asked: list[object], tmp_path: Path) -> None:
    ended = await finish(await begin("doctor", "--token", "-", "--json", cwd=tmp_path), b"\n")

    assert ended.code == ExitCode.USAGE
    assert "the token is empty" in json.loads(ended.sentence)["message"]
    assert asked == []


async def test_token_for_a_deployed_stack_is_sent_nowhere(stack: Stack, tmp_path: Path) -> None:
    stack.write(target="aws")

    ended = await finish(await begin("doctor", "--token", "secret", "--json", cwd=tmp_path))

    assert ended.code == ExitCode.USAGE
    assert "tokens are explained by a stack on this machine" in json.loads(ended.sentence)["message"]


async def test_stack_that_does_not_answer_is_a_bad_finding(stack: Stack, tmp_path: Path) -> None:
    stack.write(graphqlUrl="http://127.0.0.1:1/graphql")

    ended = await finish(await begin("doctor", "--json", cwd=tmp_path))

    assert ended.code == ExitCode.UNREACHABLE
    assert [found["about"] for found in ended.rows if found["status"] == "bad"] == ["API and log"]
