"""Answers GraphQL requests that arrive over HTTP: authorization, execution, and the response's status and body."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from graphql import OperationType

from appsync_local.api.endpoints import GRAPHQL_PATH
from appsync_local.authorization.authenticator import Authenticator
from appsync_local.authorization.caller import Caller
from appsync_local.authorization.credentials import Headers
from appsync_local.devtools.internal_failures import INTERNAL_FAILURE, report_internal_failure
from appsync_local.devtools.meter import Meter
from appsync_local.devtools.operation_log import LogFields, OperationRecord, no_log_fields, outcome_of
from appsync_local.errors import OperationInvalid, RequestRefused, ResponseTooLarge
from appsync_local.execution.execution import Execution, MutationPublisher
from appsync_local.operation.documents import Documents, Operation
from appsync_local.operation.request import GraphqlRequest, parse_query_string, parse_request


@dataclass(frozen=True, slots=True)
class GraphqlResponse:
    """The response to one request.

    Args:
        status: The HTTP status code.
        body: JSON.
        error_type: The value of `x-amzn-errortype`; None if the request was carried out.
        headers: Headers that resolvers added.
    """

    status: int
    body: bytes
    error_type: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class RequestHandler:
    """Answers the requests of one API.

    Args:
        authenticator: Authenticates callers.
        documents: Parses and keeps documents.
        publisher: Receives the results of mutations.
        meter: Counts operations.
        log_fields: Further fields of an operation's log line.
        path: The path of the API, which signatures cover.
    """

    def __init__(
        self,
        authenticator: Authenticator,
        documents: Documents,
        publisher: MutationPublisher,
        meter: Meter,
        log_fields: LogFields = no_log_fields,
        path: str = GRAPHQL_PATH,
    ) -> None:
        self._log_fields = log_fields
        self._path = path
        self._authenticator = authenticator
        self._documents = documents
        self._publisher = publisher
        self._meter = meter

    async def answer(
        self, body: bytes, *, headers: Headers, query: str, peer: str, request_id: str, method: str = "POST"
    ) -> GraphqlResponse:
        """Run one request.

        Args:
            body: The exact body.
            headers: By lower-case name.
            query: The query string of the URL, not decoded.
            peer: Address of the client.
            request_id: Unique to this request.
            method: `POST` with the request in the body, or `GET` with the request in the query string.
        """
        started = time.perf_counter()
        record = OperationRecord("request")
        variables: Mapping[str, Any] = {}
        data: object = None
        try:
            request = parse_request(body) if method == "POST" else parse_query_string(query)
            variables = request.variables
            to_check = request.authorization_request(body, headers, peer, query, method, self._path)
            record.caller = caller = await self._authenticator.authenticate(to_check, request_id)
            operation = self._documents.get(request.query).operation(request.operation_name)
            record.operation = operation.title
            result, added = await self._execute(operation, request, caller, headers)
        except RequestRefused as refused:
            record.outcome = f"{refused.status} {refused.error_type}"
            error = {"errorType": refused.error_type, "message": refused.message}
            return GraphqlResponse(refused.status, orjson.dumps({"errors": [error]}), refused.error_type)
        except OperationInvalid as invalid:
            record.outcome = "invalid"
            return GraphqlResponse(200, orjson.dumps({"data": None, "errors": invalid.entries}))
        except ResponseTooLarge as too_large:
            record.outcome = "too large"
            error = {"errorType": "BadRequestException", "message": str(too_large)}
            return GraphqlResponse(200, orjson.dumps({"data": None, "errors": [error]}))
        except Exception as failure:
            record.outcome = f"500 {INTERNAL_FAILURE}"
            entry = report_internal_failure(f"request {request_id}", failure)
            return GraphqlResponse(500, orjson.dumps({"errors": [entry]}), INTERNAL_FAILURE)
        else:
            record.outcome = outcome_of(result)
            data = result["data"]
            return GraphqlResponse(200, _encoded(result), headers=added)
        finally:
            record.fields = self._log_fields(variables, data if isinstance(data, dict) else {})
            record.write(time.perf_counter() - started)

    async def _execute(
        self, operation: Operation, request: GraphqlRequest, caller: Caller, headers: Headers
    ) -> tuple[dict[str, object], Mapping[str, str]]:
        """The response, and the headers that resolvers added to it."""
        if operation.type is OperationType.SUBSCRIPTION:
            message = "subscriptions are not supported over HTTP; open a realtime connection"
            return {"data": None, "errors": [{"errorType": "OperationNotSupported", "message": message}]}, {}
        variables = operation.variables(request.variables)
        context = request.context(caller, headers)
        plan = operation.plan(variables)
        for name in plan.metered:
            self._meter.operations[name] += 1
        execution = Execution(plan, variables, context, self._publisher)
        return await execution.run(), execution.headers.added


def _encoded(result: dict[str, object]) -> bytes:
    try:
        return orjson.dumps(result)
    except orjson.JSONEncodeError:
        message = "the result is nested too deeply, or holds a number beyond 64 bits"
        return orjson.dumps({"data": None, "errors": [{"errorType": INTERNAL_FAILURE, "message": message}]})
