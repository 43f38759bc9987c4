"""Requests to the DynamoDB table of the ledger that take several calls, and the client for them."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from chalicelib.jobs.errors import LedgerUnavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

BATCH: Final = 25  # items of one BatchWriteItem, the most that it takes
MAX_LIMIT: Final = 200  # items of one query that a filter may leave out; about 1 MB of projections with metadata
WRITE_TRIES: Final = 8


def dynamodb_client() -> "DynamoDBClient":
    """A client from boto3's own settings. Two tries of at most 4.5 s fit into an invocation of the relay, 10 s."""
    import boto3
    from botocore.config import Config

    return boto3.client(
        "dynamodb",
        region_name=region_of(os.environ),
        config=Config(connect_timeout=1, read_timeout=3.5, retries={"mode": "standard", "total_max_attempts": 2}),
    )


def region_of(environment: Mapping[str, str]) -> str | None:
    """The region of the table; None: the profile's. boto3 itself does not read AWS_REGION, which other tools set."""
    return environment.get("AWS_DEFAULT_REGION") or environment.get("AWS_REGION") or None


class TableRequests(Struct, frozen=True):
    """Requests to one table.

    Attributes:
        table: Its name.
        client: Of DynamoDB.
        sleep: Waits between two tries.
    """

    table: str
    client: "DynamoDBClient"
    sleep: Callable[[float], None]

    def query(self, limit: int, /, **arguments: Any) -> Iterator[Mapping[str, Any]]:
        """All items that match, in requests of at most `limit` items.

        DynamoDB counts items before it filters. After the first request the limit doubles up to `MAX_LIMIT`, so that a
        filter that matches few items does not need many requests.
        """
        while True:
            answer = self.client.query(TableName=self.table, Limit=limit, **arguments)
            yield from answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return
            arguments["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
            limit = max(limit, min(2 * limit, MAX_LIMIT))

    def write(self, items: Iterable[dict[str, Any]]) -> None:
        """Put at most `BATCH` items. Items for which the table has no capacity are sent again, after longer waits.

        Raises:
            LedgerUnavailable: The table had no capacity in `WRITE_TRIES` tries.
        """
        from tenacity import RetryError, Retrying, retry_if_result, stop_after_attempt, wait_random_exponential

        unprocessed: dict[str, Any] = {self.table: [{"PutRequest": {"Item": item}} for item in items]}

        def send() -> dict[str, Any]:
            nonlocal unprocessed
            unprocessed = dict(self.client.batch_write_item(RequestItems=unprocessed)["UnprocessedItems"])
            return unprocessed

        wait = wait_random_exponential(multiplier=0.05, max=1.0)
        stop = stop_after_attempt(WRITE_TRIES)
        try:
            Retrying(retry=retry_if_result(bool), wait=wait, stop=stop, sleep=self.sleep)(send)
        except RetryError as error:
            raise LedgerUnavailable from error
