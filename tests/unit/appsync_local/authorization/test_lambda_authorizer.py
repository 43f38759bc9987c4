"""How long the authorizer's answers are kept; the clock is the test's."""

from typing import Any

import pytest

from appsync_local.authorization.credentials import AuthorizationRequest, AuthorizerToken
from appsync_local.authorization.lambda_authorizer import (
    LARGEST_KEPT,
    AuthorizerOptions,
    LambdaAuthorizer,
)
from appsync_local.errors import RequestRefused
from tests.support.engine_doubles import RecordingInvoker


class Door:
    """An authorizer with a clock that the test moves, and a function that answers what the test says."""

    def __init__(self, options: AuthorizerOptions, **answer: Any) -> None:
        self.now = 0.0
        self.invoker = RecordingInvoker(authorizer=lambda _: {"isAuthorized": True} | answer)
        self.authorizer = LambdaAuthorizer("authorizer", self.invoker, options, clock=lambda: self.now)

    async def calls_after(self, *moments: float) -> int:
        for moment in moments:
            self.now = moment
            await self.show("custom-ada")
        return len(self.invoker.invoked)

    async def show(self, token: str) -> None:
        await self.authorizer.verify(
            AuthorizerToken(token), AuthorizationRequest({}, "/graphql", b"", "127.0.0.1"), "request"
        )


@pytest.mark.parametrize(
    ("ttl", "answer", "moments", "calls"),
    [
        (0, {}, (0, 0), 2),
        (300, {}, (0, 299.9), 1),
        (300, {}, (0, 300), 2),
        (300, {"ttlOverride": 0}, (0, 0), 2),
        (0, {"ttlOverride": 60}, (0, 59), 1),
        (0, {"ttlOverride": 60}, (0, 61), 2),
        (0, {"ttlOverride": 10_000}, (0, 3599), 1),
        (0, {"ttlOverride": 10_000}, (0, 3601), 2),
        (0, {"ttlOverride": "60"}, (0, 0), 2),
    ],
)
async def test_an_answer_is_kept_as_long_as_it_says_or_else_as_the_options_do(
    ttl: int, answer: dict[str, Any], moments: tuple[float, ...], calls: int
) -> None:
    assert await Door(AuthorizerOptions(ttl=ttl), **answer).calls_after(*moments) == calls


async def test_an_answer_that_is_too_large_is_not_kept() -> None:
    door = Door(AuthorizerOptions(ttl=300), resolverContext={"text": "x" * LARGEST_KEPT})

    assert await door.calls_after(0, 0) == 2


@pytest.mark.parametrize("denied", ["Query.a", {"Query.a": True}, [1], 7])
async def test_denied_fields_that_are_no_list_of_names_refuse_the_caller(denied: object) -> None:
    with pytest.raises(RequestRefused):
        await Door(AuthorizerOptions(), deniedFields=denied).calls_after(0)


async def test_a_token_has_to_match_the_whole_identity_validation() -> None:
    door = Door(AuthorizerOptions(identity_validation="custom-[a-z]+"))

    await door.show("custom-ada")
    for token in ("custom-ada1", "xcustom-ada", "custom-ada\n"):
        with pytest.raises(RequestRefused):
            await door.show(token)
    assert len(door.invoker.invoked) == 1
