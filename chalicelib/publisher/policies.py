"""When gathered output is worth an update of its own. Pure.

Every policy sends the very first output at once, and does not wait once `size` bytes have gathered. Beyond that:

interval  not sooner than `seconds` after the update before
bytes     only once `size` bytes have gathered, or `staleness` seconds have passed since the update before
cost      as soon as publishing, this update included, costs no more than `share` of what the model has cost, or else
          after `staleness` seconds
"""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from chalicelib.billing.cost import publishing_cost
from chalicelib.billing.metering import units
from chalicelib.billing.prices import PUSH_SIZE

SIZE: Final = 32 * 1024  # bytes of UTF-8
BARE_EVENT: Final = 1024  # bytes of an event without its output, about


class PolicyName(StrEnum):
    """What a stage chooses from."""

    INTERVAL = "interval"
    BYTES = "bytes"
    COST = "cost"


class Costs(Protocol):
    """What a policy may ask about the job: US dollars in this attempt, so far."""

    @property
    def model_cost(self) -> float: ...

    @property
    def push_cost(self) -> float: ...


class FlushPolicy(Protocol):
    """Says when what waits is to be sent."""

    @property
    def size(self) -> int:
        """Bytes of output that do not wait."""

    def due(self, waiting: int, *, since: float, costs: Costs) -> float:
        """The moment from which to send; -inf for at once.

        Args:
            waiting: Bytes of output; 0 where only progress waits.
            since: When the update before was sent; -inf where there was none.
            costs: Of the job.
        """


@dataclass(frozen=True, slots=True)
class Interval:
    """At most one update in so many seconds."""

    seconds: float = 0.5
    size: int = SIZE

    def due(self, waiting: int, *, since: float, costs: Costs) -> float:  # noqa: ARG002
        return -math.inf if waiting >= self.size else since + self.seconds


@dataclass(frozen=True, slots=True)
class Bytes:
    """An update for so many bytes, but nothing is older than `staleness` seconds when it is sent."""

    size: int = SIZE
    staleness: float = 2.0

    def due(self, waiting: int, *, since: float, costs: Costs) -> float:  # noqa: ARG002
        return -math.inf if waiting >= self.size else since + self.staleness


@dataclass(frozen=True, slots=True)
class CostShare:
    """As many updates as a share of the model's cost pays for, but nothing is older than `staleness` seconds."""

    share: float = 0.1
    staleness: float = 2.0
    size: int = SIZE

    def due(self, waiting: int, *, since: float, costs: Costs) -> float:
        if waiting >= self.size:
            return -math.inf
        pushes = units(waiting + BARE_EVENT, PUSH_SIZE)
        is_paid_for = costs.push_cost + publishing_cost(1, pushes) <= self.share * costs.model_cost
        return -math.inf if is_paid_for else since + self.staleness
