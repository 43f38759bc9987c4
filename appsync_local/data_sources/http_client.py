"""HTTP requests from the engine to the services behind its data sources."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import aiohttp
from yarl import URL

from appsync_local.errors import EngineError

RESPONSE_LIMIT: Final = 5 * 1024 * 1024  # bytes; Source: AppSync quotas, "resolver or function result"


class HttpFailed(EngineError):
    """No complete response was received; the message says why."""


@dataclass(frozen=True, slots=True)
class Response:
    """A response. The values of a repeated header are joined by commas."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class HttpClient:
    """Keeps connections open between requests. Once closed, it sends nothing more."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None
        self._is_closed = False

    async def send(self, method: str, url: URL, headers: Mapping[str, str], body: bytes, *, within: float) -> Response:
        """Send one request. Redirects are not followed.

        Args:
            method: Such as `POST`.
            url: The full address.
            headers: Header names and values.
            body: The body; empty for none.
            within: Seconds until the whole response must have been received.

        Raises:
            HttpFailed: No response came within the time, it is larger than `RESPONSE_LIMIT`, or this client is closed.
        """
        if self._is_closed:
            raise HttpFailed("the engine has stopped; the request was not sent")
        if self._session is None:
            self._session = aiohttp.ClientSession(auto_decompress=True, cookie_jar=aiohttp.DummyCookieJar())
        limit = aiohttp.ClientTimeout(total=within)
        try:
            async with self._session.request(
                method, url, headers=headers, data=body or None, timeout=limit, allow_redirects=False
            ) as response:
                content = await response.content.read(RESPONSE_LIMIT + 1)
                while len(content) <= RESPONSE_LIMIT and not response.content.at_eof():
                    content += await response.content.read(RESPONSE_LIMIT + 1 - len(content))
                if len(content) > RESPONSE_LIMIT:
                    raise HttpFailed(f"the response has more than {RESPONSE_LIMIT} bytes, the limit for a resolver")
                joined = {str(name): ", ".join(response.headers.getall(name)) for name in response.headers}
                return Response(response.status, joined, content)
        except TimeoutError:
            raise HttpFailed(f"no response came within {within:g} s") from None
        except aiohttp.ClientError as error:
            raise HttpFailed(str(error) or type(error).__name__) from None

    async def close(self) -> None:
        """Close every connection. Can be repeated."""
        self._is_closed = True
        if self._session is not None:
            await self._session.close()
            self._session = None
