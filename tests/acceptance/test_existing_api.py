"""Jobs in an API that exists already: the example's template, served and used."""

import asyncio
import subprocess
import sys
from pathlib import Path

import aiohttp

from longcall import Client, CognitoToken, Status
from tests.acceptance.stack import running_stack
from tests.contract.conftest import ROOT
from tests.support.library_assembly import Library

OPTIONS = {"model": "simulated.story", "process_time": 0.2, "max_tokens": 30}


def output_of(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout


async def test_a_job_runs_in_the_api_of_a_library_and_its_own_field_still_answers(
    library: Library, tmp_path: Path
) -> None:
    with running_stack(tmp_path / "data", "--template", str(library.into.path)) as stack:
        callers = CognitoToken(stack.sign_in(0)), CognitoToken(stack.sign_in(1))
        async with Client(stack.url, authorization=callers[0], type_prefix="Longcall") as client:
            views = [view async for view in client.run("Once upon a time", **OPTIONS)]  # type: ignore[arg-type]
            listed = await client.list(limit=1)
            models = await client.models()
        async with Client(stack.url, authorization=callers[1], type_prefix="Longcall") as other:
            strangers = await other.list(limit=1)
        async with (
            aiohttp.ClientSession() as session,
            session.post(
                stack.url, json={"query": "{ books { title status } }"}, headers=await callers[0].headers()
            ) as response,
        ):
            books = await response.json()
        command = [
            sys.executable, "-m", "longcall", "run", "--stack", str(tmp_path / "data" / "stack.json"),
            "--auth", "cognito", "--model", "simulated.echo", "--prompt", "from a terminal",
        ]  # fmt: skip
        shown = await asyncio.to_thread(output_of, command)

    assert views[-1].status is Status.COMPLETED
    assert views[-1].output == views[-1].result
    assert [event.job_id for event in listed.jobs] == [views[-1].job_id]
    assert strangers.jobs == ()
    assert models
    assert shown == "from a terminal"
    log = (tmp_path / "data.log").read_text()
    assert "the explorer is at" in log
    assert "longcall list --auth cognito" in log
    assert "Console" not in log
    assert books["data"]["books"][1] == {"title": "Middlemarch", "status": "ON_LOAN"}
