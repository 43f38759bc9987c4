"""What a failure destination is sent about an event that was given up on."""

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum

import orjson

from appsync_local.functions.event_queue import QueuedEvent
from appsync_local.functions.spec import FunctionSpec


class Condition(StrEnum):
    """Why an event was given up on."""

    RETRIES_EXHAUSTED = "RetriesExhausted"
    EVENT_AGE_EXCEEDED = "EventAgeExceeded"
    ZERO_RESERVED_CONCURRENCY = "ZeroReservedConcurrency"  # the function is switched off


def failure_record(spec: FunctionSpec, event: QueuedEvent, condition: Condition, *, now: float) -> Mapping[str, object]:
    """The payload of the failure destination.

    Args:
        spec: The function that did not do it.
        event: Its state after the last attempt. If there was no attempt, there is no response to report.
        condition: Why it is given up on.
        now: Seconds since the epoch.

    Source:
        Lambda Developer Guide, "Capturing records of Lambda asynchronous invocations", example invocation record.
    """
    moment = datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds")
    record: dict[str, object] = {
        "version": "1.0",
        "timestamp": moment.replace("+00:00", "Z"),
        "requestContext": {
            "requestId": event.request_id,
            "functionArn": f"{spec.arn}:$LATEST",
            "condition": condition.value,
            "approximateInvokeCount": event.attempts,
        },
        "requestPayload": orjson.loads(event.payload),
    }
    if event.error is not None:
        record["responseContext"] = {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"}
        record["responsePayload"] = orjson.loads(event.error)
    return record
