"""What went wrong without any client being told."""

from dataclasses import dataclass


@dataclass(slots=True)
class Counters:
    """Since the engine was made.

    Args:
        oversized_events: Payloads dropped since they were larger than AppSync pushes, once per selection.
        slow_readers: Connections cut since too much was waiting for them.
    """

    oversized_events: int = 0
    slow_readers: int = 0
