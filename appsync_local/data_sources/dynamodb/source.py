"""The DynamoDB data source: request objects carried out, and failed conditions looked at again.

Source: AppSync Developer Guide, "JavaScript resolver function reference for DynamoDB" and "Condition expressions".
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from appsync_local.data_sources.dynamodb import batches, requests
from appsync_local.data_sources.dynamodb.client import DynamoDbClient, DynamoDbFailed
from appsync_local.data_sources.dynamodb.values import Item, is_same, item_to_plain
from appsync_local.data_sources.protocol import EXECUTION_LIMIT, malformed, not_found
from appsync_local.errors import FunctionFailed, SourceFailed
from appsync_local.javascript.context import FieldContext
from appsync_local.lambda_invoker import LambdaInvoker

_CONDITION_FAILED: Final = "ConditionalCheckFailedException"
Request = Mapping[str, Any]


class DynamoDbDataSource:
    """Works on one table; batches and transactions name theirs.

    Args:
        table: Its name.
        client: Calls DynamoDB.
        invoker: Runs the Lambda function of a condition's `Custom` strategy.
    """

    def __init__(self, table: str, client: DynamoDbClient, invoker: LambdaInvoker) -> None:
        self._table = table
        self._client = client
        self._invoker = invoker
        self._operations: Final[Mapping[str, Callable[[Request, FieldContext], Awaitable[object]]]] = {
            "GetItem": self._get,
            "PutItem": self._put,
            "UpdateItem": self._update,
            "DeleteItem": self._delete,
            "Query": self._query,
            "Scan": self._scan,
            "BatchGetItem": self._batch_get,
            "BatchPutItem": self._batch_put,
            "BatchDeleteItem": self._batch_delete,
            "TransactGetItems": self._transact_get,
            "TransactWriteItems": self._transact_write,
        }

    async def execute(self, request: object, asked: FieldContext) -> object:
        """Carry out one operation; results are plain JSON."""
        if not isinstance(request, dict) or request.get("operation") is None:
            raise not_found("operation")
        operation = request["operation"]
        if operation == "Sync":
            raise malformed("Sync needs a versioned data source, which this engine does not have; query the table")
        carry_out = self._operations.get(operation)
        if carry_out is None:
            raise malformed(f"Unsupported operation '{operation}'. Supported: {', '.join(self._operations)}.")
        try:
            async with asyncio.timeout(EXECUTION_LIMIT):  # a condition's function may ask for retries without an end
                return await carry_out(request, asked)
        except TimeoutError:
            raise SourceFailed("DynamoDB:ExecutionTimeoutException", "Execution timed out.") from None

    async def _get(self, request: Request, _: FieldContext) -> object:
        return _item(await self._client.call("GetItem", requests.get_item(self._table, request)), "Item")

    async def _put(self, request: Request, asked: FieldContext) -> object:
        parameters = requests.put_item(self._table, request)
        try:
            await self._client.call("PutItem", parameters)
        except DynamoDbFailed as failure:
            return await self._after(failure, request, asked, self._put)
        return item_to_plain(parameters["Item"])

    async def _update(self, request: Request, asked: FieldContext) -> object:
        try:
            answer = await self._client.call("UpdateItem", requests.update_item(self._table, request))
        except DynamoDbFailed as failure:
            return await self._after(failure, request, asked, self._update)
        return _item(answer, "Attributes")

    async def _delete(self, request: Request, asked: FieldContext) -> object:
        try:
            answer = await self._client.call("DeleteItem", requests.delete_item(self._table, request))
        except DynamoDbFailed as failure:
            return await self._after(failure, request, asked, self._delete)
        return _item(answer, "Attributes")

    async def _query(self, request: Request, _: FieldContext) -> object:
        return requests.page(await self._client.call("Query", requests.query(self._table, request)))

    async def _scan(self, request: Request, _: FieldContext) -> object:
        return requests.page(await self._client.call("Scan", requests.scan(self._table, request)))

    async def _batch_get(self, request: Request, _: FieldContext) -> object:
        return batches.found(request, await self._client.call("BatchGetItem", batches.to_get(request)))

    async def _batch_put(self, request: Request, _: FieldContext) -> object:
        return batches.put(request, await self._client.call("BatchWriteItem", batches.to_put(request)))

    async def _batch_delete(self, request: Request, _: FieldContext) -> object:
        return batches.deleted(request, await self._client.call("BatchWriteItem", batches.to_delete(request)))

    async def _transact_get(self, request: Request, _: FieldContext) -> object:
        try:
            answer = await self._client.call("TransactGetItems", requests.transaction_to_get(request))
        except DynamoDbFailed as failure:
            raise _with_reasons(failure, "items") from None
        items = [item_to_plain(r["Item"]) if r.get("Item") else None for r in answer.get("Responses", ())]
        return {"items": items, "cancellationReasons": None}

    async def _transact_write(self, request: Request, _: FieldContext) -> object:
        try:
            await self._client.call("TransactWriteItems", requests.transaction_to_write(request))
        except DynamoDbFailed as failure:
            raise _with_reasons(failure, "keys") from None
        return {"keys": requests.written_keys(request), "cancellationReasons": None}

    async def _after(
        self,
        failure: DynamoDbFailed,
        request: Request,
        asked: FieldContext,
        again: Callable[[Request, FieldContext], Awaitable[object]],
    ) -> object:
        """What a failed condition means, once the item has been read."""
        condition = request.get("condition") or {}
        if failure.code != _CONDITION_FAILED:
            raise failure
        current = await self._current(request, condition)
        if _is_done_already(request, condition, current):
            return None if current is None else item_to_plain(current)
        result = None if current is None else item_to_plain(current)
        handler = condition.get("conditionalCheckFailedHandler") or {}
        if handler.get("strategy") == "Custom":
            return await self._as_told(handler, failure, request, asked, result, again)
        raise SourceFailed(failure.type, failure.message, result)

    async def _current(self, request: Request, condition: Mapping[str, Any]) -> Item | None:
        consistent = bool(condition.get("consistentRead", True))
        read = requests.get_item(self._table, {"key": request["key"], "consistentRead": consistent})
        return (await self._client.call("GetItem", read)).get("Item")

    async def _as_told(
        self,
        handler: Mapping[str, Any],
        failure: DynamoDbFailed,
        request: Request,
        asked: FieldContext,
        current: object,
        again: Callable[[Request, FieldContext], Awaitable[object]],
    ) -> object:
        """Ask the condition's own Lambda function; it rejects, discards, or has another request tried."""
        answer = await self._invoker.invoke(_function(handler), self._question(request, asked, current))
        match answer.get("action") if isinstance(answer, dict) else None:
            case "reject":
                raise SourceFailed(failure.type, failure.message, current)
            case "discard":
                return current
            case "retry" if isinstance(answer, dict) and isinstance(answer.get("retryMapping"), dict):
                return await again({**request, **answer["retryMapping"]}, asked)
            case _:
                message = "the function of a condition must answer the action reject, discard or retry"
                raise FunctionFailed("DynamoDB:InvalidConditionHandlerResponse", message)

    def _question(self, request: Request, asked: FieldContext, current: object) -> dict[str, object]:
        return {
            "arguments": dict(asked.arguments),
            "requestMapping": dict(request),
            "currentValue": current,
            "resolver": {
                "tableName": self._table,
                "awsRegion": self._client.region,
                "parentType": asked.parent_type,
                "field": asked.field,
                "outputType": "",
            },
            "identity": asked.request.caller.identity,
        }


