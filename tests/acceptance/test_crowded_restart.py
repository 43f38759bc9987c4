"""Many crashed jobs that are supervised at once after a restart do not keep callers from reading."""

import asyncio
from pathlib import Path
from typing import Any, Final

import aiohttp

from longcall import Client, LambdaToken, Status
from tests.acceptance.stack import LocalStack, running_stack

JOBS: Final = 24
QUERY: Final = "query { listInferences(limit: 1) { items { jobId } } }"


async def read_until(ended: "asyncio.Task[list[str]]", stack: LocalStack) -> list[Any]:
    """The answers to reads that are sent one after the other, without a retry, until the task has ended."""
    answers = []
    headers = await LambdaToken(stack.sign_in()).headers()
    async with aiohttp.ClientSession(headers=headers) as session:
        while not ended.done():
            async with session.post(stack.url, json={"query": QUERY}) as response:
                answers.append(await response.json(content_type=None))
    return answers


async def statuses_of(job_ids: list[str], client: Client) -> list[str]:
    """The final statuses of jobs."""
    return [[view async for view in client.watch(job_id)][-1].status for job_id in job_ids]


async def test_no_read_is_throttled_while_crashed_jobs_are_failed_after_a_restart(tmp_path: Path) -> None:
    environment = {"LONGCALL_QUOTA": str(JOBS)}
    with running_stack(tmp_path / "data", "--jobs", str(JOBS), environment=environment) as stack:
        async with stack.client() as client, asyncio.timeout(60):
            started = await asyncio.gather(*(client.start("Hi", model="simulated.crash") for _ in range(JOBS)))
        stack.kill()
        stack.start()

        async with stack.client() as client, asyncio.timeout(180):
            ended = asyncio.create_task(statuses_of([job.job_id for job in started], client))
            answers = await read_until(ended, stack)

    assert answers
    assert [answer["errors"] for answer in answers if "errors" in answer] == []
    assert set(ended.result()) == {Status.FAILED}
