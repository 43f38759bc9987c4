"""Signing in at a user pool in the test, on a fake clock."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from longcall import CognitoPassword, CognitoToken, LambdaToken, SignInFailed, Unreachable
from longcall.cli.callers import AuthMode, Caller
from longcall.cli.stack import read_stack

RIGHT = "right"


@dataclass
class Pool:
    """A user pool's InitiateAuth. The number in a token counts the calls up to it."""

    calls: list[dict[str, Any]] = field(default_factory=list)
    refresh_tokens: set[str] = field(default_factory=set)
    challenge: str | None = None
    url: str = ""

    async def answer(self, request: web.Request) -> web.Response:
        assert request.headers["X-Amz-Target"] == "AWSCognitoIdentityProviderService.InitiateAuth"
        assert request.headers["Content-Type"] == "application/x-amz-json-1.1"
        call = json.loads(await request.text())
        self.calls.append(call)
        given = call["AuthParameters"]
        if self.challenge is not None:
            return self._json({"ChallengeName": self.challenge, "Session": "s"})
        if call["AuthFlow"] == "USER_PASSWORD_AUTH" and given == {"USERNAME": "ada", "PASSWORD": RIGHT}:
            self.refresh_tokens.add("refresh")
            return self._tokens(RefreshToken="refresh")
        if call["AuthFlow"] == "REFRESH_TOKEN_AUTH" and given["REFRESH_TOKEN"] in self.refresh_tokens:
            return self._tokens()
        refusal = {"__type": "NotAuthorizedException", "message": "Incorrect username or password."}
        return self._json(refusal, status=400)

    def _tokens(self, **more: str) -> web.Response:
        result = {"AccessToken": f"token-{len(self.calls)}", "ExpiresIn": 3600, "TokenType": "Bearer", **more}
        return self._json({"AuthenticationResult": result, "ChallengeParameters": {}})

    def _json(self, body: dict[str, Any], status: int = 200) -> web.Response:
        return web.Response(text=json.dumps(body), content_type="application/x-amz-json-1.1", status=status)


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    pool = Pool()
    app = web.Application()
    app.router.add_post("/", pool.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    pool.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    yield pool
    await runner.cleanup()


def provider_of(pool: Pool, password: str = RIGHT, *, clock: Clock | None = None) -> CognitoPassword:
    return CognitoPassword("us-east-1", "client", "ada", password, endpoint_url=pool.url, clock=clock or Clock())


async def test_token_is_reused_until_shortly_before_it_expires(pool: Pool) -> None:
    clock = Clock()
    provider = provider_of(pool, clock=clock)

    first = await provider()
    clock.now += 3600 - 61
    later = await provider()
    clock.now += 2
    renewed = await provider()

    assert (first, later, renewed) == ("token-1", "token-1", "token-2")
    assert [call["AuthFlow"] for call in pool.calls] == ["USER_PASSWORD_AUTH", "REFRESH_TOKEN_AUTH"]


async def test_refused_refresh_token_falls_back_to_the_password(pool: Pool) -> None:
    clock = Clock()
    provider = provider_of(pool, clock=clock)
    await provider()
    pool.refresh_tokens.clear()

    clock.now += 3600

    assert await provider() == "token-3"
    assert [call["AuthFlow"] for call in pool.calls][1:] == ["REFRESH_TOKEN_AUTH", "USER_PASSWORD_AUTH"]


async def test_token_that_the_api_refused_is_not_returned_again(pool: Pool) -> None:
    clock = Clock()
    authorization = LambdaToken(provider_of(pool, clock=clock))
    headers = await authorization.headers()

    clock.now += 60
    authorization.refused(headers)

    assert headers == {"Authorization": "Lambda-Auth-token-1"}
    assert await authorization.headers() == {"Authorization": "Lambda-Auth-token-2"}


async def test_token_that_was_refused_as_soon_as_it_was_issued_causes_no_other_sign_in(pool: Pool) -> None:
    clock = Clock()
    authorization = LambdaToken(provider_of(pool, clock=clock))
    headers = await authorization.headers()

    clock.now += 0.5
    authorization.refused(headers)

    assert await authorization.headers() == headers
    assert len(pool.calls) == 1


async def test_token_refused_long_after_it_was_replaced_changes_nothing(pool: Pool) -> None:
    authorization = CognitoToken(provider_of(pool))
    await authorization.headers()

    authorization.refused({"Authorization": "some-older-token"})

    assert await authorization.headers() == {"Authorization": "token-1"}


async def test_concurrent_callers_share_one_sign_in(pool: Pool) -> None:
    provider = provider_of(pool)

    tokens = await asyncio.gather(*(provider() for _ in range(10)))

    assert set(tokens) == {"token-1"}
    assert len(pool.calls) == 1


async def test_wrong_password_is_an_error_that_names_the_user_and_not_the_password(pool: Pool) -> None:
    provider = provider_of(pool, password="secret-guess")

    with pytest.raises(SignInFailed, match="ada") as caught:
        await provider()

    assert "secret-guess" not in str(caught.value)
    assert "secret-guess" not in repr(provider)


async def test_sign_in_that_needs_another_step_says_which(pool: Pool) -> None:
    pool.challenge = "NEW_PASSWORD_REQUIRED"

    with pytest.raises(SignInFailed, match="NEW_PASSWORD_REQUIRED"):
        await provider_of(pool)()


async def test_user_pool_that_does_not_answer_is_unreachable(unused_tcp_port: int) -> None:
    url = f"http://127.0.0.1:{unused_tcp_port}/"

    with pytest.raises(Unreachable, match="user pool"):
        await CognitoPassword("us-east-1", "client", "ada", "right", endpoint_url=url)()


async def test_user_pool_is_called_through_the_proxy_that_the_environment_names(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", pool.url)

    token = await CognitoPassword("us-east-1", "client", "ada", RIGHT, endpoint_url="http://cognito.invalid/")()

    assert token == "token-1"


async def test_user_pool_of_a_local_stack_is_found_after_a_restart_moved_it(pool: Pool, tmp_path: Path) -> None:
    file = tmp_path / "stack.json"
    fields = {
        "target": "local", "graphqlUrl": "http://api", "region": "us-east-1", "clientId": "client",
        "cognitoUrl": "http://127.0.0.1:9", "users": [{"username": "ada", "password": RIGHT}],
    }  # fmt: skip
    file.write_text(json.dumps(fields))
    stack = read_stack(file)
    sign_in = Caller(stack, stack.users[0], AuthMode.LAMBDA).provider()

    with pytest.raises(Unreachable):  # the pool is down, and the stack file still names its old port
        await sign_in()
    file.write_text(json.dumps(fields | {"cognitoUrl": pool.url}))

    assert await sign_in() == "token-1"
