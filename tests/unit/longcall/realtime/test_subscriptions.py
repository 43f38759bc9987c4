"""Subscriptions that share a connection."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from longcall import LambdaToken
from longcall.realtime.subscriptions import Realtime
from tests.unit.longcall.appsync import AppSync
from tests.unit.longcall.conftest import SHORT, token
from tests.unit.longcall.test_watching import JOB

WATCH = "on_inference_status_change"


async def test_whoever_subscribes_in_the_moment_in_which_the_connection_is_made_uses_it(service: AppSync) -> None:
    loop = asyncio.get_running_loop()
    realtime = Realtime(service.realtime_url, graphql_url=service.url, authorization=LambdaToken(token), timing=SHORT)
    begun = list[asyncio.Task[None]]()

    def first_step(_: "asyncio.Task[Any]") -> None:
        """Run the first step of one more subscriber, before any callback of the client is called."""
        subscriber = realtime.listen(WATCH, {"jobId": JOB}, lambda _: None)
        assert subscriber.send(None) is not None  # it waits for the answer to its `start`
        subscriber.close()
        begun.append(loop.create_task(realtime.listen(WATCH, {"jobId": JOB}, lambda _: None)))

    def tasks(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], **options: Any) -> "asyncio.Task[Any]":
        task = asyncio.Task(work, loop=loop, **options)
        if getattr(work, "__name__", "") == "_open":
            task.add_done_callback(first_step)
        return task

    loop.set_task_factory(tasks)  # type: ignore[arg-type]  # the stubs do not know of keywords
    first = loop.create_task(realtime.listen(WATCH, {"jobId": JOB}, lambda _: None))
    await service.until(lambda: len(service.subscriptions) == 2)
    await realtime.close()
    await asyncio.gather(first, *begun, return_exceptions=True)

    assert len(service.connections) == 1
