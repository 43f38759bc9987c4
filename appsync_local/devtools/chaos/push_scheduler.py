"""Sends the pushes of one socket while chaos is on: decides about each, queues it, and sends it when it is due."""

import asyncio
from collections.abc import Callable
from typing import Final, assert_never

from appsync_local.devtools.chaos.decisions import PushDecisions, PushDelivery, PushLoss
from appsync_local.devtools.chaos.push_queue import PushQueue
from appsync_local.devtools.health import LoopHealth

EARLY: Final = 1.0  # seconds after a `start_ack`


class PushScheduler:
    """Sends, delays, repeats and drops the pushes of one socket.

    An error in one push is logged and counted, and the other pushes are sent.

    Args:
        send: Sends a message on the socket.
        cut: Closes the socket without a closing handshake.
        health: Counts the errors.
    """

    __slots__ = ("_acknowledged", "_cut", "_health", "_queue", "_send", "_timer")

    def __init__(self, *, send: Callable[[bytes], None], cut: Callable[[], None], health: LoopHealth) -> None:
        self._health = health
        self._send = send
        self._cut = cut
        self._acknowledged: dict[str, float] = {}  # time of each subscription's `start_ack`
        self._queue: PushQueue | None = None
        self._timer: asyncio.TimerHandle | None = None

    def began(self, subscription: str) -> None:
        """Note that a subscription is acknowledged now."""
        self._acknowledged[subscription] = asyncio.get_running_loop().time()

    def ended(self, subscription: str) -> None:
        """Drop the queued pushes of a subscription that the client has stopped."""
        self._acknowledged.pop(subscription, None)
        if self._queue is not None:
            self._queue.forget(subscription)

    def push(self, pushes: PushDecisions, subscription: str, text: bytes) -> None:
        """Decide about a push, and send, queue or drop it."""
        now = asyncio.get_running_loop().time()
        decision = pushes.decide(is_early=now - self._acknowledged.get(subscription, now) < EARLY)
        match decision:
            case PushDelivery():
                if self._queue is None:
                    self._queue = PushQueue()
                self._queue.add(subscription, text, decision, now=now)
                self._release(self._queue)
            case PushLoss.DROPPED:
                return
            case PushLoss.DISCONNECTED:
                self.close()
                self._cut()
            case _:
                assert_never(decision)

    def close(self) -> None:
        """Drop all queued pushes."""
        self._queue = None
        self._stop_timer()

    def _release(self, queue: PushQueue) -> None:
        loop = asyncio.get_running_loop()
        for text in queue.leaving(now=loop.time()):
            with self._health.turn():
                self._send(text)
        self._stop_timer()
        moment = queue.next_moment()
        if moment is not None:
            self._timer = loop.call_at(moment, self._release, queue)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
