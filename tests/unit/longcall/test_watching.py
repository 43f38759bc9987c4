"""The client over real sockets, with a service that loses, repeats and reorders pushes and cuts connections."""

import asyncio
import random
from contextlib import aclosing
from dataclasses import replace

import pytest

from longcall import (
    Client,
    ConnectionLost,
    Heal,
    InvalidInput,
    JobNotFound,
    JobView,
    LambdaToken,
    Link,
    NotAuthorized,
    RequestRejected,
    Status,
    SubscriptionRejected,
    Unreachable,
)
from longcall.errors import RealtimeUnreachable
from tests.unit.longcall.appsync import BOUND, AppSync, Wire
from tests.unit.longcall.conftest import SHORT, token

JOB = "123e4567-e89b-42d3-a456-426614174000"
PIECES = ["Es war ", "einmal ", "ein 🦊, ", "und ", "もし", " Ende\n"]


def story(service: AppSync, job_id: str = JOB) -> list[Wire]:
    """Write the whole log of a job; returns its events."""
    if job_id not in service.logs:
        service.append(job_id)
    service.append(job_id, status="PROCESSING", attempt=1)
    for number, piece in enumerate(PIECES, start=1):
        service.append(job_id, delta=piece, progress=number / len(PIECES))
    service.append(job_id, status="COMPLETED", progress=1.0, result="".join(PIECES))
    return service.logs[job_id]


async def pushes_all(service: AppSync, job_id: str) -> None:
    for event in story(service, job_id)[1:]:
        await service.push(event)


async def collect(client: Client, job_id: str = JOB) -> list[JobView]:
    async with asyncio.timeout(BOUND):
        return [view async for view in client.watch(job_id)]


async def watching(service: AppSync, client: Client) -> "asyncio.Task[list[JobView]]":
    """A watch that has subscribed, and has read the log up to now."""
    watch = asyncio.create_task(collect(client))
    await service.until(lambda: len(service.asked("inferenceEvents")) >= 2)
    return watch


def assert_whole(views: list[JobView]) -> None:
    """Every event is shown once, in order, to the end, with every byte of the output."""
    assert [view.sequence for view in views] == list(range(1, len(PIECES) + 4))
    assert "".join(view.delta for view in views) == "".join(PIECES)
    assert views[-1].output == "".join(PIECES)
    assert views[-1].status is Status.COMPLETED
    assert views[-1].result == "".join(PIECES)


async def test_run_returns_one_view_for_each_event_of_the_log(service: AppSync, client: Client) -> None:
    service.worker = pushes_all

    async with asyncio.timeout(BOUND):
        views = [view async for view in client.run("a story", model="simulated.story", metadata={"n": 1})]

    assert_whole(views)
    assert views[-1].metadata == {"n": 1}


async def test_run_subscribes_before_it_starts_the_job(service: AppSync, client: Client) -> None:
    service.worker = pushes_all
    service.acknowledges.clear()
    run = asyncio.create_task(anext(client.run("a story")))
    await service.until(lambda: len(service.started) == 1)
    started_early = service.asked("startInference")

    service.acknowledges.set()
    view = await run

    assert started_early == []
    assert view.status is Status.PENDING
    assert service.started == [view.job_id]


async def test_run_without_a_lost_push_does_not_read_the_log(service: AppSync, client: Client) -> None:
    service.worker = pushes_all

    async with asyncio.timeout(BOUND):
        assert_whole([view async for view in client.run("a story")])

    assert service.asked("inferenceEvents") == []


async def test_watch_of_a_finished_job_reads_its_whole_log_in_pages(service: AppSync, client: Client) -> None:
    story(service)
    service.page = 4

    assert_whole(await collect(client))

    assert [asked["after"] for asked in service.asked("inferenceEvents")] == [0, 4, 8]


async def test_lost_push_is_read_from_the_log_after_the_last_sequence(service: AppSync, client: Client) -> None:
    async def loses_one(service: AppSync, job_id: str) -> None:
        for event in story(service, job_id)[1:]:
            if event["sequence"] != 4:
                await service.push(event)

    service.worker = loses_one

    async with asyncio.timeout(BOUND):
        assert_whole([view async for view in client.run("a story")])

    assert [asked["after"] for asked in service.asked("inferenceEvents")] == [3]


