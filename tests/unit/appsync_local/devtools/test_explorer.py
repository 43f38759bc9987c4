"""The pages of the API explorer: the files and the sign-in."""

from collections.abc import Mapping
from pathlib import Path

import aiohttp
import pytest

from appsync_local import Engine
from appsync_local.devtools.explorer.pages import Explorer, SignInMethod, SignInRefused, Tab, installed_assets
from appsync_local.devtools.pages import PageRequest

TABS = (Tab("query Q { echo }", {"id": "one"}),)


class Users:
    """Two users and one method. The headers contain the user's name."""

    users = ("ada", "grace")
    methods = (SignInMethod("front", "the front page"),)

    async def headers(self, user: str, method: str) -> Mapping[str, str]:
        if user not in self.users or method != "front":
            raise SignInRefused(f"nobody called {user}")
        return {"Authorization": f"token of {user}"}


def explorer(assets: Path | None = None) -> Explorer:
    return Explorer(
        title="Notes", realtime_url="ws://127.0.0.1:4000/graphql", sign_in=Users(), tabs=lambda: TABS, assets=assets
    )


@pytest.fixture
async def root(engine: Engine) -> str:
    """Address of the engine's pages."""
    engine.offer(explorer(installed_assets()))
    return engine.graphql_url.removesuffix("/graphql")


async def test_page_loads_its_own_files_and_nothing_else(root: str, session: aiohttp.ClientSession) -> None:
    async with session.get(f"{root}/graphiql") as response:
        html = await response.text()
        policy = response.headers["content-security-policy"]

    named = [part.split('"')[0] for part in html.replace("src=", "href=").split('href="')[1:]]
    assert [name for name in named if not name.startswith(("/graphiql/", "data:,"))] == []
    for name in named:
        if name.startswith("/"):
            async with session.get(root + name) as response:
                assert (response.status, len(await response.read()) > 0) == (200, True), name
    assert "default-src 'none'" in policy
    assert "http:" not in policy


async def test_the_package_has_the_files_that_the_page_needs() -> None:
    assert installed_assets() is not None


async def test_a_plain_page_replaces_graphiql_if_its_files_are_missing() -> None:
    page = await explorer(None).answer(PageRequest("GET", "/graphiql", {"host": "localhost:4000"}, b""))

    assert b"plain.js" in page.body
    assert b"graphiql.min.js" not in page.body


async def test_the_settings_have_users_methods_and_operations(root: str, session: aiohttp.ClientSession) -> None:
    async with session.get(f"{root}/graphiql/settings.json") as response:
        answered = await response.json()

    assert answered["users"] == ["ada", "grace"]
    assert answered["methods"] == [{"name": "front", "label": "the front page"}]
    assert answered["tabs"] == [{"query": "query Q { echo }", "variables": {"id": "one"}}]


async def sign_in(session: aiohttp.ClientSession, root: str, body: str, **headers: str) -> tuple[int, object]:
    async with session.post(f"{root}/graphiql/sign-in", data=body, headers=headers) as response:
        return response.status, await response.json()


async def test_a_sign_in_returns_the_headers_of_the_user(root: str, session: aiohttp.ClientSession) -> None:
    answer = await sign_in(session, root, '{"user": "grace", "method": "front"}')

    assert answer == (200, {"headers": {"Authorization": "token of grace"}})


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ('{"user": "eve", "method": "front"}', 401, "nobody called eve"),
        ("[]", 400, 'expected {"user": …, "method": …} as JSON'),
        ("{", 400, 'expected {"user": …, "method": …} as JSON'),
    ],
)
async def test_an_invalid_sign_in_is_refused(
    root: str, session: aiohttp.ClientSession, body: str, status: int, error: str
) -> None:
    assert await sign_in(session, root, body) == (status, {"error": error})


@pytest.mark.parametrize("path", ["/graphiql/../explorer.py", "/graphiql/explorer.py", "/graphiql/", "/other"])
async def test_no_other_file_is_served(root: str, session: aiohttp.ClientSession, path: str) -> None:
    async with session.get(root + path) as response:
        assert response.status == 404


async def test_the_api_is_still_served(root: str, session: aiohttp.ClientSession) -> None:
    async with session.get(f"{root}/graphql") as response:
        assert response.status == 400  # a GET without a query
