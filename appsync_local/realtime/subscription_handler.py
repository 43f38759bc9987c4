"""The API as its two doors use it: a request over HTTP, and a connection or a `start` over realtime."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from graphql import GraphQLError, OperationType

from appsync_local.authorization.caller import Caller
from appsync_local.authorization.credentials import Headers, Presented
from appsync_local.authorization.gate import Gate
from appsync_local.authorization.lambda_authorizer import CONNECT
from appsync_local.devtools.counters import Counters
from appsync_local.devtools.meter import Meter
from appsync_local.devtools.operation_log import Entry, outcome_of
from appsync_local.errors import (
    UNAUTHORIZED_EXCEPTION,
    AnswerTooLarge,
    EngineError,
    FieldError,
    FieldUnauthorized,
    FilterInvalid,
    OperationInvalid,
    RequestRefused,
)
from appsync_local.execution.execution import Execution, field_context
from appsync_local.javascript.context import RequestContext
from appsync_local.operation.documents import Documents, Operation, weight_of
from appsync_local.operation.plan import Step
from appsync_local.realtime.filters import Filter, argument_filter, parse_filter
from appsync_local.realtime.handshake import CONNECT_BODY, CONNECT_PATH
from appsync_local.realtime.protocol import UNSUPPORTED
from appsync_local.realtime.publication import Publisher
from appsync_local.realtime.subscription_registry import Registry, Subscription
from appsync_local.resolvers.loading import ExecutableApi
from appsync_local.resolvers.resolution import Resolution

GRAPHQL_PATH: Final = "/graphql"
_INTERNAL: Final = "InternalFailure"
_MALFORMED: Final = "MalformedHttpRequestException"
_OBJECT_OR_NULL: Final = (dict, type(None))
_TEXT_OR_NULL: Final = (str, type(None))

log = logging.getLogger("appsync_local")


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response.

    Args:
        status: The status code.
        body: JSON.
        error_type: Set on refusals, for `x-amzn-errortype`.
        headers: What resolvers added.
    """

    status: int
    body: bytes
    error_type: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class SubscriptionRefused(EngineError):
    """A `start` that is answered with `error`; `errors` is the payload's list."""

    def __init__(self, errors: list[dict[str, object]]) -> None:
        self.errors = errors
        super().__init__(str(errors[0].get("errorType") or "invalid"))


@dataclass(slots=True)
class _Request:
    """A GraphQL request; `members` is its JSON object."""

    query: str
    variables: Mapping[str, Any]
    operation_name: str | None
    members: Mapping[str, Any]

    def for_authorizer(self) -> dict[str, object]:
        told: dict[str, object] = {"queryString": self.query, "variables": self.variables}
        if "operationName" in self.members:  # told only if the client sent the key
            told["operationName"] = self.members["operationName"]
        return told


