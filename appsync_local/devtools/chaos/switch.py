"""Which faults are on now, and how often each has happened since the start."""

from collections import Counter

from appsync_local.devtools.chaos.decisions import EventDecisions, FaultCounts, PushDecisions, RequestDecisions
from appsync_local.devtools.chaos.spec import CALM, ChaosSpec, Fault

_TO_PUSHES = (
    Fault.DROP, Fault.DUPLICATE, Fault.REORDER, Fault.DELAY, Fault.AFTER_START_ACK, Fault.DISCONNECT
)  # fmt: skip
_TO_EVENTS = (Fault.CRASH, Fault.TWICE, Fault.THROTTLE)
_TO_REQUESTS = (Fault.LOST_ANSWER, Fault.SERVER_ERROR)


class Chaos:
    """Shared by everything that is to go wrong.

    Attributes:
        pushes: Decides about pushes; None while nothing happens to them, which is all that calm costs.
        events: About attempts at asynchronous invocations, likewise.
        requests: About signed requests, likewise.
        counts: How often each fault has happened, over all specifications.
    """

    def __init__(self, spec: ChaosSpec = CALM) -> None:
        self.counts: FaultCounts = Counter()
        self.apply(spec)

    def apply(self, spec: ChaosSpec) -> None:
        """From now on, these faults happen and no others; every stream starts at its beginning."""
        self.spec = spec
        self.pushes = PushDecisions(spec, self.counts) if any(map(spec.has, _TO_PUSHES)) else None
        self.events = EventDecisions(spec, self.counts) if any(map(spec.has, _TO_EVENTS)) else None
        self.requests = RequestDecisions(spec, self.counts) if any(map(spec.has, _TO_REQUESTS)) else None
