"""The web console as the local stack serves it: files, policy, configuration and sign-in."""

import json
from pathlib import Path
from typing import Final

import pytest

from appsync_local.devtools.pages import Page, PageRequest
from infrastructure.console_site import DIST
from local_stack.console import Console
from local_stack.services.cognito.pool import NAMED_USERS, Pool
from local_stack.test_users import TestUsers

ORIGIN: Final = "http://127.0.0.1:4000"
NOBODY_LISTENS: Final = "http://127.0.0.1:1/cognito-idp"


@pytest.fixture
def console() -> Console:
    pool = Pool(NOBODY_LISTENS, "us-east-1", "us-east-1_abcdefghi", "client", NAMED_USERS)
    return Console(TestUsers(pool), origin=ORIGIN)


async def get(console: Console, path: str, method: str = "GET", body: bytes = b"") -> Page:
    return await console.answer(PageRequest(method, path, {}, body))


@pytest.mark.parametrize("path", ["/", "/start", "/lab", "/jobs/0b9f1c1e-0000-4000-8000-000000000000"])
async def test_every_view_is_the_application_under_a_strict_policy(console: Console, path: str) -> None:
    page = await get(console, path)

    assert page.body == (DIST / "index.html").read_bytes()
    assert page.content_type == "text/html; charset=utf-8"
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self';" in policy
    assert "unsafe" not in policy
    assert f"connect-src 'self' {ORIGIN};" in policy
    assert "frame-ancestors 'none'" in policy


async def test_the_explorer_may_write_styles_and_nothing_else(console: Console) -> None:
    page = await get(console, "/explorer")

    assert page.body == (DIST / "explorer.html").read_bytes()
    policy = page.headers["content-security-policy"]
    assert "script-src 'self'; style-src 'self' 'unsafe-inline';" in policy
    assert policy.count("unsafe") == 1
    assert "worker-src 'self'" in policy


async def test_a_file_whose_name_has_a_digest_is_kept_for_ever(console: Console) -> None:
    [script] = (DIST / "assets").glob("index-*.js")

    page = await get(console, f"/assets/{script.name}")

    assert page.body == script.read_bytes()
    assert page.content_type == "text/javascript; charset=utf-8"
    assert "immutable" in page.headers["cache-control"]
    assert (await get(console, "/")).headers["cache-control"] == "no-cache"


async def test_the_built_page_loads_its_own_files_and_nothing_else() -> None:
    html = (DIST / "index.html").read_text()

    named = [part.split('"')[0] for part in html.replace("src=", "href=").split('href="')[1:]]
    assert len(named) >= 3
    assert [name for name in named if not (DIST / name.removeprefix("/")).is_file()] == []
    assert "<script>" not in html
    assert "style=" not in html


async def test_the_configuration_has_addresses_and_users_but_no_password(console: Console) -> None:
    page = await get(console, "/console/config.json")

    found = json.loads(page.body)
    assert (found["target"], found["graphqlUrl"], found["realtimeUrl"]) == ("local", "/graphql", "/graphql")
    assert found["signIn"] == {"kind": "test-users", "users": [user.username for user in NAMED_USERS]}
    assert not any(user.password.encode() in page.body for user in NAMED_USERS)


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"{}", 400, "expected"),
        (b"no JSON", 400, "expected"),
        (b'{"user": "eve"}', 400, "no test user is named eve; choose one of ada@example.com, grace@example.com"),
        (b'{"user": "ada@example.com"}', 502, "ada@example.com was not signed in"),
    ],
)
async def test_a_sign_in_that_fails_says_why(console: Console, body: bytes, status: int, message: str) -> None:
    page = await get(console, "/console/sign-in", "POST", body)

    assert page.status == status
    assert message in json.loads(page.body)["error"]


async def test_the_method_must_fit_the_path(console: Console) -> None:
    assert (await get(console, "/console/sign-in")).status == 405
    assert (await get(console, "/", "POST")).status == 405


def test_the_folder_of_the_build_is_in_the_repository() -> None:
    assert Path("console/dist") == DIST.relative_to(Path(__file__).resolve().parents[3])
