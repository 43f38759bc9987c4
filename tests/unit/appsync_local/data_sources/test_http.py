"""The HTTP data source, against a server on this machine."""

from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from aiohttp import web
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from appsync_local.api.model import HttpSigning
from appsync_local.data_sources.aws_services import AwsCredentials, AwsServices, is_aws
from appsync_local.data_sources.http import HttpDataSource
from appsync_local.data_sources.http_client import RESPONSE_LIMIT, HttpClient
from appsync_local.errors import FieldError, SourceFailed
from tests.unit.appsync_local.data_sources.conftest import field_context


async def _answer(request: web.BaseRequest) -> web.StreamResponse:
    match request.path:
        case "/base/huge":
            return web.Response(body=b"x" * (RESPONSE_LIMIT + 1))
        case "/base/moved":
            return web.Response(status=302, headers={"location": "/elsewhere"})
        case "/base/teapot":
            return web.Response(status=418, text="short and stout")
        case "/base/hangs-up":
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        case _:
            received = {
                "method": request.method, "path": request.raw_path, "body": (await request.read()).decode(),
                "headers": {name.lower(): value for name, value in request.headers.items()},
            }  # fmt: skip
            response = web.json_response(received)
            response.headers.add("x-two", "1")
            response.headers.add("x-two", "2")
            return response


@pytest.fixture
async def server() -> AsyncIterator[str]:
    runner = web.ServerRunner(web.Server(_answer))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.fixture
async def source(server: str) -> AsyncIterator[HttpDataSource]:
    http_client = HttpClient()
    yield HttpDataSource(f"{server}/base", http_client)
    await http_client.close()


@pytest.fixture
async def echo(source: HttpDataSource) -> Any:
    """Sends a request object and returns the request that the server received."""

    async def send(**request: Any) -> Any:
        result: Any = await source.execute({"method": "GET", "resourcePath": "/x"} | request, field_context())
        return orjson.loads(result["body"])

    return send


async def test_a_request_arrives_unchanged(echo: Any) -> None:
    params = {"query": {"q": "a b", "n": 1, "many": ["x", "y"]}, "headers": {"X-Own": "1"}, "body": {"a": [1]}}

    seen = await echo(method="POST", resourcePath="/one/two", params=params)

    assert (seen["method"], seen["body"]) == ("POST", '{"a":[1]}')
    assert seen["path"] == "/base/one/two?q=a+b&n=1&many=x&many=y"
    assert seen["headers"]["x-own"] == "1"


async def test_text_is_sent_unchanged(echo: Any) -> None:
    assert (await echo(method="PUT", params={"body": "plain é"}))["body"] == "plain é"


async def test_headers_that_the_service_sets_cannot_be_overridden(echo: Any) -> None:
    headers = {"Host": "evil", "User-Agent": "me", "Content-Length": "999", "Transfer-Encoding": "chunked"}

    seen = (await echo(method="POST", params={"headers": headers, "body": "abc"}))["headers"]

    assert seen["host"].startswith("127.0.0.1:")
    assert (seen["user-agent"], seen["content-length"]) == ("AppSync", "3")
    assert "transfer-encoding" not in seen


async def test_an_error_status_is_a_result(source: HttpDataSource) -> None:
    result: Any = await source.execute({"method": "GET", "resourcePath": "/teapot"}, field_context())

    assert (result["statusCode"], result["body"]) == (418, "short and stout")


async def test_a_redirect_is_not_followed(source: HttpDataSource) -> None:
    result: Any = await source.execute({"method": "GET", "resourcePath": "/moved"}, field_context())

    assert (result["statusCode"], result["headers"]["Location"]) == (302, "/elsewhere")


async def test_a_repeated_header_has_both_values(source: HttpDataSource) -> None:
    result: Any = await source.execute({"method": "GET", "resourcePath": "/x"}, field_context())

    assert result["headers"]["x-two"] == "1, 2"


@pytest.mark.parametrize(("path", "message"), [("/hangs-up", "127.0.0.1: "), ("/huge", "more than 5242880 bytes")])
async def test_a_missing_or_too_large_response_fails_the_data_source(
    source: HttpDataSource, path: str, message: str
) -> None:
    with pytest.raises(SourceFailed, match=message) as caught:
        await source.execute({"method": "GET", "resourcePath": path}, field_context())

    assert caught.value.type == "Http:RequestFailed"


