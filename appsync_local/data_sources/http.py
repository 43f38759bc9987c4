"""The HTTP data source.

Requests to AWS services are sent to local endpoints. Without one, they are refused, unless AWS may be called.

Source: AppSync Developer Guide, "JavaScript resolver function reference for HTTP"; "HTTP resolvers", for signatures.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlencode

import orjson
from yarl import URL

from appsync_local.api.model import HttpSigning
from appsync_local.data_sources.aws_services import AwsEndpoint, AwsServices, NotOnThisMachine, is_aws, service_of
from appsync_local.data_sources.http_client import HttpClient, HttpFailed
from appsync_local.data_sources.protocol import EXECUTION_LIMIT, malformed, not_found
from appsync_local.data_sources.signed_headers import signed_headers
from appsync_local.errors import SourceFailed
from appsync_local.javascript.context import FieldContext

METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
# Source: the same page: headers that cannot be set.
_OWN_HEADERS: Final = frozenset({"host", "connection", "user-agent", "expect", "transfer-encoding", "content-length"})
_AGENT: Final = {"user-agent": "AppSync"}


class HttpDataSource:
    """Sends requests to one server.

    Args:
        url: The base address, such as `https://api.example.com`.
        http_client: Sends the requests.
        signing: How requests are signed; None: they are not.
        services: Where the services of AWS are.
        now: Returns the current time, in UTC.
    """

    def __init__(
        self,
        url: str,
        http_client: HttpClient,
        signing: HttpSigning | None = None,
        services: AwsServices = AwsServices(),  # noqa: B008  # frozen
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._http_client = http_client
        self._signing = signing
        self._refusal: str | None = None
        self._now = now
        try:
            self._endpoint = _endpoint(url.rstrip("/"), signing, services)
        except NotOnThisMachine as refused:
            self._refusal = str(refused)
            self._endpoint = AwsEndpoint(url, services.region, services.credentials)
        self._base = URL(self._endpoint.url.rstrip("/"))

    async def execute(self, request: object, context: FieldContext) -> object:  # noqa: ARG002
        """Send the request and return `{statusCode, headers, body}`, for error statuses too."""
        if not isinstance(request, dict) or "method" not in request:
            raise not_found("method")
        if "resourcePath" not in request:
            raise not_found("resourcePath")
        method, path = request["method"], request["resourcePath"]
        if method not in METHODS:
            raise malformed(f"Unsupported method '{method}'. Supported: {', '.join(METHODS)}.")
        if not isinstance(path, str) or not path.startswith("/"):
            raise malformed("the resourcePath of an HTTP request must be a string that begins with a slash")
        params = request.get("params") or {}
        headers = {str(n).lower(): str(v) for n, v in (params.get("headers") or {}).items() if v is not None}
        sent = {name: value for name, value in headers.items() if name not in _OWN_HEADERS}
        if self._refusal is not None:
            raise SourceFailed("Http:RequestFailed", self._refusal)
        url = URL(str(self._base) + path).update_query(_pairs(params.get("query")))
        body = _encoded(params.get("body"))
        if self._signing is not None:
            url = _with_canonical_query(url)
            sent = signed_headers(
                method, url, sent, body,
                service=self._signing.service, region=self._endpoint.region,
                credentials=self._endpoint.credentials, now=self._now(),
            )  # fmt: skip
        try:
            response = await self._http_client.send(method, url, sent | _AGENT, body, within=EXECUTION_LIMIT)
        except HttpFailed as failure:
            raise SourceFailed("Http:RequestFailed", f"{self._base.host}: {failure}") from None
        return {
            "statusCode": response.status,
            "headers": dict(response.headers),
            "body": response.body.decode("utf-8", errors="replace"),
        }


def _endpoint(url: str, signing: HttpSigning | None, services: AwsServices) -> AwsEndpoint:
    """Where requests are sent, and how they are signed.

    Raises:
        NotOnThisMachine: The address belongs to a service of AWS that may not be called.
    """
    address = URL(url)
    host = address.host or ""
    if is_aws(host):
        service = service_of(host) if signing is None else signing.service
        found = services.endpoint_of(service, None if signing is None else signing.region, url)
        path = "" if found.url == url else address.raw_path.rstrip("/")
        return AwsEndpoint(found.url.rstrip("/") + path, found.region, found.credentials)
    region = services.region if signing is None else signing.region
    return AwsEndpoint(url, region, services.aws or services.credentials)


def _with_canonical_query(url: URL) -> URL:
    """The same address with the escapes that signatures are calculated with: a space is %20."""
    if not url.raw_query_string:
        return url
    pairs = parse_qsl(url.raw_query_string, keep_blank_values=True)
    return URL(f"{url.with_query(None)}?{urlencode(pairs, quote_via=quote, safe='-_.~')}", encoded=True)


def _pairs(query: Any) -> list[tuple[str, str]]:
    return [
        (name, item if isinstance(item, str) else orjson.dumps(item).decode())
        for name, value in (query or {}).items()
        for item in (value if isinstance(value, list) else [value])
    ]


def _encoded(body: object) -> bytes:
    """A string is sent unchanged; any other value as JSON."""
    if body is None:
        return b""
    return body.encode() if isinstance(body, str) else orjson.dumps(body)