def _function(handler: Mapping[str, Any]) -> str:
    """The name of a function, of `arn:aws:lambda:region:account:function:name` or as it is."""
    arn = handler.get("lambdaArn")
    if not isinstance(arn, str):
        raise malformed("a condition with the strategy Custom needs the lambdaArn of a function")
    return arn.split(":function:", 1)[-1].split(":", 1)[0]


def _is_done_already(request: Request, condition: Mapping[str, Any], current: Item | None) -> bool:
    """Whether the table is as the request wanted it, as when a request is sent again."""
    if request["operation"] == "DeleteItem":
        return current is None
    if request["operation"] != "PutItem" or current is None:
        return False
    ignored = set(condition.get("equalsIgnore") or ())
    wanted = {name: value for name, value in requests.item_to_put(request).items() if name not in ignored}
    stored = {name: value for name, value in current.items() if name not in ignored}
    return is_same({"M": wanted}, {"M": stored})


def _with_reasons(failure: DynamoDbFailed, nothing: str) -> SourceFailed:
    if failure.code != "TransactionCanceledException":
        return failure
    reasons = requests.cancellation_reasons(failure.content)
    return SourceFailed(failure.type, failure.message, {nothing: None, "cancellationReasons": reasons})


def _item(answer: Mapping[str, Any], member: str) -> object:
    item = answer.get(member)
    return item_to_plain(item) if item else None
