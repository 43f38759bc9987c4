"""A client that uses pushes alone shows exactly the bytes that the workload produced, for every kind of text."""

import asyncio
import hashlib
import json
import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.api.calls import StartInference
from chalicelib.api.relay import Relay
from chalicelib.jobs.errors import ErrorType
from chalicelib.jobs.limits import (
    MAX_CHECKPOINT,
    MAX_DELTA,
    MAX_ERROR,
    MAX_MESSAGE,
    MAX_METADATA,
    MAX_PROMPT,
    MAX_RESULT,
    MAX_USAGE,
)
from chalicelib.jobs.model import Change, Claim, InferenceRequest, JobId, Json, Owner, Status, WorkerUpdate
from chalicelib.jobs.rules import Lease
from chalicelib.ledger import open_ledger
from chalicelib.publisher.messages import render
from chalicelib.publisher.text import SPLIT, cut
from longcall import Client, JobNotFound, Timing
from longcall import Status as Shown
from tests.acceptance.stack import LocalStack
from tests.contract.jobs import new_id

SEED = 1
PUSHES_ALONE = Timing(gap=600.0, silence=600.0)  # a client that does not read the log by itself
SURROGATES = range(0xD800, 0xE000)
PUSHED_AT_MOST = 240 * 1024  # bytes; Source: AppSync quotas, "subscription payload size"
START = "mutation Start($input: InferenceInput!) { startInference(input: $input) { jobId } }"


def every_character() -> Iterator[str]:
    """Each of the 1,112,064 characters of Unicode once, shuffled, in prompts of the maximum length."""
    numbers = [number for number in range(0x110000) if number not in SURROGATES]
    random.Random(SEED).shuffle(numbers)  # noqa: S311  # no secret
    prompt: list[str] = []
    size = 0
    for character in map(chr, numbers):
        width = len(character.encode())
        if size + width > MAX_PROMPT:
            yield "".join(prompt)
            prompt, size = [], 0
        prompt.append(character)
        size += width
    yield "".join(prompt)


def at_the_limits() -> Iterator[str]:
    """Texts that end just before, at and just after each limit for output, in characters of one to four bytes."""
    for character in ("\n", "\u00e9", "\u2028", "\N{MUSICAL SYMBOL G CLEF}"):
        width = len(character.encode())
        for limit in (SPLIT, MAX_DELTA, MAX_PROMPT):
            for extra in (-1, 0, 1) if limit < MAX_PROMPT else (-1, 0):
                filled = (limit + extra - 1) // width
                yield "x" * (limit + extra - filled * width) + character * filled


AWKWARD = {
    "a quote": '"',
    "controls": "".join(map(chr, range(0x20))) * 1_000 + "x\x7f\x80\x9f",
    "only controls": "\0" * 150_000 + ".",
    "quotes and backslashes": "\"\\'`$\\u0000\\n" * 15_000,
    "line ends": "a\r\nb\rc\n\x0b\x0c\x85\u2028\u2029" * 5_000,
    "one character with many accents": "e" + "\u0301" * 60_000,
    "joined and coloured": "\N{WOMAN}\u200d\N{PERSONAL COMPUTER}\N{EMOJI MODIFIER FITZPATRICK TYPE-4}\ufe0f" * 8_000,
    "both directions": "\u202eabc \u05d0\u05d1 \u0661\u2066x\u2069\u200f" * 5_000,
    "beside the surrogates": "\ud7ff\ue000\U00010000\ufffe\uffff\U0010ffff\ufeff" * 7_000,
    "a mark before everything": "\ufeffx",
    "a document": '{"data":{"onInferenceStatusChange":null}}\n\n# {{prompt}} ${x} %s <script>\0</script>',
    "spaces around": " \t\u00a0x\u3000 \n",
}


def sha256_of(text: str | None) -> str:
    return hashlib.sha256((text or "").encode()).hexdigest()


