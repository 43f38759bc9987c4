"""The quota of jobs for one owner, seen from a client."""

import asyncio
from collections.abc import Iterator

import pytest

from longcall import Client, Event, RequestRejected, Status
from tests.acceptance.stack import LocalStack, running_stack

QUOTA = 3


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A stack with a small quota."""
    data = tmp_path_factory.mktemp("quota") / "data"
    with running_stack(data, environment={"LONGCALL_QUOTA": str(QUOTA)}) as stack:
        yield stack


async def start_blocked(client: Client) -> Event:
    """Start a job that does not end by itself."""
    return await client.start("Hi", model="simulated.slow-start", process_time=600)


async def test_of_many_starts_at_once_as_many_as_the_quota_succeed_and_the_rest_are_refused(
    stack: LocalStack,
) -> None:
    async with stack.client(0) as ada, stack.client(1) as grace, asyncio.timeout(30):
        answers = await asyncio.gather(*(start_blocked(ada) for _ in range(12)), return_exceptions=True)
        foreign = await start_blocked(grace)
        started = [answer for answer in answers if isinstance(answer, Event)]
        for job in started:
            await ada.cancel(job.job_id)
        await grace.cancel(foreign.job_id)

    refused = [answer for answer in answers if isinstance(answer, RequestRejected)]
    assert (len(started), len(refused)) == (QUOTA, 12 - QUOTA)
    assert {refusal.error_type for refusal in refused} == {"QuotaExceeded"}
    assert {str(refusal) for refusal in refused} == {
        "3 of your jobs are unfinished, which is the most allowed; wait for one to end, or cancel one"
    }


@pytest.mark.parametrize(
    ("model", "end"),
    [("simulated.story", Status.COMPLETED), ("simulated.error", Status.FAILED)],
)
async def test_a_job_that_has_ended_makes_room_at_once(stack: LocalStack, model: str, end: Status) -> None:
    async with stack.client() as client, asyncio.timeout(60):
        blocked = [await start_blocked(client) for _ in range(QUOTA - 1)]
        ends = [  # uses the last free place again and again: it must be free once the end is visible
            [view async for view in client.run("Hi", model=model, process_time=0)][-1].status for _ in range(2)
        ]
        last = await start_blocked(client)
        with pytest.raises(RequestRejected, match="most allowed"):
            await start_blocked(client)
        for job in (*blocked, last):
            await client.cancel(job.job_id)

    assert ends == [end] * 2


async def test_a_cancelled_job_makes_room_at_once(stack: LocalStack) -> None:
    async with stack.client() as client, asyncio.timeout(30):
        jobs = [await start_blocked(client) for _ in range(QUOTA)]
        for _ in range(5):
            await client.cancel(jobs.pop(0).job_id)
            jobs.append(await start_blocked(client))
        with pytest.raises(RequestRejected, match="most allowed"):
            await start_blocked(client)
        for job in jobs:
            await client.cancel(job.job_id)


async def test_a_start_that_is_repeated_takes_one_place(stack: LocalStack) -> None:
    async with stack.client() as client, asyncio.timeout(30):
        jobs = [await start_blocked(client) for _ in range(QUOTA)]
        again = await client.start(
            "Hi", model="simulated.slow-start", process_time=600, job_id=jobs[-1].job_id
        )  # fmt: skip
        for job in jobs:
            await client.cancel(job.job_id)

    assert again.job_id == jobs[-1].job_id
