"""Models on Amazon Bedrock from the local stack: the worker signs with the developer's key."""

import asyncio
import base64
import threading
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path

import pytest

from longcall import ErrorType, Message, RequestRejected, Role, Status
from tests.acceptance.stack import LocalStack, running_stack, wait_until
from tests.integration.bedrock import eventstream
from tests.integration.bedrock.server import KEY, REGION, SECRET, Bedrock, Ending, Refused, Streamed, bedrock_server

MODEL = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
DEVELOPER = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": REGION}


@pytest.fixture(scope="module")
def bedrock() -> Iterator[Bedrock]:
    with bedrock_server() as server:
        yield server


@pytest.fixture(scope="module")
def stack(bedrock: Bedrock, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A stack that was started with the developer's key and a guardrail."""
    data = tmp_path_factory.mktemp("bedrock") / "data"
    environment = {**DEVELOPER, "LONGCALL_GUARDRAIL": "a1b2c3:7"}
    with running_stack(data, "--bedrock", bedrock.url, environment=environment) as stack:
        yield stack


async def test_an_answer_is_streamed_to_the_watcher_and_becomes_the_result(stack: LocalStack, bedrock: Bedrock) -> None:
    gate = threading.Event()
    first = eventstream.text("It is ")
    events = (first, *eventstream.answer("a cat. 🐈"))
    bedrock.replies = [Streamed(events, sizes=(len(first), 7), gate=gate)]
    before = len(bedrock.requests)

    async with stack.client() as client, asyncio.timeout(30):
        seen = []
        async with aclosing(client.run("What is this?", model=MODEL, system="Be short.", max_tokens=50)) as views:
            async for view in views:
                seen.append(view.output)
                if view.output == "It is ":
                    gate.set()
        log = [event async for event in client.events(view.job_id)]

    assert "It is " in seen, "the first words came while the model was still speaking"
    assert (view.status, view.output, view.result) == (Status.COMPLETED, "It is a cat. 🐈", "It is a cat. 🐈")
    assert isinstance(view.usage, dict)
    assert (view.usage["inputTokens"], view.usage["outputTokens"], view.usage["stopReason"]) == (10, 20, "end_turn")
    assert log[-1].status is Status.COMPLETED
    (received,) = bedrock.requests[before:]
    assert received.model == MODEL
    assert received.body["system"] == [{"text": "Be short."}]
    assert received.body["guardrailConfig"]["guardrailIdentifier"] == "a1b2c3"
    assert bedrock.faults == [], "every call was signed with the developer's key"


async def test_an_image_in_a_conversation_reaches_the_model(stack: LocalStack, bedrock: Bedrock) -> None:
    image = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 64
    bedrock.replies = [Streamed(eventstream.answer("A cat."))]
    before = len(bedrock.requests)
    turns = [
        Message(Role.USER, "Hi"),
        Message(Role.ASSISTANT, "Yes?"),
        Message(Role.USER, "What is this?", (image, image)),
    ]

    async with stack.client() as client, asyncio.timeout(30):
        views = [view async for view in client.run(turns, model=MODEL)]

    assert (views[-1].status, views[-1].result) == (Status.COMPLETED, "A cat.")
    (received,) = bedrock.requests[before:]
    shown = {"image": {"format": "png", "source": {"bytes": base64.b64encode(image).decode()}}}
    assert [turn["role"] for turn in received.body["messages"]] == ["user", "assistant", "user"]
    assert received.body["messages"][2]["content"] == [shown, shown, {"text": "What is this?"}]


async def test_job_waits_for_a_busy_model_and_the_watcher_sees_why(stack: LocalStack, bedrock: Bedrock) -> None:
    bedrock.replies = [Refused(429, "ThrottlingException", "Too many requests."), Streamed(eventstream.answer("Hello"))]

    async with stack.client() as client, asyncio.timeout(60):
        views = [view async for view in client.run("Hi", model=MODEL)]
        log = [event async for event in client.events(views[-1].job_id)]

    assert (views[-1].status, views[-1].result, views[-1].attempt) == (Status.COMPLETED, "Hello", 1)
    assert any("trying again" in (event.message or "") for event in log)


async def test_a_model_without_access_fails_the_job_and_the_error_says_how_to_enable_it(
    stack: LocalStack, bedrock: Bedrock
) -> None:
    bedrock.replies = [Refused(403, "AccessDeniedException", "You don't have access to the model.")]

    async with stack.client() as client, asyncio.timeout(30):
        views = [view async for view in client.run("Hi", model=MODEL)]

    assert (views[-1].status, views[-1].error_type) == (Status.FAILED, ErrorType.MODEL_ACCESS_DENIED)
    assert f"this account may not use {MODEL} (request request-" in (views[-1].error or "")
    assert "enable it once for the account" in (views[-1].error or "")


async def test_a_cancel_closes_the_connection_to_the_model(stack: LocalStack, bedrock: Bedrock) -> None:
    bedrock.replies = [Streamed((eventstream.text("Once upon"),), ending=Ending.SILENCE)]

    async with stack.client() as client, asyncio.timeout(30):
        job = await client.start("Hi", model=MODEL)
        async with aclosing(client.watch(job.job_id)) as views:
            async for view in views:
                if view.output:
                    break
        cancelled = await client.cancel(job.job_id)
        await asyncio.to_thread(wait_until, bedrock.abandoned.is_set, 30.0)
        read = await client.get(job.job_id)

    assert cancelled.status is Status.CANCELLED
    assert (read.status, read.output) == (Status.CANCELLED, "Once upon")


async def test_without_bedrock_its_models_fail_and_the_error_says_how_to_run_them(tmp_path: Path) -> None:
    """The list of models that a stage allows comes first."""
    environment = {"LONGCALL_MODELS": "amazon.nova-micro-v1:0,simulated.*"}
    with running_stack(tmp_path / "data", environment=environment) as stack:
        async with stack.client() as client, asyncio.timeout(30):
            with pytest.raises(RequestRejected, match=r"is not allowed on this stage; use amazon.nova-micro-v1:0 or s"):
                await client.start("Hi", model=MODEL)
            views = [view async for view in client.run("Hi", model="amazon.nova-micro-v1:0")]

    assert (views[-1].status, views[-1].error_type) == (Status.FAILED, ErrorType.MODEL_UNAVAILABLE)
    assert "start the stack with `longcall serve --bedrock aws`" in (views[-1].error or "")
