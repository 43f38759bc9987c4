"""Any HTTP endpoint as a data source.

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
    """Sends requests to paths below one address.

    Args:
        url: The address, such as `https://api.example.com`.
        http_client: Sends them.
    """

    def __init__(self, url: str, http_client: HttpClient) -> None:
        self._base = URL(url.rstrip("/"))
        self._http_client = http_client

    async def execute(self, request: object, asked: FieldContext) -> object:  # noqa: ARG002
        """`{statusCode, headers, body}`; a status that says failure is a result as well."""
        if not isinstance(request, dict) or "method" not in request:
            raise not_found("method")
        if "resourcePath" not in request:
            raise not_found("resourcePath")
        method, path = request["method"], request["resourcePath"]
        if method not in METHODS:
            raise malformed(f"Unsupported method '{method}'. Supported: {', '.join(METHODS)}.")
        if not isinstance(path, str) or not path.startswith("/"):
            raise malformed("the resourcePath of an HTTP request is text that begins with a slash")
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
    """Text as it is, and anything else as JSON."""
    if body is None:
        return b""
    return body.encode() if isinstance(body, str) else orjson.dumps(body)
