"""A GraphQL request as a client sends it: JSON with a document, variables and the name of an operation."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl

import orjson

from appsync_local.api.endpoints import GRAPHQL_PATH
from appsync_local.authorization.caller import Caller
from appsync_local.authorization.credentials import AuthorizationRequest, Headers
from appsync_local.errors import FieldError, RequestRefused
from appsync_local.javascript.context import RequestContext

MOST_PARAMETERS: Final = 100
_MALFORMED: Final = "MalformedHttpRequestException"
_OBJECT_OR_NULL: Final = (dict, type(None))
_TEXT_OR_NULL: Final = (str, type(None))


@dataclass(slots=True)
class GraphqlRequest:
    """One request.

    Args:
        query: The text of the document.
        variables: The variables as the client sent them.
        operation_name: Which operation of the document to run; None if the client named none.
        members: The whole JSON object.
    """

    query: str
    variables: Mapping[str, Any]
    operation_name: str | None
    members: Mapping[str, Any]

    def authorization_request(
        self,
        body: bytes,
        headers: Headers,
        peer: str,
        raw_query: str = "",
        method: str = "POST",
        path: str = GRAPHQL_PATH,
    ) -> AuthorizationRequest:
        """The request as authorization checks it.

        Args:
            body: The exact bytes that a signature covers.
            headers: Headers with the credential, by lower-case name.
            peer: Address of the client.
            raw_query: The query string of the URL, not decoded.
            method: The HTTP method.
            path: The path of the API.
        """
        operation: dict[str, object] = {"queryString": self.query, "variables": self.variables}
        if "operationName" in self.members:  # the authorizer receives this key only if the client sent it
            operation["operationName"] = self.members["operationName"]
        return AuthorizationRequest(headers, path, body, peer, raw_query, operation, method)

    def context(self, caller: Caller, headers: Headers) -> RequestContext:
        """What the resolvers of this request share.

        Raises:
            RequestRefused: A variable cannot be passed to resolver code.
        """
        try:
            return RequestContext(caller, headers, self.variables)
        except FieldError as error:
            raise RequestRefused(400, "BadRequestException", error.message) from None


def parse_request(body: bytes) -> GraphqlRequest:
    """The request in a body.

    Raises:
        RequestRefused: The body is empty, is not JSON, or is not a GraphQL request.
    """
    if not body:
        raise RequestRefused(400, _MALFORMED, "Request body is empty.")
    try:
        members = orjson.loads(body)
    except orjson.JSONDecodeError:
        members = None
    return _request(members)


def parse_query_string(text: str) -> GraphqlRequest:
    """The request in the query string of a GET: `query`, and perhaps `variables` as JSON, and `operationName`.

    Raises:
        RequestRefused: There is no query, a parameter is repeated, or the variables are not JSON.

    Source: GraphQL over HTTP, "GET".
    """
    try:
        given = parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_PARAMETERS, errors="strict")
    except ValueError:
        raise RequestRefused(400, _MALFORMED, "Unable to parse GraphQL query.") from None
    if not given:
        raise RequestRefused(400, _MALFORMED, "send a POST request, or a GET request with `query` in the query string")
    members: dict[str, Any] = dict(given)
    if len(members) < len(given):
        raise RequestRefused(400, _MALFORMED, "a parameter of the query string is repeated; send each one once")
    for name in ("variables", "extensions"):
        if name in members:
            try:
                members[name] = orjson.loads(members[name]) if members[name] else None
            except orjson.JSONDecodeError:
                raise RequestRefused(400, _MALFORMED, f"the parameter {name} must be JSON") from None
    return _request(members)


def _request(members: object) -> GraphqlRequest:
    if not isinstance(members, dict) or not isinstance(members.get("query"), str) or not members["query"]:
        raise RequestRefused(400, _MALFORMED, "Unable to parse GraphQL query.")
    variables, name = members.get("variables"), members.get("operationName")
    if not isinstance(variables, _OBJECT_OR_NULL) or not isinstance(name, _TEXT_OR_NULL):
        raise RequestRefused(400, _MALFORMED, "Unable to parse GraphQL query.")
    return GraphqlRequest(members["query"], variables or {}, name, members)
