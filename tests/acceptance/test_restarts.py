"""A stack that was killed or stopped continues its jobs after a restart."""

import asyncio
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path

import pytest

from longcall import JobNotFound, Status
from tests.acceptance.stack import LocalStack, running_stack


@pytest.fixture
def own_stack(tmp_path: Path) -> Iterator[LocalStack]:
    with running_stack(tmp_path / "data") as stack:
        yield stack


async def test_a_stack_killed_in_the_middle_of_a_job_finishes_it_after_its_restart(own_stack: LocalStack) -> None:
    async with own_stack.client() as client, asyncio.timeout(30):
        finished = [view async for view in client.run("Before", model="simulated.story", process_time=0.1)][-1]
        async with aclosing(client.run("During", model="simulated.story", process_time=4.0)) as views:
            async for view in views:
                if view.output:
                    break

    own_stack.kill()
    own_stack.start()

    async with own_stack.client() as client, asyncio.timeout(60):
        kept = await client.get(finished.job_id)
        views_after = [view async for view in client.watch(view.job_id)]

    assert kept.result == finished.result
    assert views_after[-1].status is Status.COMPLETED
    assert views_after[-1].attempt == 2
    assert views_after[-1].output == views_after[-1].result
    assert [view.sequence for view in views_after] == list(range(1, len(views_after) + 1))


async def test_a_stopped_stack_removes_its_address_files_and_keeps_its_jobs(own_stack: LocalStack) -> None:
    async with own_stack.client() as client, asyncio.timeout(30):
        job = [view async for view in client.run("Hi", model="simulated.story", process_time=0)][-1]

    code = own_stack.stop()
    left = {path.name for path in own_stack.data.iterdir()}
    own_stack.start()

    async with own_stack.client() as client:
        assert (await client.get(job.job_id)).result == job.result
    assert code == 0
    assert "stack.json" not in left
    assert "environment.json" not in left


async def test_texts_too_large_for_the_log_are_unchanged_after_a_kill(
    own_stack: LocalStack,
) -> None:
    text = "".join(f"{number} déjà vu 🐋\r\n" for number in range(200_000))
    async with own_stack.client() as client, asyncio.timeout(60):
        finished = [view async for view in client.run(text, model="simulated.echo")][-1]

    own_stack.kill()
    own_stack.start()

    async with own_stack.client() as client, asyncio.timeout(60):
        kept = await client.get(finished.job_id)
        again = await client.start(text, model="simulated.echo", job_id=finished.job_id)

        await client.delete(finished.job_id)
        with pytest.raises(JobNotFound):
            await client.get(finished.job_id)

    assert len(text.encode()) > 4_000_000
    assert [finished.result == text, kept.result == text, kept.output == text] == [True] * 3
    assert (again.job_id, again.status) == (finished.job_id, Status.COMPLETED)
    assert [path for path in (own_stack.data / "bucket" / "content").rglob("*") if path.is_file()] == []
