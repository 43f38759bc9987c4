"""HTTP messages as AppSync has them: headers and ids in, JSON, refusals and CORS out."""

import re
import sys
from random import Random
from typing import Final

import orjson
from aiohttp import web

from appsync_local.authorization.credentials import Headers
from appsync_local.devtools.pages import Page
from appsync_local.execution.request_handler import GraphqlResponse

_CORS: Final = {
    "access-control-allow-origin": "*",
    "access-control-expose-headers": (
        "x-amzn-RequestId,x-amzn-ErrorType,x-amz-user-agent,x-amzn-ErrorMessage,Date,x-amz-schema-version"
    ),
}
_NAMES: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+(\s*,\s*[!#$%&'*+.^_`|~0-9A-Za-z-]+)*")  # of headers
_JSON: Final = "application/json;charset=UTF-8"
_random: Final = Random()  # noqa: S311  # no secret depends on a request's id
_VARIANT: Final = {digit: "89ab"[int(digit, 16) % 4] for digit in "0123456789abcdef"}  # Source: RFC 9562, section 4.1


def new_request_id() -> str:
    """A version 4 UUID. `uuid` would ask the system for randomness, which costs every request some microseconds."""
    digits = f"{_random.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{_VARIANT[digits[16]]}{digits[17:20]}-{digits[20:]}"


def headers_of(request: web.BaseRequest) -> Headers:
    """The headers by lower-case name, as authorization and resolvers take them."""
    headers: dict[str, str | list[str]] = {}
    for name, value in request.headers.items():
        key = sys.intern(name.lower())  # the same few names come with every connection
        before = headers.get(key)
        if before is None:
            headers[key] = value
        else:
            headers[key] = [*([before] if isinstance(before, str) else before), value]
    return headers


def page_response(page: Page) -> web.Response:
    """A page of the embedder's, which is no part of AppSync."""
    headers = {
        "content-type": page.content_type,
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        **page.headers,
    }
    return web.Response(status=page.status, body=page.body, headers=headers)


def refusal(status: int, error_type: str, message: str, request_id: str) -> web.Response:
    """A request that is not carried out."""
    body = orjson.dumps({"errors": [{"errorType": error_type, "message": message}]})
    return json_response(GraphqlResponse(status, body, error_type), request_id)


def json_response(answer: GraphqlResponse, request_id: str) -> web.Response:
    """The response with AppSync's headers."""
    headers = {
        **answer.headers,
        "content-type": _JSON,
        "x-amzn-requestid": request_id,
        "x-amzn-appsync-tokensconsumed": "1",
        **_CORS,
    }
    if answer.error_type is not None:
        headers["x-amzn-errortype"] = answer.error_type
    return web.Response(status=answer.status, body=answer.body, headers=headers)


def preflight(request: web.BaseRequest) -> web.Response:
    """The answer to a browser that asks whether a page may call the API: any page may."""
    asked = request.headers.get("access-control-request-headers", "")
    headers = {
        **_CORS,
        "access-control-allow-methods": "POST, OPTIONS",
        "access-control-allow-headers": asked if _NAMES.fullmatch(asked) else "authorization,content-type,x-api-key",
        "access-control-max-age": "600",
    }
    return web.Response(status=200, headers=headers)
