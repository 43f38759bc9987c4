"""An `updateStatus` API over HTTP on this machine: the real schema, rules and parsing; a list as the log.

It runs on its own thread, so a publisher uses it as it uses AppSync. It fails when a test asks for it.
"""

import asyncio
import hashlib
import json
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiohttp import web
from graphql import GraphQLScalarType, GraphQLSchema, build_schema, graphql_sync
from msgspec.structs import replace

from chalicelib.api.calls import DispatchInference, UpdateStatus
from chalicelib.api.payloads.answers import render_push
from chalicelib.api.payloads.calls import parse_call
from chalicelib.jobs.errors import ErrorType, JobError
from chalicelib.jobs.model import (
    Change,
    Claim,
    DispatchNext,
    InferenceRequest,
    Job,
    JobId,
    OperatorUpdate,
    Owner,
    Redispatch,
    Status,
    StatusUpdate,
    WorkerUpdate,
)
from chalicelib.jobs.rules import Append, Lease, awaits_next_worker, cancel, decide, open_job, redispatch
from chalicelib.publisher.appsync import AppSync
from chalicelib.publisher.authorization import ApiKey, Signature
from chalicelib.publisher.connection import Connection

JOB_ID = JobId("7b0f5c1e-52d4-4f5a-9d5e-0a3c8e2b6f11")
SCHEMA_FILE = Path(__file__).parents[4] / "graphql" / "schema.graphql"
APPSYNC_SDL = """
scalar AWSJSON
scalar AWSURL
scalar AWSDateTime
directive @aws_lambda on OBJECT | FIELD_DEFINITION
directive @aws_iam on OBJECT | FIELD_DEFINITION
directive @aws_api_key on OBJECT | FIELD_DEFINITION
directive @aws_cognito_user_pools on OBJECT | FIELD_DEFINITION
directive @aws_subscribe(mutations: [String!]!) on FIELD_DEFINITION
"""


def contract() -> GraphQLSchema:
    """The schema, with the scalars and directives that AppSync adds."""
    schema = build_schema(APPSYNC_SDL + SCHEMA_FILE.read_text())
    awsjson = schema.type_map["AWSJSON"]
    assert isinstance(awsjson, GraphQLScalarType)
    awsjson.coerce_input_value = json.loads
    awsjson.coerce_output_value = json.dumps
    return schema


class Fault(Enum):
    """What goes wrong with one request."""

    THROTTLED = auto()  # HTTP 429 before anything is done
    UNAVAILABLE = auto()  # HTTP 503, with a body that is not JSON
    LAMBDA_FAILED = auto()  # HTTP 200 with errorType Lambda:Unhandled
    UNREAD = auto()  # the connection closes before anything is done
    LOST_ANSWER = auto()  # the update is written, and the connection closes
    GARBAGE = auto()  # the update is written, and the answer is cut short
    FORBIDDEN = auto()  # HTTP 401