async def test_client_reports_a_gap_that_the_log_closed(service: AppSync) -> None:
    async def loses_two(service: AppSync, job_id: str) -> None:
        for event in story(service, job_id)[1:]:
            if event["sequence"] not in {4, 5}:
                await service.push(event)

    service.worker = loses_two
    heals: list[Heal] = []

    async with (
        asyncio.timeout(BOUND),
        Client(service.url, authorization=LambdaToken(token), timing=SHORT, on_heal=heals.append) as client,
    ):
        views = [view async for view in client.run("a story")]

    assert [(heal.job_id, heal.first, heal.events) for heal in heals] == [(views[-1].job_id, 4, 2)]
    assert heals[0].seconds > 0


async def test_gap_that_a_late_push_closes_is_not_reported(service: AppSync) -> None:
    async def swaps_two(service: AppSync, job_id: str) -> None:
        events = story(service, job_id)
        for event in (*events[1:3], events[4], events[3], *events[5:]):
            await service.push(event)

    service.worker = swaps_two
    heals: list[Heal] = []

    async with (
        asyncio.timeout(BOUND),
        Client(
            service.url, authorization=LambdaToken(token), timing=replace(SHORT, gap=30.0), on_heal=heals.append
        ) as client,
    ):
        assert_whole([view async for view in client.run("a story")])

    assert heals == []


async def test_job_without_any_push_is_followed_through_its_log(service: AppSync) -> None:
    async def pushes_nothing(service: AppSync, job_id: str) -> None:
        story(service, job_id)

    service.worker = pushes_nothing
    heals: list[Heal] = []

    async with (
        asyncio.timeout(BOUND),
        Client(
            service.url, authorization=LambdaToken(token), timing=replace(SHORT, silence=0.02), on_heal=heals.append
        ) as client,
    ):
        views = [view async for view in client.run("a story")]

    assert_whole(views)
    assert [(heal.first, heal.events) for heal in heals] == [(2, len(views) - 1)]


async def test_reordered_and_repeated_pushes_result_in_the_same_views(service: AppSync, client: Client) -> None:
    async def shuffles(service: AppSync, job_id: str) -> None:
        events = story(service, job_id)[1:] * 2
        random.Random(7).shuffle(events)  # noqa: S311  # reproducible on purpose
        for event in events:
            await service.push(event)

    service.worker = shuffles

    async with asyncio.timeout(BOUND):
        assert_whole([view async for view in client.run("a story")])


@pytest.mark.parametrize(
    "payload",
    [
        {"data": {"onInferenceStatusChange": None}, "errors": [{"message": "too bad", "path": ["x"]}]},
        {"data": {"onInferenceStatusChange": {"jobId": JOB}}},
        {"data": {}},
        {},
        None,
        "text",
    ],
    ids=["errors", "partial", "empty data", "empty", "missing", "text"],
)
async def test_push_that_cannot_be_read_makes_the_client_read_the_log(
    service: AppSync, client: Client, payload: object
) -> None:
    async def garbles(service: AppSync, job_id: str) -> None:
        story(service, job_id)
        await service.send(job_id, payload if payload is not None else "null")

    service.worker = garbles

    async with asyncio.timeout(BOUND):
        assert_whole([view async for view in client.run("a story")])

    assert len(service.started) == 1


async def test_push_of_another_job_is_ignored(service: AppSync, client: Client) -> None:
    other = "00000000-0000-4000-8000-000000000000"

    async def misdirects(service: AppSync, job_id: str) -> None:
        event = service.append(other, status="PENDING") | {"sequence": 2, "delta": "wrong"}
        await service.send(job_id, {"data": {"onInferenceStatusChange": event}})
        await pushes_all(service, job_id)

    service.worker = misdirects

    async with asyncio.timeout(BOUND):
        assert_whole([view async for view in client.run("a story")])


async def test_output_is_complete_after_the_socket_was_cut(service: AppSync, client: Client) -> None:
    async def cuts(service: AppSync, job_id: str) -> None:
        events = story(service, job_id)
        for event in events[1:4]:
            await service.push(event)
        await service.cut()
        await service.until(lambda: len(service.started) == 2)

    service.worker = cuts

    async with asyncio.timeout(BOUND):
        assert_whole([view async for view in client.run("a story")])


