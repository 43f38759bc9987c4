"""Creates the resources of a template in the local services."""

import logging
from collections.abc import Iterable
from typing import Any, Final

from local_stack.creation import Creation

_log: Final = logging.getLogger("longcall.aws")


def create_resources(endpoint: str, region: str, key: tuple[str, str], creations: Iterable[Creation]) -> None:
    """Make the calls, one after another.

    A resource that a service refuses is logged by its name, and the others are created: the application may not need
    it, and moto knows less than AWS.

    Args:
        endpoint: Of the local services.
        region: The region that requests are signed for.
        key: An access key id and its secret.
        creations: The calls.
    """
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    session = boto3.Session(aws_access_key_id=key[0], aws_secret_access_key=key[1], region_name=region)
    clients: dict[str, Any] = {}
    for it in creations:
        try:
            if it.service not in clients:
                clients[it.service] = session.client(it.service, endpoint_url=endpoint)  # type: ignore[call-overload]
            getattr(clients[it.service], it.operation)(**it.parameters)
        except (BotoCoreError, ClientError) as error:
            _log.error("%s cannot be created in the local %s: %s; check its properties", it.resource, it.service, error)
