"""Counts what AWS would bill for. Served at `GET /meter`, which AppSync does not have."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

import orjson

from appsync_local.devtools.pages import Page, PageRequest, json_page

METER_PATH: Final = "/meter"
PUSH_UNIT: Final = 5 * 1024  # bytes; Source: AWS AppSync pricing, real-time updates


@dataclass(slots=True)
class Meter:
    """Counts since the meter was created.

    Args:
        operations: Queries and mutations, by field, such as `Mutation.updateStatus`.
        pushes: Events sent to subscribers, by field. Every started 5 KB of each copy counts as one. Faults of chaos
            happen after this count.
        invocations: Invocations of Lambda functions, synchronous and asynchronous, by function; a retry counts again.
        milliseconds: The duration of ended invocations in total, by function, without the import of the handler.
    """

    operations: Counter[str] = field(default_factory=Counter)
    pushes: Counter[str] = field(default_factory=Counter)
    invocations: Counter[str] = field(default_factory=Counter)
    milliseconds: Counter[str] = field(default_factory=Counter)

    def describe(self) -> bytes:
        """All counts, as JSON."""
        return orjson.dumps(
            {
                "operations": dict(self.operations),
                "pushes": dict(self.pushes),
                "invocations": dict(self.invocations),
                "milliseconds": dict(self.milliseconds),
            }
        )


class MeterPage:
    """Serves a meter's counts."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter

    @property
    def paths(self) -> Collection[str]:
        """See `PageProvider`."""
        return (METER_PATH,)

    async def answer(self, request: PageRequest) -> Page:
        """See `PageProvider`."""
        if request.method != "GET":
            return json_page({"error": f"expected GET at {METER_PATH}, not {request.method}"}, 405)
        return Page(self._meter.describe())
