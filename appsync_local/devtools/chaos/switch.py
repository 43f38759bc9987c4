"""The faults that are on now, and how often each has happened since the start."""

from collections import Counter
from typing import TYPE_CHECKING

from appsync_local.devtools.chaos.spec import CALM, ChaosSpec, Fault

if TYPE_CHECKING:
    from appsync_local.devtools.chaos.decisions import EventDecisions, FaultCounts, PushDecisions, RequestDecisions

_TO_PUSHES = (
    Fault.DROP, Fault.DUPLICATE, Fault.REORDER, Fault.DELAY, Fault.AFTER_START_ACK, Fault.DISCONNECT
)  # fmt: skip
_TO_EVENTS = (Fault.CRASH, Fault.TWICE, Fault.THROTTLE)
_TO_REQUESTS = (Fault.LOST_ANSWER, Fault.SERVER_ERROR)


class Chaos:
    """Shared by all parts of the engine that can have faults.

    Attributes:
        pushes: Decides about pushes; None while they have no faults.
        events: The same for attempts at asynchronous invocations.
        requests: The same for signed requests.
        counts: How often each fault has happened since the start, under any specification.
    """

    def __init__(self, spec: ChaosSpec = CALM) -> None:
        self.counts: FaultCounts = Counter()
        self.apply(spec)

    def apply(self, spec: ChaosSpec) -> None:
        """Replace the faults that are on. Every random stream starts again."""
        self.spec = spec
        self.pushes: PushDecisions | None = None
        self.events: EventDecisions | None = None
        self.requests: RequestDecisions | None = None
        if spec.is_calm:
            return
        # Imported for faults only, so that an engine without them starts faster.
        from appsync_local.devtools.chaos import decisions

        if any(map(spec.has, _TO_PUSHES)):
            self.pushes = decisions.PushDecisions(spec, self.counts)
        if any(map(spec.has, _TO_EVENTS)):
            self.events = decisions.EventDecisions(spec, self.counts)
        if any(map(spec.has, _TO_REQUESTS)):
            self.requests = decisions.RequestDecisions(spec, self.counts)
