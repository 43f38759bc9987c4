"""Contents too large for a request, to and from the addresses that the API signs for them.

Such an address is as good as a password while it lasts: it goes into no error and no log, and the caller's token is not
sent along.
"""

import asyncio
import hashlib
import io
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeVar
from urllib.parse import urlsplit

import aiohttp

from longcall.addresses import is_loopback
from longcall.errors import ConnectionLost, ProtocolError, Unreachable
from longcall.models import StoredResult, Upload
from longcall.timing import Timing, pauses
from longcall.transport import THROTTLED

BLOCK: Final = 65_536  # bytes

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Objects:
    """Sends and reads contents. What was lost on the way is sent or read again: it is the same content."""

    timing: Timing

    async def send(self, upload: Upload, content: bytes) -> None:
        """Send what `createUpload` was asked for.

        Raises:
            Unreachable: Nothing answers, however often it was tried, or the store refuses it.
        """

        async def put(session: aiohttp.ClientSession) -> None:
            # Of a file, since aiohttp would copy so many bytes at once.
            async with session.put(upload.url, data=io.BytesIO(content), headers=dict(upload.headers)) as response:
                _check(response, upload.url)

        await self._tried(upload.url, put)

    async def read(self, stored: StoredResult) -> str:
        """A stored result, checked against what the log says of it.

        Raises:
            Unreachable: Nothing answers, however often it was tried, or the store refuses it.
            ProtocolError: What is there is something else.
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

        content = await self._tried(stored.url, get)
        if len(content) != stored.size or hashlib.sha256(content).hexdigest() != stored.sha256:
            raise ProtocolError(
                f"the result at {_host(stored.url)} is not the one that the log tells of; ask the API's operator"
            )
        return content.decode()

    async def _tried(self, url: str, attempt: Callable[[aiohttp.ClientSession], Awaitable[T]]) -> T:
        waits = pauses(self.timing)
        patience = aiohttp.ClientTimeout(total=None, sock_connect=self.timing.answer, sock_read=self.timing.answer)
        async with aiohttp.ClientSession(timeout=patience, trust_env=not is_loopback(url)) as session:
            for _ in range(self.timing.tries - 1):
                try:
                    return await _mapped(url, attempt(session))
                except ConnectionLost:
                    await asyncio.sleep(next(waits))
            return await _mapped(url, attempt(session))


async def _mapped(url: str, answer: Awaitable[T]) -> T:
    try:
        return await answer
    except (aiohttp.ClientError, TimeoutError, OSError):
        # Its own words would have the whole address in them.
        raise ConnectionLost(f"the connection to {_host(url)} broke") from None


def _check(response: aiohttp.ClientResponse, url: str) -> None:
    if response.ok:
        return
    said = f"{_host(url)} answered with HTTP status {response.status}"
    if response.status == THROTTLED or response.status >= 500:
        raise ConnectionLost(said)
    raise Unreachable(f"{said}: the address that the API gave for this content is no longer good; try again")


def _host(url: str) -> str:
    return urlsplit(url).netloc
