"""Jobs from start to end on a whole stack: real processes, sockets and tokens."""

import asyncio
import uuid
from contextlib import aclosing

import pytest
from gql import Client as GraphQLClient
from gql import GraphQLRequest
from gql.transport.aiohttp import AIOHTTPTransport
from gql.transport.appsync_auth import AppSyncJWTAuthentication
from gql.transport.appsync_websockets import AppSyncWebsocketsTransport
from gql.transport.exceptions import TransportQueryError

from longcall import Client, ErrorType, JobNotFound, JobView, RequestRejected, Status
from longcall.models import Json
from tests.acceptance.proxy import proxy_to
from tests.acceptance.stack import LocalStack
from tests.contract.conftest import ROOT

START = "mutation Start($input: InferenceInput!) { startInference(input: $input) { jobId status sequence } }"
ON_CHANGE = (
    "subscription Watch($jobId: ID!) {"
    " onInferenceStatusChange(jobId: $jobId) { jobId owner status sequence attempt progress delta result } }"
)
UPDATE = 'mutation Forge($jobId: ID!) { updateStatus(input: {jobId: $jobId, status: FAILED, error: "no"}) { jobId } }'


async def last(client: Client, job_id: str) -> JobView:
    """Watch the job to its end."""
    views = [view async for view in client.watch(job_id)]
    return views[-1]


async def log_of(client: Client, job_id: str) -> list[tuple[int, str, int]]:
    return [(event.sequence, event.status, event.attempt) async for event in client.events(job_id)]


async def test_a_document_is_summarised_and_every_step_is_seen_in_order(stack: LocalStack) -> None:
    text = (ROOT / "examples" / "lost-messages.md").read_text()
    async with stack.client() as client:
        views = [view async for view in client.run(text, model="local.textrank", metadata={"source": "essay"})]
        read = await client.get(views[-1].job_id)

    assert [view.sequence for view in views] == list(range(1, len(views) + 1))
    assert [views[0].status, views[1].status, views[-1].status] == ["PENDING", "PROCESSING", "COMPLETED"]
    assert views[-1].result == views[-1].output == read.output != ""
    assert views[-1].metadata == {"source": "essay"}
    assert views[-1].progress == 1.0
    assert read.result == views[-1].result


async def test_an_unmodified_appsync_client_sees_the_same(stack: LocalStack) -> None:
    token = f"Lambda-Auth-{await stack.sign_in()()}"
    host = stack.url.removeprefix("http://").removesuffix("/graphql")
    socket = AppSyncWebsocketsTransport(
        url=stack.url.replace("http:", "ws:"), auth=AppSyncJWTAuthentication(host=host, jwt=token)
    )
    requests = AIOHTTPTransport(stack.url, headers={"Authorization": token})
    job_id = str(uuid.uuid4())
    values = {"jobId": job_id, "prompt": "Hi", "model": "simulated.story", "processTime": 0.6}
    seen = []

    async with (
        GraphQLClient(transport=socket) as watching,
        GraphQLClient(transport=requests) as asking,
        asyncio.timeout(20),
    ):
        pushes = watching.subscribe(GraphQLRequest(ON_CHANGE, variable_values={"jobId": job_id}))
        first = asyncio.ensure_future(anext(pushes))
        await asyncio.sleep(0)
        started = await asking.execute(GraphQLRequest(START, variable_values={"input": values}))
        event = (await first)["onInferenceStatusChange"]
        while True:
            seen.append(event)
            if event["status"] == "COMPLETED":
                break
            event = (await anext(pushes))["onInferenceStatusChange"]
        await pushes.aclose()

    assert started["startInference"] == {"jobId": job_id, "status": "PENDING", "sequence": 1}
    sequences = [event["sequence"] for event in seen]
    assert sequences == sorted(sequences)
    assert {event["jobId"] for event in seen} == {job_id}
    if sequences[0] == 2:  # this client does not know when its subscription is registered, and may miss the first event
        assert "".join(event["delta"] or "" for event in seen) == seen[-1]["result"]


