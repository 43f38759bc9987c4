"""What AWS would bill for, counted where it happens; told at `GET /meter`, which is no part of AppSync."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

import orjson

METER_PATH: Final = "/meter"
PUSH_UNIT: Final = 5 * 1024  # bytes; Source: AWS AppSync pricing, real-time updates


@dataclass(slots=True)
class Meter:
    """Since it was made.

    Args:
        operations: Queries and mutations that were run, by field, such as `Mutation.updateStatus`.
        pushes: Events delivered to subscribers, by field; each begun 5 KB of each copy counts as one. What chaos
            drops or doubles after that is not seen here.
        invocations: Attempts of Lambda functions to handle an event, by function, whoever asked for them.
        milliseconds: How long those took that have ended, by function, without importing the handler.
    """

    operations: Counter[str] = field(default_factory=Counter)
    pushes: Counter[str] = field(default_factory=Counter)
    invocations: Counter[str] = field(default_factory=Counter)
    milliseconds: Counter[str] = field(default_factory=Counter)

    def describe(self) -> bytes:
        """All of it, as JSON."""
        return orjson.dumps(
            {
                "operations": dict(self.operations),
                "pushes": dict(self.pushes),
                "invocations": dict(self.invocations),
                "milliseconds": dict(self.milliseconds),
            }
        )
