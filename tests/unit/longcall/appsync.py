"""A small AppSync for the client's tests: a job log over HTTP and pushes over a real socket, with faults on demand.

It is written from the service's documentation and captures and shares no code with the engine, so it is an independent
check of what the client sends and tolerates.
"""

import asyncio
import hashlib
import json
from base64 import b64decode
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from aiohttp import WSMsgType, web
from graphql import FieldNode, OperationDefinitionNode, parse

Wire = dict[str, Any]
BROKEN = 0  # in place of an HTTP status: the connection is cut
ALL_JOBS = "all jobs"  # in place of a job's id: the subscription is about a list
BOUND = 20.0  # seconds that a condition may take to become true on a busy machine

NAMES = (
    "jobId",
    "owner",
    "status",
    "sequence",
    "attempt",
    "progress",
    "message",
    "delta",
    "output",
    "outputOmitted",
    "outputKept",
    "result",
    "resultOmitted",
    "resultIsOutput",
    "resultUrl",
    "resultBytes",
    "resultSha256",
    "error",
    "errorType",
    "model",
    "usage",
    "metadata",
    "createdAt",
    "startTime",
    "endTime",
    "updatedAt",
)


@dataclass(frozen=True)
class Operation:
    """A request over HTTP."""

    field: str
    variables: Wire
    authorization: str


@dataclass(eq=False)
class Subscription:
    """An accepted `start`."""

    socket: web.WebSocketResponse
    request: web.Request
    id: str
    job_id: str
    authorization: str

    async def send(self, kind: str, payload: object = None) -> None:
        message: Wire = {"id": self.id, "type": kind}
        if payload is not None:
            message["payload"] = payload
        with suppress(ConnectionError):
            await self.socket.send_str(json.dumps(message))


@dataclass(frozen=True)
class Failure:
    """An error in place of an answer, for want of capacity or for another reason."""

    error_type: str | None
    message: str
    status: int  # of HTTP


