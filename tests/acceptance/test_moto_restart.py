"""moto's server is killed under a running stack: it comes back with the same users, objects and addresses."""

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from certify.processes import children_running
from longcall import Status
from tests.acceptance.stack import READY, LocalStack, running_stack, wait_until

MOTO = "local_stack.services.moto"


@pytest.fixture
def own_stack(tmp_path: Path) -> Iterator[LocalStack]:
    with running_stack(tmp_path / "data") as stack:
        yield stack


def moto_of(stack: LocalStack) -> int | None:
    """The process id of the stack's moto server."""
    return next(iter(children_running(MOTO, stack.pid)), None)


def kill_moto(stack: LocalStack) -> int:
    process = moto_of(stack)
    assert process is not None
    os.kill(process, signal.SIGKILL)
    return process


async def test_users_sign_in_again_with_their_ids_after_moto_was_killed(own_stack: LocalStack) -> None:
    async with own_stack.client() as client, asyncio.timeout(60):
        before = [view async for view in client.run("Before", model="simulated.echo")][-1]

    killed = kill_moto(own_stack)

    wait_until(lambda: moto_of(own_stack) not in (None, killed), READY)
    async with own_stack.client() as client, asyncio.timeout(60):
        after = [view async for view in client.run("After " * 60_000, model="simulated.echo")][-1]
        kept = await client.get(before.job_id)  # which only the same user may read

    assert after.status is Status.COMPLETED
    assert after.result == "After " * 60_000  # from S3
    assert kept.result == "Before"


async def test_moto_is_started_again_as_often_as_it_is_killed(own_stack: LocalStack) -> None:
    statuses = []
    for _ in range(2):
        kill_moto(own_stack)
        async with own_stack.client(user=1) as client, asyncio.timeout(60):
            statuses.append([view async for view in client.run("Hi", model="simulated.echo")][-1].status)
    log = own_stack.log.read_text()

    assert statuses == [Status.COMPLETED] * 2
    assert log.count("moto: one turn failed and the loop continues (1 in a row): MotoEnded") == 2
    assert "moto's server (Cognito and S3) ended with status -9; it is being started again" in log
