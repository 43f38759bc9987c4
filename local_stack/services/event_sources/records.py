"""The events that Lambda makes of messages, records and notifications.

Source: Lambda Developer Guide, "Using Lambda with Amazon SQS", "Using AWS Lambda with Amazon DynamoDB" and "Invoking
Lambda functions with Amazon SNS notifications", example events.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from appsync_local.functions.spec import ACCOUNT


def queue_event(messages: Sequence[Mapping[str, Any]], *, queue: str, region: str) -> dict[str, Any]:
    """The event for messages as ReceiveMessage returns them."""
    return {
        "Records": [
            {
                "messageId": it["MessageId"],
                "receiptHandle": it["ReceiptHandle"],
                "body": it["Body"],
                "attributes": it.get("Attributes", {}),
                "messageAttributes": {
                    name: _attribute(value) for name, value in it.get("MessageAttributes", {}).items()
                },
                "md5OfBody": it.get("MD5OfBody", ""),
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:{region}:{ACCOUNT}:{queue}",
                "awsRegion": region,
            }
            for it in messages
        ]
    }


def stream_event(records: Sequence[Mapping[str, Any]], *, stream: str) -> dict[str, Any]:
    """The event for records as GetRecords returns them; `stream` is the ARN of the stream."""
    return {"Records": [{**it, "eventVersion": "1.1", "eventSourceARN": stream} for it in records]}


def rule_event(body: str) -> dict[str, Any]:
    """The event of EventBridge in a message of a queue. moto leaves out the account."""
    event: dict[str, Any] = json.loads(body)
    return {**event, "account": ACCOUNT} if "detail-type" in event else event


def topic_event(body: str) -> dict[str, Any]:
    """The event for a notification that a topic sent to a queue."""
    sent = json.loads(body)
    names = {
        "Type": "Type", "MessageId": "MessageId", "TopicArn": "TopicArn", "Subject": "Subject", "Message": "Message",
        "Timestamp": "Timestamp", "SignatureVersion": "SignatureVersion", "Signature": "Signature",
        "SigningCertUrl": "SigningCertURL", "UnsubscribeUrl": "UnsubscribeURL",
    }  # fmt: skip
    notification = {name: sent.get(found) for name, found in names.items()}
    notification["MessageAttributes"] = sent.get("MessageAttributes", {})
    record = {
        "EventSource": "aws:sns",
        "EventVersion": "1.0",
        "EventSubscriptionArn": f"{sent.get('TopicArn')}:local",
        "Sns": notification,
    }
    return {"Records": [record]}


def failed_items(answer: object) -> frozenset[str] | None:
    """The identifiers in the answer of a function that reports failures; None: the whole batch failed.

    Source: Lambda Developer Guide, "Reporting batch item failures": an answer that is malformed fails the batch, one
    that is empty or null is a success.
    """
    if answer is None:
        return frozenset()
    if not isinstance(answer, dict):
        return None
    failures = answer.get("batchItemFailures") or []
    try:
        found = frozenset(str(it["itemIdentifier"]) for it in failures)
    except (TypeError, KeyError):
        return None
    return None if "" in found or "None" in found else found


def _attribute(value: Mapping[str, Any]) -> dict[str, Any]:
    """An attribute with the names that Lambda writes in lower case."""
    return {f"{name[0].lower()}{name[1:]}": it for name, it in value.items()}
