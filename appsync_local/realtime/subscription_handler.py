"""Checks realtime connections, and starts subscriptions."""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLError, OperationType

from appsync_local.api.endpoints import GRAPHQL_PATH
from appsync_local.authorization.authenticator import Authenticator
from appsync_local.authorization.credentials import AuthorizationRequest, Headers
from appsync_local.devtools.counters import Counters
from appsync_local.devtools.health import Health
from appsync_local.devtools.operation_log import LogFields, OperationRecord, no_log_fields
from appsync_local.errors import (
    INVALID_SIGNATURE,
    UNAUTHORIZED_EXCEPTION,
    EngineError,
    FieldError,
    FieldUnauthorized,
    FilterInvalid,
    OperationInvalid,
    RequestRefused,
)
from appsync_local.execution.execution import field_context
from appsync_local.javascript.context import RequestContext
from appsync_local.operation.documents import Documents, Operation, weight_of
from appsync_local.operation.plan import Plan
from appsync_local.operation.request import GraphqlRequest, parse_request
from appsync_local.realtime.filters import Filter, argument_filter, parse_filter
from appsync_local.realtime.handshake import CONNECT, CONNECT_BODY, CONNECT_SUFFIX
from appsync_local.realtime.protocol import BAD_REQUEST, UNSUPPORTED
from appsync_local.realtime.subscription_registry import Subscription, SubscriptionRegistry
from appsync_local.resolvers.resolution import Resolution

log = logging.getLogger("appsync_local")


class SubscriptionRefused(EngineError):
    """A `start` that is answered with `error`; `errors` is the list in the message's payload."""

    def __init__(self, errors: list[dict[str, object]]) -> None:
        self.errors = errors
        super().__init__(str(errors[0].get("errorType") or "invalid"))


@dataclass(frozen=True, slots=True)
class AcceptedStart:
    """What a `start` subscribes to, after all checks.

    Attributes:
        field: The field of `Subscription`.
        filter: Selects the events.
        plan: The compiled operation.
        variables: The variables as the client sent them.
        invalidation: Selects the invalidations that end the subscription.
        weight: The size of the subscription in memory, in fields of its plan.
    """

    field: str
    filter: Filter
    plan: Plan
    variables: Mapping[str, Any]
    invalidation: Filter
    weight: int


