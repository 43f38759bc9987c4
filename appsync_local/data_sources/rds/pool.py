"""Keeps connections to one database open, and runs transactions on them."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from appsync_local.data_sources.rds.answers import answer
from appsync_local.data_sources.rds.connection import DatabaseConnection
from appsync_local.data_sources.rds.failures import DatabaseFailed, DatabaseLost
from appsync_local.data_sources.rds.requests import StatementsRequest

MOST_CONNECTIONS: Final = 10


class ConnectionPool:
    """Connections to one database. Once closed, it runs nothing more.

    psycopg-pool and the pools of MySQL's libraries report only that no connection came within a time. This pool
    connects when a request needs it, so the request gets the database's own error, at once.

    Args:
        connect: Opens a connection; raises `DatabaseLost`.
    """

    def __init__(self, connect: Callable[[], Awaitable[DatabaseConnection]]) -> None:
        self._connect = connect
        self._slots = asyncio.Semaphore(MOST_CONNECTIONS)
        self._idle: list[DatabaseConnection] = []
        self._is_closed = False

    async def run(self, request: StatementsRequest) -> str:
        """Run the statements of a request in one transaction.

        Returns:
            See `answer`.

        Raises:
            DatabaseFailed: The database rejected a statement, or a result is too large; no statement has had an effect.
            DatabaseLost: The database cannot be reached, or this pool is closed.
        """
        async with self._slots:
            connection = await self._begun()
            try:
                results = answer([await connection.execute(it, request.parameters) for it in request.statements])
                await connection.commit()
            except DatabaseFailed:
                await self._undo(connection)
                raise
            except BaseException:  # also a cancelled request, whose statement may still run
                await connection.close()
                raise
            await self._keep(connection)
            return results

    async def _begun(self) -> DatabaseConnection:
        """A connection with a new transaction. Idle ones that the database has closed are discarded."""
        if self._is_closed:
            raise DatabaseLost("the engine has stopped; the statements were not sent")
        while self._idle:
            connection = self._idle.pop()
            try:
                await connection.begin()
            except BaseException as error:
                await connection.close()
                if not isinstance(error, DatabaseLost):
                    raise
            else:
                return connection
        connection = await self._connect()
        try:
            await connection.begin()
        except BaseException:
            await connection.close()
            raise
        return connection

    async def _undo(self, connection: DatabaseConnection) -> None:
        try:
            await connection.rollback()
        except BaseException as error:
            await connection.close()
            if not isinstance(error, DatabaseLost):
                raise
        else:
            await self._keep(connection)

    async def _keep(self, connection: DatabaseConnection) -> None:
        if self._is_closed:
            await connection.close()
        else:
            self._idle.append(connection)

    async def close(self) -> None:
        """Close every connection that no request uses; the others close when their request ends. Can be repeated."""
        self._is_closed = True
        while self._idle:
            await self._idle.pop().close()
