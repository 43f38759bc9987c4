"""Calls to DynamoDB in its JSON protocol, signed, over the engine's HTTP connections.

This does not use boto3: its client blocks a thread per call and takes 160 ms to import and create. A call made here
takes less than half the processor time of a boto3 call in a thread (0.8 ms and 1.8 ms, medians of 500 calls).

Source: Amazon DynamoDB Developer Guide, "DynamoDB low-level API".
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import orjson
from yarl import URL

from appsync_local.data_sources.aws_services import AwsCredentials
from appsync_local.data_sources.dynamodb.endpoint import DynamoDbEndpoint
from appsync_local.data_sources.http_client import HttpClient, HttpFailed, Response
from appsync_local.data_sources.protocol import EXECUTION_LIMIT
from appsync_local.data_sources.signed_headers import signed_headers
from appsync_local.errors import SourceFailed

_VERSION: Final = "DynamoDB_20120810"
_CONTENT_TYPE: Final = "application/x-amz-json-1.0"


class DynamoDbFailed(SourceFailed):
    """DynamoDB refused a call.

    Args:
        code: DynamoDB's name of the error, such as `ConditionalCheckFailedException`.
        content: The body of the response.
    """

    def __init__(self, code: str, message: str, content: dict[str, Any]) -> None:
        self.code = code
        self.content = content
        super().__init__(f"DynamoDB:{code}", message)


class DynamoDbClient:
    """Calls one endpoint.

    Args:
        endpoint: The address and the credentials.
        http_client: Sends the requests.
        now: Returns the current time, in UTC.
    """

    def __init__(
        self,
        endpoint: DynamoDbEndpoint,
        http_client: HttpClient,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.region = endpoint.region
        self._credentials = AwsCredentials(endpoint.access_key_id, endpoint.secret_access_key, endpoint.session_token)
        self._url = URL(endpoint.url.rstrip("/") + "/")
        self._http_client = http_client
        self._now = now

    async def call(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """Make one call.

        Args:
            operation: The name of the operation, such as `PutItem`.
            parameters: Its parameters, with the member names of the DynamoDB API.

        Returns:
            The response, with the member names of the DynamoDB API.

        Raises:
            DynamoDbFailed: DynamoDB answered with an error.
            SourceFailed: No response came, or it is not JSON.
        """
        body = orjson.dumps(parameters)
        headers = self._headers(f"{_VERSION}.{operation}", body)
        try:
            response = await self._http_client.send("POST", self._url, headers, body, within=EXECUTION_LIMIT)
            content = orjson.loads(response.body or b"{}")
        except HttpFailed as failure:
            raise SourceFailed("DynamoDB:SdkClientException", f"Unable to execute HTTP request: {failure}") from None
        except orjson.JSONDecodeError:
            raise SourceFailed("DynamoDB:SdkClientException", f"{self._url} does not answer as DynamoDB") from None
        if response.status != 200:
            raise _failure(content, response)
        return content if isinstance(content, dict) else {}

    def _headers(self, target: str, body: bytes) -> dict[str, str]:
        return signed_headers(
            "POST", self._url, {"content-type": _CONTENT_TYPE, "x-amz-target": target}, body,
            service="dynamodb", region=self.region, credentials=self._credentials, now=self._now(),
        )  # fmt: skip


def _failure(content: object, response: Response) -> SourceFailed:
    error = content if isinstance(content, dict) else {}
    code = str(error.get("__type", "UnknownError")).rsplit("#", 1)[-1]
    text = error.get("message") or error.get("Message") or code
    request_id = response.headers.get("x-amzn-RequestId") or response.headers.get("x-amzn-requestid") or "null"
    where = f"Service: AmazonDynamoDBv2; Status Code: {response.status}; Error Code: {code}; Request ID: {request_id}"
    return DynamoDbFailed(code, f"{text} ({where})", error)
