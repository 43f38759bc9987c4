"""When waiting output is sent. Pure.

Every policy sends the first output at once, and `size` waiting bytes at once. Otherwise:

interval  `seconds` after the previous update
bytes     `staleness` seconds after the previous update
cost      as soon as publishing, including this update, costs at most `share` of what the model has cost, and at the
          latest `staleness` seconds after the previous update
"""

import math
from enum import StrEnum
from typing import Final, Protocol

from msgspec import Struct

from chalicelib.billing.cost import publishing_cost
from chalicelib.billing.metering import units
from chalicelib.billing.prices import PUSH_SIZE

SIZE: Final = 32 * 1024  # bytes of UTF-8
BARE_EVENT: Final = 1024  # bytes of an event without its output, about


class PolicyName(StrEnum):
    """The policies that a stage may choose."""

    INTERVAL = "interval"
    BYTES = "bytes"
    COST = "cost"


class Costs(Protocol):
    """The costs of the attempt so far, in US dollars."""

    @property
    def model_cost(self) -> float: ...

    @property
    def push_cost(self) -> float: ...


class FlushPolicy(Protocol):
    """Decides when waiting output is sent."""

    @property
    def size(self) -> int:
        """Bytes of output that are sent at once."""

    def due(self, waiting: int, *, since: float, costs: Costs) -> float:
        """When to send; -inf for at once.

        Args:
            waiting: Bytes of output; 0 if only progress waits.
            since: When the previous update was sent; -inf if there was none.
            costs: The costs of the attempt.
        """


class Interval(Struct, frozen=True):
    """At most one update in `seconds`."""

    seconds: float = 0.5
    size: int = SIZE

    def due(self, waiting: int, *, since: float, costs: Costs) -> float:  # noqa: ARG002
        return -math.inf if waiting >= self.size else since + self.seconds


class Bytes(Struct, frozen=True):
    """An update for each `size` bytes. No output waits longer than `staleness` seconds."""

    size: int = SIZE
    staleness: float = 2.0

    def due(self, waiting: int, *, since: float, costs: Costs) -> float:  # noqa: ARG002
        return -math.inf if waiting >= self.size else since + self.staleness


class CostShare(Struct, frozen=True):
    """As many updates as a share of the model's cost pays for. No output waits longer than `staleness` seconds."""

    share: float = 0.1
    staleness: float = 2.0
    size: int = SIZE

    def due(self, waiting: int, *, since: float, costs: Costs) -> float:
        if waiting >= self.size:
            return -math.inf
        pushes = units(waiting + BARE_EVENT, PUSH_SIZE)
        is_paid_for = costs.push_cost + publishing_cost(1, pushes) <= self.share * costs.model_cost
        return -math.inf if is_paid_for else since + self.staleness
