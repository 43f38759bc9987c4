"""Prompts and results that are too large for a request, over real sockets."""

import asyncio
import hashlib
from dataclasses import replace

import pytest

from longcall import (
    Client,
    ConnectionLost,
    InvalidInput,
    JobNotFound,
    LambdaToken,
    Message,
    ProtocolError,
    RequestRejected,
    Role,
    Status,
    Unreachable,
)
from tests.unit.longcall.appsync import BOUND, BROKEN, AppSync
from tests.unit.longcall.conftest import SHORT, token
from tests.unit.longcall.test_watching import JOB, PIECES, story

LARGE = "déjà vu " * 30_000  # 300,000 bytes of UTF-8, more than the log stores
UPLOAD = f"{len(LARGE.encode())}-{hashlib.sha256(LARGE.encode()).hexdigest()[:8]}"


async def test_prompt_up_to_the_limit_is_sent_in_the_request(service: AppSync, client: Client) -> None:
    await client.start("é" * 98_304)

    assert service.asked("createUpload") == []
    assert len(service.asked("startInference")[0]["input"]["prompt"]) == 98_304


async def test_a_prompt_whose_json_is_too_large_for_a_request_is_uploaded(service: AppSync, client: Client) -> None:
    prompt = "\x01" * 190_000  # six bytes each as JSON
    await client.start(prompt, job_id=JOB)

    assert service.asked("startInference")[0]["input"].get("prompt") is None
    assert list(service.contents.values()) == [prompt.encode()]


async def test_a_conversation_whose_json_is_too_large_for_a_request_is_refused(
    service: AppSync, client: Client
) -> None:
    with pytest.raises(InvalidInput, match="the conversation may have at most 786432 bytes of JSON"):
        await client.start([Message(Role.USER, "\x01" * 190_000)])

    assert service.operations == []


async def test_longer_prompt_is_uploaded_and_named_in_the_request(service: AppSync, client: Client) -> None:
    await client.start(LARGE, job_id=JOB)

    given = service.asked("startInference")[0]["input"]
    assert (given.get("prompt"), given["promptUpload"]) == (None, UPLOAD)
    assert service.contents[f"/store/{UPLOAD}"] == LARGE.encode()


async def test_upload_sends_the_headers_that_were_signed_and_no_token(service: AppSync, client: Client) -> None:
    await client.upload(b"content")

    ((method, path, headers),) = service.stored
    assert (method, path.partition("?")[2]) == ("PUT", "signature=secret")
    assert headers["x-amz-checksum-sha256"] == hashlib.sha256(b"content").hexdigest()
    assert headers["Content-Length"] == "7"
    assert "Authorization" not in headers


async def test_failed_upload_is_sent_again(service: AppSync, client: Client) -> None:
    service.store_answers = [503, 500]

    assert await client.upload(LARGE.encode()) == UPLOAD

    assert len(service.stored) == 3
    assert service.contents[f"/store/{UPLOAD}"] == LARGE.encode()


@pytest.mark.parametrize("content", [b"", b"x" * 10_485_761])
async def test_upload_of_an_invalid_size_is_not_sent(service: AppSync, client: Client, content: bytes) -> None:
    with pytest.raises(InvalidInput, match="1 to 10485760 bytes"):
        await client.upload(content)

    assert service.operations == []


@pytest.mark.parametrize("status", [403, 503])
async def test_error_of_a_store_that_refuses_or_fails_does_not_contain_the_address(
    service: AppSync, client: Client, status: int
) -> None:
    service.store_answers = [status] * 10

    with pytest.raises(Unreachable, match=f"answered with HTTP status {status}") as raised:
        await client.upload(b"content")

    assert "secret" not in repr(raised.value.__cause__) + repr(raised.value.__context__) + str(raised.value)
    assert len(service.stored) == (1 if status == 403 else SHORT.tries)


async def test_error_of_a_store_that_cuts_the_connection_does_not_contain_the_address(
    service: AppSync, client: Client
) -> None:
    service.store_answers = [BROKEN] * 10
    service.keep(JOB, LARGE)

    with pytest.raises(ConnectionLost, match="was lost") as raised:
        await client.get(JOB)

    assert "secret" not in str(raised.value)
    assert len(service.stored) >= SHORT.tries


async def test_large_result_is_read_at_the_end_of_a_run(service: AppSync, client: Client) -> None:
    async def work(service: AppSync, job_id: str) -> None:
        await service.report(job_id, status="PROCESSING", attempt=1, delta="start")
        await service.push(service.keep(job_id, LARGE))

    service.worker = work

    async with asyncio.timeout(BOUND):
        views = [view async for view in client.run("a story")]

    assert [view.status for view in views] == [Status.PENDING, Status.PROCESSING, Status.COMPLETED]
    assert (views[-1].result, views[-1].result_omitted, views[-1].is_final) == (LARGE, False, True)
    assert all("Authorization" not in headers for _, _, headers in service.stored)


async def test_large_result_is_read_with_the_job(service: AppSync, client: Client) -> None:
    service.append(JOB, status="PROCESSING", attempt=1, delta="start")
    service.keep(JOB, LARGE)

    view = await client.get(JOB)

    assert (view.result, view.result_omitted, view.output) == (LARGE, False, "start")


async def test_expired_address_is_requested_again_during_a_watch(service: AppSync, client: Client) -> None:
    service.keep(JOB, LARGE)
    service.store_answers = [403]

    async with asyncio.timeout(BOUND):
        views = [view async for view in client.watch(JOB)]

    assert views[-1].result == LARGE
    assert len(service.asked("getInference")) == 2


@pytest.mark.parametrize("content", [b"short", LARGE.encode()[:-1] + b"?", LARGE.encode() + b"?"])
async def test_result_with_another_size_or_digest_is_an_error(service: AppSync, client: Client, content: bytes) -> None:
    service.keep(JOB, LARGE)
    service.contents[f"/store/{JOB}"] = content

    with pytest.raises(ProtocolError, match="not the one that the log describes"):
        await client.get(JOB)


async def test_output_that_is_too_long_for_a_snapshot_is_read_from_the_log(service: AppSync) -> None:
    service.joins_output = False
    service.page = 2
    story(service)

    async with Client(service.url, authorization=LambdaToken(token), timing=SHORT) as client:
        view = await client.get(JOB)

    assert (view.output, view.result, view.is_final) == ("".join(PIECES), "".join(PIECES), True)


async def test_job_that_ends_while_its_log_is_read_has_its_result(service: AppSync) -> None:
    service.joins_output = False
    service.append(JOB, status="PROCESSING", attempt=1, delta="start")
    answer = service._inferenceEvents

    def ends_first(variables: dict[str, object]) -> list[dict[str, object]]:
        if len(service.logs[JOB]) == 1:
            service.keep(JOB, LARGE)
        return answer(variables)

    service._inferenceEvents = ends_first  # type: ignore[method-assign]

    async with Client(service.url, authorization=LambdaToken(token), timing=replace(SHORT)) as client:
        view = await client.get(JOB)

    assert (view.output, view.result, view.is_final) == ("start", LARGE, True)


async def test_deleted_job_is_not_found_and_an_unfinished_job_is_not_deleted(service: AppSync, client: Client) -> None:
    service.append(JOB, status="PROCESSING", attempt=1)

    with pytest.raises(RequestRejected, match="cancel it first"):
        await client.delete(JOB)
    service.append(JOB, status="COMPLETED")
    await client.delete(JOB)

    with pytest.raises(JobNotFound):
        await client.delete(JOB)
    assert service.logs == {}
