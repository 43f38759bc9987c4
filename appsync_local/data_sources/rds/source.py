"""The RDS data source.

Source: AppSync Developer Guide, "JavaScript resolver function reference for Amazon RDS". The form of an error message
is that of the service (serverless-appsync-plugin issue 462); its type is unverified.
"""

import asyncio

import orjson

from appsync_local.data_sources.protocol import EXECUTION_LIMIT
from appsync_local.data_sources.rds.failures import DatabaseFailed, DatabaseLost
from appsync_local.data_sources.rds.pool import ConnectionPool
from appsync_local.data_sources.rds.requests import read_request
from appsync_local.errors import SourceFailed
from appsync_local.javascript.context import FieldContext


class RdsDataSource:
    """Runs statements on one database.

    Args:
        name: Name of the data source, for messages.
        pool: The connections to the database.
    """

    def __init__(self, name: str, pool: ConnectionPool) -> None:
        self._name = name
        self._pool = pool

    async def execute(self, request: object, context: FieldContext) -> object:  # noqa: ARG002
        """Run the statements of the request in one transaction. See `DataSource`; the result is JSON text."""
        found = read_request(request)
        try:
            async with asyncio.timeout(EXECUTION_LIMIT):
                return await self._pool.run(found)
        except DatabaseFailed as failure:
            raise SourceFailed("RDS:BadRequestException", _message(str(failure))) from None
        except DatabaseLost as lost:
            sentence = f"the database of data source {self._name} cannot be reached: {lost}"
            raise SourceFailed("RDS:DatabaseUnavailableException", _message(sentence)) from None
        except TimeoutError:
            raise SourceFailed("RDS:StatementTimeoutException", "Execution timed out.") from None


def _message(text: str) -> str:
    return f"RDSHttp:{orjson.dumps({'message': text}).decode()}"
