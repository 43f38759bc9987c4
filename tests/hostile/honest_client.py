"""An honest client of the attacked engine: every answer has to be right, and every event has to arrive, in order."""

import asyncio
import json
import time
from dataclasses import dataclass
from typing import Final

import aiohttp

from tests.hostile.application import KEY
from tests.hostile.connection import HOST, start

PATIENCE: Final = 60.0  # seconds for one answer: the engine is busy, and the machine may be
PAUSE: Final = 0.02  # seconds between two notes

_PIN: Final = 'mutation M($n: Int) { pin(board: "witness", text: "seen", number: $n) { id board text number } }'
_NOTE: Final = '{ note(id: "w") { id text number author { name } } }'
_NOTE_ANSWER: Final = {"data": {"note": {"id": "w", "text": "hello", "number": 1, "author": {"name": "Ada"}}}}


@dataclass(slots=True)
class Witness:
    """Works until it `is_dismissed`; `notes` is how many of its notes came back, `slowest` the seconds of one."""

    port: int
    is_dismissed: bool = False
    notes: int = 0
    slowest: float = 0.0

    async def testify(self) -> None:
        """
        Raises:
            AssertionError, TimeoutError: The engine served it wrongly, or not at all.
        """
        url = f"{HOST}:{self.port}/graphql"
        async with (
            aiohttp.ClientSession(headers={"x-api-key": KEY}) as session,
            session.ws_connect(f"ws://{url}", protocols=("graphql-ws",)) as socket,
        ):
            await socket.send_json({"type": "connection_init"})
            await self._hear(socket, "connection_ack")
            await socket.send_json(start("w", 'subscription { pinned(board: "witness") { id number } }'))
            await self._hear(socket, "start_ack")
            while not self.is_dismissed:
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
        event = await self._hear(socket, "data")
        assert event == {
            "id": "w", "type": "data", "payload": {"data": {"pinned": {"id": identity, "number": number}}}
        }  # fmt: skip
        assert await self._ask(session, url, _NOTE, None) == _NOTE_ANSWER

    async def _ask(self, session: aiohttp.ClientSession, url: str, query: str, variables: object) -> object:
        async with asyncio.timeout(PATIENCE):
            async with session.post(url, json={"query": query, "variables": variables}) as response:
                return json.loads(await response.read())

    async def _hear(self, socket: aiohttp.ClientWebSocketResponse, kind: str) -> object:
        """The next message, which has to be of this type; keep-alives do not count."""
        async with asyncio.timeout(PATIENCE):
            while (message := await socket.receive_json())["type"] == "ka":
                pass
        assert message["type"] == kind, message
        return message
