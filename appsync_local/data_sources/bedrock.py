"""The data source of the Amazon Bedrock runtime: InvokeModel and Converse.

Source: AppSync Developer Guide, "JavaScript resolver and function reference for Amazon Bedrock runtime"; Bedrock API
Reference, InvokeModel and Converse. The types of errors are unverified.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

import orjson
from yarl import URL

from appsync_local.data_sources.aws_services import AwsEndpoint, AwsServices, NotOnThisMachine
from appsync_local.data_sources.http_client import HttpClient, HttpFailed, Response
from appsync_local.data_sources.protocol import malformed, not_found
from appsync_local.data_sources.signed_headers import signed_headers
from appsync_local.errors import SourceFailed
from appsync_local.javascript.context import FieldContext

SERVICE: Final = "bedrock"  # in signatures; the host begins with bedrock-runtime
LIMIT: Final = 10.0  # seconds; Source: the same page
_OPERATIONS: Final = {"InvokeModel": "invoke", "Converse": "converse"}
_REQUIRED: Final = {"InvokeModel": ("modelId", "body"), "Converse": ("modelId", "messages")}
_JSON: Final = {"content-type": "application/json", "accept": "application/json"}
_GUARDRAIL: Final = {
    "guardrailIdentifier": "x-amzn-bedrock-guardrailidentifier",
    "guardrailVersion": "x-amzn-bedrock-guardrailversion",
    "guardrailTrace": "x-amzn-bedrock-trace",
}  # headers of InvokeModel


class BedrockDataSource:
    """Calls models.

    Args:
        aws: Where Bedrock is.
        http_client: Sends the requests.
        now: Returns the current time, in UTC.
    """

    def __init__(
        self, aws: AwsServices, http_client: HttpClient, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._aws = aws
        self._http_client = http_client
        self._now = now

    async def execute(self, request: object, context: FieldContext) -> object:  # noqa: ARG002
        """Call the model, and return the body of its answer.

        Raises:
            SourceFailed: Bedrock refused the request, did not answer within `LIMIT`, or may not be called.
            FieldError: The request object is malformed.
        """
        if not isinstance(request, dict) or "operation" not in request:
            raise not_found("operation")
        operation = request["operation"]
        if operation not in _OPERATIONS:
            raise malformed(f"Unsupported operation '{operation}'. Supported: {', '.join(_OPERATIONS)}.")
        for member in _REQUIRED[operation]:
            if request.get(member) is None:
                raise not_found(member)
        headers, body = _content(operation, request)
        endpoint = self._endpoint()
        path = f"/model/{quote(str(request['modelId']), safe='')}/{_OPERATIONS[operation]}"
        return _result(await self._send(endpoint, URL(endpoint.url.rstrip("/") + path, encoded=True), headers, body))

    def _endpoint(self) -> AwsEndpoint:
        region = self._aws.region
        try:
            return self._aws.endpoint_of(SERVICE, region, f"https://bedrock-runtime.{region}.amazonaws.com")
        except NotOnThisMachine as refused:
            raise SourceFailed("Bedrock:SdkClientException", str(refused)) from None

    async def _send(self, endpoint: AwsEndpoint, url: URL, headers: Mapping[str, str], body: bytes) -> Response:
        sent = signed_headers(
            "POST", url, headers, body,
            service=SERVICE, region=endpoint.region, credentials=endpoint.credentials, now=self._now(),
        )  # fmt: skip
        try:
            return await self._http_client.send("POST", url, sent, body, within=LIMIT)
        except HttpFailed as failure:
            raise SourceFailed("Bedrock:SdkClientException", f"Unable to execute HTTP request: {failure}") from None


def _content(operation: str, request: Mapping[str, Any]) -> tuple[dict[str, str], bytes]:
    """The headers and the body of a request."""
    if operation == "Converse":
        members = {name: value for name, value in request.items() if name not in ("operation", "modelId")}
        return dict(_JSON), orjson.dumps(members)
    guardrail = {header: str(request[name]) for name, header in _GUARDRAIL.items() if request.get(name) is not None}
    body = request["body"]
    return {**_JSON, **guardrail}, body.encode() if isinstance(body, str) else orjson.dumps(body)


def _result(response: Response) -> object:
    text = response.body.decode("utf-8", errors="replace")
    try:
        answer: Any = orjson.loads(response.body or b"null")
    except orjson.JSONDecodeError:
        answer = text
    if response.status == 200:
        return answer
    named = next((value for name, value in response.headers.items() if name.lower() == "x-amzn-errortype"), "")
    message = answer.get("message") if isinstance(answer, dict) else None
    raise SourceFailed(f"Bedrock:{named.split(':')[0] or 'UnknownError'}", str(message or text))
