"""The interface of a connection to a database."""

from collections.abc import Mapping
from typing import Protocol

from appsync_local.data_sources.rds.answers import Result
from appsync_local.data_sources.rds.requests import Parameter


class DatabaseConnection(Protocol):
    """One connection. It runs one transaction at a time."""

    async def begin(self) -> None:
        """Begin a transaction.

        Raises:
            DatabaseLost: The database closed the connection.
        """

    async def execute(self, statement: str, parameters: Mapping[str, Parameter]) -> Result:
        """Run a statement in the transaction.

        Args:
            statement: SQL with placeholders such as `:P0`.
            parameters: By the name of the placeholder; may have more than the statement uses.

        Raises:
            DatabaseFailed: The database rejected the statement, or a placeholder has no parameter.
            DatabaseLost: The database closed the connection.
        """

    async def commit(self) -> None:
        """Commit the transaction. Raises as `execute` does."""

    async def rollback(self) -> None:
        """Undo the transaction. Raises as `begin` does."""

    async def close(self) -> None:
        """Close the connection, also in the middle of a transaction, which is then undone."""
