"""Converts attribute values between resolvers and DynamoDB.

Resolvers may write numbers as JSON numbers; DynamoDB accepts them as strings only. Resolvers receive plain JSON: sets
and lists become lists, and binary values are base64.

Source: AppSync Developer Guide, "Type system (request mapping)" and "(response mapping)".
"""

from collections.abc import Mapping
from typing import Any

from appsync_local.data_sources.protocol import malformed

Item = dict[str, Any]  # attribute names to typed values


def to_wire(value: object) -> dict[str, Any]:
    """One typed value in the form that DynamoDB accepts.

    Raises:
        FieldError: The value is not a typed value.
    """
    if not isinstance(value, dict) or len(value) != 1:
        raise malformed(f"`{value!r:.60}` is not a typed value; write one with util.dynamodb.toDynamoDB")
    [(kind, content)] = value.items()
    match kind, content:
        case (("S" | "B"), str()):
            return {kind: content}
        case "N", (int() | float() | str()):
            return {"N": _number(content)}
        case "BOOL", bool():
            return {"BOOL": content}
        case "NULL", _:
            return {"NULL": True}
        case "L", list():
            return {"L": [to_wire(item) for item in content]}
        case "M", dict():
            return {"M": item_to_wire(content)}
        case (("SS" | "BS"), list()):
            return {kind: [str(item) for item in content]}
        case "NS", list():
            return {"NS": [_number(item) for item in content]}
        case _:
            raise malformed(f"`{kind}` of `{content!r:.60}` is not a typed value of DynamoDB")


def item_to_wire(item: object) -> Item:
    """Every attribute of an item or key in the form that DynamoDB accepts.

    Raises:
        FieldError: The item is not an object of typed values.
    """
    if not isinstance(item, dict):
        raise malformed("an item or key must be an object of typed values; use util.dynamodb.toMapValues")
    return {name: to_wire(value) for name, value in item.items()}


def to_plain(value: Mapping[str, Any]) -> Any:
    """One typed value of DynamoDB as the plain JSON value that resolvers receive."""
    [(kind, content)] = value.items()
    match kind:
        case "N":
            return _read_number(content)
        case "NS":
            return [_read_number(item) for item in content]
        case "NULL":
            return None
        case "L":
            return [to_plain(item) for item in content]
        case "M":
            return item_to_plain(content)
        case _:
            return content


def item_to_plain(item: Mapping[str, Any]) -> dict[str, Any]:
    """An item of DynamoDB as the plain JSON object that resolvers receive."""
    return {name: to_plain(value) for name, value in item.items()}


def is_same(left: Mapping[str, Any], right: Mapping[str, Any]) -> bool:
    """Whether two values of DynamoDB are equal. Numbers are compared by value, sets in any order."""
    [(kind, a)], [(other, b)] = left.items(), right.items()
    if kind != other:
        return False
    match kind:
        case "N":
            return bool(_read_number(a) == _read_number(b))
        case "NS":
            return {_read_number(item) for item in a} == {_read_number(item) for item in b}
        case "SS" | "BS":
            return set(a) == set(b)
        case "L":
            return len(a) == len(b) and all(map(is_same, a, b))
        case "M":
            return a.keys() == b.keys() and all(is_same(a[name], b[name]) for name in a)
        case _:
            return bool(a == b)


def _number(content: object) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, bool) or not isinstance(content, int | float):
        raise malformed(f"`{content!r:.60}` is not a number")
    return str(int(content)) if float(content).is_integer() and abs(content) < 2**53 else repr(content)


def _read_number(text: str) -> int | float:
    """An integer up to 63 bits, or a float: the numbers that JSON in the JavaScript engine can hold."""
    try:
        number = int(text)
    except ValueError:
        return float(text)
    return number if abs(number) < 2**63 else float(text)