class Api:
    """The API with one open job. Times are seconds."""

    def __init__(self, *, signature: Signature | None = None, lease: Lease | None = None) -> None:
        self.faults: deque[Fault | None] = deque()  # one for each request to come
        self.inputs: list[dict[str, Any]] = []  # the updates of the requests, in order
        self.announced: list[dict[str, Any]] = []  # the announcements among them
        self.dispatches: list[Redispatch | DispatchNext] = []  # the calls of dispatchInference
        self.passed_on = 0  # how often the next worker was dispatched
        self.connections: set[object] = set()
        self.headers: list[dict[str, str]] = []
        self.after_update: Callable[[Job], None] = lambda job: None  # called with what an update was answered
        self.gate = threading.Event()  # requests are answered while it is set
        self.gate.set()
        self._connections: list[Connection] = []
        self._signature = signature
        self._lease = lease or Lease()
        request = InferenceRequest(prompt="a prompt", model="test.model")
        opened = open_job(JOB_ID, Owner("me"), request, None, now=datetime.now(UTC), retention=timedelta(days=1))
        self._log = [opened]
        self._changed = threading.Condition(threading.RLock())
        self._schema = contract()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="api")
        self._url: Future[str] = Future()
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return self._url.result(5)

    @property
    def log(self) -> list[Job]:
        with self._changed:
            return list(self._log)

    @property
    def output(self) -> str:
        """The output that watchers have joined."""
        output, attempt = b"", 0
        for job in self.log:
            if job.attempt != attempt:
                output, attempt = output[: job.output_kept or 0], job.attempt
            output += (job.delta or "").encode()
        return output.decode()

    def assert_is_sound(self) -> None:
        """Dense sequences, and nothing after the one terminal record."""
        log = self.log
        assert [job.sequence for job in log] == list(range(1, len(log) + 1))
        assert [job.sequence for job in log if job.status.is_terminal] in ([], [len(log)])
        written = [job.update_id for job in log if job.update_id]
        assert len(written) == len(set(written))

    def cancel(self) -> None:
        """The owner ends the job."""
        with self._changed:
            decision = cancel(self._log[-1], now=datetime.now(UTC))
            assert isinstance(decision, Append)
            self._append(decision.job)

    def update(self, update: StatusUpdate) -> Job:
        """Apply an update by the real rules."""
        with self._changed:
            newer = [job for job in self._log if isinstance(update, WorkerUpdate) and job.sequence >= update.sequence]
            decision = decide(self._log[-1], newer, update, now=datetime.now(UTC), lease=self._lease)
            job = decision.job
            if isinstance(decision, Append):
                if job.result_is_output:  # as the relay does
                    job = replace(job, result=self.output + (job.delta or ""))
                self._append(job)
            return job

    def note(self, message: str) -> None:
        """An operator adds a message to the log."""
        update_id = f"note {len(self.log)}"
        self.update(OperatorUpdate(JOB_ID, update_id, Change(Status.PROCESSING, message=message)))

    def fail(self) -> None:
        """A supervisor ends the job."""
        change = Change(Status.FAILED, error="stalled", error_type=ErrorType.STALLED)
        self.update(OperatorUpdate(JOB_ID, "supervisor", change))

    def claim_by_another(self, request_id: str) -> Job:
        """Another run of the handler claims the job."""
        return self.update(Claim(JOB_ID, request_id, f"claim by {request_id}"))

    def wait_until(self, holds: Callable[["Api"], bool]) -> None:
        """Wait for the log, or the requests, to be as described; fails after 30 seconds."""
        with self._changed:
            assert self._changed.wait_for(lambda: holds(self), timeout=30)

    def _append(self, job: Job) -> None:
        self._log.append(job)
        self._changed.notify_all()

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._serve(), self._loop).result(5)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.gate.set()
        for connection in self._connections:
            connection.close(timeout=5.0)
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def connect(self) -> Connection:
        """A connection for workers, closed with this API."""
        connection = Connection(AppSync(self.url, ApiKey("a key")))
        self._connections.append(connection)
        return connection

    async def _serve(self) -> None:
        app = web.Application(client_max_size=4 * 1024 * 1024)
        app.router.add_post("/graphql", self._post)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self._url.set_result(f"http://127.0.0.1:{self._runner.addresses[0][1]}/graphql")

    async def _stop(self) -> None:
        assert self._runner is not None
        await self._runner.cleanup()
        await self._loop.shutdown_default_executor()

    async def _post(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        with self._changed:
            self.connections.add(request.transport)
            self.headers.append(dict(request.headers))
            self._changed.notify_all()
        if not self.gate.is_set():
            await asyncio.to_thread(self.gate.wait)
        fault = self.faults.popleft() if self.faults else None
        if fault is Fault.FORBIDDEN or (self._signature and not self._is_signed(request, body)):
            errors = [{"errorType": "UnauthorizedException", "message": "You are not authorized to make this call."}]
            return web.json_response({"errors": errors}, status=401)
        if fault is Fault.THROTTLED:
            return web.json_response({"errors": [{"errorType": "TooManyRequestsException"}]}, status=429)
        if fault is Fault.UNAVAILABLE:
            return web.Response(text="<html>service unavailable</html>", status=503)
        if fault is Fault.LAMBDA_FAILED:
            return web.json_response({"data": None, "errors": [{"errorType": "Lambda:Unhandled", "message": "boom"}]})
        if fault is Fault.UNREAD:
            _hang_up(request)
        answer = self._execute(json.loads(body))
        if fault is Fault.LOST_ANSWER:
            _hang_up(request)
        if fault is Fault.GARBAGE:
            return web.Response(text='{"data": {"updateSta', content_type="application/json")
        return web.json_response(answer)

    def _execute(self, payload: dict[str, Any]) -> dict[str, Any]:
        def update_status(info: object, **arguments: Any) -> Any:  # the name is graphql-core's, the shape ours
            with self._changed:
                is_announcement = arguments["input"]["status"] == "PENDING"
                (self.announced if is_announcement else self.inputs).append(arguments["input"])
                self._changed.notify_all()
            call = parse_call({"field": "updateStatus", "arguments": arguments})
            assert isinstance(call, UpdateStatus)
            job = self.update(call.update)
            if not is_announcement:
                self.after_update(job)
            answer = render_push(job)
            if isinstance(call.update, Claim) and job.claim_id == call.update.update_id:
                answer["claimed"] = job.status is Status.PROCESSING
                answer["checkpoint"] = next((it.checkpoint for it in reversed(self.log) if it.checkpoint), None)
            return answer

        def dispatch(info: object, **arguments: Any) -> Any:
            call = parse_call({"field": "dispatchInference", "arguments": arguments})
            assert isinstance(call, DispatchInference)
            with self._changed:
                self.dispatches.append(call.request)
                if isinstance(call.request, Redispatch):
                    decision = redispatch(self._log[-1], call.request, now=datetime.now(UTC))
                    if isinstance(decision, Append):
                        self._append(decision.job)
                elif awaits_next_worker(self._log[-1], call.request):
                    self.passed_on += 1
                return render_push(self._log[-1])

        fields = {"updateStatus": update_status, "dispatchInference": dispatch}
        result = graphql_sync(self._schema, payload["query"], fields, variable_values=payload["variables"])
        if result.errors is None:
            return {"data": result.data}
        original = result.errors[0].original_error
        kind = type(original).__name__ if isinstance(original, JobError) else None
        message = result.errors[0].message if kind else f"Validation error of type Unknown: {result.errors[0].message}"
        return {"data": None, "errors": [{"errorType": kind, "message": message}]}

    def _is_signed(self, request: web.Request, body: bytes) -> bool:
        """Compute the signature again from what arrived.

        Source: AWS Identity and Access Management User Guide, "Create a signed AWS API request".
        """
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest

        assert self._signature is not None
        scheme, _, rest = request.headers.get("Authorization", "").partition(" ")
        if scheme != "AWS4-HMAC-SHA256":
            return False
        parts = dict(part.split("=", 1) for part in rest.split(", "))
        covered = {name: request.headers[name] for name in parts["SignedHeaders"].split(";")}
        assert {"host", "x-amz-date", "content-type"} <= set(covered)
        signer = SigV4Auth(self._signature.credentials, "appsync", self._signature.region)
        again = AWSRequest("POST", str(request.url), headers=covered, data=body)
        again.context["timestamp"] = covered["x-amz-date"]
        canonical = signer.canonical_request(again)
        assert canonical.endswith(hashlib.sha256(body).hexdigest())
        return bool(signer.signature(signer.string_to_sign(again, canonical), again) == parts["Signature"])


def _hang_up(request: web.Request) -> None:
    assert request.transport is not None
    request.transport.abort()
    raise asyncio.CancelledError
