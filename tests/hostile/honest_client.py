"""A client that uses the attacked engine correctly: all answers must be right, all events in order."""

import asyncio
import json
import time
from dataclasses import dataclass
from typing import Final

import aiohttp

from tests.hostile.application import KEY
from tests.hostile.connection import HOST, start

TIMEOUT: Final = 60.0  # seconds for one answer, on a busy machine
PAUSE: Final = 0.02  # seconds between two requests

_PIN: Final = 'mutation M($n: Int) { pin(board: "witness", text: "seen", number: $n) { id board text number } }'
_NOTE: Final = '{ note(id: "w") { id text number author { name } } }'
_NOTE_ANSWER: Final = {"data": {"note": {"id": "w", "text": "hello", "number": 1, "author": {"name": "Ada"}}}}


@dataclass(slots=True)
class HonestClient:
    """Sends requests until `is_finished` is set.

    Attributes:
        notes: Number of notes that were written, received as events and read back.
        slowest: Seconds that the slowest note took.
    """

    port: int
    is_finished: bool = False
    notes: int = 0
    slowest: float = 0.0

    async def run(self) -> None:
        """Write, receive and read notes.

        Raises:
            AssertionError: An answer or event was wrong.
            TimeoutError: An answer or event did not arrive.
        """
        url = f"{HOST}:{self.port}/graphql"
        async with (
            aiohttp.ClientSession(headers={"x-api-key": KEY}) as session,
            session.ws_connect(f"ws://{url}", protocols=("graphql-ws",)) as socket,
        ):
            await socket.send_json({"type": "connection_init"})
            await self._receive(socket, "connection_ack")
            await socket.send_json(start("w", 'subscription { pinned(board: "witness") { id number } }'))
            await self._receive(socket, "start_ack")
            while not self.is_finished:
                began = time.monotonic()
                await self._note(session, socket, f"http://{url}", self.notes + 1)
                self.slowest = max(self.slowest, time.monotonic() - began)
                self.notes += 1
                await asyncio.sleep(PAUSE)

    async def _note(
        self, session: aiohttp.ClientSession, socket: aiohttp.ClientWebSocketResponse, url: str, number: int
    ) -> None:
        identity = f"witness-{number}"
        written = {"id": identity, "board": "witness", "text": "seen", "number": number}
        assert await self._ask(session, url, _PIN, {"n": number}) == {"data": {"pin": written}}
        event = await self._receive(socket, "data")
        assert event == {
            "id": "w", "type": "data", "payload": {"data": {"pinned": {"id": identity, "number": number}}}
        }  # fmt: skip
        assert await self._ask(session, url, _NOTE, None) == _NOTE_ANSWER

    async def _ask(self, session: aiohttp.ClientSession, url: str, query: str, variables: object) -> object:
        async with asyncio.timeout(TIMEOUT):
            async with session.post(url, json={"query": query, "variables": variables}) as response:
                return json.loads(await response.read())

    async def _receive(self, socket: aiohttp.ClientWebSocketResponse, kind: str) -> object:
        """Return the next message except keep-alives, and check its type."""
        async with asyncio.timeout(TIMEOUT):
            while (message := await socket.receive_json())["type"] == "ka":
                pass
        assert message["type"] == kind, message
        return message
