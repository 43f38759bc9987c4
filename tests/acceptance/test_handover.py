"""Jobs that take longer than one invocation, on a whole stack: real processes, real sockets, real time."""

import asyncio
from contextlib import aclosing
from itertools import islice, pairwise
from pathlib import Path

from chalicelib.workloads.simulated import text
from longcall import Status
from tests.acceptance.stack import running_stack

TIMEOUT = "3"  # seconds of one invocation; a quarter is reserved for the final status
SECONDS = 8.0
WORDS = 120
STORY = "".join(islice(text("simulated.story", "the tide"), WORDS))


async def test_a_job_of_several_invocations_is_one_continuous_stream(tmp_path: Path) -> None:
    with running_stack(tmp_path / "data", "--timeout", TIMEOUT) as stack:
        async with stack.client() as client, asyncio.timeout(60):
            story = client.run("the tide", model="simulated.story", max_tokens=WORDS, process_time=SECONDS)
            views = [view async for view in story]
            read = await client.get(views[-1].job_id)

    last = views[-1]
    assert (last.status, last.output, last.result) == (Status.COMPLETED, STORY, STORY)
    assert (read.output, read.result) == (STORY, STORY)
    assert last.attempt >= 4
    assert [view.sequence for view in views] == list(range(1, len(views) + 1))
    assert all(later.output.startswith(earlier.output) for earlier, later in pairwise(views))
    begun = [view.message for before, view in pairwise(views) if view.attempt > before.attempt]
    assert begun == [None, *(f"attempt {n}: continues from its last checkpoint" for n in range(2, last.attempt + 1))]


async def test_a_job_whose_stack_is_killed_continues_from_its_last_checkpoint(tmp_path: Path) -> None:
    with running_stack(tmp_path / "data", "--timeout", TIMEOUT) as stack:
        async with stack.client() as client, asyncio.timeout(60):
            job = await client.start("the tide", model="simulated.story", max_tokens=WORDS, process_time=SECONDS)
            async with aclosing(client.watch(job.job_id)) as views:
                async for before in views:
                    if before.attempt == 2 and len(before.output.split()) > WORDS // 3:
                        break
        stack.kill()
        stack.start()
        async with stack.client() as client, asyncio.timeout(60):
            after = [view async for view in client.watch(job.job_id)]

    assert (after[-1].status, after[-1].result) == (Status.COMPLETED, STORY)
    assert all(STORY.startswith(view.output) for view in after)
    kept = [view.output_kept for view in after if view.output_kept is not None]
    assert len(kept) == after[-1].attempt - 1
    assert kept == sorted(kept)
    assert max(kept) > len(before.output) // 2