async def assert_shown_as_it_is(client: Client, prompts: list[str]) -> None:
    slots = asyncio.Semaphore(6)

    async def show(prompt: str) -> tuple[str, ...]:
        async with slots, asyncio.timeout(60):
            views = [view async for view in client.run(prompt, model="simulated.echo")]
            read = await client.get(views[-1].job_id)
        shown = "".join(view.delta for view in views)
        assert views[-1].status is Shown.COMPLETED, views[-1].error
        return tuple(map(sha256_of, (shown, views[-1].output, views[-1].result, read.output, read.result)))

    digests = await asyncio.gather(*map(show, prompts))

    assert digests == [(sha256_of(prompt),) * 5 for prompt in prompts]


async def test_every_character_of_unicode_is_shown_as_it_was_produced(stack: LocalStack) -> None:
    prompts = list(every_character())
    assert sum(map(len, prompts)) == 0x110000 - len(SURROGATES)

    async with stack.client(timing=PUSHES_ALONE) as client:
        await assert_shown_as_it_is(client, prompts)


async def test_texts_that_end_at_a_limit_are_shown_as_they_were_produced(stack: LocalStack) -> None:
    async with stack.client(timing=PUSHES_ALONE) as client:
        await assert_shown_as_it_is(client, list(at_the_limits()))


async def test_awkward_texts_are_shown_as_they_were_produced(stack: LocalStack) -> None:
    async with stack.client(timing=PUSHES_ALONE) as client:
        await assert_shown_as_it_is(client, list(AWKWARD.values()))


@pytest.mark.parametrize(
    "values",
    [
        {"prompt": "half \ud83d of one"},
        {"prompt": "\udc0b\ud83d the wrong way round"},
        {"model": "simulated.story", "system": "\udfff"},
        {"metadata": '"\ud800"'},
        {"metadata": '"\\ud800"'},
    ],
)
async def test_half_of_a_surrogate_pair_is_refused_at_the_start(stack: LocalStack, values: dict[str, str]) -> None:
    job_id = new_id()
    variables = {"input": {"jobId": job_id, "prompt": "Hi", "model": "simulated.echo", **values}}
    body = json.dumps({"query": START, "variables": variables})
    headers = {"Authorization": f"Lambda-Auth-{await stack.sign_in()()}", "Content-Type": "application/json"}

    async with aiohttp.ClientSession() as session, session.post(stack.url, data=body, headers=headers) as response:
        answer = await response.json()

    assert answer.get("data") is None
    assert len(answer["errors"]) == 1
    async with stack.client() as client:
        with pytest.raises(JobNotFound):
            await client.get(job_id)


async def test_a_surrogate_pair_of_escapes_is_one_character(stack: LocalStack) -> None:
    job_id = new_id()
    prompt = "whale \N{WHALE}"
    variables = {"input": {"jobId": job_id, "prompt": prompt, "model": "simulated.echo"}}
    body = json.dumps({"query": START, "variables": variables})
    assert "\\ud83d\\udc0b" in body
    headers = {"Authorization": f"Lambda-Auth-{await stack.sign_in()()}", "Content-Type": "application/json"}

    async with aiohttp.ClientSession() as session, session.post(stack.url, data=body, headers=headers) as response:
        assert response.status == 200
    async with stack.client() as client, asyncio.timeout(20):
        views = [view async for view in client.watch(job_id)]

    assert views[-1].result == prompt


# The largest event of each kind of update, measured as AppSync does: by the JSON text of the push.

CHARACTERS = st.sampled_from(['"', "\\", "\0", "\x1f", "\x7f", "\u00e9", "\u2028", "\uffff", "\N{WHALE}", "x"])
BACKEND = {"userArn": "arn:aws:sts::000000000000:assumed-role/worker/worker"}


