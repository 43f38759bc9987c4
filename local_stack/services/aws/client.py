"""Calls to the local services in AWS's JSON protocol, over the event loop."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import orjson
from yarl import URL

from appsync_local.data_sources.aws_services import AwsCredentials
from appsync_local.data_sources.http_client import HttpClient, HttpFailed
from appsync_local.data_sources.signed_headers import signed_headers

WITHIN: Final = 30.0  # seconds
_TYPE: Final = "application/x-amz-json-1.0"


class CallFailed(Exception):
    """A service refused a call, or did not answer. `code` is its name of the error, or `NoAnswer`."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(f"{code}: {message}")


@dataclass(frozen=True, slots=True)
class ServiceClient:
    """Calls the local services.

    Attributes:
        url: The endpoint of the services.
        region: The region that signatures name.
        credentials: What requests are signed with.
        http_client: Sends the requests; its creator closes it.
        now: The time, in UTC.
    """

    url: str
    region: str
    credentials: AwsCredentials
    http_client: HttpClient
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    async def call(self, service: str, target: str, **parameters: Any) -> dict[str, Any]:
        """Make one call.

        Args:
            service: The name that signatures have for the service, as `sqs`.
            target: The value of `X-Amz-Target`, as `AmazonSQS.ReceiveMessage`.
            parameters: Its parameters.

        Raises:
            CallFailed: The service refused it, or did not answer.
        """
        url, body = URL(f"{self.url}/"), orjson.dumps(parameters)
        headers = signed_headers(
            "POST", url, {"content-type": _TYPE, "x-amz-target": target}, body,
            service=service, region=self.region, credentials=self.credentials, now=self.now(),
        )  # fmt: skip
        try:
            response = await self.http_client.send("POST", url, headers, body, within=WITHIN)
            content = orjson.loads(response.body or b"{}")
        except (HttpFailed, orjson.JSONDecodeError) as error:
            raise CallFailed("NoAnswer", str(error)) from None
        if response.status != 200:
            code = str(content.get("__type", "UnknownError")).rsplit("#", 1)[-1]
            raise CallFailed(code, str(content.get("message") or content.get("Message") or code))
        return content if isinstance(content, dict) else {}