class Service:
    """Answers requests and `start` messages, and hands events to subscriptions."""

    def __init__(self, api: ExecutableApi, gate: Gate, meter: Meter) -> None:
        self.api = api
        self.gate = gate
        self.registry = Registry()
        self.counters = Counters()
        self.meter = meter
        self._documents = Documents(api)
        self._publisher = Publisher(api, self.registry, self.counters, meter)

    def take_over(self, before: "Service") -> None:
        """Go on with the subscriptions of a service that is to be replaced.

        They are planned anew for this API; those that do not fit its schema any more are ended. Requests that run on
        the other service finish there, and their events reach the same subscriptions.
        """
        self.registry = before.registry
        self.counters = before.counters
        self.meter = before.meter
        self._publisher = Publisher(self.api, self.registry, self.counters, self.meter)
        for subscription in self.registry.subscriptions():
            operation = subscription.plan.operation
            name = operation.name.value if operation.name else None
            try:
                text = operation.loc.source.body if operation.loc else ""
                subscription.plan = self._documents.get(text).operation(name).plan(subscription.variables)
            except (OperationInvalid, RequestRefused):
                log.info("a subscription to %s was ended: it does not fit the schema any more", subscription.field)
                subscription.end()

    async def answer(self, body: bytes, *, headers: Headers, query: str, peer: str, request_id: str) -> Answer:
        """Run one HTTP request.

        Args:
            body: The exact body.
            headers: By lower-case name.
            query: The raw query string.
            peer: Address of the client.
            request_id: Unique to this request.
        """
        started = time.perf_counter()
        entry = Entry("request")
        try:
            request = _parse(body)
            presented = Presented(headers, GRAPHQL_PATH, body, peer, query, request.for_authorizer())
            entry.caller = caller = await self.gate.authenticate(presented, request_id)
            operation = self._documents.get(request.query).operation(request.operation_name)
            entry.operation = operation.title
            result, added = await self._execute(operation, request, caller, headers)
        except RequestRefused as refused:
            entry.outcome = f"{refused.status} {refused.error_type}"
            error = {"errorType": refused.error_type, "message": refused.message}
            return Answer(refused.status, orjson.dumps({"errors": [error]}), refused.error_type)
        except OperationInvalid as invalid:
            entry.outcome = "invalid"
            return Answer(200, orjson.dumps({"data": None, "errors": invalid.entries}))
        except AnswerTooLarge as too_large:
            entry.outcome = "too large"
            error = {"errorType": "BadRequestException", "message": str(too_large)}
            return Answer(200, orjson.dumps({"data": None, "errors": [error]}))
        except Exception:
            log.exception("a request failed inside the engine")
            entry.outcome = f"500 {_INTERNAL}"
            error = {"errorType": _INTERNAL, "message": "an internal failure occurred"}
            return Answer(500, orjson.dumps({"errors": [error]}), _INTERNAL)
        else:
            entry.outcome = outcome_of(result)
            return Answer(200, _encoded(result), headers=added)
        finally:
            entry.write(time.perf_counter() - started)

    async def _execute(
        self, operation: Operation, request: _Request, caller: Caller, headers: Headers
    ) -> tuple[dict[str, object], Mapping[str, str]]:
        """The response, and the headers that resolvers added to it."""
        if operation.type is OperationType.SUBSCRIPTION:
            message = "subscriptions are not supported over HTTP; open a realtime connection"
            return {"data": None, "errors": [{"errorType": "OperationNotSupported", "message": message}]}, {}
        variables = operation.variables(request.variables)
        context = _request_context(caller, headers, request)
        plan = operation.plan(variables)
        for name in plan.metered:
            self.meter.operations[name] += 1
        execution = Execution(plan, variables, context, self._publisher)
        return await execution.run(), execution.headers.added

    async def connect(self, headers: Headers, *, peer: str, request_id: str) -> None:
        """Check what a realtime client presented on connecting.

        Raises:
            RequestRefused: The connection must not be used.
        """
        started = time.perf_counter()
        entry = Entry("connect")
        try:
            presented = Presented(headers, CONNECT_PATH, CONNECT_BODY, peer, operation=CONNECT)
            entry.caller = await self.gate.authenticate(presented, request_id)
        except RequestRefused as refused:
            entry.outcome = f"{refused.status} {refused.error_type}"
            raise
        finally:
            entry.write(time.perf_counter() - started)

    async def subscribe(
        self,
        data: str,
        *,
        authorization: Headers,
        headers: Headers,
        peer: str,
        request_id: str,
        deliver: Callable[[bytes], None],
        end: Callable[[], None],
    ) -> Subscription:
        """Check a `start` and run its resolver; the caller registers what comes back.

        Args:
            data: The request's JSON, exactly as sent.
            authorization: The message's authorization object.
            headers: What the connection presented; the authorization object goes before it.
            peer: Address of the client.
            request_id: Unique to this `start`.
            deliver: Takes payloads.
            end: Ends the subscription from this side.

        Raises:
            SubscriptionRefused: With the errors to send.
        """
        started = time.perf_counter()
        entry = Entry("start")
        try:
            request = _parse(data.encode())
            presented = Presented(authorization, GRAPHQL_PATH, data.encode(), peer, operation=request.for_authorizer())
            entry.caller = caller = await self.gate.authenticate(presented, request_id)
            operation = self._documents.get(request.query).operation(request.operation_name)
            entry.operation = operation.title
            context = _request_context(caller, {**headers, **authorization}, request)
            return await self._subscription(operation, request, context, deliver, end, data)
        except SubscriptionRefused as refused:
            entry.outcome = str(refused)
            raise
        except RequestRefused as refused:
            entry.outcome = refused.error_type
            raise SubscriptionRefused([{"errorType": refused.error_type, "message": refused.message}]) from None
        except OperationInvalid as invalid:
            entry.outcome = "invalid"
            raise SubscriptionRefused([{"message": e["message"]} for e in invalid.entries]) from None
        except FilterInvalid as invalid:
            entry.outcome = "invalid filter"
            raise SubscriptionRefused([{"message": str(invalid), "errorCode": 400}]) from None
        except FieldError as error:
            entry.outcome = error.type or "error"
            kind = {"errorType": error.type} if error.type else {}
            raise SubscriptionRefused([{**kind, "message": error.message}]) from None
        finally:
            entry.write(time.perf_counter() - started)

    async def _subscription(
        self,
        operation: Operation,
        request: _Request,
        context: RequestContext,
        deliver: Callable[[bytes], None],
        end: Callable[[], None],
        data: str,
    ) -> Subscription:
        if operation.type is not OperationType.SUBSCRIPTION:
            message = f"{operation.type.value} not supported through the realtime channel"
            raise SubscriptionRefused([{"errorType": UNSUPPORTED, "message": message}])
        variables = operation.variables(request.variables)
        plan = operation.plan(variables)
        if not plan.steps:
            raise SubscriptionRefused([{"message": "the subscription selects no field"}])
        [step] = plan.steps
        _require_access(step, context.caller)
        if not context.caller.may_call(step.coordinate):
            raise RequestRefused(401, UNAUTHORIZED_EXCEPTION, "Permission denied")
        try:
            field = field_context(step, None, context, variables)
        except GraphQLError as error:
            raise SubscriptionRefused([{"message": error.message}]) from None
        chosen: Filter = argument_filter(field.arguments)
        invalidation: Filter = ()
        if step.resolver is not None:
            resolution = Resolution(field)
            await resolution.run(step.resolver)  # its value goes nowhere: a resolver of a subscription guards it
            if resolution.filter is not None:
                chosen = parse_filter(resolution.filter)
            if resolution.invalidation_filter is not None:
                invalidation = parse_filter(resolution.invalidation_filter)
        weight = weight_of(operation.fields, data)
        return Subscription(step.name, chosen, plan, variables, deliver, end, invalidation, weight)


