"""Lambda's Invoke on the wire, for functions and state machines of a template that invoke functions.

Requests must be signed with an access key of the stack. Other operations of Lambda are refused by name.

Source: AWS Lambda API Reference, Invoke.
"""

import hashlib
import re
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final
from urllib.parse import unquote

import orjson
from aiohttp import web

from appsync_local.errors import FunctionFailed
from local_stack.services.functions import Functions
from local_stack.services.signatures import SignatureCheck, SignatureRefused, SignedRequest

PATH: Final = "/lambda"
LARGEST: Final = 6_291_456  # bytes. Source: Lambda quotas, invocation payload
_INVOKE: Final = re.compile(r"/2015-03-31/functions/(?P<function>[^/]+)/invocations")
_STATUS: Final = {"ResourceNotFoundException": 404, "TooManyRequestsException": 429, "ServiceException": 500}


class LambdaApi:
    """Serves Invoke.

    Args:
        functions: Runs the functions.
        keys: The access keys that may invoke functions, the secrets by their ids.
        region: The region that signatures must name.
        path: The path of the service, without a slash at the end.
        clock: The time, in UTC.
    """

    methods = ("POST",)
    exposed = ("x-amzn-RequestId", "x-amzn-ErrorType", "X-Amz-Function-Error")

    def __init__(
        self,
        functions: Functions,
        *,
        keys: Mapping[str, str],
        region: str,
        path: str = PATH,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._functions = functions
        self._signatures = SignatureCheck("lambda", region, keys)
        self.path = path
        self._clock = clock

    async def handle(self, request: web.BaseRequest, headers: Mapping[str, str]) -> web.StreamResponse:
        """See `Service`."""
        if (request.content_length or 0) > LARGEST:
            return _error(413, "RequestTooLargeException", f"the payload has more than {LARGEST} bytes", headers)
        body = await request.read()
        received = {name.lower(): value for name, value in request.headers.items()}
        path, _, query = request.raw_path.partition("?")
        try:
            self._signatures.verify(
                SignedRequest(request.method, path, query, received), hashlib.sha256(body).hexdigest(), self._clock()
            )
        except SignatureRefused as refused:
            return _error(403, "UnrecognizedClientException", str(refused), headers)
        asked = _INVOKE.fullmatch(path.removeprefix(self.path))
        if asked is None or request.method != "POST":
            return _error(400, "NoLocalCounterpart", "the local Lambda has only the operation Invoke", headers)
        try:
            payload = orjson.loads(body or b"{}")
        except orjson.JSONDecodeError as error:
            message = f"Could not parse request body into json: {error}"
            return _error(400, "InvalidRequestContentException", message, headers)
        return await self._invoke(
            name_of(unquote(asked["function"])), received.get("x-amz-invocation-type", ""), payload, headers
        )

    async def _invoke(
        self, function: str, invocation: str, payload: object, headers: Mapping[str, str]
    ) -> web.StreamResponse:
        try:
            match invocation:
                case "DryRun":
                    return web.Response(status=204, headers=headers)
                case "Event":
                    request_id = await self._functions.enqueue(function, payload)
                    return web.Response(status=202, headers={**headers, "x-amzn-RequestId": request_id})
                case _:
                    return _answer(await self._functions.run_to_end(function, payload), headers, None)
        except FunctionFailed as failed:
            kind = failed.type.removeprefix("Lambda:")
            if failed.name is None and kind != "Unhandled":
                return _error(_STATUS.get(kind, 400), kind, failed.message, headers)
            error = {"errorMessage": failed.message, **({} if failed.name is None else {"errorType": failed.name})}
            return _answer(error, headers, "Unhandled")


def name_of(function: str) -> str:
    """The name of a function that is given by name or ARN, with a version or an alias or without."""
    parts = function.split(":")
    if "function" in parts:
        return parts[parts.index("function") + 1]
    return parts[0]


def _answer(result: object, headers: Mapping[str, str], failure: str | None) -> web.Response:
    own = {"x-amzn-RequestId": str(uuid.uuid4()), "X-Amz-Executed-Version": "$LATEST"}
    if failure is not None:
        own["X-Amz-Function-Error"] = failure
    return web.Response(body=orjson.dumps(result), content_type="application/json", headers={**headers, **own})


def _error(status: int, code: str, message: str, headers: Mapping[str, str]) -> web.Response:
    body = orjson.dumps({"Type": "User", "Message": message, "message": message})
    own = {"x-amzn-ErrorType": code, "x-amzn-RequestId": str(uuid.uuid4())}
    return web.Response(status=status, body=body, content_type="application/json", headers={**headers, **own})
