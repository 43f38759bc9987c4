"""When a realtime connection is due for a `ka`, and for its end; one timer for any number of connections."""

import asyncio
from collections.abc import Callable, Hashable
from typing import Generic, Protocol, TypeVar

from appsync_local.api.limits import FIRST_MESSAGE_LIMIT

Waiter = TypeVar("Waiter", bound=Hashable)


class TimedSession(Hashable, Protocol):
    """As much of a session as a timers needs."""

    def send_keep_alive(self) -> None: ...

    def finish(self) -> None: ...


class DelayedCalls(Generic[Waiter]):
    """Calls `due(waiter)` a fixed delay after each `wait`. A loop's own timer takes ten times the memory for each.

    Args:
        delay: Seconds.
        due: What to do; it may ask for the same waiter again.
    """

    def __init__(self, delay: float, due: Callable[[Waiter], None]) -> None:
        self._delay = delay
        self._due = due
        self._moments: dict[Waiter, float] = {}  # in the order of their moments, since all wait equally long
        self._timer: asyncio.TimerHandle | None = None

    def __contains__(self, waiter: object) -> bool:
        return waiter in self._moments

    def wait(self, waiter: Waiter) -> None:
        """Call for a waiter when the delay is over; one that waits already waits anew."""
        self._moments.pop(waiter, None)
        self._moments[waiter] = asyncio.get_running_loop().time() + self._delay
        if self._timer is None:
            self._set_timer()

    def forget(self, waiter: Waiter) -> None:
        """Do not call; harmless for one that does not wait."""
        self._moments.pop(waiter, None)
        if not self._moments and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set_timer(self) -> None:
        first = next(iter(self._moments.values()), None)
        self._timer = None if first is None else asyncio.get_running_loop().call_at(first, self._call)

    def _call(self) -> None:
        now = asyncio.get_running_loop().time()
        over = []
        for waiter, moment in self._moments.items():
            if moment > now:
                break
            over.append(waiter)
        for waiter in over:
            del self._moments[waiter]
        for waiter in over:
            self._due(waiter)
        self._set_timer()


class SessionTimers:
    """What comes to every session of one engine after the same time.

    Args:
        keep_alive: Seconds between two `ka` messages.
        lifetime: Seconds after which a connection is closed.
        patience: Seconds until a connection is closed that has said nothing.
    """

    def __init__(self, *, keep_alive: float, lifetime: float, patience: float = FIRST_MESSAGE_LIMIT) -> None:
        self._keep_alives: DelayedCalls[TimedSession] = DelayedCalls(keep_alive, self._keep_alive)
        self._lives: DelayedCalls[TimedSession] = DelayedCalls(lifetime, lambda session: session.finish())
        self._silences: DelayedCalls[TimedSession] = DelayedCalls(patience, lambda session: session.finish())

    def begin(self, session: TimedSession) -> None:
        """A session begins to listen."""
        self._lives.wait(session)
        self._silences.wait(session)

    def hear(self, session: TimedSession) -> None:
        """A session has heard something."""
        self._silences.forget(session)

    def acknowledge(self, session: TimedSession) -> None:
        """A session has acknowledged its connection; once more changes nothing."""
        if session not in self._keep_alives:
            self._keep_alives.wait(session)

    def end(self, session: TimedSession) -> None:
        """Nothing comes to this session any more."""
        for delays in (self._keep_alives, self._lives, self._silences):
            delays.forget(session)

    def _keep_alive(self, session: TimedSession) -> None:
        session.send_keep_alive()
        self._keep_alives.wait(session)
