"""The live list of a user's jobs on a whole stack that loses, repeats and reorders pushes and cuts connections."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest

from longcall import Client, Event, JobList, Timing
from tests.acceptance.stack import LocalStack, running_stack
from tests.contract.conftest import ROOT

JOBS = 50
DELETED = 3
LOSSES = "drop=0.5,duplicate=0.2,reorder=0.3,disconnect=0.05,seed=7"
HASTY = Timing(silence=1.0, idle=1.0, absence=0.2)


@pytest.fixture(scope="module")
def lossy_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    data = tmp_path_factory.mktemp("stack") / "data"
    environment = {"LONGCALL_QUOTA": str(2 * JOBS)}
    with running_stack(data, "--chaos", LOSSES, "--jobs", "4", environment=environment) as stack:
        yield stack


@dataclass
class Followed:
    """What a client has shown of its user's list."""

    client: Client
    shown: list[JobList] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def follow(self) -> None:
        async with aclosing(self.client.watch_all(limit=JOBS)) as lists:
            async for jobs in lists:
                async with self.changed:
                    self.shown.append(jobs)
                    self.changed.notify_all()

    async def until(self, holds: Callable[[JobList], bool]) -> JobList:
        """The first list of which this is true, now or later."""
        async with self.changed:
            await self.changed.wait_for(lambda: bool(self.shown) and holds(self.shown[-1]))
            return self.shown[-1]


@asynccontextmanager
async def followed(client: Client) -> AsyncIterator[Followed]:
    """Follow a list until the block ends."""
    it = Followed(client)
    following = asyncio.create_task(it.follow())
    try:
        yield it
    finally:
        following.cancel()
        await asyncio.wait({following})


def row(job: Event) -> tuple[object, ...]:
    return job.job_id, job.status, job.sequence, job.attempt, job.progress, job.error, job.error_type, job.end_time


async def test_list_ends_as_the_api_has_it_although_half_of_the_pushes_are_lost(lossy_stack: LocalStack) -> None:
    async with (
        lossy_stack.client(timing=HASTY) as watcher, lossy_stack.client() as starter,
        lossy_stack.client(user=1, timing=HASTY) as stranger,
        followed(watcher) as watched, followed(stranger) as foreign, asyncio.timeout(120),
    ):  # fmt: skip
        started = await asyncio.gather(
            *(
                starter.start(f"text {number}", model="simulated.error" if number % 10 == 3 else "simulated.story",
                              process_time=0.4)
                for number in range(JOBS)
            )
        )  # fmt: skip
        await asyncio.gather(*(starter.cancel(job.job_id) for job in started[-5:]))
        ended = await watched.until(lambda jobs: len(jobs.jobs) == JOBS and not jobs.is_running)
        for job in started[:DELETED]:
            await starter.delete(job.job_id)
        last = await watched.until(lambda jobs: len(jobs.jobs) == JOBS - DELETED)
        found = await starter.list(limit=100)

    assert sorted(map(row, last.jobs)) == sorted(map(row, found.jobs))
    assert {job.job_id for job in ended.jobs} - {job.job_id for job in found.jobs} == {
        job.job_id for job in started[:DELETED]
    }
    assert {"COMPLETED", "FAILED", "CANCELLED"} <= {str(job.status) for job in ended.jobs}
    for before, after in pairwise(watched.shown):
        known = {job.job_id: job.sequence for job in before.jobs}
        assert all(known.get(job.job_id, 0) <= job.sequence for job in after.jobs), "no job goes back"
    assert [jobs.jobs for jobs in foreign.shown] == [()], "another user's list stays empty"


def test_offered_models_are_listed(lossy_stack: LocalStack, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "longcall", "models", "--json", "--stack", str(lossy_stack.data / "stack.json")]
    done = subprocess.run(
        command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True
    )

    models = {model["name"]: model for model in map(json.loads, done.stdout.splitlines())}
    story = {option["name"]: option for option in models["simulated.story"]["options"]}
    assert (story["processTime"]["default"], story["processTime"]["maximum"]) == (5.0, 7200.0)
    assert (models["openai/llama3.2"]["pattern"], models["openai/llama3.2"]["priced"]) == ("openai/*", False)
    assert models["local.textrank"]["options"][0]["name"] == "maxTokens"