@dataclass
class AppSync:
    """The service. Its public fields inject faults."""

    logs: dict[str, list[Wire]] = field(default_factory=dict)
    inputs: dict[str, Wire] = field(default_factory=dict)
    operations: list[Operation] = field(default_factory=list)
    subscriptions: list[Subscription] = field(default_factory=list)
    started: list[str] = field(default_factory=list)  # the job of every `start` frame
    connections: list[str] = field(default_factory=list)  # the token of every connection attempt

    refused_tokens: set[str] = field(default_factory=set)
    lost_answers: Counter[str] = field(default_factory=Counter)  # by field: the work is done, and the connection is cut
    failures: Counter[str] = field(default_factory=Counter)  # by field: HTTP 503, and no work is done
    errors: list["Failure | None"] = field(default_factory=list)  # see `fail`
    slots: int | None = None  # requests over HTTP that are answered at once; more are throttled
    throttled: int = 0  # how many requests were, for want of a slot
    refused_connections: list[Wire] = field(default_factory=list)  # errors for the next connections
    refused_starts: list[Wire] = field(default_factory=list)  # errors for the next `start` frames
    acknowledges: asyncio.Event = field(default_factory=asyncio.Event)
    page: int = 1_000  # most events in one answer
    joins_output: bool = True  # whether getInference returns the output; otherwise it must be read from the log
    contents: dict[str, bytes] = field(default_factory=dict)  # the store's contents, by path
    store_answers: list[int] = field(default_factory=list)  # HTTP statuses of the store's next answers, or BROKEN
    store_waits: asyncio.Event = field(default_factory=asyncio.Event)  # the store answers once it is set
    stored: list[tuple[str, str, dict[str, str]]] = field(
        default_factory=list
    )  # method, path and headers of each request to the store
    models: list[Wire] = field(default_factory=list)  # the answer of listModels
    worker: Callable[["AppSync", str], Awaitable[None]] | None = None  # runs each job that is started

    url: str = ""
    _busy: int = 0
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _workers: list[asyncio.Task[None]] = field(default_factory=list)
    _runner: web.AppRunner | None = None

    @property
    def realtime_url(self) -> str:
        return self.url.replace("http://", "ws://")

    async def open(self, port: int = 0) -> None:
        self.acknowledges.set()
        self.store_waits.set()
        app = web.Application(client_max_size=16 * 1024 * 1024)
        app.router.add_post("/graphql", self._answer)
        app.router.add_route("*", "/store/{name}", self._store)
        app.router.add_get("/graphql", self._listen)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/graphql"

    async def close(self) -> None:
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        await self.cut()
        if self._runner is not None:
            await self._runner.cleanup()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until a condition on this service is true."""
        async with asyncio.timeout(BOUND), self._changed:
            await self._changed.wait_for(holds)

    def fail(self, failures: "Iterable[Failure | None]") -> None:
        """Answer the next requests over HTTP with these failures; with None, as usual."""
        self.errors = list(failures)

    async def notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    def asked(self, name: str) -> list[Wire]:
        """The variables of each request for a field."""
        return [operation.variables for operation in self.operations if operation.field == name]

    def append(self, job_id: str, **changes: Any) -> Wire:
        """Add an event to a job's log."""
        log = self.logs.setdefault(job_id, [])
        before: Wire = log[-1] if log else dict.fromkeys(NAMES)
        event = before | {
            "jobId": job_id, "owner": "ada", "model": before["model"] or "simulated.story", "sequence": len(log) + 1,
            "status": before["status"] or "PENDING", "attempt": before["attempt"] or 0, "delta": None,
            "outputKept": None,
            "createdAt": "2026-01-01T00:00:00.000Z", "updatedAt": f"2026-01-01T00:00:{len(log) % 60:02}.000Z",
        } | changes  # fmt: skip
        log.append(event)
        return event

    async def push(self, event: Wire) -> None:
        """Send an event to all subscribers of its job."""
        await self.send(event["jobId"], {"data": {"onInferenceStatusChange": event}})

    async def send(self, job_id: str, payload: object) -> None:
        for subscription in [each for each in self.subscriptions if each.job_id == job_id]:
            await subscription.send("data", payload)

    async def report(self, job_id: str, **changes: Any) -> None:
        """Add an event to the log, and push it, as a publisher does."""
        await self.push(self.append(job_id, **changes))

    async def list_push(self, event: Wire) -> None:
        """Send an event to all subscribers of their own jobs."""
        await self.send(ALL_JOBS, {"data": {"onMyInferences": event}})

    async def cut(self) -> None:
        """Cut every socket, without a closing handshake."""
        subscriptions, self.subscriptions = self.subscriptions, []
        for subscription in subscriptions:
            if subscription.request.transport is not None:
                subscription.request.transport.abort()
        await self.notify()

    def keep(self, job_id: str, result: str) -> Wire:
        """Complete a job with a result in the store."""
        content = result.encode()
        self.contents[f"/store/{job_id}"] = content
        about = {"resultBytes": len(content), "resultSha256": hashlib.sha256(content).hexdigest()}
        return self.append(job_id, status="COMPLETED", result=None, resultOmitted=True, **about)

    # HTTP

    async def _store(self, request: web.Request) -> web.Response:
        self.stored.append((request.method, request.path_qs, dict(request.headers)))
        await self.notify()
        await self.store_waits.wait()
        status = self.store_answers.pop(0) if self.store_answers else 200
        if status == BROKEN:
            assert request.transport is not None
            request.transport.abort()
        if status != 200:
            return web.Response(status=status, text=request.path_qs)
        if request.method == "PUT":
            self.contents[request.path] = await request.read()
            return web.Response()
        return web.Response(body=self.contents[request.path])

    async def _answer(self, request: web.Request) -> web.Response:
        body = await request.json()
        (definition,) = (d for d in parse(body["query"]).definitions if isinstance(d, OperationDefinitionNode))
        (selected,) = definition.selection_set.selections
        assert isinstance(selected, FieldNode)
        name, variables = selected.name.value, body.get("variables") or {}
        token = request.headers.get("Authorization", "")
        self.operations.append(Operation(name, variables, token))
        await self.notify()
        if token in self.refused_tokens:
            error = {"errorType": "UnauthorizedException", "message": "You are not authorized to make this call."}
            return web.json_response({"errors": [error]}, status=401)
        failure = self.errors.pop(0) if self.errors else None
        if failure is not None:
            fault = {"errorType": failure.error_type, "message": failure.message}
            return web.json_response({"data": None, "errors": [fault]}, status=failure.status)
        if self.slots is not None:
            if self._busy >= self.slots:
                self.throttled += 1
                fault = {"errorType": "TooManyRequestsException", "message": "Rate Exceeded"}
                return web.json_response({"errors": [fault]}, status=429)
            self._busy += 1
            await asyncio.sleep(0.001)  # the work that takes a slot
            self._busy -= 1
        if self.failures[name] > 0:
            self.failures[name] -= 1
            return web.Response(status=503, text="unavailable")
        try:
            data = {name: getattr(self, f"_{name}")(variables)}
        except Refusal as refusal:
            refused = {"path": [name], "errorType": refusal.kind, "message": str(refusal), "errorInfo": None}
            return web.json_response({"data": None, "errors": [refused]})
        if self.lost_answers[name] > 0:
            self.lost_answers[name] -= 1
            assert request.transport is not None
            request.transport.abort()
        return web.json_response({"data": data})

    def _startInference(self, variables: Wire) -> Wire:  # noqa: N802  # a field of the schema, as are those below
        given = variables["input"]
        job_id = given["jobId"]
        if self.inputs.setdefault(job_id, given) != given:
            raise Refusal("JobIdTaken", f"jobId {job_id} is in use")
        if given["model"] == "unknown":
            raise Refusal("InvalidRequest", "no model is named unknown; use local.textrank")
        if job_id not in self.logs:
            self.append(job_id, model=given["model"], metadata=given.get("metadata"))
            if self.worker is not None:
                self._workers.append(asyncio.create_task(self._work(self.worker, job_id)))
        return self.logs[job_id][0]

    async def _work(self, worker: Callable[["AppSync", str], Awaitable[None]], job_id: str) -> None:
        await worker(self, job_id)

    def _quoteInference(self, variables: Wire) -> Wire:  # noqa: N802
        return priced(total=variables["input"]["textBytes"] / 1000)

    def _listModels(self, variables: Wire) -> list[Wire]:  # noqa: N802
        return self.models

    def _cancelInference(self, variables: Wire) -> Wire:  # noqa: N802
        log = self._log(variables)
        if log[-1]["status"] in {"PENDING", "PROCESSING"}:
            self.append(variables["jobId"], status="CANCELLED", endTime="2026-01-01T00:01:00.000Z")
        return log[-1]

    def _deleteInference(self, variables: Wire) -> str:  # noqa: N802
        job_id = str(variables["jobId"])
        if self._log(variables)[-1]["status"] in {"PENDING", "PROCESSING"}:
            raise Refusal("JobUnfinished", f"job {job_id} has not ended; cancel it first")
        del self.logs[job_id]
        return job_id

    def _getInference(self, variables: Wire) -> Wire | None:  # noqa: N802
        log = self.logs.get(variables["jobId"])
        if log is None:
            return None
        head = log[-1]
        if head["resultBytes"] is not None:
            head = head | {"resultUrl": f"{self._base}/store/{head['jobId']}?signature=secret"}
        if not self.joins_output:
            return head | {"outputOmitted": True}
        output = "".join(event["delta"] or "" for event in log if event["attempt"] == log[-1]["attempt"])
        return head | {"output": output}

    def _createUpload(self, variables: Wire) -> Wire:  # noqa: N802
        about = variables["input"]
        upload_id = f"{about['bytes']}-{about['sha256'][:8]}"
        headers = [{"name": "x-amz-checksum-sha256", "value": about["sha256"]}]
        return {"uploadId": upload_id, "url": f"{self._base}/store/{upload_id}?signature=secret", "headers": headers}

    @property
    def _base(self) -> str:
        return self.url.removesuffix("/graphql")

    def _listInferences(self, variables: Wire) -> Wire:  # noqa: N802
        heads = [log[-1] | {"delta": None, "result": None} for log in reversed(self.logs.values())]
        start = int(variables.get("nextToken") or 0)
        end = start + (variables.get("limit") or 20)
        wanted = [head for head in heads if variables.get("status") in {None, head["status"]}]
        return {"items": wanted[start:end], "nextToken": str(end) if end < len(wanted) else None}

    def _inferenceEvents(self, variables: Wire) -> list[Wire]:  # noqa: N802
        after = variables.get("after") or 0
        return self._log(variables)[after : after + min(variables.get("limit") or 100, self.page)]

    def _log(self, variables: Wire) -> list[Wire]:
        if variables["jobId"] not in self.logs:
            raise Refusal("JobNotFound", f"no job {variables['jobId']} was found")
        return self.logs[variables["jobId"]]

    # The socket

    async def _listen(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=("graphql-ws",))
        await socket.prepare(request)
        raw = dict(pair.split("=", 1) for pair in request.rel_url.raw_query_string.split("&"))
        header = json.loads(b64decode(unquote(raw["header"])))
        assert header["host"] == urlsplit(self.url).netloc
        assert b64decode(unquote(raw["payload"])) == b"{}"
        self.connections.append(header["Authorization"])
        if header["Authorization"] in self.refused_tokens:
            error = {"errorType": "UnauthorizedException", "message": "not authorized", "errorCode": 401}
            await socket.send_json({"type": "connection_error", "payload": {"errors": [error]}})
            await socket.close()
            return socket
        if self.refused_connections:
            payload = {"errors": [self.refused_connections.pop(0)]}
            await socket.send_json({"type": "connection_error", "payload": payload})
            await socket.close()
            return socket
        async for frame in socket:
            if frame.type is WSMsgType.TEXT:
                await self._take(socket, request, json.loads(frame.data))
        self.subscriptions = [each for each in self.subscriptions if each.socket is not socket]
        await self.notify()
        return socket

    async def _take(self, socket: web.WebSocketResponse, request: web.Request, message: Wire) -> None:
        match message["type"]:
            case "connection_init":
                await socket.send_json({"type": "connection_ack", "payload": {"connectionTimeoutMs": 300000}})
                await socket.send_json({"type": "ka"})
            case "start":
                await self._subscribe(socket, request, message)
            case "stop":
                mine = [each for each in self.subscriptions if each.socket is socket and each.id == message["id"]]
                self.subscriptions = [each for each in self.subscriptions if each not in mine]
                for subscription in mine:
                    await subscription.send("complete")
        await self.notify()

    async def _subscribe(self, socket: web.WebSocketResponse, request: web.Request, message: Wire) -> None:
        data = json.loads(message["payload"]["data"])
        job_id = ALL_JOBS if "onMyInferences" in data["query"] else data["variables"]["jobId"]
        token = message["payload"]["extensions"]["authorization"]["Authorization"]
        subscription = Subscription(socket, request, message["id"], job_id, token)
        self.started.append(subscription.job_id)
        if token in self.refused_tokens:
            error = {"errorType": "UnauthorizedException", "message": "You are not authorized to make this call."}
            await subscription.send("error", {"errors": [error]})
        elif self.refused_starts:
            await subscription.send("error", {"errors": [self.refused_starts.pop(0)]})
        else:
            await self.notify()
            await self.acknowledges.wait()
            self.subscriptions.append(subscription)
            await subscription.send("start_ack")


def priced(*, total: float) -> Wire:
    """A Cost of one item."""
    item = {"name": "output tokens", "quantity": 1431, "unit": "token", "price": 3.2e-06, "amount": total}
    return {"currency": "USD", "pricesOf": "2026-11-25", "total": total, "items": [item], "notes": ["as it is"]}


class Refusal(Exception):
    """A field's error, in AppSync's form."""

    def __init__(self, kind: str, message: str) -> None:
        self.kind = kind
        super().__init__(message)
