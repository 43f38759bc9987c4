"""What a resolver talks to. Each data source takes the request handler's answer and gives `ctx.result`."""

import asyncio
from typing import Final, Protocol

from appsync_local.errors import FieldError, FunctionFailed
from appsync_local.lambda_invoker import LambdaInvoker

EXECUTION_LIMIT: Final = 30.0  # seconds; Source: AppSync quotas, "request execution time"


class DataSource(Protocol):
    """One data source."""

    async def execute(self, request: object) -> object:
        """Carry out a request object and give its result.

        Raises:
            FunctionFailed: The data source failed; becomes `ctx.error`.
            FieldError: The request object is malformed; ends the field.
        """


class NoneDataSource:
    """Answers with the request's payload."""

    async def execute(self, request: object) -> object:
        return request.get("payload") if isinstance(request, dict) else None


class LambdaDataSource:
    """Invokes one Lambda function with the request's payload.

    Source: AppSync Developer Guide, "JavaScript resolver function reference for Lambda".
    """

    def __init__(self, function: str, invoker: LambdaInvoker) -> None:
        self._function = function
        self._invoker = invoker

    async def execute(self, request: object) -> object:
        if not isinstance(request, dict) or "operation" not in request:
            raise _malformed("Value for field '$[operation]' not found.")
        if request["operation"] not in ("Invoke", "BatchInvoke"):
            raise _malformed(f"Unsupported operation '{request['operation']}'. Supported: Invoke, BatchInvoke.")
        payload = request.get("payload")
        match request.get("invocationType", "RequestResponse"):
            case "RequestResponse":
                try:
                    async with asyncio.timeout(EXECUTION_LIMIT):
                        return await self._invoker.invoke(self._function, payload)
                except TimeoutError:
                    raise FunctionFailed("Lambda:ExecutionTimeoutException", "Execution timed out.") from None
            case "Event":
                await self._invoker.enqueue(self._function, payload)
                return None
            case other:
                raise _malformed(f"Unsupported invocationType '{other}'. Supported: RequestResponse, Event.")


def _malformed(message: str) -> FieldError:
    return FieldError(message, "MappingTemplate")