class SubscriptionHandler:
    """Checks the connections and starts the subscriptions of one API.

    Args:
        authenticator: Authenticates callers.
        documents: Parses and keeps documents.
        registry: The live subscriptions.
        counters: Counts what no client is informed of.
        health: Counts the errors of sessions.
        log_fields: Further fields of an operation's log line.
        path: The path of the API, which signatures cover.
    """

    def __init__(
        self,
        authenticator: Authenticator,
        documents: Documents,
        registry: SubscriptionRegistry,
        counters: Counters,
        health: Health,
        log_fields: LogFields = no_log_fields,
        path: str = GRAPHQL_PATH,
    ) -> None:
        self._log_fields = log_fields
        self._path = path
        self.registry = registry
        self.counters = counters
        self.health = health
        self._authenticator = authenticator
        self._documents = documents

    def replan(self) -> None:
        """Compile the live subscriptions for this API, and end those that no longer fit its schema."""
        for subscription in self.registry.subscriptions():
            with self.health.loop("reload of subscriptions").turn():
                self._replan(subscription)

    def _replan(self, subscription: Subscription) -> None:
        operation = subscription.plan.operation
        name = operation.name.value if operation.name else None
        try:
            text = operation.loc.source.body if operation.loc else ""
            renewed = self._documents.get(text).operation(name)
            subscription.plan = renewed.plan(renewed.variables(subscription.variables))
        except (OperationInvalid, RequestRefused):
            log.info("a subscription to %s was ended: it does not fit the new schema", subscription.field)
            subscription.end()

    async def connect(self, headers: Headers, *, peer: str, request_id: str) -> None:
        """Check the credential of a realtime client that connects.

        Raises:
            RequestRefused: The connection must not be used.
        """
        started = time.perf_counter()
        record = OperationRecord("connect")
        try:
            to_check = AuthorizationRequest(headers, self._path + CONNECT_SUFFIX, CONNECT_BODY, peer, operation=CONNECT)
            record.caller = await self._authenticator.authenticate(to_check, request_id)
        except RequestRefused as refused:
            record.outcome = f"{refused.status} {refused.error_type}"
            raise
        finally:
            record.write(time.perf_counter() - started)

    async def subscribe(
        self,
        data: str,
        *,
        authorization: Headers,
        headers: Headers,
        peer: str,
        request_id: str,
    ) -> AcceptedStart:
        """Check a `start` and run its resolver; the caller registers the subscription.

        Args:
            data: The request's JSON, exactly as sent.
            authorization: The message's authorization object.
            headers: The headers of the connection; the authorization object overrides them.
            peer: Address of the client.
            request_id: Unique to this `start`.

        Raises:
            SubscriptionRefused: The request is invalid, or the caller is not authorized; has the errors to send.
        """
        started = time.perf_counter()
        record = OperationRecord("start")
        try:
            body = data.encode()
            request = parse_request(body)
            record.fields = self._log_fields(request.variables, {})
            to_check = request.authorization_request(body, authorization, peer, path=self._path)
            record.caller = caller = await self._authenticator.authenticate(to_check, request_id)
            operation = self._documents.get(request.query).operation(request.operation_name)
            record.operation = operation.title
            context = request.context(caller, {**headers, **authorization})
            return await self._subscription(operation, request, context, data)
        except SubscriptionRefused as refused:
            record.outcome = str(refused)
            raise
        except RequestRefused as refused:
            record.outcome = refused.error_type
            raise SubscriptionRefused([refusal_entry(refused)]) from None
        except OperationInvalid as invalid:
            record.outcome = "invalid"
            raise SubscriptionRefused([{"message": e["message"]} for e in invalid.entries]) from None
        except FilterInvalid as invalid:
            record.outcome = "invalid filter"
            raise SubscriptionRefused([{"message": str(invalid), "errorCode": 400}]) from None
        except FieldError as error:
            record.outcome = error.type or "error"
            kind = {"errorType": error.type} if error.type else {}
            raise SubscriptionRefused([{**kind, "message": error.message}]) from None
        finally:
            record.write(time.perf_counter() - started)

    async def _subscription(
        self,
        operation: Operation,
        request: GraphqlRequest,
        context: RequestContext,
        data: str,
    ) -> AcceptedStart:
        if operation.type is not OperationType.SUBSCRIPTION:
            message = f"{operation.type.value} not supported through the realtime channel"
            raise SubscriptionRefused([{"errorType": UNSUPPORTED, "message": message}])
        variables = operation.variables(request.variables)
        plan = operation.plan(variables)
        if not plan.steps:
            raise SubscriptionRefused([{"message": "the subscription selects no field"}])
        [step] = plan.steps
        for selected in (step, *step.below):
            if not selected.is_open_to(context.caller):
                raise FieldUnauthorized(selected.parent.name, selected.name)
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
            await resolution.run(step.resolver)  # its value is not used: the resolver only guards the subscription
            if resolution.filter is not None:
                chosen = parse_filter(resolution.filter)
            if resolution.invalidation_filter is not None:
                invalidation = parse_filter(resolution.invalidation_filter)
        weight = weight_of(operation.fields, data)
        return AcceptedStart(step.name, chosen, plan, request.variables, invalidation, weight)


def refusal_entry(refused: RequestRefused) -> dict[str, object]:
    """The entry of a refusal on this channel.

    The service sends a wrong signature with another type here than over HTTP (awslabs/aws-mobile-appsync-sdk-js pull
    request 561).
    """
    error_type = BAD_REQUEST if refused.error_type == INVALID_SIGNATURE else refused.error_type
    return {"errorType": error_type, "message": refused.message}