async def test_reconnected_client_reads_what_it_missed(service: AppSync, client: Client) -> None:
    service.append(JOB)
    watch = await watching(service, client)

    story(service)
    await service.cut()

    assert_whole(await watch)
    assert service.asked("inferenceEvents")[2]["after"] == 1


async def test_client_reconnects_to_a_server_that_was_restarted(service: AppSync) -> None:
    service.append(JOB)
    links: list[Link] = []
    async with Client(service.url, authorization=LambdaToken(token), timing=SHORT, on_link=links.append) as client:
        watch = await watching(service, client)
        port = int(service.url.rpartition(":")[2].partition("/")[0])
        await service.close()

        story(service)
        await service.open(port)

        assert_whole(await watch)
    assert links[:2] == [Link.LIVE, Link.LOST]


async def test_watch_fails_when_the_server_does_not_answer_for_too_long(service: AppSync) -> None:
    service.append(JOB)
    timing = replace(SHORT, give_up=0.05)
    async with Client(service.url, authorization=LambdaToken(token), timing=timing) as client:
        watch = await watching(service, client)
        await service.close()

        with pytest.raises(Unreachable):
            await watch


@pytest.mark.parametrize("refusals", [1, 3])
async def test_a_first_connection_that_is_refused_is_tried_again(
    service: AppSync, client: Client, refusals: int
) -> None:
    story(service)
    error = {"errorType": "BadRequestException", "message": "not now", "errorCode": 400}
    service.refused_connections = [error] * refusals

    assert_whole(await collect(client))

    assert len(service.connections) == refusals + 1


async def test_a_realtime_endpoint_that_refuses_every_connection_is_named(
    service: AppSync, unused_tcp_port: int
) -> None:
    service.append(JOB)
    realtime = f"ws://127.0.0.1:{unused_tcp_port}/graphql"
    async with Client(service.url, authorization=LambdaToken(token), timing=SHORT, realtime_url=realtime) as client:
        with pytest.raises(RealtimeUnreachable, match=f"no connection to the realtime endpoint {realtime}"):
            await collect(client)


async def test_silent_connection_is_replaced(service: AppSync) -> None:
    service.append(JOB)
    timing = replace(SHORT, keep_alive=0.05)
    async with Client(service.url, authorization=LambdaToken(token), timing=timing) as client:
        watch = await watching(service, client)

        await service.until(lambda: len(service.connections) > 1)

        story(service)
        assert_whole(await watch)


async def test_start_that_is_not_acknowledged_in_time_is_an_error(service: AppSync) -> None:
    service.append(JOB)
    service.acknowledges.clear()
    async with Client(service.url, authorization=LambdaToken(token), timing=replace(SHORT, answer=0.1)) as client:
        with pytest.raises(ConnectionLost):
            await collect(client)


async def test_subscription_completed_by_the_server_is_started_again(service: AppSync, client: Client) -> None:
    service.append(JOB)
    watch = await watching(service, client)

    await service.subscriptions.pop().send("complete")
    await service.until(lambda: len(service.started) == 2)

    story(service)
    await service.cut()
    assert_whole(await watch)


async def test_result_too_large_for_a_push_is_read(service: AppSync, client: Client) -> None:
    async def omits(service: AppSync, job_id: str) -> None:
        events = story(service, job_id)[1:]
        for event in events[:-1]:
            await service.push(event)
        await service.push(events[-1] | {"result": None, "resultOmitted": True})

    service.worker = omits

    async with asyncio.timeout(BOUND):
        assert_whole([view async for view in client.run("a story")])

    assert len(service.asked("getInference")) == 1


async def test_output_starts_again_with_a_new_attempt(service: AppSync, client: Client) -> None:
    service.append(JOB)
    service.append(JOB, status="PROCESSING", attempt=1, delta="half a sent")
    service.append(JOB, status="PROCESSING", attempt=2)
    service.append(JOB, status="PROCESSING", attempt=2, delta="a sentence")
    service.append(JOB, status="COMPLETED", attempt=2, result="a sentence")

    views = await collect(client)

    assert [view.output for view in views] == ["", "half a sent", "", "a sentence", "a sentence"]


