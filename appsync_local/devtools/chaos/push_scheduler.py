"""One socket's pushes while chaos is on: decided, put on the queue, and sent when their moment comes."""

import asyncio
from collections.abc import Callable
from typing import Final, assert_never

from appsync_local.devtools.chaos.decisions import PushDecisions, PushDelivery, PushLoss
from appsync_local.devtools.chaos.push_queue import PushQueue

EARLY: Final = 1.0  # seconds after a `start_ack`


class PushScheduler:
    """Made with every socket, and idle while nothing happens to pushes.

    Args:
        send: Takes a message for the socket.
        cut: Ends the socket without a word.
    """

    __slots__ = ("_acknowledged", "_cut", "_queue", "_send", "_timer")

    def __init__(self, *, send: Callable[[bytes], None], cut: Callable[[], None]) -> None:
        self._send = send
        self._cut = cut
        self._acknowledged: dict[str, float] = {}  # moment of each subscription's `start_ack`
        self._queue: PushQueue | None = None
        self._timer: asyncio.TimerHandle | None = None

    def began(self, subscription: str) -> None:
        """A subscription is acknowledged now."""
        self._acknowledged[subscription] = asyncio.get_running_loop().time()

    def ended(self, subscription: str) -> None:
        """Nothing more is sent to a subscription that the client has stopped."""
        self._acknowledged.pop(subscription, None)
        if self._queue is not None:
            self._queue.forget(subscription)

    def push(self, pushes: PushDecisions, subscription: str, text: bytes) -> None:
        """Have a push meet its fate."""
        now = asyncio.get_running_loop().time()
        fate = pushes.decide(is_early=now - self._acknowledged.get(subscription, now) < EARLY)
        match fate:
            case PushDelivery():
                if self._queue is None:
                    self._queue = PushQueue()
                self._queue.add(subscription, text, fate, now=now)
                self._release(self._queue)
            case PushLoss.DROPPED:
                return
            case PushLoss.DISCONNECTED:
                self.close()
                self._cut()
            case _:
                assert_never(fate)

    def close(self) -> None:
        """Lose what is on its way."""
        self._queue = None
        self._stop_timer()

    def _release(self, queue: PushQueue) -> None:
        loop = asyncio.get_running_loop()
        for text in queue.leaving(now=loop.time()):
            self._send(text)
        self._stop_timer()
        moment = queue.next_moment()
        if moment is not None:
            self._timer = loop.call_at(moment, self._release, queue)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