def _require_access(step: Step, caller: Caller) -> None:
    """Refuse a subscription of which one field, however deep, is not the caller's to see."""
    if step.rule is not None and (not caller.fits(step.rule) or caller.is_denied(step.coordinate)):
        raise FieldUnauthorized(step.parent.name, step.name)
    for child in step.possible_children():
        _require_access(child, caller)


def _parse(body: bytes) -> _Request:
    if not body:
        raise RequestRefused(400, _MALFORMED, "Request body is empty.")
    try:
        members = orjson.loads(body)
    except orjson.JSONDecodeError:
        members = None
    if not isinstance(members, dict) or not isinstance(members.get("query"), str) or not members["query"]:
        raise RequestRefused(400, _MALFORMED, "Unable to parse GraphQL query.")
    variables, name = members.get("variables"), members.get("operationName")
    if not isinstance(variables, _OBJECT_OR_NULL) or not isinstance(name, _TEXT_OR_NULL):
        raise RequestRefused(400, _MALFORMED, "Unable to parse GraphQL query.")
    return _Request(members["query"], variables or {}, name, members)


def _request_context(caller: Caller, headers: Headers, request: _Request) -> RequestContext:
    try:
        return RequestContext(caller, headers, request.variables)
    except FieldError as error:  # a value that cannot be handed to resolvers
        raise RequestRefused(400, "BadRequestException", error.message) from None


def _encoded(result: dict[str, object]) -> bytes:
    try:
        return orjson.dumps(result)
    except orjson.JSONEncodeError:
        message = "the result is nested too deeply, or holds a number beyond 64 bits"
        return orjson.dumps({"data": None, "errors": [{"errorType": "InternalFailure", "message": message}]})
