"""The timers of realtime connections: keep-alive messages, the longest lifetime, and the wait for a first message."""

import asyncio
from collections.abc import Callable, Hashable
from typing import Generic, Protocol, TypeVar

from appsync_local.api.limits import FIRST_MESSAGE_LIMIT
from appsync_local.devtools.health import Health, LoopHealth

Waiter = TypeVar("Waiter", bound=Hashable)


class TimedSession(Hashable, Protocol):
    """The part of a session that the timers call."""

    def send_keep_alive(self) -> None: ...

    def finish(self) -> None: ...


class DelayedCalls(Generic[Waiter]):
    """Calls `due(waiter)` a fixed delay after each `wait`, with one timer of the event loop for all waiters.

    A timer of its own for each waiter would take ten times the memory. An error in one call is logged and counted, and
    the calls for the other waiters are made.

    Args:
        delay: Seconds.
        due: Called for each waiter; it may call `wait` for the same waiter again.
        health: Counts the calls and their errors.
    """

    def __init__(self, delay: float, due: Callable[[Waiter], None], health: LoopHealth) -> None:
        self._delay = delay
        self._due = due
        self._health = health
        self._times: dict[Waiter, float] = {}  # in ascending order, since the delay is the same for all waiters
        self._timer: asyncio.TimerHandle | None = None

    def __contains__(self, waiter: object) -> bool:
        return waiter in self._times

    def wait(self, waiter: Waiter) -> None:
        """Call for this waiter after the delay. If it waits already, its delay starts again."""
        self._times.pop(waiter, None)
        self._times[waiter] = asyncio.get_running_loop().time() + self._delay
        if self._timer is None:
            self._set_timer()

    def cancel(self, waiter: Waiter) -> None:
        """Do not call for this waiter; does nothing if it does not wait."""
        self._times.pop(waiter, None)
        if not self._times and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set_timer(self) -> None:
        first = next(iter(self._times.values()), None)
        self._timer = None if first is None else asyncio.get_running_loop().call_at(first, self._call)

    def _call(self) -> None:
        now = asyncio.get_running_loop().time()
        over = []
        for waiter, time in self._times.items():
            if time > now:
                break
            over.append(waiter)
        for waiter in over:
            del self._times[waiter]
        for waiter in over:
            with self._health.turn():
                self._due(waiter)
        self._set_timer()


class SessionTimers:
    """The timers of all sessions of one engine.

    Args:
        keep_alive: Seconds between two `ka` messages.
        lifetime: Seconds after which a connection is closed.
        first_message: Seconds after which a connection is closed that has sent no message.
        health: Counts the calls and their errors, as `keep-alive timer`.
    """

    def __init__(
        self, *, keep_alive: float, lifetime: float, first_message: float = FIRST_MESSAGE_LIMIT, health: Health
    ) -> None:
        loop = health.loop("keep-alive timer")
        self._keep_alives: DelayedCalls[TimedSession] = DelayedCalls(keep_alive, self._keep_alive, loop)
        self._lifetimes: DelayedCalls[TimedSession] = DelayedCalls(lifetime, _finish, loop)
        self._first_messages: DelayedCalls[TimedSession] = DelayedCalls(first_message, _finish, loop)

    def start(self, session: TimedSession) -> None:
        """Start the timers of a session that is open."""
        self._lifetimes.wait(session)
        self._first_messages.wait(session)

    def message_received(self, session: TimedSession) -> None:
        """Stop the wait for a session's first message."""
        self._first_messages.cancel(session)

    def acknowledged(self, session: TimedSession) -> None:
        """Start the keep-alive messages of a session; does nothing if they have started."""
        if session not in self._keep_alives:
            self._keep_alives.wait(session)

    def stop(self, session: TimedSession) -> None:
        """Stop all timers of a session."""
        for delayed in (self._keep_alives, self._lifetimes, self._first_messages):
            delayed.cancel(session)

    def _keep_alive(self, session: TimedSession) -> None:
        self._keep_alives.wait(session)  # first, so that an error does not end the keep-alive of this session
        session.send_keep_alive()


def _finish(session: TimedSession) -> None:
    session.finish()