async def test_a_closed_client_sends_nothing_and_opens_no_connection() -> None:
    http_client = HttpClient()
    closed = HttpDataSource("http://127.0.0.1:1", http_client)
    await http_client.close()
    await http_client.close()

    with pytest.raises(SourceFailed, match="the engine has stopped; the request was not sent"):
        await closed.execute({"method": "GET", "resourcePath": "/x"}, field_context())


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({}, r"'\$\[method\]' not found"),
        ({"method": "GET"}, r"'\$\[resourcePath\]' not found"),
        ({"method": "TRACE", "resourcePath": "/x"}, "Unsupported method 'TRACE'"),
        ({"method": "GET", "resourcePath": "@evil.example/x"}, "must be a string that begins with a slash"),
    ],
)
async def test_a_malformed_request_object_is_refused(
    source: HttpDataSource, request_: dict[str, str], message: str
) -> None:
    with pytest.raises(FieldError, match=message) as caught:
        await source.execute(request_, field_context())

    assert caught.value.type == "MappingTemplate"


def _resigned(received: dict[str, Any], url: str, key: AwsCredentials, service: str, region: str) -> str:
    """The Authorization header that botocore makes for a request as the server received it."""
    headers = received["headers"]
    request = AWSRequest(received["method"], url, data=received["body"].encode())
    names = headers["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    for name in names:
        request.headers[name] = headers[name]
    request.context["timestamp"] = headers["x-amz-date"]
    signer = SigV4Auth(Credentials(key.access_key_id, key.secret_access_key, key.session_token), service, region)
    canonical = signer.canonical_request(request)
    signature = signer.signature(signer.string_to_sign(request, canonical), request)
    return (
        f"AWS4-HMAC-SHA256 Credential={signer.scope(request)}, SignedHeaders={';'.join(names)}, Signature={signature}"
    )


async def test_a_request_to_aws_is_sent_to_the_local_endpoint_with_the_signature_that_botocore_makes(
    server: str,
) -> None:
    http_client, key = HttpClient(), AwsCredentials("AKIALOCAL", "secret", "token")
    services = AwsServices({"states": server}, "eu-west-1", key)
    url, signing = "https://states.us-west-2.amazonaws.com/", HttpSigning("us-west-2", "states")
    params = {
        "query": {"q": "a b/ü", "n": 1},
        "headers": {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AWSStepFunctions.StartExecution"},
        "body": {"input": "{}"},
    }

    result: Any = await HttpDataSource(url, http_client, signing, services).execute(
        {"method": "POST", "resourcePath": "/a%20b", "params": params}, field_context()
    )

    seen = orjson.loads(result["body"])
    await http_client.close()
    assert seen["headers"]["authorization"] == _resigned(seen, server + seen["path"], key, "states", "eu-west-1")
    assert seen["headers"]["x-amz-security-token"] == "token"


@pytest.mark.parametrize(
    ("url", "signing", "named"),
    [
        ("https://bedrock-runtime.us-east-1.amazonaws.com", HttpSigning("us-east-1", "bedrock"), "'bedrock'"),
        ("https://x1.execute-api.us-east-1.amazonaws.com/prod", None, "'execute-api'"),
        ("https://sync-states.cn-north-1.amazonaws.com.cn", None, "'states'"),
    ],
)
async def test_a_service_of_aws_without_a_local_endpoint_is_refused_and_nothing_is_sent(
    url: str, signing: HttpSigning | None, named: str
) -> None:
    http_client = HttpClient()
    refusing = HttpDataSource(url, http_client, signing, AwsServices(advice="start it with --allow-aws"))
    await http_client.close()  # a request would fail with another message

    with pytest.raises(SourceFailed, match=f"{named}, which has no local counterpart.*; start it with --allow-aws"):
        await refusing.execute({"method": "GET", "resourcePath": "/"}, field_context())


@pytest.mark.parametrize("host", ["api.example.com", "amazonaws.com.example.org", "myamazonaws.com", "127.0.0.1"])
def test_other_hosts_are_not_those_of_aws(host: str) -> None:
    assert not is_aws(host)