async def test_start_whose_answer_was_lost_is_sent_again_for_the_same_job(service: AppSync, client: Client) -> None:
    service.worker = pushes_all
    service.lost_answers["startInference"] = 2

    async with asyncio.timeout(BOUND):
        views = [view async for view in client.run("a story")]

    assert_whole(views)
    ids = {asked["input"]["jobId"] for asked in service.asked("startInference")}
    assert ids == {views[0].job_id}
    assert len(service.asked("startInference")) == 3
    assert list(service.logs) == [views[0].job_id]


async def test_request_to_a_failing_server_is_repeated(service: AppSync, client: Client) -> None:
    story(service)
    service.failures["inferenceEvents"] = 2

    assert_whole(await collect(client))


async def test_same_job_id_twice_is_the_same_job(service: AppSync, client: Client) -> None:
    first = await client.start("a story", job_id=JOB)
    second = await client.start("a story", job_id=JOB)

    assert first == second
    assert list(service.logs) == [JOB]


async def test_refused_token_is_replaced_by_a_fresh_one(service: AppSync) -> None:
    given = iter(["old", "fresh"] * 2)
    service.refused_tokens = {"Lambda-Auth-old"}
    story(service)

    async def provider() -> str:
        return next(given, "fresh")

    async with Client(service.url, authorization=LambdaToken(provider), timing=SHORT) as client:
        assert_whole(await collect(client))

    assert service.connections == ["Lambda-Auth-old", "Lambda-Auth-fresh"]


async def test_token_that_expires_during_a_watch_is_replaced_when_reconnecting(service: AppSync) -> None:
    tokens = ["old"]

    async def provider() -> str:
        return tokens[-1]

    service.append(JOB)
    async with Client(service.url, authorization=LambdaToken(provider), timing=SHORT) as client:
        watch = await watching(service, client)

        tokens.append("fresh")
        service.refused_tokens = {"Lambda-Auth-old"}
        story(service)
        await service.cut()

        assert_whole(await watch)
    assert service.connections[-1] == "Lambda-Auth-fresh"


async def test_each_subscription_of_a_connection_is_started_with_the_token_of_that_time(service: AppSync) -> None:
    other = "123e4567-e89b-42d3-a456-426614174001"
    current = "first"

    async def provider() -> str:
        return current

    service.append(JOB)
    service.append(other)
    async with Client(service.url, authorization=LambdaToken(provider), timing=SHORT) as client:
        watches = [await watching(service, client)]
        current = "second"
        watches.append(asyncio.create_task(collect(client, other)))
        await service.until(lambda: len(service.subscriptions) == 2)

        tokens = [subscription.authorization for subscription in service.subscriptions]

        for job_id in (JOB, other):
            await pushes_all(service, job_id)
        await asyncio.gather(*watches)
    assert tokens == ["Lambda-Auth-first", "Lambda-Auth-second"]
    assert len(service.connections) == 1


async def test_token_refused_twice_is_an_error(service: AppSync, client: Client) -> None:
    service.refused_tokens = {"Lambda-Auth-token"}

    with pytest.raises(NotAuthorized, match="refused this token"):
        await collect(client)
    with pytest.raises(NotAuthorized, match="refused this token"):
        await client.get(JOB)


async def test_subscription_refused_by_the_api_is_an_error_with_its_message(service: AppSync, client: Client) -> None:
    message = "Not Authorized to access onInferenceStatusChange on type Subscription"
    service.refused_starts = [{"errorType": "Unauthorized", "message": message}]

    with pytest.raises(SubscriptionRejected, match=message):
        await collect(client)


async def test_job_that_does_not_exist_is_an_error(service: AppSync, client: Client) -> None:
    with pytest.raises(JobNotFound, match=JOB):
        await collect(client)
    with pytest.raises(JobNotFound, match=JOB):
        await client.get(JOB)
    with pytest.raises(JobNotFound, match=JOB):
        await client.cancel(JOB)
    with pytest.raises(JobNotFound, match=JOB):
        await anext(client.events(JOB))


async def test_refused_input_is_an_error_with_its_type(service: AppSync, client: Client) -> None:
    with pytest.raises(RequestRejected, match="no model is named unknown") as caught:
        await client.start("a story", model="unknown")

    assert caught.value.error_type == "InvalidRequest"
    assert service.logs == {}


