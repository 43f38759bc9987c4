"""A service of the embedder at the engine's own port."""

import io
from collections.abc import AsyncIterator, Mapping

import aiohttp
import pytest
from aiohttp import web

from appsync_local import AllowedSites, Engine
from appsync_local.api.limits import BODY_LIMIT
from tests.support.engine_doubles import API, HANDLERS, NOTES, SCHEMA, RecordingInvoker
from tests.unit.appsync_local.http.test_site_check import ALLOWED, EVERYWHERE, METHODS, send

PAGES = ("http://localhost:3000", ALLOWED)


class Echo:
    """Streams the body of each request back."""

    path = "/echo"
    methods = ("PUT", "GET")
    exposed = ("ETag", "x-part")

    def __init__(self) -> None:
        self.called: list[str] = []

    async def handle(self, request: web.BaseRequest, headers: Mapping[str, str]) -> web.StreamResponse:
        self.called.append(f"{request.method} {request.path}")
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        async for piece in request.content.iter_any():
            await response.write(piece)
        return response


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
async def engine(invoker: RecordingInvoker, echo: Echo) -> AsyncIterator[Engine]:
    engine = Engine(
        api=API, schema=SCHEMA, code=NOTES, invoker=invoker, handlers=HANDLERS,
        sites=AllowedSites(frozenset({ALLOWED})),
    )  # fmt: skip
    engine.mount(echo)
    await engine.start(port=0)
    yield engine
    await engine.stop()


def address(engine: Engine, path: str) -> str:
    return engine.graphql_url.removesuffix("/graphql") + path


@pytest.mark.parametrize("path", ["/echo", "/echo/", "/echo/a/b"])
async def test_service_answers_below_its_path(
    engine: Engine, session: aiohttp.ClientSession, echo: Echo, path: str
) -> None:
    async with session.put(address(engine, path), data=b"content") as response:
        assert (response.status, await response.read()) == (200, b"content")

    assert echo.called == [f"PUT {path}"]


@pytest.mark.parametrize("path", ["/echoes", "/other/echo", "/graphql/echo"])
async def test_service_answers_nowhere_else(
    engine: Engine, session: aiohttp.ClientSession, echo: Echo, path: str
) -> None:
    async with session.get(address(engine, path)) as response:
        assert response.status == 404

    assert echo.called == []


async def test_body_may_be_larger_than_the_apis(engine: Engine, session: aiohttp.ClientSession) -> None:
    content = b"x" * (3 * BODY_LIMIT)
    async with session.put(address(engine, "/echo"), data=io.BytesIO(content)) as response:
        assert await response.read() == content


@pytest.mark.parametrize("attack", EVERYWHERE.values(), ids=EVERYWHERE)
async def test_another_site_does_not_reach_a_service(
    engine: Engine, session: aiohttp.ClientSession, echo: Echo, attack: dict[str, str]
) -> None:
    for method in METHODS:
        status, headers, _ = await send(session, engine, method, "/echo/x", attack)
        assert (method, status) == (method, 403)
        assert "access-control-allow-origin" not in headers

    assert echo.called == []


@pytest.mark.parametrize("origin", PAGES)
async def test_page_of_an_allowed_origin_may_read_a_streamed_response(
    engine: Engine, session: aiohttp.ClientSession, origin: str
) -> None:
    async with session.get(address(engine, "/echo"), headers={"origin": origin}) as response:
        headers = response.headers

    assert headers["access-control-allow-origin"] == origin
    assert headers["access-control-expose-headers"] == "ETag, x-part"
    assert headers["vary"] == "Origin"


async def test_preflight_names_the_services_methods(engine: Engine, session: aiohttp.ClientSession, echo: Echo) -> None:
    asked = {"origin": PAGES[0], "access-control-request-method": "PUT", "access-control-request-headers": "x-amz-date"}
    async with session.options(address(engine, "/echo/x"), headers=asked) as response:
        headers = response.headers

    assert headers["access-control-allow-origin"] == PAGES[0]
    assert headers["access-control-allow-methods"] == "PUT, GET"
    assert headers["access-control-allow-headers"] == "x-amz-date"
    assert echo.called == []
