"""Jobs that run out of time, and cancelled jobs whose worker is blocked."""

import asyncio
from collections.abc import Iterator
from contextlib import aclosing
from datetime import timedelta
from pathlib import Path

import pytest

from longcall import Client, ErrorType, JobView, Status
from tests.acceptance.stack import LocalStack, running_stack

ENOUGH = "8"  # seconds of one invocation; a quarter is reserved for the final status, which is enough on a busy machine
SHORT = "3"  # seconds of one invocation that produces its output at once and then times out
WORDS = 200  # pieces of a simulated text by default


@pytest.fixture(scope="module")
def short_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A stack whose invocations are short, with one job at a time."""
    with running_stack(tmp_path_factory.mktemp("short") / "data", "--timeout", SHORT, "--jobs", "1") as stack:
        yield stack


async def until_running(client: Client, job_id: str) -> JobView:
    """Wait for the first view that has output of a running worker."""
    async with aclosing(client.watch(job_id)) as views:
        async for view in views:
            if view.output:
                return view
    raise AssertionError("the job ended before it had said anything")


async def test_work_that_does_not_finish_in_time_fails_and_keeps_what_it_produced(tmp_path: Path) -> None:
    """Between two steps, and in a call that blocks."""
    with running_stack(tmp_path / "data", "--timeout", ENOUGH) as stack:
        async with stack.client() as client, asyncio.timeout(60):
            between, blocked = await asyncio.gather(
                cut_short(client, "simulated.error"), cut_short(client, "simulated.silence")
            )

    for last, read in (between, blocked):
        assert (last.status, last.error_type, last.attempt) == (Status.FAILED, ErrorType.DEADLINE_EXCEEDED, 1)
        assert last.error is not None
        assert "give it less to do" in last.error
        assert 0 < len(last.output.split()) < WORDS
        assert read.output == last.output
        assert read.result is None


async def cut_short(client: Client, model: str) -> tuple[JobView, JobView]:
    """Run a job that takes a minute; returns the last view that was pushed and the view that is read afterwards."""
    views = [view async for view in client.run("Hi", model=model, process_time=60)]
    return views[-1], await client.get(views[-1].job_id)


async def test_a_workload_that_cannot_be_interrupted_ends_with_its_invocation(
    short_stack: LocalStack,
) -> None:
    async with short_stack.client() as client, asyncio.timeout(60):
        views = [view async for view in client.run("Hi", model="simulated.deaf", process_time=600)]
        read = await client.get(views[-1].job_id)

    last = views[-1]
    assert (last.status, last.error_type, last.attempt) == (Status.FAILED, ErrorType.TIMED_OUT, 3)
    assert len(last.output.split()) == WORDS // 2
    assert read.output == last.output


async def test_a_job_cancelled_while_its_worker_cannot_be_interrupted_stays_cancelled(short_stack: LocalStack) -> None:
    """The next job runs after the invocation has timed out and its later updates were refused."""
    async with short_stack.client() as client, asyncio.timeout(60):
        job = await client.start("Hi", model="simulated.deaf", process_time=600)
        await until_running(client, job.job_id)
        cancelled = await client.cancel(job.job_id)
        said = (await client.get(job.job_id)).output
        following = [view async for view in client.run("Hi", model="simulated.story", process_time=0)]
        log = [event async for event in client.events(job.job_id)]
        read = await client.get(job.job_id)

    assert following[-1].status is Status.COMPLETED
    assert log[-1] == cancelled
    assert (read.status, read.output) == (Status.CANCELLED, said)


async def test_a_blocked_worker_is_free_for_the_next_job_within_two_seconds_of_a_cancel(tmp_path: Path) -> None:
    """By the log's own times: the next job is claimed by the only worker there is. The machine may add to each of
    them and take nothing away, so the shortest of three says what the worker itself needed.
    """
    waits = []
    with running_stack(tmp_path / "data", "--jobs", "1") as stack:
        async with stack.client() as client, asyncio.timeout(60):
            for _ in range(3):
                blocked = await client.start("Hi", model="simulated.silence", process_time=600)
                await until_running(client, blocked.job_id)
                following = await client.start("Hi", model="simulated.story", process_time=0)
                cancelled = await client.cancel(blocked.job_id)
                ended = [view async for view in client.watch(following.job_id)][-1]
                assert cancelled.end_time is not None
                assert ended.start_time is not None
                waits.append(ended.start_time - cancelled.end_time)

    assert min(waits) > timedelta(0), "the next job was waiting for the worker"
    assert min(waits) < timedelta(seconds=2)
