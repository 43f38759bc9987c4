"""HTTP from the engine to what its data sources stand for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import aiohttp
from yarl import URL

from appsync_local.errors import EngineError

RESPONSE_LIMIT: Final = 5 * 1024 * 1024  # bytes; Source: AppSync quotas, "resolver or function result"


class HttpFailed(EngineError):
    """No whole response came; the message says why."""


@dataclass(frozen=True, slots=True)
class Response:
    """A response; a header that came more than once has its values joined by commas."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class HttpClient:
    """Connections that are kept open between requests; opened by the first request."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def send(self, method: str, url: URL, headers: Mapping[str, str], body: bytes, *, within: float) -> Response:
        """Send one request; redirects are not followed.

        Raises:
            HttpFailed: Nobody answered, not within these seconds, or with more than a resolver may receive.
        """
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
                    raise HttpFailed(
                        f"the response has more than {RESPONSE_LIMIT} bytes, which no resolver may receive"
                    )
                joined = {str(name): ", ".join(response.headers.getall(name)) for name in response.headers}
                return Response(response.status, joined, content)
        except TimeoutError:
            raise HttpFailed(f"no response came within {within:g} s") from None
        except aiohttp.ClientError as error:
            raise HttpFailed(str(error) or type(error).__name__) from None

    async def close(self) -> None:
        """Close every connection; harmless when none is open."""
        if self._session is not None:
            await self._session.close()
            self._session = None
