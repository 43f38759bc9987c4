"""Sends GraphQL operations to the APIs of a stack, as rules of EventBridge do whose target is AppSync.

Source: Amazon EventBridge User Guide, "AWS AppSync targets".
"""

import logging
from collections.abc import Mapping
from typing import Any, Final

import orjson
from yarl import URL

from appsync_local.data_sources.http_client import HttpFailed
from appsync_local.data_sources.signed_headers import signed_headers
from local_stack.event_sources import MutationSource
from local_stack.services.aws.client import WITHIN, CallFailed, ServiceClient

_log: Final = logging.getLogger("longcall.aws")


class Mutations:
    """Sends operations, signed with the stack's own key.

    Args:
        urls: The URLs of the APIs, by name.
        aws: The credentials and the connections.
    """

    def __init__(self, urls: Mapping[str, str], aws: ServiceClient) -> None:
        self._urls = urls
        self._aws = aws

    async def send(self, source: MutationSource, variables: Any) -> None:
        """Send the operation of a rule. Errors in the answer are logged, because sending it again would not help.

        Raises:
            CallFailed: The API refused the request, or did not answer.
        """
        url = URL(self._urls[source.api])
        body = orjson.dumps({"query": source.document, "variables": variables})
        headers = signed_headers(
            "POST", url, {"content-type": "application/json"}, body,
            service="appsync", region=self._aws.region, credentials=self._aws.credentials, now=self._aws.now(),
        )  # fmt: skip
        try:
            response = await self._aws.http_client.send("POST", url, headers, body, within=WITHIN)
        except HttpFailed as failed:
            raise CallFailed("NoAnswer", str(failed)) from None
        answer = orjson.loads(response.body)
        errors = [str(it.get("errorType") or it.get("message")) for it in answer.get("errors") or ()]
        if response.status != 200:
            raise CallFailed(errors[0] if errors else str(response.status), f"{url} refused the operation of a rule")
        if errors:
            _log.warning("the operation of a rule failed at %s: %s", url, "; ".join(errors))
