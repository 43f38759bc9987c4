"""PostgreSQL by psycopg: parameters are sent beside the statement, with the types that the RDS Data API gives them.

Text has the type varchar, as on AWS. PostgreSQL therefore refuses it for a column of another type, such as uuid, unless
it has a type hint.
"""

from collections.abc import Mapping
from typing import Any, Final

import orjson
import psycopg
from psycopg.abc import AdaptContext
from psycopg.adapt import Dumper
from psycopg.rows import tuple_row
from psycopg.types.numeric import Float8, Int8
from psycopg.types.string import StrDumperVarchar, TextLoader

from appsync_local.data_sources.rds.answers import Column, Result
from appsync_local.data_sources.rds.failures import DatabaseFailed, DatabaseLost, unknown_parameter
from appsync_local.data_sources.rds.placeholders import POSTGRESQL, split
from appsync_local.data_sources.rds.requests import Parameter, TypeHint

CONNECT_LIMIT: Final = 5  # seconds
MULTIPLE: Final = "Multistatements aren't supported"  # Source: the RDS Data API's text
# Types whose text is returned, where psycopg would make Python objects.
_TEXTS: Final = (
    "date", "time", "timetz", "timestamp", "timestamptz", "interval", "json", "jsonb", "numeric", "uuid", "inet",
    "cidr", "record", "int4range", "int8range", "numrange", "daterange", "tsrange", "tstzrange", "int4multirange",
    "int8multirange", "nummultirange", "datemultirange", "tsmultirange", "tstzmultirange",
)  # fmt: skip
# Source: java.sql.Types, and the mapping of PostgreSQL's JDBC driver.
_JDBC: Final = {
    "bool": -7, "int2": 5, "int4": 4, "int8": -5, "oid": -5, "float4": 7, "float8": 8, "numeric": 2, "money": 8,
    "bpchar": 1, "varchar": 12, "text": 12, "name": 12, "date": 91, "time": 92, "timetz": 92, "timestamp": 93,
    "timestamptz": 93, "bytea": -2,
}  # fmt: skip
_ARRAY: Final = 2003
_OTHER: Final = 1111
_INTEGERS: Final = range(-(2**63), 2**63)


def _hinted(name: str) -> tuple[type[str], type[Dumper]]:
    """A class for texts that are sent with a type of PostgreSQL, and the dumper that sends them."""
    oid_ = psycopg.adapters.types[name].oid

    class Hinted(str):
        __slots__ = ()

    class HintedDumper(Dumper):
        oid = oid_

        def dump(self, obj: Any) -> bytes:
            return str(obj).encode()

    return Hinted, HintedDumper


_HINTS: Final = {
    TypeHint.DATE: _hinted("date"),
    TypeHint.DECIMAL: _hinted("numeric"),
    TypeHint.JSON: _hinted("json"),
    TypeHint.TIME: _hinted("time"),
    TypeHint.TIMESTAMP: _hinted("timestamp"),
    TypeHint.UUID: _hinted("uuid"),
}


class _UtcLoader(TextLoader):
    """Reads a time stamp without its zone: the time zone of the session is UTC, as in answers of the Data API."""

    def load(self, data: Any) -> str:
        return str(super().load(data)).removesuffix("+00")


def _adapt(context: AdaptContext) -> None:
    adapters = context.adapters
    assert adapters is not None  # noqa: S101  # a connection always has them
    adapters.register_dumper(str, StrDumperVarchar)
    for hinted, dumper in _HINTS.values():
        adapters.register_dumper(hinted, dumper)
    for name in _TEXTS:
        adapters.register_loader(name, TextLoader)
    adapters.register_loader("timestamptz", _UtcLoader)


class PostgreSqlConnection:
    """One connection. See `DatabaseConnection`."""

    def __init__(self, connection: psycopg.AsyncConnection[tuple[Any, ...]]) -> None:
        self._connection = connection

    @classmethod
    async def open(cls, url: str) -> "PostgreSqlConnection":
        """Connect to the database at a URL.

        Raises:
            DatabaseLost: It cannot be reached, or refused the connection.
        """
        try:
            connection = await psycopg.AsyncConnection.connect(
                url, autocommit=True, connect_timeout=CONNECT_LIMIT, row_factory=tuple_row
            )
            _adapt(connection)
            await connection.execute("SET TIME ZONE 'UTC'")
        except psycopg.Error as error:
            raise DatabaseLost(" ".join(str(error).split())) from None
        return cls(connection)

    async def begin(self) -> None:
        """See `DatabaseConnection`."""
        await self._send("BEGIN")

    async def commit(self) -> None:
        """See `DatabaseConnection`."""
        await self._send("COMMIT")

    async def rollback(self) -> None:
        """See `DatabaseConnection`."""
        await self._send("ROLLBACK")

    async def close(self) -> None:
        """See `DatabaseConnection`."""
        await self._connection.close()

    async def execute(self, statement: str, parameters: Mapping[str, Parameter]) -> Result:
        """See `DatabaseConnection`."""
        texts, names = split(statement, POSTGRESQL)
        values: dict[str, object] = {}
        query = texts[0].replace("%", "%%")
        for name, text in zip(names, texts[1:], strict=True):
            if name not in parameters:
                raise unknown_parameter(name)
            values[name] = _value(parameters[name])
            query += f"%({name})s" + text.replace("%", "%%")
        cursor = await self._send(query, values)
        if cursor.nextset():
            raise DatabaseFailed(MULTIPLE)
        if cursor.description is None:
            return Result(changed=max(cursor.rowcount, 0))
        columns = tuple(self._column(it) for it in cursor.description)
        return Result(columns=columns, rows=await cursor.fetchall())

    def _column(self, column: psycopg.Column) -> Column:
        info = self._connection.adapters.types.get(column.type_code)
        if info is None:
            return Column(column.name, str(column.type_code), _OTHER)
        precision, scale = column.precision or column.display_size or 0, column.scale or 0
        if info.array_oid == column.type_code:
            return Column(column.name, f"_{info.name}", _ARRAY, precision, scale)
        return Column(column.name, info.name, _JDBC.get(info.name, _OTHER), precision, scale)

    async def _send(self, query: str, values: dict[str, object] | None = None) -> psycopg.AsyncCursor[tuple[Any, ...]]:
        try:
            return await self._connection.execute(query.encode(), values)
        except psycopg.Error as error:
            if self._connection.broken or self._connection.closed:
                raise DatabaseLost(" ".join(str(error).split()) or type(error).__name__) from None
            raise DatabaseFailed(_worded(error)) from None


def _value(parameter: Parameter) -> object:
    value = parameter.value
    if value is None:
        return None
    if parameter.hint is not None:
        text = value if isinstance(value, str) else orjson.dumps(value).decode()
        return _HINTS[parameter.hint][0](text)
    match value:
        case bool() | str():
            return value
        case int() if value in _INTEGERS:
            return Int8(value)
        case int() | float():
            return Float8(value)
        case _:
            return orjson.dumps(value).decode()


def _worded(error: psycopg.Error) -> str:
    """An error as PostgreSQL's JDBC driver words it, with the code that the Data API adds."""
    found = error.diag
    if found.message_primary is None:
        return " ".join(str(error).split())
    lines = [f"{found.severity or 'ERROR'}: {found.message_primary}"]
    for label, text in (
        ("Detail", found.message_detail), ("Hint", found.message_hint), ("Position", found.statement_position),
    ):  # fmt: skip
        if text is not None:
            lines.append(f"  {label}: {text}")
    return "\n".join(lines) + f"; SQLState: {found.sqlstate}"
