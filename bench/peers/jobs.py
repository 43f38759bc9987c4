"""The listeners of each job, which Ariadne and Strawberry leave to the application. Indexed, as in the engine."""

import asyncio
from collections.abc import AsyncIterator
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Jobs(Generic[Value]):
    """One queue for each listener."""

    def __init__(self) -> None:
        self._queues: dict[str, dict[asyncio.Queue[Value], None]] = {}

    def publish(self, job_id: str, value: Value) -> None:
        for queue in self._queues.get(job_id, ()):
            queue.put_nowait(value)

    async def subscribe(self, job_id: str) -> AsyncIterator[Value]:
        queue: asyncio.Queue[Value] = asyncio.Queue()
        listeners = self._queues.setdefault(job_id, {})
        listeners[queue] = None
        try:
            while True:
                yield await queue.get()
        finally:
            del listeners[queue]
