"""Counters of losses that are not reported to any client."""

from dataclasses import dataclass


@dataclass(slots=True)
class Counters:
    """Counts since the engine was created.

    Args:
        oversized_events: Payloads that were dropped because they exceed AppSync's limit, once per selection.
        slow_readers: Connections that were closed because too much data was waiting for them.
    """

    oversized_events: int = 0
    slow_readers: int = 0
