"""Sends and reads contents that are too large for a request, at addresses that the API signs.

A signed address authorizes its holder, so it appears in no error and no log, and the caller's token is not sent to it.
"""

import asyncio
import hashlib
import io
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar
from urllib.parse import urlsplit

import aiohttp

from longcall.addresses import is_loopback
from longcall.errors import ClientClosed, ConnectionLost, ProtocolError, Unreachable
from longcall.models import StoredResult, Upload
from longcall.timing import Timing, pauses
from longcall.transport import THROTTLED

BLOCK: Final = 65_536  # bytes

T = TypeVar("T")


class Objects:
    """Sends and reads contents. A transfer that fails is repeated: the content is the same."""

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._sessions: set[aiohttp.ClientSession] = set()
        self._is_closed = False

    async def close(self) -> None:
        """End all transfers with `ClientClosed`. No transfer can begin afterwards."""
        self._is_closed = True
        await asyncio.gather(*(session.close() for session in self._sessions))

    async def send(self, upload: Upload, content: bytes) -> None:
        """Send a content to the address that `createUpload` returned for it.

        Raises:
            Unreachable: The store does not answer in any try, or refuses the content.
            ClientClosed: The client was closed.
        """

        async def put(session: aiohttp.ClientSession) -> None:
            # As a file: aiohttp would copy the whole bytes at once.
            async with session.put(upload.url, data=io.BytesIO(content), headers=dict(upload.headers)) as response:
                _check(response, upload.url)

        await self._repeated(upload.url, put)

    async def read(self, stored: StoredResult) -> str:
        """A stored result, checked against its size and digest in the log.

        Raises:
            Unreachable: The store does not answer in any try, or refuses to send the result.
            ProtocolError: The stored content is not the one in the log.
            ClientClosed: The client was closed.
        """

        async def get(session: aiohttp.ClientSession) -> bytes:
            content = bytearray()
            async with session.get(stored.url) as response:
                _check(response, stored.url)
                async for block in response.content.iter_chunked(BLOCK):
                    content += block
                    if len(content) > stored.size:
                        break
            return bytes(content)

        content = await self._repeated(stored.url, get)
        if len(content) != stored.size or hashlib.sha256(content).hexdigest() != stored.sha256:
            raise ProtocolError(
                f"the result at {_host(stored.url)} is not the one that the log describes; ask the API's operator"
            )
        return content.decode()

    async def _repeated(self, url: str, attempt: Callable[[aiohttp.ClientSession], Awaitable[T]]) -> T:
        if self._is_closed:
            raise ClientClosed
        waits = pauses(self._timing)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=self._timing.answer, sock_read=self._timing.answer)
        async with aiohttp.ClientSession(timeout=timeout, trust_env=not is_loopback(url)) as session:
            self._sessions.add(session)
            try:
                for _ in range(self._timing.tries - 1):
                    try:
                        return await self._attempted(url, attempt, session)
                    except ConnectionLost:
                        await asyncio.sleep(next(waits))
                return await self._attempted(url, attempt, session)
            finally:
                self._sessions.discard(session)

    async def _attempted(
        self, url: str, attempt: Callable[[aiohttp.ClientSession], Awaitable[T]], session: aiohttp.ClientSession
    ) -> T:
        if self._is_closed:
            raise ClientClosed
        try:
            return await attempt(session)
        except (aiohttp.ClientError, TimeoutError, OSError):
            if self._is_closed:
                raise ClientClosed from None
            # Without the cause: its message contains the whole address.
            raise ConnectionLost(f"the connection to {_host(url)} was lost") from None


def _check(response: aiohttp.ClientResponse, url: str) -> None:
    if response.ok:
        return
    answer = f"{_host(url)} answered with HTTP status {response.status}"
    if response.status == THROTTLED or response.status >= 500:
        raise ConnectionLost(answer)
    raise Unreachable(f"{answer}: the address that the API signed for this content has expired; try again")


def _host(url: str) -> str:
    return urlsplit(url).netloc
