"""The delayed, repeated and reordered pushes of one socket. This module uses no socket and no clock."""

from collections import deque
from dataclasses import dataclass
from typing import Final

from appsync_local.devtools.chaos.decisions import PushDelivery

HELD_BACK: Final = 0.5  # seconds that a push waits for later ones to overtake it


@dataclass(frozen=True, slots=True)
class _Late:
    """A push that is sent at a time, or held back from that time on."""

    subscription: str
    text: bytes
    due: float
    overtaken_by: int


@dataclass(slots=True)
class _Held:
    """A push that is sent after some later ones, or when it has waited for them too long."""

    push: _Late
    to_come: int
    due: float

    def is_free(self, now: float) -> bool:
        return self.to_come <= 0 or self.due <= now


class PushQueue:
    """Receives pushes in the order in which they were published, and returns them in the order in which they arrive.

    Times are seconds on a clock that never goes back. A delay never changes the order: a push is sent after those
    before it, unless it is to be overtaken.
    """

    def __init__(self) -> None:
        self._waiting: deque[_Late] = deque()
        self._held: list[_Held] = []
        self._last_due = 0.0

    def add(self, subscription: str, text: bytes, course: PushDelivery, *, now: float) -> None:
        """Queue a push. If it is both repeated and overtaken, only its second copy is overtaken."""
        due = self._last_due = max(now + course.delay, self._last_due)
        first_copies = course.copies - 1 if course.overtaken_by else course.copies
        self._waiting.extend([_Late(subscription, text, due, 0)] * first_copies)
        if course.overtaken_by:
            self._waiting.append(_Late(subscription, text, due, course.overtaken_by))

    def leaving(self, *, now: float) -> list[bytes]:
        """Remove and return the pushes that are due, in order."""
        arriving: list[bytes] = []
        while self._waiting and self._waiting[0].due <= now:
            push = self._waiting.popleft()
            if push.overtaken_by:
                self._held.append(_Held(push, push.overtaken_by, push.due + HELD_BACK))
                continue
            arriving.append(push.text)
            for held in self._held:
                held.to_come -= 1
            arriving += self._release(now)
        arriving += self._release(now)
        return arriving

    def next_moment(self) -> float | None:
        """The time at which the next push is due; None if the queue is empty."""
        moments = [held.due for held in self._held]
        if self._waiting:
            moments.append(self._waiting[0].due)
        return min(moments, default=None)

    def forget(self, subscription: str) -> None:
        """Drop the pushes of a subscription that has ended."""
        self._waiting = deque(push for push in self._waiting if push.subscription != subscription)
        self._held = [held for held in self._held if held.push.subscription != subscription]

    def _release(self, now: float) -> list[bytes]:
        if not self._held:
            return []
        free = [held.push.text for held in self._held if held.is_free(now)]
        if free:
            self._held = [held for held in self._held if not held.is_free(now)]
        return free
