"""The Lambda authorizer: the event that the function receives, and how its answer is used and cached.

Source: AppSync Developer Guide, "AWS_LAMBDA authorization".
"""

import asyncio
import logging
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from appsync_local.api.model import AuthMode
from appsync_local.authorization.caller import Caller
from appsync_local.authorization.credentials import AuthorizationRequest, AuthorizerToken
from appsync_local.authorization.shared_call import SharedCall
from appsync_local.errors import ApiInvalid, FunctionFailed, RequestRefused, throttled, unauthorized
from appsync_local.lambda_invoker import LambdaInvoker

TIME_LIMIT: Final = 10.0  # seconds
LONGEST_TTL: Final = 3600  # seconds
ANSWERS_KEPT: Final = 1024
LARGEST_KEPT: Final = 1_048_575  # bytes of an answer's JSON; larger answers are not cached

log = logging.getLogger("appsync_local")


@dataclass(frozen=True, slots=True)
class AuthorizerOptions:
    """The settings of an API's authorizer.

    Args:
        ttl: Seconds for which an answer without `ttlOverride` is cached, at most 3600; 0 turns the cache off.
        identity_validation: A regular expression that the whole token must match before the function is invoked; None
            accepts every token.
    """

    ttl: int = 0
    identity_validation: str | None = None


DEFAULT_OPTIONS: Final = AuthorizerOptions()


@dataclass(frozen=True, slots=True)
class _Decision:
    """The function's decision about one token.

    Attributes:
        caller: The caller; None if the function refuses the token.
        lifetime: Seconds for which the decision holds for every request with this token; 0 means for one request.
    """

    caller: Caller | None
    lifetime: float

    def allowed(self) -> Caller:
        if self.caller is None:
            raise unauthorized()
        return self.caller


@dataclass(frozen=True, slots=True)
class _Question:
    """An invocation that is running, and the event that it was started with, as JSON without the request's id."""

    content: bytes
    call: SharedCall[_Decision]


class LambdaAuthorizer:
    """Invokes the authorizer function and caches its answers for the time that they, or the options, say.

    Answers are cached by token alone: neither the query nor the headers count. Requests that arrive while the function
    is deciding about their token wait for that decision. They use it if it may be cached, or if they would ask exactly
    the same; otherwise they ask for themselves. Failures are not cached.

    Args:
        function: The function's name.
        invoker: Runs it.
        options: The settings of the API.
        clock: Seconds on a clock that never goes back.

    Raises:
        ApiInvalid: The identity validation is not a regular expression.
    """

    def __init__(
        self,
        function: str,
        invoker: LambdaInvoker,
        options: AuthorizerOptions = DEFAULT_OPTIONS,
        *,
        clock: Callable[[], float],
    ) -> None:
        self._function = function
        self._invoker = invoker
        self._clock = clock
        self._ttl = options.ttl
        try:
            self._valid = re.compile(options.identity_validation) if options.identity_validation is not None else None
        except re.error as error:
            raise ApiInvalid([f"the authorizer's identity validation is not a regular expression: {error}"]) from None
        self._kept: OrderedDict[str, tuple[float, Caller]] = OrderedDict()
        self._asking: dict[str, _Question] = {}

    async def verify(self, credential: AuthorizerToken, request: AuthorizationRequest, request_id: str) -> Caller:
        """The caller that the function describes.

        Raises:
            RequestRefused: With status 401, the function refused the token, failed or gave an invalid answer, or the
                token does not match the identity validation. With 429 or 503, the function could not decide now.
        """
        token = credential.token
        if self._valid is not None and self._valid.fullmatch(token) is None:
            raise unauthorized()
        kept = self._kept.get(token)
        if kept is not None and self._clock() < kept[0]:
            self._kept.move_to_end(token)
            return kept[1]
        event = _event(token, request)
        content = _encoded(event)
        running = self._asking.get(token)
        if running is not None and running.call.is_running and running.content != content:
            decision = await _decision_for_others(running.call)
            if decision is None or decision.lifetime == 0:
                decision = await self._ask(token, event, request_id)
            return decision.allowed()
        if running is None or not running.call.is_running:
            call = SharedCall(self._ask(token, event, request_id), lambda call: self._forget(token, call))
            running = self._asking[token] = _Question(content, call)
        return (await running.call.result()).allowed()

    def _forget(self, token: str, call: SharedCall[_Decision]) -> None:
        question = self._asking.get(token)
        if question is not None and question.call is call:
            del self._asking[token]

    async def _ask(self, token: str, event: dict[str, Any], request_id: str) -> _Decision:
        event["requestContext"]["requestId"] = request_id
        try:
            async with asyncio.timeout(TIME_LIMIT):
                answer = await self._invoker.invoke(self._function, event)
        except (FunctionFailed, TimeoutError) as failure:
            kind = getattr(failure, "type", "Lambda:ExecutionTimeoutException")
            log.warning("the authorizer %s failed: %s", self._function, kind)
            raise _refusal(kind) from None
        answer = answer if isinstance(answer, dict) else {}
        caller = _caller(answer) if answer.get("isAuthorized") is True else None
        decision = _Decision(caller, self._lifetime(answer))
        self._keep(token, decision)
        return decision

    def _lifetime(self, answer: Mapping[str, Any]) -> float:
        ttl = answer.get("ttlOverride", self._ttl)
        if not isinstance(ttl, int) or isinstance(ttl, bool) or ttl <= 0 or len(orjson.dumps(answer)) > LARGEST_KEPT:
            return 0
        return min(ttl, LONGEST_TTL)

    def _keep(self, token: str, decision: _Decision) -> None:
        self._kept.pop(token, None)
        if decision.caller is None or decision.lifetime == 0:
            return
        self._kept[token] = (self._clock() + decision.lifetime, decision.caller)
        if len(self._kept) > ANSWERS_KEPT:
            self._kept.popitem(last=False)


