"""Calls that wait for a slot of the pool: a peak of callers is served one after another and not refused."""

import asyncio
import uuid
from collections import deque
from dataclasses import dataclass
from itertools import count
from typing import Final

from appsync_local.errors import FunctionFailed
from appsync_local.functions.pool import Pool
from appsync_local.functions.spec import FunctionSpec
from appsync_local.functions.worker_process import Invocation, InvocationType

SLOT_WAIT: Final = 5.0  # seconds that a call waits for a slot; AppSync gives a resolver 30 s, an authorizer 10 s


@dataclass(eq=False, slots=True)
class _Call:
    """A call that waits for a slot. `running` becomes the invocation."""

    number: int  # in the order of arrival
    spec: FunctionSpec
    event: bytes
    running: asyncio.Future[Invocation]


class CallLine:
    """The calls that wait, in one line for each function.

    Args:
        slot_wait: Seconds that a call waits before it is throttled.
    """

    def __init__(self, slot_wait: float) -> None:
        self._slot_wait = slot_wait
        self._lines: dict[str, deque[_Call]] = {}  # by function, the longest waiting first
        self._numbers = count()

    async def begin(self, pool: Pool, spec: FunctionSpec, event: bytes) -> Invocation:
        """Start a call, at once or when there is a slot.

        Raises:
            FunctionFailed: There was no slot within `slot_wait`, or none can ever be.
        """
        if pool.has_room(spec, InvocationType.REQUEST_RESPONSE):
            return pool.begin(spec, InvocationType.REQUEST_RESPONSE, str(uuid.uuid4()), event)
        call = _Call(next(self._numbers), spec, event, asyncio.get_running_loop().create_future())
        if spec.reserved_concurrency != 0:
            self._lines.setdefault(spec.name, deque()).append(call)
            try:
                await asyncio.wait({call.running}, timeout=self._slot_wait)
            except asyncio.CancelledError:
                call.running.cancel()  # a call that nobody waits for any more is not started
                if not call.running.cancelled():  # it has just been given a slot
                    pool.withdraw(spec, call.running.result())
                raise
            if call.running.cancelled():
                raise FunctionFailed("Lambda:ServiceException", f"the functions were stopped before {spec.name} ran")
            if call.running.done():
                return call.running.result()
            self._lines[spec.name].remove(call)
        raise FunctionFailed("Lambda:TooManyRequestsException", "Rate Exceeded.")

    def room(self, pool: Pool) -> None:
        """Start the calls that there is room for now.

        It asks once for each function and not for each call: this runs whenever an invocation ends.
        """
        while (call := self._next(pool)) is not None:
            self._lines[call.spec.name].popleft()
            running = pool.begin(call.spec, InvocationType.REQUEST_RESPONSE, str(uuid.uuid4()), call.event)
            call.running.set_result(running)

    def _next(self, pool: Pool) -> _Call | None:
        """Of the calls that there is room for, the longest waiting."""
        first: _Call | None = None
        for line in self._lines.values():
            while line and line[0].running.done():  # its caller has left
                line.popleft()
            if not line or (first is not None and first.number < line[0].number):
                continue
            if pool.has_room(line[0].spec, InvocationType.REQUEST_RESPONSE):
                first = line[0]
        return first

    def stop(self) -> None:
        """End all calls that wait."""
        for line in self._lines.values():
            while line:
                line.popleft().running.cancel()
