"""Lambda's Invoke as boto3 calls it, with functions that are doubles."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import boto3
import pytest
from aiohttp import web
from botocore.exceptions import ClientError

from appsync_local.errors import FunctionFailed
from local_stack.services.lambda_api import LambdaApi, name_of

REGION = "us-east-1"
KEY = ("AKIAOFTHISSTACK", "secret")


class Functions:
    """Answers with the payload; `fails` raises, and `missing` does not exist."""

    def __init__(self) -> None:
        self.queued: list[tuple[str, Any]] = []

    async def run_to_end(self, function: str, payload: object) -> object:
        if function == "fails":
            raise FunctionFailed("Lambda:Unhandled", "no", "ValueError")
        if function == "missing":
            raise FunctionFailed("Lambda:ResourceNotFoundException", "Function not found: missing")
        return {"function": function, "payload": payload}

    async def enqueue(self, function: str, payload: object) -> str:
        self.queued.append((function, payload))
        return "request-1"


@pytest.fixture
def functions() -> Functions:
    return Functions()


@pytest.fixture
async def url(functions: Functions) -> AsyncIterator[str]:
    api = LambdaApi(functions, keys=dict([KEY]), region=REGION)
    runner = web.ServerRunner(web.Server(lambda request: api.handle(request, {})))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/lambda"
    await runner.cleanup()


async def invoke(url: str, function: str, *, key: tuple[str, str] = KEY, **parameters: Any) -> Any:
    client = boto3.client(
        "lambda", endpoint_url=url, region_name=REGION, aws_access_key_id=key[0], aws_secret_access_key=key[1]
    )

    def call() -> Any:
        answer = client.invoke(FunctionName=function, **parameters)
        return answer, answer["Payload"].read()

    return await asyncio.to_thread(call)


async def test_a_function_is_invoked_by_its_name_and_its_arn(url: str) -> None:
    by_name, content = await invoke(url, "work", Payload=b'{"a": 1}')
    _, by_arn = await invoke(url, f"arn:aws:lambda:{REGION}:123456789012:function:work:live")

    assert (by_name["StatusCode"], json.loads(content)) == (200, {"function": "work", "payload": {"a": 1}})
    assert json.loads(by_arn) == {"function": "work", "payload": {}}


async def test_an_event_is_queued(url: str, functions: Functions) -> None:
    answer, _ = await invoke(url, "work", Payload=b"[1]", InvocationType="Event")

    assert (answer["StatusCode"], functions.queued) == (202, [("work", [1])])


async def test_an_exception_of_the_function_is_its_payload(url: str) -> None:
    answer, content = await invoke(url, "fails")

    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    assert json.loads(content) == {"errorMessage": "no", "errorType": "ValueError"}


async def test_a_missing_function_has_the_error_of_lambda(url: str) -> None:
    with pytest.raises(ClientError, match=r"\(ResourceNotFoundException\).*Function not found: missing"):
        await invoke(url, "missing")


@pytest.mark.parametrize("key", [("AKIAOTHER", "secret"), (KEY[0], "other")])
async def test_another_key_is_refused(url: str, key: tuple[str, str], functions: Functions) -> None:
    with pytest.raises(ClientError, match="UnrecognizedClientException"):
        await invoke(url, "work", key=key, InvocationType="Event")

    assert functions.queued == []


async def test_other_operations_are_refused_by_name(url: str) -> None:
    client = boto3.client(
        "lambda", endpoint_url=url, region_name=REGION, aws_access_key_id=KEY[0], aws_secret_access_key=KEY[1]
    )

    with pytest.raises(ClientError, match=r"\(NoLocalCounterpart\).*the local Lambda has only the operation Invoke"):
        await asyncio.to_thread(client.list_functions)


@pytest.mark.parametrize("given", ["work", "work:1", "123456789012:function:work", "arn:aws:lambda:r:1:function:work"])
def test_the_name_of_a_function_is_found_in_every_form(given: str) -> None:
    assert name_of(given) == "work"
