"""The call that creates a resource of a template in a local service."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Creation:
    """One call.

    Attributes:
        resource: The logical id in the template.
        service: boto3's name of the service, such as `sqs`.
        operation: The method of boto3's client, such as `create_queue`.
        parameters: Its parameters.
    """

    resource: str
    service: str
    operation: str
    parameters: Mapping[str, Any]
