"""The background tasks of all event sources of a stack."""

import asyncio
from collections.abc import Iterable, Mapping

from appsync_local.devtools.health import Health
from local_stack.event_sources import EventSource, MutationSource, StreamSource
from local_stack.services.aws.client import ServiceClient
from local_stack.services.event_sources.mutations import Mutations
from local_stack.services.event_sources.queues import QueueReader
from local_stack.services.event_sources.streams import StreamReader
from local_stack.services.functions import Functions


class EventSources:
    """Reads every source, each in a task of its own, from `start` to `stop`.

    Args:
        sources: The sources.
        aws: The local services.
        functions: Runs the functions.
        api_urls: The URLs of the stack's APIs, by name.
        health: Has one loop for each source, which the doctor shows.
    """

    def __init__(
        self,
        sources: Iterable[EventSource],
        aws: ServiceClient,
        functions: Functions,
        api_urls: Mapping[str, str],
        health: Health,
    ) -> None:
        mutations = Mutations(api_urls, aws)
        self._readers = [_reader(it, aws, functions, mutations, health) for it in sources]
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to read."""
        self._tasks = [asyncio.create_task(it.run()) for it in self._readers]

    async def stop(self) -> None:
        """End all reading. An invocation that is running continues, as on AWS."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []


def _reader(
    source: EventSource, aws: ServiceClient, functions: Functions, mutations: Mutations, health: Health
) -> QueueReader | StreamReader:
    if isinstance(source, StreamSource):
        return StreamReader(source, aws, functions, health.loop(f"stream of {source.table} to {source.function}"))
    receiver = source.api if isinstance(source, MutationSource) else source.function
    return QueueReader(source, aws, functions, mutations, health.loop(f"queue {source.queue} to {receiver}"))
