"""Converts request objects of resolvers to DynamoDB parameters, and DynamoDB responses to results. Does no I/O.

Source: AppSync Developer Guide, "JavaScript resolver function reference for DynamoDB"; Amazon DynamoDB API Reference.
"""

import base64
from collections.abc import Mapping
from typing import Any, Final

import orjson

from appsync_local.data_sources.dynamodb.values import Item, item_to_plain, item_to_wire, to_wire
from appsync_local.data_sources.protocol import malformed, not_found

Parameters = dict[str, Any]
_NO_EXPRESSION: Final = "a condition, filter or update must be an object with an `expression`"


def required(request: Mapping[str, Any], member: str) -> Any:
    """The value of a member that the request must have.

    Raises:
        FieldError: The member is missing or null.
    """
    if request.get(member) is None:
        raise not_found(member)
    return request[member]


def get_item(table: str, request: Mapping[str, Any]) -> Parameters:
    return {
        "TableName": table,
        "Key": item_to_wire(required(request, "key")),
        "ConsistentRead": bool(request.get("consistentRead", False)),
        **_expressions(ProjectionExpression=request.get("projection")),
    }


def item_to_put(request: Mapping[str, Any]) -> Item:
    """The item that a PutItem writes: the key and the attributes."""
    return item_to_wire(required(request, "key")) | item_to_wire(request.get("attributeValues") or {})


def put_item(table: str, request: Mapping[str, Any]) -> Parameters:
    condition = _expressions(ConditionExpression=request.get("condition"))
    return {"TableName": table, "Item": item_to_put(request), **condition}


def update_item(table: str, request: Mapping[str, Any]) -> Parameters:
    # Without an update expression, DynamoDB creates a missing item and leaves an existing one unchanged.
    update = request.get("update")
    return {
        "TableName": table,
        "Key": item_to_wire(required(request, "key")),
        "ReturnValues": "ALL_NEW",
        **_expressions(UpdateExpression=update, ConditionExpression=request.get("condition")),
    }


def delete_item(table: str, request: Mapping[str, Any]) -> Parameters:
    return {
        "TableName": table,
        "Key": item_to_wire(required(request, "key")),
        "ReturnValues": "ALL_OLD",
        **_expressions(ConditionExpression=request.get("condition")),
    }


def query(table: str, request: Mapping[str, Any]) -> Parameters:
    return _page(
        table,
        request,
        ScanIndexForward=bool(request.get("scanIndexForward", True)),
        **_expressions(
            KeyConditionExpression=required(request, "query"),
            FilterExpression=request.get("filter"),
            ProjectionExpression=request.get("projection"),
        ),
    )


def scan(table: str, request: Mapping[str, Any]) -> Parameters:
    segments = {"TotalSegments": request.get("totalSegments"), "Segment": request.get("segment")}
    return _page(
        table,
        request,
        **{name: value for name, value in segments.items() if value is not None},
        **_expressions(FilterExpression=request.get("filter"), ProjectionExpression=request.get("projection")),
    )


def _page(table: str, request: Mapping[str, Any], **more: Any) -> Parameters:
    chosen = {"IndexName": request.get("index"), "Limit": request.get("limit"), "Select": request.get("select")}
    token = request.get("nextToken")
    return {
        "TableName": table,
        "ConsistentRead": bool(request.get("consistentRead", False)),
        **{name: value for name, value in chosen.items() if value is not None},
        **({} if token is None else {"ExclusiveStartKey": _key_of(token)}),
        **more,
    }


def page(answer: Mapping[str, Any]) -> dict[str, Any]:
    """The result of Query and Scan."""
    last = answer.get("LastEvaluatedKey")
    return {
        "items": [item_to_plain(item) for item in answer.get("Items", ())],
        "nextToken": None if last is None else base64.urlsafe_b64encode(orjson.dumps(last)).decode(),
        "scannedCount": answer.get("ScannedCount", 0),
    }


def _key_of(token: object) -> Item:
    try:
        key = orjson.loads(base64.urlsafe_b64decode(str(token)))
        return {name: to_wire(value) for name, value in key.items()}
    except (ValueError, AttributeError):
        raise malformed("Invalid pagination token given.") from None


def transaction_to_get(request: Mapping[str, Any]) -> Parameters:
    items = [
        {
            "Get": {
                "TableName": required(item, "table"),
                "Key": item_to_wire(required(item, "key")),
                **_expressions(ProjectionExpression=item.get("projection")),
            }
        }
        for item in _transact_items(request)
    ]
    return {"TransactItems": items}


def transaction_to_write(request: Mapping[str, Any]) -> Parameters:
    return {"TransactItems": [_write(item) for item in _transact_items(request)]}


def _transact_items(request: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    items = required(request, "transactItems")
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise malformed("the transactItems of a transaction are a list of objects")
    return items


def _write(item: Mapping[str, Any]) -> dict[str, Any]:
    table, operation = required(item, "table"), required(item, "operation")
    condition = item.get("condition")
    shared: Parameters = {"TableName": table}
    if condition is not None:
        returns = condition.get("returnValuesOnConditionCheckFailure", True)
        shared["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD" if returns else "NONE"
    match operation:
        case "PutItem":
            return {"Put": {**shared, "Item": item_to_put(item), **_expressions(ConditionExpression=condition)}}
        case "UpdateItem":
            expressions = _expressions(UpdateExpression=required(item, "update"), ConditionExpression=condition)
            return {"Update": {**shared, "Key": item_to_wire(required(item, "key")), **expressions}}
        case "DeleteItem":
            expressions = _expressions(ConditionExpression=condition)
            return {"Delete": {**shared, "Key": item_to_wire(required(item, "key")), **expressions}}
        case "ConditionCheck":
            expressions = _expressions(ConditionExpression=required(item, "condition"))
            return {"ConditionCheck": {**shared, "Key": item_to_wire(required(item, "key")), **expressions}}
        case other:
            raise malformed(
                f"Unsupported operation '{other}' in a transaction. "
                "Supported: PutItem, UpdateItem, DeleteItem, ConditionCheck."
            )


def written_keys(request: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The keys of a transaction's items, in their order."""
    return [item_to_plain(item_to_wire(item["key"])) for item in _transact_items(request)]


def cancellation_reasons(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One reason per item of a cancelled transaction, with type `None` for items that did not cause it."""
    return [
        {
            "item": item_to_plain(reason["Item"]) if reason.get("Item") else None,
            "type": reason.get("Code") or "None",
            "message": reason.get("Message") or "None",
        }
        for reason in content.get("CancellationReasons") or ()
    ]


def _expressions(**parts: object) -> Parameters:
    """The expressions by parameter name, with the attribute names and values of all of them merged."""
    names: dict[str, str] = {}
    values: Item = {}
    parameters: Parameters = {}
    for parameter, part in parts.items():
        if part is None:
            continue
        if not isinstance(part, dict) or not isinstance(part.get("expression"), str):
            raise malformed(f"{_NO_EXPRESSION}; {parameter} has none")
        parameters[parameter] = part["expression"]
        names |= part.get("expressionNames") or {}
        values |= {name: to_wire(value) for name, value in (part.get("expressionValues") or {}).items()}
    if names:
        parameters["ExpressionAttributeNames"] = names
    if values:
        parameters["ExpressionAttributeValues"] = values
    return parameters
