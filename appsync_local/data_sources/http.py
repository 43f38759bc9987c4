"""The HTTP data source.

Source: AppSync Developer Guide, "JavaScript resolver function reference for HTTP".
"""

from typing import Any, Final

import orjson
from yarl import URL

from appsync_local.data_sources.http_client import HttpClient, HttpFailed
from appsync_local.data_sources.protocol import EXECUTION_LIMIT, malformed, not_found
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
    """

    def __init__(self, url: str, http_client: HttpClient) -> None:
        self._base = URL(url.rstrip("/"))
        self._http_client = http_client

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
        sent = {name: value for name, value in headers.items() if name not in _OWN_HEADERS} | _AGENT
        url = URL(str(self._base) + path).update_query(_pairs(params.get("query")))
        try:
            response = await self._http_client.send(
                method, url, sent, _encoded(params.get("body")), within=EXECUTION_LIMIT
            )
        except HttpFailed as failure:
            raise SourceFailed("Http:RequestFailed", f"{self._base.host}: {failure}") from None
        return {
            "statusCode": response.status,
            "headers": dict(response.headers),
            "body": response.body.decode("utf-8", errors="replace"),
        }


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
