"""The Lambda authorizer: for how long its answers are cached, and what concurrent requests share."""

import asyncio
from typing import Any

import pytest

from appsync_local.authorization.caller import Caller
from appsync_local.authorization.credentials import AuthorizationRequest, AuthorizerToken
from appsync_local.authorization.lambda_authorizer import (
    LARGEST_KEPT,
    AuthorizerOptions,
    LambdaAuthorizer,
)
from appsync_local.errors import FunctionFailed, RequestRefused
from tests.support.engine_doubles import RecordingInvoker


class Setup:
    """An authorizer with a clock that the test moves, and a function with the answer that the test gives."""

    def __init__(self, options: AuthorizerOptions, **answer: Any) -> None:
        self.now = 0.0
        self.invoker = RecordingInvoker(authorizer=lambda _: {"isAuthorized": True} | answer)
        self.authorizer = LambdaAuthorizer("authorizer", self.invoker, options, clock=lambda: self.now)

    async def calls_after(self, *moments: float) -> int:
        for moment in moments:
            self.now = moment
            await self.show("custom-ada")
        return len(self.invoker.invoked)

    async def show(self, token: str, query: str = "{ a }") -> Caller:
        request = AuthorizationRequest({}, "/graphql", b"", "127.0.0.1", operation={"queryString": query})
        return await self.authorizer.verify(AuthorizerToken(token), request, "request")


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
async def test_an_answer_is_cached_for_its_own_ttl_or_else_for_that_of_the_options(
    ttl: int, answer: dict[str, Any], moments: tuple[float, ...], calls: int
) -> None:
    assert await Setup(AuthorizerOptions(ttl=ttl), **answer).calls_after(*moments) == calls


async def test_an_answer_that_is_too_large_is_not_cached() -> None:
    setup = Setup(AuthorizerOptions(ttl=300), resolverContext={"text": "x" * LARGEST_KEPT})

    assert await setup.calls_after(0, 0) == 2


@pytest.mark.parametrize("denied", ["Query.a", {"Query.a": True}, [1], 7])
async def test_denied_fields_that_are_not_a_list_of_names_refuse_the_caller(denied: object) -> None:
    with pytest.raises(RequestRefused):
        await Setup(AuthorizerOptions(), deniedFields=denied).calls_after(0)


async def test_a_token_must_match_the_identity_validation_as_a_whole() -> None:
    setup = Setup(AuthorizerOptions(identity_validation="custom-[a-z]+"))

    await setup.show("custom-ada")
    for token in ("custom-ada1", "xcustom-ada", "custom-ada\n"):
        with pytest.raises(RequestRefused):
            await setup.show(token)
    assert len(setup.invoker.invoked) == 1


class BusyFunction:
    """Runs at most a few invocations at once and throttles the rest; each one ends when the test says so."""

    def __init__(self, slots: int, *answers: dict[str, Any] | Exception) -> None:
        self.slots = slots
        self.running = 0
        self.invocations = 0
        self.may_end = asyncio.Event()
        self._answers = answers or ({"isAuthorized": True, "ttlOverride": 60},)

    async def invoke(self, function: str, payload: object) -> object:
        if self.running == self.slots:
            raise FunctionFailed("Lambda:TooManyRequestsException", "Rate Exceeded.")
        answer = self._answers[min(self.invocations, len(self._answers) - 1)]
        self.running += 1
        self.invocations += 1
        try:
            await self.may_end.wait()
        finally:
            self.running -= 1
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def enqueue(self, function: str, payload: object) -> str:
        raise NotImplementedError


def busy(slots: int, *answers: dict[str, Any] | Exception) -> tuple[Setup, BusyFunction]:
    setup, function = Setup(AuthorizerOptions()), BusyFunction(slots, *answers)
    setup.authorizer = LambdaAuthorizer("authorizer", function, AuthorizerOptions(), clock=lambda: setup.now)
    return setup, function


