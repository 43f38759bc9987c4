"""Many crashed jobs that are supervised at once after a restart do not keep callers from reading."""

import asyncio
import time
from pathlib import Path
from typing import Any, Final

import aiohttp

from longcall import LambdaToken, Status
from tests.acceptance.stack import LocalStack, running_stack

JOBS: Final = 32
READING: Final = 8.0  # seconds
LONGEST_READ: Final = 5.0  # seconds, on a busy machine
QUERY: Final = "query { listInferences(limit: 1) { items { jobId } } }"


async def reads(stack: LocalStack, seconds: float) -> tuple[list[Any], list[float]]:
    """The errors of reads, one after the other for some time, and how long each read took."""
    errors: list[Any] = []
    durations: list[float] = []
    headers = await LambdaToken(stack.sign_in()).headers()
    async with aiohttp.ClientSession(headers=headers) as session:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            began = time.monotonic()
            async with session.post(stack.url, json={"query": QUERY}) as response:
                answer = await response.json(content_type=None)
            durations.append(time.monotonic() - began)
            errors += answer.get("errors") or []
    return errors, durations


async def test_reads_are_answered_while_crashed_jobs_are_failed_after_a_restart(tmp_path: Path) -> None:
    environment = {"LONGCALL_QUOTA": str(JOBS)}
    with running_stack(tmp_path / "data", "--jobs", str(JOBS), environment=environment) as stack:
        async with stack.client() as client, asyncio.timeout(60):
            started = await asyncio.gather(*(client.start("Hi", model="simulated.crash") for _ in range(JOBS)))
        stack.kill()
        stack.start()

        errors, durations = await reads(stack, READING)

        async with stack.client() as client, asyncio.timeout(120):
            ended = [[view async for view in client.watch(job.job_id)][-1].status for job in started]
    assert errors == []
    assert max(durations) < LONGEST_READ
    assert set(ended) == {Status.FAILED}
