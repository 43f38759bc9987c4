"""MySQL and MariaDB by MySQL Connector/Python: statements are prepared by the server, and values sent beside them."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import orjson
from mysql.connector.aio import MySQLConnection
from mysql.connector.constants import FieldType
from mysql.connector.errors import Error

from appsync_local.data_sources.rds.answers import Column, Result
from appsync_local.data_sources.rds.failures import DatabaseFailed, DatabaseLost, unknown_parameter
from appsync_local.data_sources.rds.placeholders import MYSQL, split
from appsync_local.data_sources.rds.requests import Parameter

PORT: Final = 3306
CONNECT_LIMIT: Final = 5  # seconds
COLLATION: Final = "utf8mb4_general_ci"  # the library's default does not exist in MariaDB
_CLIENT_ERRORS: Final = range(2000, 3000)  # Source: MySQL Error Reference: those of the connection, not of a statement
_BINARY: Final = 63  # the character set of bytes
# Source: java.sql.Types, and the mapping of MySQL's JDBC driver.
_JDBC: Final = {
    "TINY": -6, "SHORT": 5, "LONG": 4, "INT24": 4, "LONGLONG": -5, "FLOAT": 7, "DOUBLE": 8, "DECIMAL": 3,
    "NEWDECIMAL": 3, "DATE": 91, "NEWDATE": 91, "TIME": 92, "DATETIME": 93, "TIMESTAMP": 93, "YEAR": 91, "BIT": -7,
    "STRING": 1, "VAR_STRING": 12, "VARCHAR": 12,
}  # fmt: skip
_LONG_TEXT: Final = -1
_LONG_BYTES: Final = -4


class MySqlConnection:
    """One connection. See `DatabaseConnection`."""

    def __init__(self, connection: MySQLConnection) -> None:
        self._connection = connection

    @classmethod
    async def open(cls, url: str) -> "MySqlConnection":
        """Connect to the database at a URL: by TLS with the scheme `mysql`, without it with `mariadb`.

        Raises:
            DatabaseLost: It cannot be reached, or refused the connection.
        """
        parts = urlsplit(url)
        connection = MySQLConnection(
            host=parts.hostname or "127.0.0.1", port=parts.port or PORT, user=unquote(parts.username or ""),
            password=unquote(parts.password or ""), database=unquote(parts.path.lstrip("/")) or None,
            collation=COLLATION, time_zone="+00:00", autocommit=True, connection_timeout=CONNECT_LIMIT,
            ssl_disabled=parts.scheme == "mariadb",
        )  # fmt: skip
        try:
            await connection.connect()
        except BaseException as error:
            await connection.shutdown()
            if isinstance(error, Error | OSError):
                raise DatabaseLost(str(error)) from None
            if isinstance(error, TypeError):  # version 26.10 looks for the cipher of a connection that has none
                raise DatabaseLost(
                    "the server has no TLS; use a URL with mariadb://, which connects without it"
                ) from None
            raise
        return cls(connection)

    async def begin(self) -> None:
        """See `DatabaseConnection`."""
        await self._send("START TRANSACTION")

    async def commit(self) -> None:
        """See `DatabaseConnection`."""
        await self._send("COMMIT")

    async def rollback(self) -> None:
        """See `DatabaseConnection`."""
        await self._send("ROLLBACK")

    async def close(self) -> None:
        """See `DatabaseConnection`."""
        await self._connection.shutdown()

    async def execute(self, statement: str, parameters: Mapping[str, Parameter]) -> Result:
        """See `DatabaseConnection`."""
        texts, names = split(statement, MYSQL)
        for name in names:
            if name not in parameters:
                raise unknown_parameter(name)
        values = [_sent(parameters[name]) for name in names]
        try:
            return await self._prepared("?".join(texts), values)
        except (Error, OSError) as error:
            raise _worded(error) from None

    async def _prepared(self, query: str, values: list[Any]) -> Result:
        prepared: Mapping[str, Any] = await self._connection.cmd_stmt_prepare(query.encode())
        statement = prepared["statement_id"]
        try:
            if prepared["num_params"] != len(values):
                raise DatabaseFailed("a statement has the placeholder ?, which has no value; use :NAME")
            answer: Any = await self._connection.cmd_stmt_execute(statement, values, prepared["parameters"])
            if isinstance(answer, dict):
                return Result(changed=answer["affected_rows"])
            described = answer[1]
            self._connection.unread_result = True
            rows, _ = await self._connection.get_rows(binary=True, columns=described)
        finally:
            await self._connection.cmd_stmt_close(statement)
        columns = tuple(_column(*it) for it in described)
        return Result(columns=columns, rows=[[_read(value) for value in row] for row in rows])

    async def _send(self, query: str) -> None:
        try:
            await self._connection.cmd_query(query)
        except (Error, OSError) as error:
            raise _worded(error) from None


def _sent(parameter: Parameter) -> object:
    """A value as the library sends it. MySQL converts text to the type that it is used as, with or without a hint."""
    value = parameter.value
    if parameter.hint is None and isinstance(value, bool | int | float | None):
        return value
    return value if isinstance(value, str) or value is None else orjson.dumps(value).decode()


def _read(value: object) -> object:
    """A value as the RDS Data API has it."""
    match value:
        case bytearray():
            return bytes(value)
        case datetime():
            return _without_zeros(value.isoformat(" "))
        case date():
            return value.isoformat()
        case timedelta():
            return _clock(value)
        case Decimal():
            return f"{value:f}"
        case set():
            return ",".join(sorted(value))
        case _:
            return value


def _clock(value: timedelta) -> str:
    """A TIME of MySQL, which may be negative or longer than a day."""
    sign, value = ("-", -value) if value < timedelta() else ("", value)
    minutes, seconds = divmod(value.days * 86_400 + value.seconds, 60)
    return _without_zeros(f"{sign}{minutes // 60:02}:{minutes % 60:02}:{seconds:02}.{value.microseconds:06}")


def _without_zeros(text: str) -> str:
    """The text without the zeros at the end of a fraction of seconds."""
    return text.rstrip("0").rstrip(".") if "." in text else text


def _column(name: str, type_: int, *described: Any) -> Column:
    type_name = str(FieldType.get_info(type_) or type_)
    is_binary = described[-1] == _BINARY
    return Column(name, type_name, _JDBC.get(type_name, _LONG_BYTES if is_binary else _LONG_TEXT))


def _worded(error: Error | OSError) -> DatabaseFailed | DatabaseLost:
    """The error, worded as the RDS Data API does."""
    if isinstance(error, OSError) or error.errno in _CLIENT_ERRORS:
        return DatabaseLost(str(error))
    return DatabaseFailed(f"Database error code: {error.errno}. Message: {error.msg}")