async def outcomes(function: BusyFunction, *requests: Any) -> list[Any]:
    """The callers, or the statuses of the refusals, of requests that all wait before an invocation ends."""
    tasks = [asyncio.ensure_future(request) for request in requests]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    function.may_end.set()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    return [one.status if isinstance(one, RequestRefused) else one for one in ended]


async def test_300_concurrent_requests_with_one_fresh_token_need_one_invocation() -> None:
    setup, function = busy(16)

    ended = await outcomes(function, *(setup.show("custom-ada", f"{{ a{n} }}") for n in range(300)))

    assert all(isinstance(one, Caller) for one in ended)
    assert function.invocations == 1


async def test_an_answer_that_must_not_be_cached_is_shared_by_equal_requests_only() -> None:
    setup, function = busy(16, {"isAuthorized": True, "ttlOverride": 0})

    ended = await outcomes(function, *(setup.show("custom-ada", query) for query in ("{ a }", "{ a }", "{ b }")))

    assert all(isinstance(one, Caller) for one in ended)
    assert function.invocations == 2


async def test_a_refusal_that_must_not_be_cached_does_not_refuse_another_query() -> None:
    setup, function = busy(16, {"isAuthorized": False}, {"isAuthorized": True})

    first, second = await outcomes(function, setup.show("custom-ada", "{ a }"), setup.show("custom-ada", "{ b }"))

    assert (first, type(second)) == (401, Caller)


async def test_tokens_do_not_share_an_invocation() -> None:
    setup, function = busy(16)

    await outcomes(function, setup.show("custom-ada"), setup.show("custom-bob"))

    assert function.invocations == 2


async def test_a_throttled_authorizer_is_429_and_never_401() -> None:
    setup, function = busy(1)

    ended = await outcomes(function, setup.show("custom-ada"), setup.show("custom-bob"))

    assert (type(ended[0]), ended[1]) == (Caller, 429)


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (FunctionFailed("Lambda:TooManyRequestsException", "Rate Exceeded."), 429),
        (FunctionFailed("Lambda:ServiceException", "no process could be started"), 503),
        (FunctionFailed("Lambda:ExecutionTimeoutException", "Execution timed out."), 503),
        (TimeoutError(), 503),
        (FunctionFailed("Lambda:Unhandled", "boom"), 401),
    ],
)
async def test_a_failure_is_shared_by_those_who_wait_and_not_cached(failure: Exception, status: int) -> None:
    setup, function = busy(16, failure, {"isAuthorized": True})

    ended = await outcomes(function, setup.show("custom-ada"), setup.show("custom-ada"))

    assert ended == [status, status]
    assert isinstance(await setup.show("custom-ada"), Caller)


async def test_a_request_that_goes_away_does_not_cancel_the_invocation_for_the_others() -> None:
    setup, function = busy(16)
    leader = asyncio.ensure_future(setup.show("custom-ada"))
    other = asyncio.ensure_future(setup.show("custom-ada"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    leader.cancel()
    await asyncio.wait({leader})
    function.may_end.set()

    assert isinstance(await other, Caller)
    assert function.invocations == 1


async def test_the_invocation_ends_with_the_last_request_that_waits_for_it() -> None:
    setup, function = busy(16)
    tasks = [asyncio.ensure_future(setup.show("custom-ada")) for _ in range(2)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    again = asyncio.ensure_future(setup.show("custom-ada"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    function.may_end.set()

    assert isinstance(await again, Caller)
    assert (function.invocations, function.running) == (2, 0)


async def test_variables_that_no_event_can_hold_are_a_bad_request() -> None:
    deep: object = None
    for _ in range(300):
        deep = [deep]
    request = AuthorizationRequest({}, "/graphql", b"", "127.0.0.1", operation={"variables": {"deep": deep}})

    with pytest.raises(RequestRefused) as refused:
        await Setup(AuthorizerOptions()).authorizer.verify(AuthorizerToken("custom-ada"), request, "request")

    assert refused.value.status == 400
