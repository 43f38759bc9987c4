"""Subscriptions by document name, shared out over as few realtime connections as possible."""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from longcall.authorization import Authorization, authorized
from longcall.errors import ClientClosed
from longcall.operations import Request
from longcall.realtime.connection import Connection
from longcall.realtime.protocol import Acknowledged, Pushed
from longcall.timing import Timing

SUBSCRIPTIONS_PER_CONNECTION: Final = 100  # AppSync allows 200, and 100 in older accounts


class Realtime:
    """Listens to subscriptions. Opens another connection when all others are full.

    Args:
        url: The realtime URL.
        graphql_url: The GraphQL URL, whose host is part of every authorization.
        authorization: Who the caller is.
        timing: How long to wait for what.
        type_prefix: What the names of Longcall's types begin with in the schema of the API.
    """

    def __init__(
        self, url: str, *, graphql_url: str, authorization: Authorization, timing: Timing, type_prefix: str = ""
    ) -> None:
        self._url = url
        self._type_prefix = type_prefix
        self._host = urlsplit(graphql_url).netloc
        self._authorization = authorization
        self._timing = timing
        self._connections: list[Connection] = []
        self._opening: asyncio.Task[Connection] | None = None
        self._is_closed = False

    async def listen(
        self, name: str, variables: Mapping[str, Any], emit: Callable[[Acknowledged | Pushed], None]
    ) -> None:
        """Subscribe, and report every event until the server completes the subscription.

        Args:
            name: The document; it selects one field.
            variables: The document's variables.
            emit: Called with `Acknowledged` once, then with each `Pushed`.

        Raises:
            Unreachable: No connection could be made.
            ConnectionLost: The connection was lost, or the server ended the subscription with an error.
            NotAuthorized: The API refused the token, and a fresh one too.
            Throttled: The API has no capacity for the subscription now.
            SubscriptionRejected: The API refused the subscription.
            ClientClosed: This object was closed.
        """
        data = json.dumps(Request(name, variables, self._type_prefix).payload)
        connection = await self._reserve()
        try:
            subscription = await authorized(self._authorization, lambda headers: connection.start(data, headers))
            try:
                emit(Acknowledged(subscription.id))
                while (pushed := await subscription.next()) is not None:
                    emit(pushed)
            finally:
                subscription.stop()
        finally:
            connection.reserved -= 1

    async def close(self) -> None:
        """Close every connection, which ends every subscription. Nothing is opened afterwards."""
        self._is_closed = True
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.wait({self._opening})
        await asyncio.gather(*(connection.close() for connection in self._connections))
        self._connections.clear()

    async def _reserve(self) -> Connection:
        while not self._is_closed:
            self._connections = [connection for connection in self._connections if connection.is_open]
            for connection in self._connections:
                if connection.reserved < SUBSCRIPTIONS_PER_CONNECTION:
                    connection.reserved += 1
                    return connection
            if self._opening is None:
                self._opening = asyncio.create_task(self._open())
                self._opening.add_done_callback(_retrieve_exception)
            try:
                await asyncio.shield(self._opening)  # other subscribers wait for the same connection
            except asyncio.CancelledError:
                if self._is_closed:
                    raise ClientClosed from None
                raise
        raise ClientClosed

    async def _open(self) -> Connection:
        """Make one more connection.

        The task itself puts the connection into the list, before it ends. A callback of the task would do so later. A
        subscriber that begins in between would await an ended task again and again, and block the event loop.
        """
        try:
            connection = await authorized(
                self._authorization,
                lambda headers: Connection.open(self._url, host=self._host, headers=headers, timing=self._timing),
            )
            self._connections.append(connection)
            return connection
        finally:
            self._opening = None


def _retrieve_exception(opening: "asyncio.Task[Connection]") -> None:
    """Those who wait for the task raise its exception. If nobody waits any more, asyncio need not report it."""
    if not opening.cancelled():
        opening.exception()
