"""Writes results of statements as the RDS Data API does.

Source: RDS Data API Reference, Field, ArrayValue, ColumnMetadata and SqlStatementResult.
"""

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from appsync_local.data_sources.rds.failures import DatabaseFailed

RESULT_LIMIT: Final = 1024 * 1024  # bytes; Source: Aurora User Guide, "Using the RDS Data API", limitations
TOO_LARGE: Final = "Database returned more than the allowed response size limit"
_NOT_NUMBERS: Final = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}  # JSON has no numbers for them


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a result.

    Args:
        name: Its label.
        type_name: The name that the database has for the type.
        jdbc_type: The number of the type in JDBC.
        precision: Digits or characters; 0 if the type has no limit.
        scale: Digits after the point.
    """

    name: str
    type_name: str
    jdbc_type: int
    precision: int = 0
    scale: int = 0


@dataclass(frozen=True, slots=True)
class Result:
    """What one statement returned.

    Args:
        changed: The number of rows that it changed, if it returned none.
        columns: The columns of its rows; empty if it cannot return rows.
        rows: Its rows, with values of the kinds that `field_of` knows.
    """

    changed: int = 0
    columns: tuple[Column, ...] = ()
    rows: Sequence[Sequence[object]] = ()


def answer(results: Sequence[Result]) -> str:
    """The results as JSON text, which AppSync passes to the response handler.

    Raises:
        DatabaseFailed: A result is larger than `RESULT_LIMIT`.
    """
    parts = [orjson.dumps(_result(it)) for it in results]
    if any(len(part) > RESULT_LIMIT for part in parts):
        raise DatabaseFailed(TOO_LARGE)
    return f'{{"sqlStatementResults":[{",".join(part.decode() for part in parts)}]}}'


def _result(result: Result) -> dict[str, Any]:
    if not result.columns:
        return {"numberOfRecordsUpdated": result.changed, "generatedFields": []}
    return {
        "numberOfRecordsUpdated": 0,
        "records": [[field_of(value) for value in row] for row in result.rows],
        "columnMetadata": [_metadata(column) for column in result.columns],
    }


def field_of(value: object) -> dict[str, Any]:
    """A value as a Field: None, bool, int, float, bytes, list, or anything else as text."""
    match value:
        case None:
            return {"isNull": True}
        case bool():
            return {"booleanValue": value}
        case int():
            return {"longValue": value}
        case float():
            return {"doubleValue": value} if math.isfinite(value) else {"stringValue": _NOT_NUMBERS[str(value)]}
        case bytes():
            return {"blobValue": base64.b64encode(value).decode()}
        case list():
            return {"arrayValue": _array(value)}
        case _:
            return {"stringValue": str(value)}


def _array(items: list[Any]) -> dict[str, Any]:
    """The items in the member for their kind. Null stays null, which the Data API's reference does not mention."""
    present = [item for item in items if item is not None]
    if any(isinstance(item, list) for item in present):
        return {"arrayValues": [_array(item) for item in present]}
    if present and all(isinstance(item, bool) for item in present):
        return {"booleanValues": items}
    if present and all(isinstance(item, int) and not isinstance(item, bool) for item in present):
        return {"longValues": items}
    if present and all(isinstance(item, float) for item in present):
        return {"doubleValues": items}
    return {"stringValues": [None if item is None else str(item) for item in items]}


def _metadata(column: Column) -> dict[str, object]:
    return {
        "arrayBaseColumnType": 0,
        "isAutoIncrement": False,
        "isCaseSensitive": False,
        "isCurrency": False,
        "isSigned": False,
        "label": column.name,
        "name": column.name,
        "nullable": 1,
        "precision": column.precision,
        "scale": column.scale,
        "schemaName": "",
        "tableName": "",
        "type": column.jdbc_type,
        "typeName": column.type_name,
    }
