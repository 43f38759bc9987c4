"""Reads the streams of DynamoDB tables and invokes functions with their records.

A batch that a function did not handle is delivered again, and the records after it wait. With
`ReportBatchItemFailures`, delivery begins again at the first record that failed.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from appsync_local.devtools.health import LoopHealth
from appsync_local.errors import FunctionFailed
from appsync_local.functions.delivery import Backoff
from local_stack.event_sources import StreamSource
from local_stack.services.aws.client import CallFailed, ServiceClient
from local_stack.services.event_sources.filters import passes
from local_stack.services.event_sources.looking import keep_looking
from local_stack.services.event_sources.records import failed_items, stream_event
from local_stack.services.functions import Functions

TARGET: Final = "DynamoDBStreams_20120810"
RETRY_WAITS: Final = Backoff(first=1.0, longest=10.0)  # seconds before a batch that failed is delivered again

_log: Final = logging.getLogger("longcall.aws")


class StreamReader:
    """Reads one stream until it is cancelled.

    Args:
        source: The table and its function.
        aws: The local services.
        functions: Runs the function.
        health: Counts the looks that fail.
    """

    def __init__(self, source: StreamSource, aws: ServiceClient, functions: Functions, health: LoopHealth) -> None:
        self._source = source
        self._aws = aws
        self._functions = functions
        self._health = health
        self._stream = ""
        self._iterator: str | None = None
        self._waiting: list[Mapping[str, Any]] = []  # records that have been read and not yet handled
        self._failures = 0  # of the first of them

    async def open(self) -> None:
        """Find the stream, and the place in it at which reading begins.

        Raises:
            CallFailed: The table has no stream.
        """
        table = await self._aws.call("dynamodb", "DynamoDB_20120810.DescribeTable", TableName=self._source.table)
        self._stream = table["Table"].get("LatestStreamArn", "")
        if not self._stream:
            raise CallFailed("NoStream", f"the table {self._source.table} has no stream; give it a StreamSpecification")
        found = await self._call("DescribeStream", StreamArn=self._stream)
        shard = found["StreamDescription"]["Shards"][0]["ShardId"]
        answer = await self._call(
            "GetShardIterator", StreamArn=self._stream, ShardId=shard, ShardIteratorType=self._source.position
        )
        self._iterator = answer["ShardIterator"]

    async def run(self) -> None:
        """Look at the stream again and again."""
        await keep_looking(self.look, self._health, lambda: RETRY_WAITS.after(max(1, self._failures)))

    async def look(self) -> int:
        """Deliver the records that are there now, and return their number.

        Raises:
            CallFailed: The stream cannot be read.
            FunctionFailed: The function failed; the records are delivered again.
        """
        if not self._waiting:
            self._waiting = [*await self._read()]
            self._failures = 0
        if not self._waiting:
            return 0
        found = len(self._waiting)
        try:
            handled = await self._deliver(self._waiting)
        except FunctionFailed as failed:
            self._give_up_or_raise(failed)
            return found
        self._failures = 0 if handled else self._failures
        self._waiting = self._waiting[handled:]
        if self._waiting:
            self._give_up_or_raise(FunctionFailed("Lambda:BatchItemFailure", "the function reported a failed record"))
        return found

    async def _read(self) -> Sequence[Mapping[str, Any]]:
        if self._iterator is None:
            await self.open()
        try:
            answer = await self._call("GetRecords", ShardIterator=self._iterator, Limit=self._source.batch_size)
        except CallFailed:
            self._iterator = None  # such as after moto was started again
            raise
        self._iterator = answer.get("NextShardIterator")
        return [it for it in answer.get("Records") or () if passes(self._source.filters, it)]

    async def _deliver(self, records: Sequence[Mapping[str, Any]]) -> int:
        """The number of records that were handled, from the first one."""
        answer = await self._functions.run_to_end(self._source.function, stream_event(records, stream=self._stream))
        if not self._source.reports_failures:
            return len(records)
        failed = failed_items(answer)
        if failed is None:
            raise FunctionFailed(
                "Lambda:InvalidAnswer", "the answer of the function is not an object with a list batchItemFailures"
            )
        numbers = [it["dynamodb"]["SequenceNumber"] for it in records]
        return min((numbers.index(it) for it in failed if it in numbers), default=len(records))

    def _give_up_or_raise(self, failed: FunctionFailed) -> None:
        self._failures += 1
        if self._source.retries < 0 or self._failures <= self._source.retries:
            raise failed
        _log.error(
            "%s: %d records of %s were dropped after %d attempts: %s",
            self._source.function, len(self._waiting), self._source.table, self._failures, failed,
        )  # fmt: skip
        self._waiting = []

    async def _call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        return await self._aws.call("dynamodb", f"{TARGET}.{operation}", **parameters)
