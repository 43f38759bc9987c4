"""The Bedrock data source, against a server on this machine that checks signatures as Bedrock does."""

from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from aiohttp import web

from appsync_local.data_sources.aws_services import AwsCredentials, AwsServices
from appsync_local.data_sources.bedrock import BedrockDataSource
from appsync_local.data_sources.http_client import HttpClient
from appsync_local.errors import FieldError, SourceFailed
from tests.integration.bedrock.signatures import fault_in
from tests.unit.appsync_local.data_sources.conftest import field_context

ARN = "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.amazon.nova-micro-v1:0"
MESSAGES = [{"role": "user", "content": [{"text": "Hi"}]}]


class Bedrock:
    """Records requests and answers each with `answer`."""

    def __init__(self) -> None:
        self.received: list[tuple[str, Any, dict[str, str]]] = []
        self.faults: list[str | None] = []
        self.answer: Any = {}
        self.status = 200
        self.headers: dict[str, str] = {}

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = await request.read()
        self.received.append((request.raw_path, orjson.loads(body), headers))
        self.faults.append(fault_in(request.raw_path, headers, body, key="AKIA1", secret="s", region="eu-west-1"))
        return web.json_response(self.answer, status=self.status, headers=self.headers)


@pytest.fixture
async def bedrock() -> AsyncIterator[tuple[Bedrock, BedrockDataSource]]:
    service, http_client = Bedrock(), HttpClient()
    runner = web.ServerRunner(web.Server(service.handle))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    aws = AwsServices({"bedrock": url}, "eu-west-1", AwsCredentials("AKIA1", "s"))
    yield service, BedrockDataSource(aws, http_client)
    await http_client.close()
    await runner.cleanup()


async def test_a_model_is_invoked_with_its_body_and_its_answer_is_the_result(bedrock: Any) -> None:
    service, source = bedrock
    service.answer = {"results": [{"outputText": "short"}]}
    request = {
        "operation": "InvokeModel", "modelId": ARN, "body": {"inputText": "long"},
        "guardrailIdentifier": "g1", "guardrailVersion": "2",
    }  # fmt: skip

    result = await source.execute(request, field_context())

    assert result == service.answer
    [(path, body, headers)] = service.received
    escaped = ARN.replace(":", "%3A").replace("/", "%2F")
    assert (path, body) == (f"/model/{escaped}/invoke", {"inputText": "long"})
    assert headers["x-amzn-bedrock-guardrailidentifier"] == "g1"
    assert headers["x-amzn-bedrock-guardrailversion"] == "2"
    assert service.faults == [None]


async def test_a_conversation_is_sent_without_the_members_that_the_address_has(bedrock: Any) -> None:
    service, source = bedrock
    service.answer = {"output": {"message": {"content": [{"text": "Hello"}]}}}
    request = {"operation": "Converse", "modelId": "m-1", "messages": MESSAGES, "inferenceConfig": {"maxTokens": 9}}

    result = await source.execute(request, field_context())

    assert result == service.answer
    [(path, body, _)] = service.received
    assert (path, body) == ("/model/m-1/converse", {"messages": MESSAGES, "inferenceConfig": {"maxTokens": 9}})
    assert service.faults == [None]


async def test_a_refusal_of_bedrock_fails_the_data_source_with_its_name(bedrock: Any) -> None:
    service, source = bedrock
    service.status, service.answer = 400, {"message": "no such model"}
    service.headers = {"x-amzn-ErrorType": "ValidationException:http://internal/"}

    with pytest.raises(SourceFailed, match="no such model") as caught:
        await source.execute({"operation": "Converse", "modelId": "m", "messages": MESSAGES}, field_context())

    assert caught.value.type == "Bedrock:ValidationException"


async def test_bedrock_without_an_endpoint_is_not_called() -> None:
    http_client = HttpClient()
    source = BedrockDataSource(AwsServices(advice="start again with it"), http_client)

    with pytest.raises(SourceFailed, match=r"'bedrock', which has no local counterpart.*start again with it") as caught:
        await source.execute({"operation": "Converse", "modelId": "m", "messages": MESSAGES}, field_context())

    assert caught.value.type == "Bedrock:SdkClientException"
    await http_client.close()


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"modelId": "m"}, r"'\$\[operation\]' not found"),
        ({"operation": "ConverseStream", "modelId": "m"}, "Unsupported operation 'ConverseStream'. Supported: Invoke"),
        ({"operation": "Converse", "messages": MESSAGES}, r"'\$\[modelId\]' not found"),
        ({"operation": "InvokeModel", "modelId": "m"}, r"'\$\[body\]' not found"),
    ],
)
async def test_a_malformed_request_object_is_refused_and_nothing_is_sent(
    bedrock: Any, request_: dict[str, Any], message: str
) -> None:
    service, source = bedrock

    with pytest.raises(FieldError, match=message):
        await source.execute(request_, field_context())

    assert service.received == []
