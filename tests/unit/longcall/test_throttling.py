"""An API that is short of capacity: the client waits and tries again, and shows an error only after its time limit."""

import asyncio
from dataclasses import replace

import pytest

from longcall import Client, GraphQLFault, LambdaToken, Status, Throttled
from longcall.faults import is_throttled
from tests.unit.longcall.appsync import BOUND, AppSync, Failure
from tests.unit.longcall.conftest import SHORT, token
from tests.unit.longcall.test_watching import JOB, assert_whole, collect, pushes_all, story

THROTTLES = [
    Failure("TooManyRequestsException", "Rate Exceeded", status=429),
    Failure("TooManyRequestsException", "Rate Exceeded", status=200),
    Failure("Lambda:TooManyRequestsException", "Rate Exceeded.", status=200),
    Failure("ThrottlingException", "Rate exceeded", status=400),
    Failure(None, "Rate Exceeded", status=200),
]


@pytest.mark.parametrize("failure", THROTTLES, ids=str)
async def test_throttled_request_is_repeated_more_often_than_a_failed_one(
    service: AppSync, client: Client, failure: Failure
) -> None:
    service.fail([failure] * 3 * SHORT.tries)

    event = await client.start("a story", job_id=JOB)

    assert event.status is Status.PENDING
    assert len(service.asked("startInference")) == 3 * SHORT.tries + 1


async def test_throttling_that_does_not_end_is_an_error_after_the_time_limit(service: AppSync) -> None:
    service.fail([THROTTLES[0]] * 1_000_000)
    async with Client(service.url, authorization=LambdaToken(token), timing=replace(SHORT, throttled=0.05)) as client:
        async with asyncio.timeout(BOUND):
            with pytest.raises(Throttled, match="accepts no more requests now"):
                await client.get(JOB)


async def test_throttled_request_does_not_renew_the_token(service: AppSync) -> None:
    calls = 0

    async def provider() -> str:
        nonlocal calls
        calls += 1
        return "token"

    service.fail([THROTTLES[0]] * 2)
    async with Client(service.url, authorization=LambdaToken(provider), timing=SHORT) as client:
        await client.list()

    assert calls == 3  # one for each try


async def test_many_jobs_started_at_once_show_no_error(service: AppSync, client: Client) -> None:
    service.worker = pushes_all
    service.slots = 4

    async def run() -> Status | str:
        return [view async for view in client.run("a story")][-1].status

    async with asyncio.timeout(BOUND):
        ends = await asyncio.gather(*(run() for _ in range(64)))

    assert ends == [Status.COMPLETED] * 64
    assert service.throttled > 0


async def test_throttled_subscription_is_started_again(service: AppSync, client: Client) -> None:
    story(service)
    service.refused_starts = [{"errorType": "LimitExceededError", "message": "Rate limit exceeded"}] * 3

    assert_whole(await collect(client))

    assert len(service.started) == 4


@pytest.mark.parametrize("error_type", ["TooManyRequestsException", "ServiceUnavailableException"])
async def test_throttled_connection_is_opened_again(service: AppSync, client: Client, error_type: str) -> None:
    story(service)
    service.refused_connections = [{"errorType": error_type, "message": "not now"}] * 2

    assert_whole(await collect(client))

    assert len(service.connections) == 3


@pytest.mark.parametrize(
    ("error_type", "message", "throttled"),
    [
        ("DynamoDB:ProvisionedThroughputExceededException", "", True),
        ("com.amazonaws.deepdish#LimitExceededException", "", True),
        ("MaxSubscriptionsReachedError", "Max number of 100 subscriptions reached", True),
        ("QuotaExceeded", "you have 10 unfinished jobs; wait for one", False),
        ("InvalidRequest", "the rate exceeded nothing", False),
        (None, "boom", False),
    ],
)
def test_throttling_is_recognised_by_type_and_message(error_type: str | None, message: str, throttled: bool) -> None:
    assert is_throttled([GraphQLFault(message, error_type)]) is throttled
