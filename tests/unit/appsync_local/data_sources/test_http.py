"""The HTTP data source, against a server on this machine."""

from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from aiohttp import web

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
async def source() -> AsyncIterator[HttpDataSource]:
    runner = web.ServerRunner(web.Server(_answer))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    http_client = HttpClient()
    yield HttpDataSource(f"http://127.0.0.1:{runner.addresses[0][1]}/base", http_client)
    await http_client.close()
    await runner.cleanup()


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