def as_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def filled(character: str, bytes_of_json: int) -> str:
    """Repeat the character until its JSON text has the given size."""
    return character * ((bytes_of_json - 20) // (len(as_json(character).encode()) - 2))


def pushed_bytes(fields: dict[str, Any]) -> int:
    shown = {**fields, "metadata": as_json(fields["metadata"]), "usage": as_json(fields["usage"])}  # AWSJSON is text
    return len(as_json({"data": {"onInferenceStatusChange": shown}}).encode())


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the logs of all examples."""
    return tmp_path_factory.mktemp("logs")


def new_relay(logs: Path) -> Relay:
    ledger = open_ledger(f"sqlite:{logs / new_id()}.sqlite")
    return Relay(ledger=ledger, retention=timedelta(days=7), quota=10, lease=Lease())


@given(CHARACTERS, CHARACTERS, st.sampled_from(["work", "completed", "completed with a delta", "streamed", "failed"]))
@settings(deadline=None, max_examples=80)
def test_no_push_exceeds_the_limit_for_any_character(logs: Path, character: str, other: str, kind: str) -> None:
    relay = new_relay(logs)
    job_id = new_id()
    metadata = filled(other, MAX_METADATA)
    usage: dict[str, Json] = {"u": filled(other, MAX_USAGE)}
    request = InferenceRequest(prompt="Hi", model="simulated.echo")
    relay.start(StartInference(job_id, request, metadata), Owner("ada" * 12))
    relay.update(Claim(job_id, "r", "c"))
    delta = filled(character, MAX_DELTA)
    message = cut(other * 2_000, MAX_MESSAGE)
    match kind:
        case "work":
            change = Change(Status.PROCESSING, progress=0.123456789, message=message, delta=delta, usage=usage)
        case "completed":
            result = cut(character * 300_000, MAX_RESULT)
            change = Change(Status.COMPLETED, message=message, result=result, usage=usage)
        case "completed with a delta":
            result = filled(character, 131_072)
            change = Change(Status.COMPLETED, message=message, delta=delta, result=result, usage=usage)
        case "streamed":
            change = Change(Status.COMPLETED, message=message, delta=delta, result_is_output=True, usage=usage)
        case _:
            change = Change(
                Status.FAILED, message=message, error=cut(character * 9_000, MAX_ERROR),
                error_type=ErrorType.WORKLOAD_FAILED, usage=usage,
            )  # fmt: skip

    answer = relay.answer(worker_update(job_id, change))

    assert answer["data"]["status"] == change.status
    assert pushed_bytes(answer["data"]) < PUSHED_AT_MOST
    read = relay.ledger.head(job_id)
    assert read is not None
    assert (read.delta, read.result) == (change.delta, delta if change.result_is_output else change.result)


@given(CHARACTERS, CHARACTERS)
@settings(deadline=None, max_examples=30)
def test_no_claim_with_a_checkpoint_exceeds_the_limit_for_any_character(logs: Path, character: str, other: str) -> None:
    relay = new_relay(logs)
    job_id = new_id()
    request = InferenceRequest(prompt="Hi", model="simulated.echo")
    relay.start(StartInference(job_id, request, filled(other, MAX_METADATA)), Owner("ada" * 12))
    relay.update(Claim(job_id, "r", "c"))
    checkpoint = as_json(filled(character, MAX_CHECKPOINT))
    relay.answer(worker_update(job_id, Change(Status.PROCESSING, checkpoint=checkpoint, usage={"u": "x"})))

    answer = relay.update(Claim(job_id, "r", "c2"))

    assert answer["checkpoint"] == checkpoint
    assert pushed_bytes(answer) < PUSHED_AT_MOST


def worker_update(job_id: JobId, change: Change) -> dict[str, Any]:
    """Return the payload that the resolver of `updateStatus` makes from a worker's input."""
    sent = render(WorkerUpdate(job_id, 1, 3, "u", change)) | {"usage": change.usage}
    return {"field": "updateStatus", "arguments": {"input": sent}, "identity": BACKEND}
