"""Decides what happens to the next push, event or request, with one random stream per fault (for events, per function).

Every stream draws for every case, independently of the other streams. So a seed always makes the same decision about
the n-th case, and switching on one fault, or changing its rate, does not change the decisions of the others.
"""

import random
from collections import Counter
from dataclasses import dataclass
from enum import Enum, auto

from appsync_local.devtools.chaos.spec import ChaosSpec, Fault

FaultCounts = Counter[Fault]  # how often each fault has happened


class _Stream:
    """The random decisions about one fault."""

    __slots__ = ("_draw", "_rate", "_source")

    def __init__(self, spec: ChaosSpec, fault: Fault, function: str = "") -> None:
        self._source = random.Random(f"{spec.seed} {fault} {function}")  # noqa: S311  # reproducible on purpose
        self._draw = self._source.random
        self._rate = spec.rates.get(fault, 0.0)

    def happens(self) -> bool:
        return self._draw() < self._rate

    def share(self) -> float:
        """A random number from 0 to 1."""
        return self._draw()

    def one_to(self, most: int) -> int:
        return 1 + int(self._draw() * most)


class PushLoss(Enum):
    """The way in which a push is lost."""

    DROPPED = auto()
    DISCONNECTED = auto()


@dataclass(frozen=True, slots=True)
class PushDelivery:
    """The delivery of a push that arrives.

    Attributes:
        delay: Seconds by which it is late.
        copies: The number of times it arrives.
        overtaken_by: The number of later pushes that arrive before its last copy.
    """

    delay: float
    copies: int
    overtaken_by: int


class PushDecisions:
    """Decides about pushes, in the order of all sockets together."""

    OVERTAKING = 3  # maximum number of later pushes that overtake one

    def __init__(self, spec: ChaosSpec, counts: FaultCounts) -> None:
        self._counts = counts
        self._delay = spec.delay
        self._drop = _Stream(spec, Fault.DROP)
        self._duplicate = _Stream(spec, Fault.DUPLICATE)
        self._reorder = _Stream(spec, Fault.REORDER)
        self._late = _Stream(spec, Fault.DELAY)
        self._after_start_ack = _Stream(spec, Fault.AFTER_START_ACK)
        self._disconnect = _Stream(spec, Fault.DISCONNECT)

    def decide(self, *, is_early: bool) -> PushDelivery | PushLoss:
        """What happens to the next push.

        Args:
            is_early: It follows right after the `start_ack` of its subscription.
        """
        dropped, duplicated, disconnected = (
            self._drop.happens(),
            self._duplicate.happens(),
            self._disconnect.happens(),
        )
        reordered, span = self._reorder.happens(), self._reorder.one_to(self.OVERTAKING)
        delay = self._late.share() * self._delay
        vanished = is_early and self._after_start_ack.happens()
        if disconnected:
            self._counts[Fault.DISCONNECT] += 1
            return PushLoss.DISCONNECTED
        if vanished or dropped:
            self._counts[Fault.AFTER_START_ACK if vanished else Fault.DROP] += 1
            return PushLoss.DROPPED
        if duplicated:
            self._counts[Fault.DUPLICATE] += 1
        if reordered:
            self._counts[Fault.REORDER] += 1
        if delay:
            self._counts[Fault.DELAY] += 1
        return PushDelivery(delay, 2 if duplicated else 1, span if reordered else 0)


class SecondDelivery(Enum):
    """The time of an event's second delivery."""

    MEANWHILE = auto()  # as soon as there is room for it
    AFTERWARDS = auto()  # when the first delivery has ended


@dataclass(frozen=True, slots=True)
class InvocationFaults:
    """The faults of one attempt to deliver an event.

    Attributes:
        is_throttled: The attempt is refused, and nothing else happens.
        crashes_at: When its worker is killed, as a fraction of the usual duration; None: it is not killed.
        second_delivery: When the event is delivered a second time; None: it is not.
    """

    is_throttled: bool
    crashes_at: float | None
    second_delivery: SecondDelivery | None


NO_FAULTS = InvocationFaults(is_throttled=False, crashes_at=None, second_delivery=None)


class EventDecisions:
    """Decides about attempts at asynchronous invocations, in the order of each function.

    Each function has its own streams: a function that runs on a schedule would otherwise shift the decisions about the
    others.
    """

    def __init__(self, spec: ChaosSpec, counts: FaultCounts) -> None:
        self._spec = spec
        self._counts = counts
        self._streams: dict[str, tuple[_Stream, _Stream, _Stream]] = {}

    def decide(self, function: str) -> InvocationFaults:
        """The faults of the next attempt of this function."""
        streams = self._streams.get(function)
        if streams is None:
            streams = self._streams[function] = (
                _Stream(self._spec, Fault.THROTTLE, function),
                _Stream(self._spec, Fault.CRASH, function),
                _Stream(self._spec, Fault.TWICE, function),
            )
        throttle, crash, twice = streams
        throttled = throttle.happens()
        crashed, moment = crash.happens(), crash.share()
        repeated, is_meanwhile = twice.happens(), twice.share() < 0.5
        if throttled:
            self._counts[Fault.THROTTLE] += 1
            return InvocationFaults(is_throttled=True, crashes_at=None, second_delivery=None)
        if crashed:
            self._counts[Fault.CRASH] += 1
        if repeated:
            self._counts[Fault.TWICE] += 1
        second = SecondDelivery.MEANWHILE if is_meanwhile else SecondDelivery.AFTERWARDS
        return InvocationFaults(
            is_throttled=False, crashes_at=moment if crashed else None, second_delivery=second if repeated else None
        )


class RequestDecisions:
    """Decides about signed HTTP requests, in their order."""

    def __init__(self, spec: ChaosSpec, counts: FaultCounts) -> None:
        self._counts = counts
        self._lost_answer = _Stream(spec, Fault.LOST_ANSWER)
        self._server_error = _Stream(spec, Fault.SERVER_ERROR)

    def decide(self) -> Fault | None:
        """The fault of the next request: SERVER_ERROR, LOST_ANSWER or None."""
        refused, lost = self._server_error.happens(), self._lost_answer.happens()
        fault = Fault.SERVER_ERROR if refused else Fault.LOST_ANSWER if lost else None
        if fault is not None:
            self._counts[fault] += 1
        return fault
