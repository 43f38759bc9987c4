"""What a job leaves in the log of the stack: everything that explains a failure, and nothing of its content."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from longcall import Client, LambdaToken, Status
from tests.acceptance.checkout import Checkout, sign_in

LONGCALL = str(Path(sys.executable).with_name("longcall"))
PROMPT = "a prompt that is nobody else's business"
RAISE = "raise KeyError(request.prompt)"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """The code with a workload that raises an error of its own."""
    made = Checkout(tmp_path_factory.mktemp("logs"))
    made.change("chalicelib/workloads/echo.py", "        yield Chunk(", f"        {RAISE}\n        yield Chunk(")
    return made


@pytest.fixture(scope="module")
def stack(checkout: Checkout) -> Iterator[Mapping[str, Any]]:
    with checkout.running() as description:
        yield description


def log_lines(checkout: Checkout) -> list[dict[str, Any]]:
    files = sorted((checkout.data / "logs").glob("*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def logs_of(job_id: str, checkout: Checkout) -> str:
    """What `longcall logs` prints."""
    command = [LONGCALL, "logs", job_id, "--stack", str(checkout.data / "stack.json")]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


async def test_unexpected_error_of_a_workload_is_shown_with_its_job_and_trace(
    checkout: Checkout, stack: Mapping[str, Any]
) -> None:
    async with Client(stack["graphqlUrl"], authorization=LambdaToken(sign_in(stack))) as client, asyncio.timeout(60):
        job = [view async for view in client.run(PROMPT, model="simulated.echo")][-1]

    logged = await asyncio.to_thread(logs_of, job.job_id, checkout)

    about_job = [line for line in log_lines(checkout) if line.get("job_id") == job.job_id]
    (trace,) = (line["trace"] for line in about_job if "trace" in line)
    assert job.status is Status.FAILED
    assert {line.get("event") for line in about_job} >= {"job_claimed", "workload_failed", "job_ended", "operation"}
    assert "KeyError" in trace
    assert "chalicelib/workloads/echo.py" in trace
    assert f"job {job.job_id}: unexpected error in the workload" in checkout.output
    assert "chalicelib/workloads/echo.py" in checkout.output
    assert "chalicelib/workloads/echo.py" in logged


async def test_killed_worker_is_logged_with_its_job(checkout: Checkout, stack: Mapping[str, Any]) -> None:
    async with Client(stack["graphqlUrl"], authorization=LambdaToken(sign_in(stack))) as client, asyncio.timeout(60):
        job = [view async for view in client.run(PROMPT, model="simulated.crash-once")][-1]

    events = [line.get("event") for line in log_lines(checkout) if line.get("job_id") == job.job_id]
    assert events.count("job_claimed") == 2
    assert "event_failed" in events


async def test_no_prompt_result_token_or_secret_is_in_the_log(checkout: Checkout, stack: Mapping[str, Any]) -> None:
    provider = sign_in(stack)
    async with Client(stack["graphqlUrl"], authorization=LambdaToken(provider)) as client, asyncio.timeout(60):
        job = [view async for view in client.run(PROMPT, model="simulated.story", process_time=0.1)][-1]
    token = await provider()
    assert job.result is not None

    written = checkout.output + "".join(file.read_text() for file in (checkout.data / "logs").iterdir())

    environments = json.loads((checkout.data / "environment.json").read_text()).values()
    secrets = {value for it in environments for name, value in it.items() if "SECRET" in name}
    secrets |= {stack["operator"]["secretAccessKey"], token, token.split(".")[1], PROMPT, job.result, job.result[:40]}
    assert job.job_id in written
    assert not [secret for secret in secrets if secret in written]
