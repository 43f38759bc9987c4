"""The DynamoDB data source: executes request objects and evaluates failed conditions.

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
    """Works on one table. Batches and transactions name their own tables.

    Args:
        table: The table's name.
        client: Calls DynamoDB.
        invoker: Runs the Lambda function of a condition with the `Custom` strategy.
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

    async def execute(self, request: object, context: FieldContext) -> object:
        """Execute one operation. See `DataSource`; results are plain JSON values."""
        if not isinstance(request, dict) or request.get("operation") is None:
            raise not_found("operation")
        operation = request["operation"]
        if operation == "Sync":
            raise malformed("Sync needs a versioned data source, which this engine does not have; query the table")
        operate = self._operations.get(operation)
        if operate is None:
            raise malformed(f"Unsupported operation '{operation}'. Supported: {', '.join(self._operations)}.")
        try:
            async with asyncio.timeout(EXECUTION_LIMIT):  # the function of a condition may ask for retries for ever
                return await operate(request, context)
        except TimeoutError:
            raise SourceFailed("DynamoDB:ExecutionTimeoutException", "Execution timed out.") from None

    async def _get(self, request: Request, _: FieldContext) -> object:
        return _item(await self._client.call("GetItem", requests.get_item(self._table, request)), "Item")

    async def _put(self, request: Request, context: FieldContext) -> object:
        parameters = requests.put_item(self._table, request)
        try:
            await self._client.call("PutItem", parameters)
        except DynamoDbFailed as failure:
            return await self._after(failure, request, context, self._put)
        return item_to_plain(parameters["Item"])

    async def _update(self, request: Request, context: FieldContext) -> object:
        try:
            answer = await self._client.call("UpdateItem", requests.update_item(self._table, request))
        except DynamoDbFailed as failure:
            return await self._after(failure, request, context, self._update)
        return _item(answer, "Attributes")

    async def _delete(self, request: Request, context: FieldContext) -> object:
        try:
            answer = await self._client.call("DeleteItem", requests.delete_item(self._table, request))
        except DynamoDbFailed as failure:
            return await self._after(failure, request, context, self._delete)
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
        context: FieldContext,
        again: Callable[[Request, FieldContext], Awaitable[object]],
    ) -> object:
        """The result of a write whose condition failed, after reading the current item.

        Raises:
            SourceFailed: The condition failed, and its function does not decide otherwise.
        """
        condition = request.get("condition") or {}
        if failure.code != _CONDITION_FAILED:
            raise failure
        current = await self._current(request, condition)
        if _is_already_applied(request, condition, current):
            return None if current is None else item_to_plain(current)
        result = None if current is None else item_to_plain(current)
        handler = condition.get("conditionalCheckFailedHandler") or {}
        if handler.get("strategy") == "Custom":
            return await self._ask_handler(handler, failure, request, context, result, again)
        raise SourceFailed(failure.type, failure.message, result)

    async def _current(self, request: Request, condition: Mapping[str, Any]) -> Item | None:
        consistent = bool(condition.get("consistentRead", True))
        read = requests.get_item(self._table, {"key": request["key"], "consistentRead": consistent})
        return (await self._client.call("GetItem", read)).get("Item")

    async def _ask_handler(
        self,
        handler: Mapping[str, Any],
        failure: DynamoDbFailed,
        request: Request,
        context: FieldContext,
        current: object,
        again: Callable[[Request, FieldContext], Awaitable[object]],
    ) -> object:
        """Invoke the Lambda function of the condition. It rejects or discards the write, or returns another request."""
        answer = await self._invoker.invoke(_function(handler), self._handler_event(request, context, current))
        match answer.get("action") if isinstance(answer, dict) else None:
            case "reject":
                raise SourceFailed(failure.type, failure.message, current)
            case "discard":
                return current
            case "retry" if isinstance(answer, dict) and isinstance(answer.get("retryMapping"), dict):
                return await again({**request, **answer["retryMapping"]}, context)
            case _:
                message = "the function of a condition must return the action reject, discard or retry"
                raise FunctionFailed("DynamoDB:InvalidConditionHandlerResponse", message)

    def _handler_event(self, request: Request, context: FieldContext, current: object) -> dict[str, object]:
        return {
            "arguments": dict(context.arguments),
            "requestMapping": dict(request),
            "currentValue": current,
            "resolver": {
                "tableName": self._table,
                "awsRegion": self._client.region,
                "parentType": context.parent_type,
                "field": context.field,
                "outputType": "",
            },
            "identity": context.request.caller.identity,
        }


def _function(handler: Mapping[str, Any]) -> str:
    """The function's name, from an ARN such as `arn:aws:lambda:region:account:function:name` or from a bare name."""
    arn = handler.get("lambdaArn")
    if not isinstance(arn, str):
        raise malformed("a condition with the strategy Custom must have the lambdaArn of a function")
    return arn.split(":function:", 1)[-1].split(":", 1)[0]


def _is_already_applied(request: Request, condition: Mapping[str, Any], current: Item | None) -> bool:
    """Whether the table is already in the requested state, for example because the request was sent twice."""
    if request["operation"] == "DeleteItem":
        return current is None
    if request["operation"] != "PutItem" or current is None:
        return False
    ignored = set(condition.get("equalsIgnore") or ())
    wanted = {name: value for name, value in requests.item_to_put(request).items() if name not in ignored}
    stored = {name: value for name, value in current.items() if name not in ignored}
    return is_same({"M": wanted}, {"M": stored})


def _with_reasons(failure: DynamoDbFailed, empty_member: str) -> SourceFailed:
    if failure.code != "TransactionCanceledException":
        return failure
    reasons = requests.cancellation_reasons(failure.content)
    return SourceFailed(failure.type, failure.message, {empty_member: None, "cancellationReasons": reasons})


def _item(answer: Mapping[str, Any], member: str) -> object:
    item = answer.get(member)
    return item_to_plain(item) if item else None
