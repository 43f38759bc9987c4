"""HTTP messages in AppSync's form: request headers and ids, JSON responses, errors and CORS."""

import re
import sys
from collections.abc import Iterable
from random import Random
from typing import Final

import orjson
from aiohttp import web

from appsync_local.authorization.credentials import Headers
from appsync_local.devtools.pages import Page
from appsync_local.execution.request_handler import GraphqlResponse

_EXPOSED: Final = {
    "access-control-expose-headers": (
        "x-amzn-RequestId,x-amzn-ErrorType,x-amz-user-agent,x-amzn-ErrorMessage,Date,x-amz-schema-version"
    ),
}
_NAMES: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+(\s*,\s*[!#$%&'*+.^_`|~0-9A-Za-z-]+)*")  # of headers
_JSON: Final = "application/json;charset=UTF-8"
_random: Final = Random()  # noqa: S311  # request ids are not secret
_VARIANT: Final = {digit: "89ab"[int(digit, 16) % 4] for digit in "0123456789abcdef"}  # Source: RFC 9562, section 4.1


def new_request_id() -> str:
    """A version 4 UUID. `uuid` reads randomness from the system, which takes some microseconds for every request."""
    digits = f"{_random.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{_VARIANT[digits[16]]}{digits[17:20]}-{digits[20:]}"


def headers_of(request: web.BaseRequest) -> Headers:
    """The headers by lower-case name; a header that was sent more than once has a list."""
    headers: dict[str, str | list[str]] = {}
    for name, value in request.headers.items():
        key = sys.intern(name.lower())  # every connection sends the same few names
        before = headers.get(key)
        if before is None:
            headers[key] = value
        else:
            headers[key] = [*([before] if isinstance(before, str) else before), value]
    return headers


def page_response(page: Page) -> web.Response:
    """The response with a page of the embedder, which is not part of AppSync."""
    headers = {
        "content-type": page.content_type,
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        **page.headers,
    }
    return web.Response(status=page.status, body=page.body, headers=headers)


def refusal(status: int, error_type: str, message: str, request_id: str) -> web.Response:
    """The response to a request that is not executed."""
    body = orjson.dumps({"errors": [{"errorType": error_type, "message": message}]})
    return json_response(GraphqlResponse(status, body, error_type), request_id)


def json_response(answer: GraphqlResponse, request_id: str) -> web.Response:
    """A response with AppSync's headers."""
    headers = {
        **answer.headers,
        "content-type": _JSON,
        "x-amzn-requestid": request_id,
        "x-amzn-appsync-tokensconsumed": "1",
        **_EXPOSED,
    }
    if answer.error_type is not None:
        headers["x-amzn-errortype"] = answer.error_type
    return web.Response(status=answer.status, body=answer.body, headers=headers)


def preflight(request: web.BaseRequest, methods: Iterable[str]) -> web.Response:
    """The response to a browser's CORS preflight from an allowed origin, except for the origin's own header.

    Args:
        request: The preflight.
        methods: The methods that pages may use.
    """
    requested = request.headers.get("access-control-request-headers", "")
    allowed = requested if _NAMES.fullmatch(requested) else "authorization,content-type,x-api-key"
    headers = {
        "access-control-allow-methods": ", ".join(methods),
        "access-control-allow-headers": allowed,
        "access-control-max-age": "600",
    }
    return web.Response(status=200, headers=headers)
