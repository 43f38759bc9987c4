"""The Lambda data source: Invoke, BatchInvoke, and direct resolvers without code.

Source: AppSync Developer Guide, "JavaScript resolver function reference for Lambda", "Direct Lambda resolvers", and
"Using AWS Lambda resolvers", for batches. The default batch size is from aws-appsync-community issue 51.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from appsync_local.data_sources.protocol import EXECUTION_LIMIT, malformed, not_found
from appsync_local.errors import NOT_AUTHORIZED, FieldError, FunctionFailed
from appsync_local.javascript.context import FieldContext, RequestContext
from appsync_local.lambda_invoker import LambdaInvoker

DEFAULT_BATCH: Final = 5  # payloads of a BatchInvoke if the resolver sets no maxBatchSize
_BATCH_MEMBERS: Final = frozenset({"data", "errorMessage", "errorType"})


@dataclass(slots=True)
class _Batch:
    """Payloads of one field of one request that are sent together."""

    request: RequestContext  # held so that its id, which identifies the batch, is not reused
    payloads: list[object] = field(default_factory=list)
    answers: list[asyncio.Future[object]] = field(default_factory=list)


class LambdaDataSource:
    """Invokes one Lambda function.

    Args:
        function: The function's name.
        invoker: Runs the function.
        batch_size: The maximum number of payloads in one invocation; 0 if the resolver or pipeline function sets none.
    """

    def __init__(self, function: str, invoker: LambdaInvoker, batch_size: int = 0) -> None:
        self._function = function
        self._invoker = invoker
        self._batch_size = batch_size
        self._pending: dict[tuple[int, str, str, str], _Batch] = {}
        self._sending: set[asyncio.Task[None]] = set()

    def with_batches_of(self, size: int) -> "LambdaDataSource":
        """A data source for the same function, for a resolver or pipeline function with this maxBatchSize."""
        return LambdaDataSource(self._function, self._invoker, size)

    async def execute(self, request: object, context: FieldContext) -> object:
        """Invoke the function with the payload of the request object.

        Raises:
            FunctionFailed: The function failed, or did not answer within 30 seconds.
            FieldError: The request object is malformed.
        """
        if not isinstance(request, dict) or "operation" not in request:
            raise not_found("operation")
        invocation = request.get("invocationType", "RequestResponse")
        if invocation not in ("RequestResponse", "Event"):
            raise malformed(f"Unsupported invocationType '{invocation}'. Supported: RequestResponse, Event.")
        payload = request.get("payload")
        match request["operation"]:
            case "Invoke" if invocation == "Event":
                await self._invoker.enqueue(self._function, payload)
                return None
            case "Invoke":
                return await self._invoke(payload)
            case "BatchInvoke":
                return await self._batched(payload, context, invocation, self._batch_size or DEFAULT_BATCH)
            case other:
                raise malformed(f"Unsupported operation '{other}'. Supported: Invoke, BatchInvoke.")

    async def execute_directly(
        self, context: FieldContext, stash: dict[str, Any], previous: Mapping[str, object] | None
    ) -> object:
        """Invoke the function with the whole resolver context, for a resolver without code.

        Args:
            context: The field that is resolved, and its caller.
            stash: `ctx.stash`.
            previous: `ctx.prev`; None outside pipelines.

        Raises:
            FieldError: The function failed; the error has the type and message of its exception.
        """
        event = context.whole(stash=stash, previous=dict(previous) if previous else None)
        del event["env"]
        try:
            if not self._batch_size:
                return await self._invoke(event)
            answer = await self._batched(event, context, "RequestResponse", self._batch_size)
        except FunctionFailed as failure:
            kind = failure.name or failure.type
            raise FieldError(NOT_AUTHORIZED if kind == "UnauthorizedException" else failure.message, kind) from None
        if isinstance(answer, dict) and answer and answer.keys() <= _BATCH_MEMBERS:
            if answer.get("errorMessage") is not None or answer.get("errorType") is not None:
                raise FieldError(str(answer.get("errorMessage")), answer.get("errorType"), answer.get("data"))
            return answer.get("data")
        return answer

    async def _invoke(self, payload: object) -> object:
        try:
            async with asyncio.timeout(EXECUTION_LIMIT):
                return await self._invoker.invoke(self._function, payload)
        except TimeoutError:
            raise FunctionFailed("Lambda:ExecutionTimeoutException", "Execution timed out.") from None

    async def _batched(self, payload: object, context: FieldContext, invocation: str, size: int) -> object:
        """The answer to one payload, which is sent together with the payloads of the same field for other parents.

        Resolvers of siblings start in the same iteration of the event loop. The payloads that have been collected when
        it ends form a batch.
        """
        key = (id(context.request), context.parent_type, context.field, invocation)
        batch = self._pending.get(key)
        loop = asyncio.get_running_loop()
        if batch is None:
            batch = self._pending[key] = _Batch(context.request)
            loop.call_soon(self._flush, key, batch, invocation)
        answer: asyncio.Future[object] = loop.create_future()
        batch.payloads.append(payload)
        batch.answers.append(answer)
        if len(batch.payloads) >= size:
            self._flush(key, batch, invocation)
        return await answer

    def _flush(self, key: tuple[int, str, str, str], batch: _Batch, invocation: str) -> None:
        if self._pending.get(key) is batch:
            del self._pending[key]
            task = asyncio.ensure_future(self._send(batch, invocation))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def _send(self, batch: _Batch, invocation: str) -> None:
        try:
            if invocation == "Event":
                await self._invoker.enqueue(self._function, batch.payloads)
                answers: object = [None] * len(batch.payloads)
            else:
                answers = await self._invoke(batch.payloads)
            if not isinstance(answers, list) or len(answers) != len(batch.payloads):
                found = f"{len(answers)} items" if isinstance(answers, list) else f"a {type(answers).__name__}"
                message = f"the function was invoked with {len(batch.payloads)} payloads and must return as many items"
                raise FunctionFailed("Lambda:InvalidBatchResponse", f"{message}; it returned {found}")
        except Exception as failure:  # every resolver of the batch gets it
            for waiting in batch.answers:
                if not waiting.done():
                    waiting.set_exception(failure)
        else:
            for waiting, answer in zip(batch.answers, answers, strict=True):
                if not waiting.done():
                    waiting.set_result(answer)
