"""Reads queues and invokes functions with their messages.

A message that a function did not handle stays in the queue: it becomes visible again after the queue's time, and the
queue's redrive policy moves it to a dead-letter queue. Messages are read at once; a batching window is not waited for.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from appsync_local.devtools.health import LoopHealth
from appsync_local.errors import FunctionFailed
from appsync_local.functions.spec import ACCOUNT
from local_stack.event_sources import AsynchronousSource, MutationSource, QueueSource
from local_stack.services.aws.client import ServiceClient
from local_stack.services.event_sources.filters import message_passes
from local_stack.services.event_sources.inputs import input_of
from local_stack.services.event_sources.looking import keep_looking
from local_stack.services.event_sources.mutations import Mutations
from local_stack.services.event_sources.records import failed_items, queue_event, rule_event, topic_event
from local_stack.services.functions import Functions

PER_CALL: Final = 10  # messages. Source: Amazon SQS API Reference, ReceiveMessage
FAILURE_WAIT: Final = 2.0  # seconds after a look that failed


class QueueReader:
    """Reads one queue until it is cancelled.

    Args:
        source: The queue and its function.
        aws: The local services.
        functions: Runs the function.
        mutations: Sends the operation of a rule.
        health: Counts the looks that fail.
    """

    def __init__(
        self,
        source: QueueSource | AsynchronousSource | MutationSource,
        aws: ServiceClient,
        functions: Functions,
        mutations: Mutations,
        health: LoopHealth,
    ) -> None:
        self._source = source
        self._mutations = mutations
        self._aws = aws
        self._functions = functions
        self._health = health
        self._url = f"{aws.url}/{ACCOUNT}/{source.queue}"

    async def run(self) -> None:
        """Look at the queue again and again."""
        await keep_looking(self.look, self._health, lambda: FAILURE_WAIT)

    async def look(self) -> int:
        """Deliver the messages that are visible now, and return their number.

        Raises:
            CallFailed: The queue cannot be read.
            FunctionFailed: The function failed; the messages stay in the queue.
        """
        batch = self._source.batch_size if isinstance(self._source, QueueSource) else PER_CALL
        messages: list[Mapping[str, Any]] = []
        while len(messages) < batch:
            found = await self._receive(min(PER_CALL, batch - len(messages)))
            messages.extend(found)
            if len(found) < PER_CALL:
                break
        if messages:
            await self._delete(await self._deliver(messages))
        return len(messages)

    async def _receive(self, most: int) -> Sequence[Mapping[str, Any]]:
        answer = await self._aws.call(
            "sqs", "AmazonSQS.ReceiveMessage", QueueUrl=self._url, MaxNumberOfMessages=most,
            AttributeNames=["All"], MessageAttributeNames=["All"],
        )  # fmt: skip
        return answer.get("Messages") or ()

    async def _deliver(self, messages: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
        """The messages that were handled."""
        if isinstance(self._source, AsynchronousSource):
            for it in messages:
                await self._functions.enqueue(self._source.function, _payload(self._source, it["Body"]))
            return messages
        if isinstance(self._source, MutationSource):
            for it in messages:
                await self._mutations.send(self._source, input_of(self._source.target, rule_event(it["Body"])))
            return messages
        event = queue_event(messages, queue=self._source.queue, region=self._aws.region)
        event["Records"] = [it for it in event["Records"] if message_passes(self._source.filters, it)]
        if not event["Records"]:
            return messages
        answer = await self._functions.run_to_end(self._source.function, event)
        if not self._source.reports_failures:
            return messages
        failed = failed_items(answer)
        if failed is None:
            raise FunctionFailed(
                "Lambda:InvalidAnswer", "the answer of the function is not an object with a list batchItemFailures"
            )
        return [it for it in messages if it["MessageId"] not in failed]

    async def _delete(self, messages: Sequence[Mapping[str, Any]]) -> None:
        for first in range(0, len(messages), PER_CALL):
            entries = [
                {"Id": str(place), "ReceiptHandle": it["ReceiptHandle"]}
                for place, it in enumerate(messages[first : first + PER_CALL])
            ]
            await self._aws.call("sqs", "AmazonSQS.DeleteMessageBatch", QueueUrl=self._url, Entries=entries)


def _payload(source: AsynchronousSource, body: str) -> Any:
    """What a function gets of an event or a notification."""
    return topic_event(body) if source.kind == "topic" else input_of(source.target, rule_event(body))
