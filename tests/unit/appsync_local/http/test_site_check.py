"""Requests that pages of other sites send, at every path of an engine.

The paths are those that the engine says it serves, so a new page is tested without a change here.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping

import aiohttp
import pytest
from aiohttp import web

from appsync_local import AllowedSites, Chaos, Engine, Meter, OriginInvalid
from appsync_local.devtools.doctor import Doctor, TokenRequirements
from appsync_local.devtools.pages import Page, PageRequest
from appsync_local.http.site_check import MOST_COUNTED, OTHERS
from tests.support.engine_clients import TOKEN, connected
from tests.support.engine_doubles import API, HANDLERS, NOTES, SCHEMA, RecordingInvoker

ALLOWED = "https://app.example"
API_PATHS = frozenset({"/graphql", "/graphql/realtime"})
SERVICES = frozenset({"/service"})
OTHER_SITE = "https://evil.example"
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH")
UPGRADE = {
    "connection": "upgrade", "upgrade": "websocket", "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==", "sec-websocket-protocol": "graphql-ws",
}  # fmt: skip
EVERYWHERE = {
    "a foreign host": {"host": "rebound.example"},
    "a foreign host with the port": {"host": "rebound.example:4000"},
    "no host": {"host": ""},
    "a host like ours": {"host": "127.0.0.1.example"},
    "a host before ours": {"host": "rebound.example@127.0.0.1"},
    "a rebound page": {"host": "rebound.example", "origin": "http://rebound.example", "sec-fetch-site": "same-origin"},
    "a rebound page of the allowed site": {"host": "app.example", "origin": ALLOWED, "sec-fetch-site": "same-origin"},
    "another site": {"origin": OTHER_SITE},
    "another site, which claims nothing else": {"origin": OTHER_SITE, "sec-fetch-site": "same-origin"},
    "a site like ours": {"origin": "http://localhost.example"},
    "a file or sandboxed frame": {"origin": "null"},
    "an image of another site": {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"},
    "an image with the other site's address": {"sec-fetch-site": "cross-site", "referer": f"{OTHER_SITE}/page"},
    "a frame of another site": {
        "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe",
    },
}  # fmt: skip
AT_PAGES = {
    "a page on another port": {"origin": "http://localhost:3000"},
    "a page on another port, by fetch": {"origin": "http://127.0.0.1:3000", "sec-fetch-site": "same-site"},
    "an image on another port": {"sec-fetch-site": "same-site", "referer": "http://127.0.0.1:3000/"},
    "the allowed site": {"origin": ALLOWED, "sec-fetch-site": "cross-site"},
}


class SignIn:
    """A page of the embedder with a secret."""

    paths = ("/", "/pages/sign-in")

    async def answer(self, request: PageRequest) -> Page:
        return Page(TOKEN.encode(), "text/plain")


class Mounted:
    """A service of the embedder with a secret at every path below its own."""

    path = "/service"
    methods = METHODS
    exposed = ()

    async def handle(self, request: web.BaseRequest, headers: Mapping[str, str]) -> web.StreamResponse:
        return web.Response(text=TOKEN, headers=headers)


@pytest.fixture
async def everything(invoker: RecordingInvoker) -> AsyncIterator[Engine]:
    """An engine with every page that the package has."""
    engine = Engine(
        api=API, schema=SCHEMA, code=NOTES, invoker=invoker, handlers=HANDLERS, chaos=Chaos(), meter=Meter(),
        sites=AllowedSites(frozenset({ALLOWED}), origin_advice="start with --origin {origin}"),
    )  # fmt: skip
    engine.offer(SignIn())
    engine.mount(Mounted())
    engine.offer(Doctor(lambda: engine.served, TokenRequirements()))
    await engine.start(port=0)
    yield engine
    await engine.stop()


def address(engine: Engine, path: str) -> str:
    return engine.graphql_url.removesuffix("/graphql") + path


async def send(
    session: aiohttp.ClientSession, engine: Engine, method: str, path: str, headers: Mapping[str, str]
) -> tuple[int, Mapping[str, str], str]:
    async with session.request(
        method, address(engine, path), headers={"authorization": TOKEN, **headers}, data=b'{"query": "{ note { id } }"}'
    ) as response:
        return response.status, response.headers, await response.text()


@pytest.mark.parametrize("attack", EVERYWHERE.values(), ids=EVERYWHERE)
async def test_another_site_is_refused_at_every_path(
    everything: Engine, session: aiohttp.ClientSession, invoker: RecordingInvoker, attack: dict[str, str]
) -> None:
    paths = [*sorted(everything.paths), "/nothing", "/service/oauth2/authorize", "/service%2Flogin", "/service//token"]
    assert {"/graphql", "/graphql/realtime", "/service", "/", "/pages/sign-in", "/chaos", "/meter", "/doctor"} < set(
        paths
    )

    for path in paths:
        for method in METHODS:
            status, headers, text = await send(session, everything, method, path, attack)
            assert (path, method, status) == (path, method, 403)
            assert "access-control-allow-origin" not in headers
            assert TOKEN not in text

    assert invoker.calls("authorizer") == []


@pytest.mark.parametrize("attack", AT_PAGES.values(), ids=AT_PAGES)
async def test_pages_are_for_this_server_alone(
    everything: Engine, session: aiohttp.ClientSession, attack: dict[str, str]
) -> None:
    for path in everything.paths - API_PATHS - SERVICES:
        for method in METHODS:
            status, headers, text = await send(session, everything, method, path, attack)
            assert (path, method, status) == (path, method, 403)
            assert "access-control-allow-origin" not in headers
            assert TOKEN not in text


@pytest.mark.parametrize("path", sorted(API_PATHS))
@pytest.mark.parametrize("attack", EVERYWHERE.values(), ids=EVERYWHERE)
async def test_another_site_opens_no_websocket(
    everything: Engine, session: aiohttp.ClientSession, path: str, attack: dict[str, str]
) -> None:
    status, headers, _ = await send(session, everything, "GET", path, UPGRADE | attack)

    assert status == 403
    assert "sec-websocket-accept" not in headers


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"host": "localhost"},
        {"host": "LOCALHOST:1"},
        {"host": "[::1]:4000"},
        {"host": "127.8.8.8"},
        {"origin": "http://localhost:3000", "sec-fetch-site": "cross-site"},
        {"origin": "https://127.0.0.1:8443"},
        {"origin": ALLOWED, "sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-origin"},
        {"sec-fetch-mode": "cors"},
    ],
)
async def test_programs_and_pages_of_allowed_origins_may_use_the_api(
    everything: Engine, session: aiohttp.ClientSession, headers: dict[str, str]
) -> None:
    status, answered, text = await send(session, everything, "POST", "/graphql", headers)
    async with connected(everything, session, headers={"host": "localhost"} | headers) as realtime:
        is_open = not realtime.socket.closed

    assert status != 403, text
    assert is_open
    assert answered.get("access-control-allow-origin") == headers.get("origin")
    assert answered["vary"] == "Origin"


async def test_a_preflight_names_the_origin(everything: Engine, session: aiohttp.ClientSession) -> None:
    asked = {"origin": ALLOWED, "access-control-request-method": "POST", "access-control-request-headers": "x-api-key"}

    status, headers, _ = await send(session, everything, "OPTIONS", "/graphql", asked)

    assert status == 200
    assert headers["access-control-allow-origin"] == ALLOWED
    assert headers["access-control-allow-headers"] == "x-api-key"
    assert "POST" in headers["access-control-allow-methods"]
    assert headers["vary"] == "Origin"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "none"},
        # A development server that passes requests on leaves the page's origin as it is.
        {"sec-fetch-site": "same-origin", "origin": "http://localhost:5173"},
        # The user follows a link on another site.
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"},
    ],
)
async def test_the_browser_of_the_developer_opens_the_pages(
    everything: Engine, session: aiohttp.ClientSession, headers: dict[str, str]
) -> None:
    status, answered, _ = await send(session, everything, "GET", "/", headers)

    assert status == 200
    assert "access-control-allow-origin" not in answered


async def test_a_refusal_says_what_was_expected_and_what_allows_it(
    everything: Engine, session: aiohttp.ClientSession
) -> None:
    async def message(path: str, headers: dict[str, str]) -> str:
        return (await send(session, everything, "POST", path, headers))[2]

    from_another_site = await message("/graphql", {"origin": OTHER_SITE})
    from_a_file = await message("/graphql", {"origin": "null"})
    under_another_name = await message("/graphql", {"host": "rebound.example:4000"})
    at_a_page = await message("/chaos", {"origin": "http://localhost:3000"})

    assert "expected a request from this server's own pages or a page of this machine" in from_another_site
    assert f"found one from {OTHER_SITE}; to allow it, start with --origin {OTHER_SITE}" in from_another_site
    assert "found one from null; such a page cannot be allowed; serve it over http://localhost" in from_a_file
    assert "expected one of the hosts localhost, 127.0.0.1, [::1], found 'rebound.example:4000'" in under_another_name
    assert "add rebound.example to the engine's AllowedSites.hosts" in under_another_name
    assert "expected a request from this server's own pages, found one from http://localhost:3000" in at_a_page


async def test_refusals_are_counted_and_logged_once_for_each_origin(
    everything: Engine, session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "appsync_local")
    for _ in range(3):
        await send(session, everything, "POST", "/graphql", {"origin": OTHER_SITE})
        await send(session, everything, "GET", "/", {"host": "rebound.example"})

    assert everything.sites.refused == {OTHER_SITE: 3, "'rebound.example'": 3}
    assert [OTHER_SITE in record.getMessage() for record in caplog.records] == [True, False]


async def test_many_origins_do_not_fill_memory_or_log(
    everything: Engine, session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "appsync_local")
    for number in range(MOST_COUNTED + 5):
        await send(session, everything, "POST", "/graphql", {"origin": f"https://{number}.example"})

    assert everything.sites.refused[OTHERS] == 5
    assert len(everything.sites.refused) == MOST_COUNTED + 1
    assert len(caplog.records) == MOST_COUNTED + 1


async def test_a_second_host_header_is_refused(everything: Engine) -> None:
    host, port = everything.graphql_url.split("/")[2].split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET / HTTP/1.1\r\nhost: localhost\r\nhost: rebound.example\r\nconnection: close\r\n\r\n")
    async with asyncio.timeout(20):
        status = await reader.readline()
    writer.close()

    assert status.split()[1] in (b"400", b"403")


async def test_an_engine_on_another_address_is_reached_under_it_and_under_allowed_hosts(
    invoker: RecordingInvoker, session: aiohttp.ClientSession
) -> None:
    sites = AllowedSites(hosts=frozenset({"Box.Example"}))
    engine = Engine(api=API, schema=SCHEMA, code=NOTES, invoker=invoker, handlers=HANDLERS, sites=sites)
    engine.sites.serve_at("192.0.2.7")
    await engine.start(host="0.0.0.0", port=0)  # noqa: S104
    try:
        url = engine.graphql_url.replace("0.0.0.0", "127.0.0.1")  # noqa: S104
        statuses = {}
        for host in ("box.example:1", "127.0.0.1", "0.0.0.0", "192.0.2.7", "other.example"):  # noqa: S104
            async with session.get(url, headers={"host": host}) as response:
                statuses[host] = response.status
    finally:
        await engine.stop()

    assert statuses == {"box.example:1": 400, "127.0.0.1": 400, "0.0.0.0": 403, "192.0.2.7": 403, "other.example": 403}  # noqa: S104


async def test_an_engine_does_not_start_with_an_invalid_origin(invoker: RecordingInvoker) -> None:
    with pytest.raises(OriginInvalid, match=r"found '\*'"):
        Engine(
            api=API, schema=SCHEMA, code=NOTES, invoker=invoker, handlers=HANDLERS, sites=AllowedSites(frozenset({"*"}))
        )
