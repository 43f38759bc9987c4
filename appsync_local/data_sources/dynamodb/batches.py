"""BatchGetItem, BatchPutItem and BatchDeleteItem: many items of several tables, without conditions.

A result has one entry per requested key or item, in the same order. The entry is null if there is no such item or
DynamoDB did not process it.

Source: AppSync Developer Guide, "BatchGetItem", "BatchPutItem" and "BatchDeleteItem" for JavaScript resolvers.
"""

from collections.abc import Callable, Mapping
from typing import Any

from appsync_local.data_sources.dynamodb.requests import Parameters, get_item, required
from appsync_local.data_sources.dynamodb.values import Item, is_same, item_to_plain, item_to_wire
from appsync_local.data_sources.protocol import malformed

Request = Mapping[str, Any]


def to_get(request: Request) -> Parameters:
    """Parameters of BatchGetItem."""
    wanted = {}
    for table, wanted_keys in _tables(request).items():
        if not isinstance(wanted_keys, dict):
            raise malformed(f"expected an object with `keys` for table {table} of a BatchGetItem")
        shared = get_item(table, {**wanted_keys, "key": {}})
        del shared["TableName"], shared["Key"]
        wanted[table] = {"Keys": _items(required(wanted_keys, "keys")), **shared}
    return {"RequestItems": wanted}


def to_put(request: Request) -> Parameters:
    """Parameters of BatchWriteItem that write items."""
    return _to_write(request, lambda item: {"PutRequest": {"Item": item}})


def to_delete(request: Request) -> Parameters:
    """Parameters of BatchWriteItem that delete items."""
    return _to_write(request, lambda key: {"DeleteRequest": {"Key": key}})


def found(request: Request, answer: Mapping[str, Any]) -> dict[str, Any]:
    """The result of BatchGetItem."""
    responses: Mapping[str, list[Item]] = answer.get("Responses", {})
    left = {table: [item_to_plain(key) for key in rest["Keys"]] for table, rest in _left(answer, "UnprocessedKeys")}
    data = {}
    for table, wanted in _tables(request).items():
        items = responses.get(table, [])
        data[table] = [_matching(key, items) for key in _items(wanted["keys"])]
    return {"data": data, "unprocessedKeys": {table: left.get(table, []) for table in data}}


def put(request: Request, answer: Mapping[str, Any]) -> dict[str, Any]:
    """The result of BatchPutItem."""
    left = {t: [r["PutRequest"]["Item"] for r in rest] for t, rest in _left(answer, "UnprocessedItems")}
    return {"data": _done(request, left), "unprocessedItems": _shown(request, left)}


def deleted(request: Request, answer: Mapping[str, Any]) -> dict[str, Any]:
    """The result of BatchDeleteItem."""
    left = {t: [r["DeleteRequest"]["Key"] for r in rest] for t, rest in _left(answer, "UnprocessedItems")}
    return {"data": _done(request, left), "unprocessedKeys": _shown(request, left)}


def _tables(request: Request) -> dict[str, Any]:
    tables = required(request, "tables")
    if not isinstance(tables, dict) or not tables:
        raise malformed("`tables` of a batch must be an object with at least one table")
    return tables


def _items(listed: object) -> list[Item]:
    if not isinstance(listed, list):
        raise malformed("the keys and items of a batch must be lists")
    return [item_to_wire(item) for item in listed]


def _to_write(request: Request, write: Callable[[Item], dict[str, Any]]) -> Parameters:
    return {"RequestItems": {table: [write(i) for i in _items(listed)] for table, listed in _tables(request).items()}}


def _left(answer: Mapping[str, Any], member: str) -> list[tuple[str, Any]]:
    return list((answer.get(member) or {}).items())


def _matching(key: Item, items: list[Item]) -> dict[str, Any] | None:
    for item in items:
        if all(name in item and is_same(value, item[name]) for name, value in key.items()):
            return item_to_plain(item)
    return None


def _done(request: Request, left: Mapping[str, list[Item]]) -> dict[str, Any]:
    return {
        table: [
            None if any(is_same({"M": item}, {"M": rest}) for rest in left.get(table, ())) else item_to_plain(item)
            for item in _items(listed)
        ]
        for table, listed in _tables(request).items()
    }


def _shown(request: Request, left: Mapping[str, list[Item]]) -> dict[str, Any]:
    return {table: [item_to_plain(item) for item in left.get(table, ())] for table in _tables(request)}