@pytest.mark.parametrize("metadata", [None, "text", 7, True, [], {"a": {"b": [None, "\N{SNOWMAN}"]}}])
async def test_metadata_of_any_kind_comes_back_untouched(stack: LocalStack, metadata: Json) -> None:
    async with stack.client() as client, asyncio.timeout(20):
        job = await client.start("Hi", model="simulated.story", process_time=0, metadata=metadata)
        ended = await last(client, job.job_id)

    assert job.metadata == ended.metadata == metadata


async def test_a_running_job_is_cancelled_and_keeps_what_it_produced(stack: LocalStack) -> None:
    async with stack.client() as client, asyncio.timeout(20):
        async with aclosing(client.run("Hi", model="simulated.story", process_time=60)) as views:
            async for view in views:
                if view.output:
                    break
        cancelled = await client.cancel(view.job_id)
        again = await client.cancel(view.job_id)
        ended = await last(client, view.job_id)

    assert cancelled == again
    assert ended.status is Status.CANCELLED
    assert ended.output.startswith(view.output)
    assert ended.sequence == cancelled.sequence


async def test_a_worker_blocked_in_a_call_is_free_when_its_job_is_cancelled(
    stack: LocalStack,
) -> None:
    """All slots are used: if one worker stayed blocked, the next job would wait for it."""
    async with stack.client(1) as client, asyncio.timeout(30):
        blocked = [await client.start("Hi", model="simulated.silence", process_time=300) for _ in range(8)]
        for job in blocked:
            async with aclosing(client.watch(job.job_id)) as views:
                async for view in views:
                    if view.status is Status.PROCESSING:
                        break
            await client.cancel(job.job_id)
        following = [await client.start("Hi", model="simulated.story", process_time=0.1) for _ in range(8)]
        ended = [await last(client, job.job_id) for job in following]

    assert {view.status for view in ended} == {Status.COMPLETED}


async def test_a_pending_job_is_cancelled_before_it_ever_runs(stack: LocalStack) -> None:
    async with stack.client() as ada, stack.client(1) as grace, asyncio.timeout(30):
        running = [await grace.start("Hi", model="simulated.silence", process_time=300) for _ in range(8)]
        waiting = await ada.start("Hi", model="simulated.story")

        cancelled = await ada.cancel(waiting.job_id)
        for job in running:
            await grace.cancel(job.job_id)
        # This job is queued behind the cancelled one: when it has ended, the cancelled one would have run too.
        proof = await ada.start("Hi", model="simulated.story", process_time=0)
        await last(ada, proof.job_id)

        assert cancelled.sequence == 2
        assert await log_of(ada, waiting.job_id) == [(1, "PENDING", 0), (2, "CANCELLED", 0)]


async def test_the_same_start_sent_many_times_at_once_starts_one_job(stack: LocalStack) -> None:
    job_id = str(uuid.uuid4())
    async with stack.client() as client, asyncio.timeout(20):
        starts = await asyncio.gather(
            *(client.start("Hi", model="simulated.story", process_time=0.3, job_id=job_id) for _ in range(8))
        )
        ended = await last(client, job_id)
        log = await log_of(client, job_id)
        after = await client.start("Hi", model="simulated.story", process_time=0.3, job_id=job_id)

    assert {start.job_id for start in starts} == {job_id}
    assert {attempt for _, _, attempt in log} == {0, 1}
    assert (after.status, after.sequence) == (Status.COMPLETED, ended.sequence)


async def test_the_same_id_with_other_input_is_refused(stack: LocalStack) -> None:
    job_id = str(uuid.uuid4())
    async with stack.client() as ada, stack.client(1) as grace:
        await ada.start("Hi", model="simulated.story", process_time=0, job_id=job_id)

        for client, prompt in ((ada, "Other"), (grace, "Hi")):
            with pytest.raises(RequestRejected, match="choose a new UUID") as refusal:
                await client.start(prompt, model="simulated.story", process_time=0, job_id=job_id)
            assert refusal.value.error_type == "JobIdTaken"


