"""The check of hosts and origins in front of another aiohttp application."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from appsync_local.http.site_check import SiteCheck
from appsync_local.http.site_middleware import protect

PAGE = "http://localhost:3000"


@pytest.fixture
async def called() -> list[str]:
    """The paths of the requests that reached the application."""
    return []


@pytest.fixture
async def url(called: list[str]) -> AsyncIterator[str]:
    """The address of an application with a response, a streamed one and an error."""

    async def answer(request: web.Request) -> web.Response:
        called.append(request.path)
        return web.json_response({})

    async def stream(request: web.Request) -> web.StreamResponse:
        called.append(request.path)
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"part")
        return response

    application = web.Application()
    application.router.add_post("/", answer)
    application.router.add_get("/stream", stream)
    protect(application, SiteCheck(), methods=("POST", "GET"), exposed=("etag",))
    async with TestServer(application, host="127.0.0.1") as server:
        yield f"http://127.0.0.1:{server.port}"


@pytest.mark.parametrize(("method", "path"), [("POST", "/"), ("GET", "/stream"), ("GET", "/none"), ("OPTIONS", "/")])
@pytest.mark.parametrize(
    "attack",
    [
        {"origin": "https://evil.example", "access-control-request-method": "POST"},
        {"host": "rebound.example", "origin": "http://rebound.example"},
    ],
)
async def test_another_site_reaches_no_handler(
    url: str, session: aiohttp.ClientSession, called: list[str], method: str, path: str, attack: dict[str, str]
) -> None:
    async with session.request(method, url + path, headers=attack) as response:
        status, headers, content = response.status, response.headers, await response.json()

    assert (status, called) == (403, [])
    assert content["message"].startswith("expected ")
    assert not [name for name in headers if name.lower().startswith("access-control")]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("POST", "/", 200), ("GET", "/stream", 200), ("GET", "/none", 404), ("GET", "/", 405)],
)
async def test_every_response_to_an_allowed_page_names_its_origin(
    url: str, session: aiohttp.ClientSession, method: str, path: str, status: int
) -> None:
    async with session.request(method, url + path, headers={"origin": PAGE}) as response:
        assert response.status == status
        assert response.headers["access-control-allow-origin"] == PAGE
        assert response.headers["access-control-expose-headers"] == "etag"
        assert response.headers["vary"] == "Origin"


async def test_a_preflight_is_answered_without_the_application(
    url: str, session: aiohttp.ClientSession, called: list[str]
) -> None:
    asked = {"origin": PAGE, "access-control-request-method": "POST", "access-control-request-headers": "x-amz-target"}

    async with session.options(url, headers=asked) as response:
        headers = response.headers

    assert called == []
    assert headers["access-control-allow-origin"] == PAGE
    assert headers["access-control-allow-methods"] == "POST, GET"
    assert headers["access-control-allow-headers"] == "x-amz-target"


async def test_a_program_that_is_no_browser_is_served(
    url: str, session: aiohttp.ClientSession, called: list[str]
) -> None:
    async with session.post(url) as response:
        assert response.status == 200
        assert "access-control-allow-origin" not in response.headers

    assert called == ["/"]