async def test_input_that_the_api_would_refuse_is_not_sent(service: AppSync, client: Client) -> None:
    with pytest.raises(InvalidInput, match="prompt is empty"):
        await client.start("  \n")
    with pytest.raises(InvalidInput, match="10485761 bytes"):
        await client.start("x" * 10_485_761)
    with pytest.raises(InvalidInput, match="UUID"):
        await client.start("a story", job_id="mine")

    assert service.operations == []


async def test_address_without_a_server_is_an_error_at_once(unused_tcp_port: int) -> None:
    url = f"http://127.0.0.1:{unused_tcp_port}/graphql"
    async with Client(url, authorization=LambdaToken(token), timing=SHORT) as client:
        with pytest.raises(Unreachable):
            await collect(client)
        with pytest.raises(Unreachable):
            await client.start("a story")


async def test_leaving_the_iteration_detaches_and_cancels_nothing(service: AppSync, client: Client) -> None:
    service.append(JOB)
    views = client.watch(JOB)
    await anext(views)

    await views.aclose()

    await service.until(lambda: not service.subscriptions)
    assert service.asked("cancelInference") == []


async def test_watchers_of_many_jobs_share_one_connection(service: AppSync, client: Client) -> None:
    ids = [f"123e4567-e89b-42d3-a456-{number:012}" for number in range(50)]
    for job_id in ids:
        story(service, job_id)

    views = await asyncio.gather(*(collect(client, job_id) for job_id in ids))

    for each in views:
        assert_whole(each)
    assert len(service.connections) == 1


async def test_watchers_that_do_not_fit_on_one_connection_get_another(service: AppSync, client: Client) -> None:
    ids = [f"123e4567-e89b-42d3-a456-{number:012}" for number in range(101)]
    for job_id in ids:
        service.append(job_id)
    watches = [asyncio.create_task(collect(client, job_id)) for job_id in ids]
    await service.until(lambda: len(service.subscriptions) == len(ids))

    assert len(service.connections) == 2

    for job_id in ids:
        await pushes_all(service, job_id)
    for views in await asyncio.gather(*watches):
        assert_whole(views)


async def test_cancel_returns_how_the_job_ended(service: AppSync, client: Client) -> None:
    service.append(JOB)

    first = await client.cancel(JOB)
    second = await client.cancel(JOB)

    assert first.status is Status.CANCELLED
    assert second == first


async def test_get_returns_the_output_up_to_now(service: AppSync, client: Client) -> None:
    story(service)

    view = await client.get(JOB)

    assert view == (await collect(client))[-1]


async def test_events_and_list_read_page_by_page(service: AppSync, client: Client) -> None:
    story(service)
    service.append("123e4567-e89b-42d3-a456-426614174001")
    service.page = 2

    events = [event async for event in client.events(JOB, after=2)]
    first = await client.list(limit=1)
    rest = await client.list(limit=1, next_token=first.next_token)
    failed = await client.list(status=Status.FAILED)

    assert [event.sequence for event in events] == list(range(3, len(PIECES) + 4))
    assert [job.sequence for job in (*first.jobs, *rest.jobs)] == [1, len(PIECES) + 3]
    assert rest.next_token is None
    assert failed.jobs == ()


async def test_error_of_the_token_provider_is_raised(service: AppSync) -> None:
    async def provider() -> str:
        raise RuntimeError("the vault is closed")

    async with Client(service.url, authorization=LambdaToken(provider), timing=SHORT) as client:
        with pytest.raises(RuntimeError, match="vault"):
            await collect(client)


@pytest.mark.parametrize("turns", range(12))
async def test_task_can_be_cancelled_at_every_moment_of_leaving_a_watch(
    service: AppSync, client: Client, turns: int
) -> None:
    service.append(JOB)
    leaves = asyncio.Event()

    async def leave() -> None:
        async with aclosing(client.watch(JOB)) as views:
            async for _ in views:
                leaves.set()
                break
        await asyncio.Event().wait()

    task = asyncio.create_task(leave())
    async with asyncio.timeout(BOUND):
        await leaves.wait()
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})

    assert task.cancelled()
