"""An API whose function fails: temporary failures are retried, and a bug is reported after a few tries."""

import asyncio

import pytest

from longcall import Client, RequestRejected
from tests.unit.longcall.appsync import BOUND, AppSync, Failure
from tests.unit.longcall.conftest import SHORT
from tests.unit.longcall.test_watching import JOB, assert_whole, collect, story

UNAVAILABLE = Failure("LedgerUnavailable", "the job log cannot be reached at the moment", status=200)
INTERNAL = Failure("InternalError", "an internal error occurred; report it with the id 7", status=200)
CRASHED = Failure("Lambda:Unhandled", "RequestId: 1 Error: Runtime exited", status=200)


@pytest.mark.parametrize("failure", [UNAVAILABLE, INTERNAL, CRASHED], ids=lambda failure: failure.error_type)
async def test_request_that_fails_behind_the_api_is_repeated(
    service: AppSync, client: Client, failure: Failure
) -> None:
    service.fail([failure] * (SHORT.tries - 1))

    await client.start("a story", job_id=JOB)

    assert len(service.asked("startInference")) == SHORT.tries


async def test_watch_continues_while_the_log_cannot_be_reached(service: AppSync, client: Client) -> None:
    service.append(JOB)
    views = client.watch(JOB)
    shown = [await anext(views)]
    service.fail([UNAVAILABLE] * 10 * SHORT.tries)

    story(service)
    await service.cut()

    async with asyncio.timeout(BOUND):
        assert_whole(shown + [view async for view in views])


@pytest.mark.parametrize("failure", [INTERNAL, CRASHED], ids=lambda failure: failure.error_type)
async def test_watch_reports_a_bug_of_the_api_after_a_few_tries(
    service: AppSync, client: Client, failure: Failure
) -> None:
    service.append(JOB)
    views = client.watch(JOB)
    await anext(views)
    service.fail([failure] * 1_000)

    story(service)
    await service.cut()

    async with asyncio.timeout(BOUND):
        with pytest.raises(RequestRejected) as caught:
            await anext(views)
    assert caught.value.error_type == failure.error_type
    assert 3 * SHORT.tries <= 1_000 - len(service.errors) <= 10 * SHORT.tries


async def test_watch_survives_faults_of_the_api_between_successful_reads(service: AppSync, client: Client) -> None:
    story(service)
    service.page = 1
    service.fail([None, *[CRASHED] * SHORT.tries] * 8)

    assert_whole(await collect(client))

    assert service.errors == []