async def test_two_users_do_not_see_each_others_jobs(stack: LocalStack) -> None:
    token = f"Lambda-Auth-{await stack.sign_in(1)()}"
    host = stack.url.removeprefix("http://").removesuffix("/graphql")
    socket = AppSyncWebsocketsTransport(
        url=stack.url.replace("http:", "ws:"), auth=AppSyncJWTAuthentication(host=host, jwt=token)
    )
    job_id = str(uuid.uuid4())
    async with stack.client() as ada, stack.client(1) as grace, GraphQLClient(transport=socket) as spy:
        foreign_event = asyncio.ensure_future(
            anext(spy.subscribe(GraphQLRequest(ON_CHANGE, variable_values={"jobId": job_id})))
        )
        async with asyncio.timeout(20):
            async for _ in ada.run("Mine", model="simulated.story", process_time=0.3, job_id=job_id):
                pass
        mine = {event.job_id for event in (await ada.list(limit=100)).jobs}
        hers = {event.job_id for event in (await grace.list(limit=100)).jobs}

        assert not foreign_event.done(), "the subscription of another user received an event"
        foreign_event.cancel()
        assert job_id in mine
        assert not mine & hers
        for attempt in (grace.get, grace.cancel):
            with pytest.raises(JobNotFound):
                await attempt(job_id)
        with pytest.raises(JobNotFound):
            await last(grace, job_id)


async def test_a_user_cannot_publish_a_status(stack: LocalStack) -> None:
    for header in (f"Lambda-Auth-{await stack.sign_in()()}", await stack.sign_in()()):
        transport = AIOHTTPTransport(stack.url, headers={"Authorization": header})
        async with GraphQLClient(transport=transport) as client:
            with pytest.raises(TransportQueryError) as refusal:
                await client.execute(GraphQLRequest(UPDATE, variable_values={"jobId": str(uuid.uuid4())}))
        assert refusal.value.errors is not None
        assert refusal.value.errors[0]["errorType"] == "Unauthorized"


async def test_a_client_whose_socket_is_cut_again_and_again_ends_with_the_same_bytes(stack: LocalStack) -> None:
    shown = ""
    async with proxy_to(stack.url) as proxy, stack.client(url=proxy.url) as client, asyncio.timeout(40):
        job = await client.start("Cut me", model="simulated.story", process_time=3)
        async with aclosing(client.watch(job.job_id)) as views:
            async for view in views:
                shown += view.delta or ""
                if view.sequence in (3, 5, 7):
                    proxy.cut()

    async with stack.client() as direct:
        logged = "".join([event.delta or "" async for event in direct.events(job.job_id)])
    assert proxy.cuts == 3
    assert view.status is Status.COMPLETED
    assert shown == view.output == view.result == logged


async def test_after_a_worker_crashes_only_the_output_of_the_next_attempt_counts(stack: LocalStack) -> None:
    async with stack.client() as client, asyncio.timeout(40):
        views = [view async for view in client.run("Hi", model="simulated.crash-once", process_time=0.4)]

    assert views[-1].status is Status.COMPLETED
    assert views[-1].attempt == 2
    assert views[-1].output == views[-1].result
    restarted = next(view for view in views if view.attempt == 2)
    assert restarted.output == ""


async def test_a_worker_that_always_crashes_ends_as_failed(stack: LocalStack) -> None:
    async with stack.client() as client, asyncio.timeout(40):
        views = [view async for view in client.run("Hi", model="simulated.crash", process_time=0.1)]

    assert (views[-1].status, views[-1].error_type) == (Status.FAILED, ErrorType.CRASHED)
    assert views[-1].attempt == 3
    assert views[-1].error is not None


async def test_a_workload_that_raises_fails_once_with_its_own_message(stack: LocalStack) -> None:
    async with stack.client() as client, asyncio.timeout(20):
        views = [view async for view in client.run("Hi", model="simulated.error", process_time=0.1)]

    assert (views[-1].status, views[-1].error_type) == (Status.FAILED, ErrorType.WORKLOAD_FAILED)
    assert views[-1].attempt == 1
    assert views[-1].output != ""
