"""What invokes the functions of a template, besides the API and schedules."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class QueueSource:
    """An event source mapping of an SQS queue.

    Attributes:
        function: The function's name.
        queue: The queue's name.
        batch_size: The most messages of one invocation.
        reports_failures: Whether the function returns the messages that failed (`ReportBatchItemFailures`).
        filters: Patterns. A message that matches none of them is deleted. Without patterns, all are delivered.
    """

    function: str
    queue: str
    batch_size: int = 10
    reports_failures: bool = False
    filters: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class StreamSource:
    """An event source mapping of a DynamoDB stream.

    Attributes:
        function: The function's name.
        table: The table's name.
        batch_size: The most records of one invocation.
        position: Where a new mapping begins to read.
        reports_failures: Whether the function returns the record that failed (`ReportBatchItemFailures`).
        retries: Further attempts at a batch that failed; -1: until it succeeds.
        filters: Patterns. A record that matches none of them is passed over. Without patterns, all are delivered.
    """

    function: str
    table: str
    batch_size: int = 100
    position: Literal["LATEST", "TRIM_HORIZON"] = "TRIM_HORIZON"
    reports_failures: bool = False
    retries: int = -1
    filters: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class AsynchronousSource:
    """A rule of EventBridge or a topic of SNS that invokes a function with `Event`, by way of a queue of its own.

    Attributes:
        function: The function's name.
        queue: The queue's name.
        kind: Which service sends to the queue.
        target: What a rule says about the input of its target: see `inputs`.
    """

    function: str
    queue: str
    kind: Literal["rule", "topic"]
    target: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MutationSource:
    """A rule of EventBridge that sends a GraphQL operation to an API, by way of a queue of its own.

    Attributes:
        api: The name of the API.
        document: The operation.
        queue: The queue's name.
        target: See `AsynchronousSource`; the input becomes the variables.
    """

    api: str
    document: str
    queue: str
    target: Mapping[str, Any] = field(default_factory=dict)


EventSource = QueueSource | StreamSource | AsynchronousSource | MutationSource
