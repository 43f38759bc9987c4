"""A closed client: everything that it was doing ends with a clear error, and nothing is opened afterwards."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from longcall import Client, ClientClosed, ConfigurationError, LambdaToken
from tests.unit.longcall.appsync import BOUND, AppSync
from tests.unit.longcall.conftest import SHORT, token
from tests.unit.longcall.test_watching import JOB, collect, watching

Call = Callable[[Client], Awaitable[object]]
CALLS: dict[str, Call] = {
    "get": lambda client: client.get(JOB),
    "start": lambda client: client.start("a story"),
    "list": lambda client: client.list(),
    "upload": lambda client: client.upload(b"content"),
    "watch": collect,
    "run": lambda client: anext(client.run("a story")),
    "watch_all": lambda client: anext(client.watch_all()),
}


def client_of(service: AppSync) -> Client:
    return Client(service.url, authorization=LambdaToken(token), timing=SHORT)


def other_tasks() -> "set[asyncio.Task[object]]":
    """All tasks of this loop but the test and the service's own."""
    ours = {"_listen", "_pump", "_write", "_open"}
    return {task for task in asyncio.all_tasks() if getattr(task.get_coro(), "__name__", "") in ours}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
async def test_closed_client_opens_nothing(service: AppSync, call: Call) -> None:
    client = client_of(service)
    async with client:
        await client.list()
    operations, connections = len(service.operations), len(service.connections)

    with pytest.raises(ClientClosed, match="the client is closed"):
        await call(client)

    assert (len(service.operations), len(service.connections)) == (operations, connections)
    assert other_tasks() == set()


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
async def test_client_that_was_not_entered_opens_nothing(service: AppSync, call: Call) -> None:
    with pytest.raises(ConfigurationError, match="use it inside `async with`"):
        await call(client_of(service))

    assert (service.operations, service.connections) == ([], [])
    assert other_tasks() == set()


async def test_closed_client_cannot_be_entered_again(service: AppSync) -> None:
    client = client_of(service)
    async with client:
        pass

    with pytest.raises(ClientClosed):
        await client.__aenter__()


async def test_watch_that_is_still_referenced_ends_with_its_client_and_leaks_no_socket(service: AppSync) -> None:
    service.append(JOB)
    async with client_of(service) as client:
        views = client.watch(JOB)
        await anext(views)

    await service.until(lambda: not service.subscriptions)
    assert other_tasks() == set()
    assert len(service.connections) == 1
    with pytest.raises(ClientClosed):
        await anext(views)
    assert len(service.connections) == 1


async def test_watch_in_another_task_ends_when_its_client_is_closed(service: AppSync) -> None:
    service.append(JOB)
    async with client_of(service) as client:
        watch = await watching(service, client)

    async with asyncio.timeout(BOUND):
        with pytest.raises(ClientClosed):
            await watch
    assert other_tasks() == set()


async def test_watch_that_is_still_subscribing_ends_when_its_client_is_closed(service: AppSync) -> None:
    service.append(JOB)
    service.acknowledges.clear()
    async with client_of(service) as client:
        watch = asyncio.create_task(collect(client))
        await service.until(lambda: bool(service.started))

    async with asyncio.timeout(BOUND):
        with pytest.raises(ClientClosed):
            await watch
    assert other_tasks() == set()


async def test_request_that_waits_for_its_retry_ends_when_its_client_is_closed(service: AppSync) -> None:
    service.failures["getInference"] = 1_000_000
    async with client_of(service) as client:
        get = asyncio.create_task(client.get(JOB))
        await service.until(lambda: bool(service.operations))

    async with asyncio.timeout(BOUND):
        with pytest.raises(ClientClosed):
            await get


async def test_upload_in_progress_ends_when_its_client_is_closed(service: AppSync) -> None:
    service.store_waits.clear()
    async with client_of(service) as client:
        upload = asyncio.create_task(client.upload(b"content"))
        await service.until(lambda: bool(service.stored))

    async with asyncio.timeout(BOUND):
        with pytest.raises(ClientClosed):
            await upload
    service.store_waits.set()
