"""State machines in moto's process: they are executed, and their tasks call the services of this process and Lambda.

moto's interpreter calls services by boto3, with keys that are public. So its calls do not leave the process: they are
answered here, before anything is sent. Calls to Lambda go to the stack, signed with the stack's own key.

moto has no StartSyncExecution. It is made of StartExecution and DescribeExecution.
"""

import json
import time
from collections.abc import Callable, Iterable, Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from botocore.awsrequest import AWSPreparedRequest, AWSResponse

TARGET: Final = "AWSStepFunctions."
SYNCHRONOUS: Final = f"{TARGET}StartSyncExecution"
LONGEST: Final = 300.0  # seconds. Source: Step Functions Developer Guide, quotas of express workflows: five minutes
INTERVAL: Final = 0.02  # seconds between two looks at an execution
_SHOWN: Final = ("executionArn", "stateMachineArn", "name", "startDate", "stopDate", "status", "input", "output",
                 "error", "cause")  # fmt: skip


def execute_state_machines(
    serve: "WSGIApplication", call_lambda: "Callable[[AWSPreparedRequest], AWSResponse]"
) -> None:
    """Let moto execute state machines, and answer the calls of their tasks. Changes moto in this process.

    Args:
        serve: Serves a request to a service of the catalogue without asking for a signature of this stack.
        call_lambda: Sends a request for Lambda.
    """
    import boto3
    import botocore.session
    from moto.core.config import default_user_config

    default_user_config["stepfunctions"] = {"execute_state_machine": True}

    def answer(**event: Any) -> Any:
        request: AWSPreparedRequest = event["request"]
        if "/lambda/aws4_request" in _text(request.headers.get("Authorization") or ""):
            return _readable(call_lambda(request))
        return _served(serve, request)

    session = botocore.session.get_session()
    session.register("before-send", answer)
    boto3.setup_default_session(botocore_session=session)


def synchronous_execution(
    application: "WSGIApplication", environ: "WSGIEnvironment", start_response: "StartResponse", body: bytes
) -> Iterable[bytes]:
    """Answer StartSyncExecution: start an execution, and wait for its end.

    Args:
        application: moto's Step Functions.
        environ: The request, with a body that has been read.
        start_response: See WSGI.
        body: The body, with a name for the execution.
    """
    status, started = _call(application, environ, "StartExecution", body)
    if status != 200:
        return _answer(start_response, status, started)
    arn, limit = started["executionArn"], time.monotonic() + LONGEST
    while True:
        status, execution = _call(application, environ, "DescribeExecution", json.dumps({"executionArn": arn}).encode())
        if status != 200 or execution.get("status") != "RUNNING":
            shown = {name: execution[name] for name in _SHOWN if execution.get(name) is not None}
            return _answer(start_response, status, shown if status == 200 else execution)
        if time.monotonic() > limit:
            return _answer(start_response, 200, {"executionArn": arn, "status": "TIMED_OUT"})
        time.sleep(INTERVAL)


def _call(
    application: "WSGIApplication", environ: "WSGIEnvironment", operation: str, body: bytes
) -> tuple[int, dict[str, Any]]:
    from werkzeug.test import run_wsgi_app

    request = {
        **environ, "HTTP_X_AMZ_TARGET": f"{TARGET}{operation}", "wsgi.input": BytesIO(body),
        "CONTENT_LENGTH": str(len(body)),
    }  # fmt: skip
    content, status, _ = run_wsgi_app(application, request, buffered=True)
    return int(status.split()[0]), json.loads(b"".join(content) or b"{}")


def _answer(start_response: "StartResponse", status: int, content: Mapping[str, Any]) -> Iterable[bytes]:
    body = json.dumps(content).encode()
    headers = [("content-type", "application/x-amz-json-1.0"), ("content-length", str(len(body)))]
    start_response(f"{status} {'OK' if status == 200 else 'Bad Request'}", headers)
    return [body]


class _Raw(BytesIO):
    """A body as botocore reads it."""

    def stream(self, amt: int = 65_536, **_: Any) -> Iterable[bytes]:
        while piece := self.read(amt):
            yield piece


def _served(serve: "WSGIApplication", request: "AWSPreparedRequest") -> "AWSResponse":
    from botocore.awsrequest import AWSResponse, HeadersDict
    from werkzeug.test import EnvironBuilder, run_wsgi_app

    address, body = urlsplit(str(request.url)), request.body or b""
    builder = EnvironBuilder(
        address.path,
        method=str(request.method),
        query_string=address.query,
        headers=[(name, _text(value)) for name, value in request.headers.items()],
        data=body.encode() if isinstance(body, str) else bytes(cast("bytes", body)),
        base_url=f"{address.scheme}://{address.netloc}",
    )
    try:
        content, status, headers = run_wsgi_app(serve, builder.get_environ(), buffered=True)
    finally:
        builder.close()
    answered: Any = HeadersDict(headers.items())
    return AWSResponse(str(request.url), int(status.split()[0]), answered, _Raw(b"".join(content)))


def _readable(response: "AWSResponse") -> "AWSResponse":
    """The same response with a body that can be read again. Sending it has read the body."""
    from botocore.awsrequest import AWSResponse

    headers: Any = response.headers
    return AWSResponse(response.url, response.status_code, headers, _Raw(response.content))


def _text(value: str | bytes) -> str:
    """The value of a header; botocore has both."""
    return value.decode() if isinstance(value, bytes) else value
