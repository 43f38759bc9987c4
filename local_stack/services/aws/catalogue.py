"""The services of AWS that have a local counterpart, by the name that signatures have for each."""

from collections.abc import Mapping
from typing import Final

# The services that moto serves here. Everything else that moto can emulate is not reachable.
SERVED_BY_MOTO: Final[Mapping[str, str]] = {
    "dynamodb": "DynamoDB",
    "events": "EventBridge",
    "s3": "S3",
    "secretsmanager": "Secrets Manager",
    "sns": "SNS",
    "sqs": "SQS",
    "ssm": "SSM",
    "states": "Step Functions",
}
STREAMS_TARGET: Final = "DynamoDBStreams_"
# moto's name of a service, where it differs from the name in signatures.
_BACKENDS: Final = {"states": "stepfunctions"}


def backend_of(service: str, target: str) -> str:
    """The part of moto that serves a request.

    Args:
        service: A service of `SERVED_BY_MOTO`.
        target: The `X-Amz-Target` header; empty if there is none.
    """
    if service == "dynamodb" and target.startswith(STREAMS_TARGET):
        return "dynamodbstreams"
    return _BACKENDS.get(service, service)