async def _decision_for_others(call: SharedCall[_Decision]) -> _Decision | None:
    """The decision about another request with the same token; None if that request alone was refused.

    Raises:
        RequestRefused: The function could not be invoked; asking again at once would make it worse.
    """
    try:
        return await call.result()
    except RequestRefused as refused:
        if refused.status != 401:
            raise
        return None


def _encoded(event: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps(event)
    except orjson.JSONEncodeError:
        message = "the variables are nested deeper than 254 levels, or hold a number beyond 64 bits"
        raise RequestRefused(400, "BadRequestException", message) from None


def _event(token: str, request: AuthorizationRequest) -> dict[str, Any]:
    """The function's event, without the request's id."""
    return {
        "authorizationToken": token,
        "requestContext": {"apiId": "local", "accountId": "000000000000", **request.operation},
        "requestHeaders": {
            name: value if isinstance(value, str) else ",".join(value) for name, value in request.headers.items()
        },
    }


def _refusal(failure: str) -> RequestRefused:
    """The answer to a request whose authorizer failed. What AppSync answers without capacity is not documented."""
    match failure:
        case "Lambda:TooManyRequestsException":
            return throttled()
        case "Lambda:ServiceException" | "Lambda:ExecutionTimeoutException":  # the token may be valid
            return RequestRefused(503, "ServiceUnavailableException", "The authorizer is not available.")
        case _:
            return unauthorized()


def _caller(answer: Mapping[str, Any]) -> Caller:
    context = answer.get("resolverContext") or {}
    if not isinstance(context, dict) or any(isinstance(value, dict | list) for value in context.values()):
        log.warning("the authorizer's resolverContext must be a flat object; nested values are not supported")
        raise unauthorized()
    denied = answer.get("deniedFields") or []
    if not isinstance(denied, list) or not all(isinstance(field, str) for field in denied):
        log.warning("the authorizer's deniedFields must be a list of Type.field or of field ARNs")
        raise unauthorized()
    return Caller(
        mode=AuthMode.LAMBDA,
        identity={"resolverContext": context},
        denied=frozenset(_coordinate(field) for field in denied),
    )


def _coordinate(field: str) -> str:
    """`Type.field`, also from an ARN that ends in `/types/Type/fields/field`."""
    if "/types/" not in field:
        return field
    return field.rsplit("/types/", 1)[1].replace("/fields/", ".")
