"""The Lambda authorizer: what the function is told, and what its answer means.

Source: AppSync Developer Guide, "AWS_LAMBDA authorization". `Deepdish:Connect` is spelt as the service sends it.
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
from appsync_local.errors import ApiInvalid, FunctionFailed, unauthorized
from appsync_local.lambda_invoker import LambdaInvoker

TIME_LIMIT: Final = 10.0  # seconds
LONGEST_TTL: Final = 3600  # seconds
ANSWERS_KEPT: Final = 1024
LARGEST_KEPT: Final = 1_048_575  # bytes of an answer's JSON; larger ones are asked for every time
CONNECT: Final[Mapping[str, object]] = {"operationName": "Deepdish:Connect", "queryString": "", "variables": {}}

log = logging.getLogger("appsync_local")


@dataclass(frozen=True, slots=True)
class AuthorizerOptions:
    """How AppSync is set up to use the authorizer.

    Args:
        ttl: Seconds for which an answer that says nothing about it is kept, at most 3600; 0: not at all.
        identity_validation: What a whole token has to match before the function is asked; None: anything does.
    """

    ttl: int = 0
    identity_validation: str | None = None


DEFAULT_OPTIONS: Final = AuthorizerOptions()


class LambdaAuthorizer:
    """Asks the authorizer function, and keeps an answer for as long as it says, or else as the options do.

    Answers are kept by token alone: neither the query nor the headers count.

    Raises:
        ApiInvalid: The identity validation is no regular expression.
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
            raise ApiInvalid([f"the authorizer's identity validation is no regular expression: {error}"]) from None
        self._kept: OrderedDict[str, tuple[float, Caller]] = OrderedDict()

    async def verify(self, credential: AuthorizerToken, request: AuthorizationRequest, request_id: str) -> Caller:
        """The caller that the function describes.

        Raises:
            RequestRefused: The function said no, failed, or answered something else than AppSync takes; or the token
                does not have the form that is asked for.
        """
        if self._valid is not None and self._valid.fullmatch(credential.token) is None:
            raise unauthorized()
        kept = self._kept.get(credential.token)
        if kept is not None and self._clock() < kept[0]:
            self._kept.move_to_end(credential.token)
            return kept[1]
        answer = await self._ask(credential, request, request_id)
        caller = _caller(answer)
        self._keep(credential.token, caller, answer)
        return caller

    async def _ask(
        self, credential: AuthorizerToken, request: AuthorizationRequest, request_id: str
    ) -> Mapping[str, Any]:
        event = {
            "authorizationToken": credential.token,
            "requestContext": {"apiId": "local", "accountId": "000000000000", "requestId": request_id}
            | dict(request.operation),
            "requestHeaders": {
                name: value if isinstance(value, str) else ",".join(value) for name, value in request.headers.items()
            },
        }
        try:
            async with asyncio.timeout(TIME_LIMIT):
                answer = await self._invoker.invoke(self._function, event)
        except (FunctionFailed, TimeoutError) as failure:
            log.warning("the authorizer %s failed: %s", self._function, getattr(failure, "type", "timed out"))
            raise unauthorized() from None
        if not isinstance(answer, dict) or answer.get("isAuthorized") is not True:
            raise unauthorized()
        return answer

    def _keep(self, token: str, caller: Caller, answer: Mapping[str, Any]) -> None:
        self._kept.pop(token, None)
        ttl = answer.get("ttlOverride", self._ttl)
        if not isinstance(ttl, int) or isinstance(ttl, bool) or ttl <= 0 or len(orjson.dumps(answer)) > LARGEST_KEPT:
            return
        self._kept[token] = (self._clock() + min(ttl, LONGEST_TTL), caller)
        if len(self._kept) > ANSWERS_KEPT:
            self._kept.popitem(last=False)


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
