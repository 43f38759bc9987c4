"""A call that several tasks wait for: it runs once, and ends when nobody waits for it any more."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

Result = TypeVar("Result")


class SharedCall(Generic[Result]):
    """Runs a coroutine in a task of its own.

    A waiting task that is cancelled does not cancel the call for the others. The last one does.

    Args:
        call: The coroutine.
        ended: Called once when the call has ended in any way.
    """

    def __init__(self, call: Coroutine[Any, Any, Result], ended: Callable[["SharedCall[Result]"], None]) -> None:
        self._ended = ended
        self._task = asyncio.ensure_future(call)
        self._task.add_done_callback(self._end)
        self._waiting = 0
        self._is_abandoned = False

    @property
    def is_running(self) -> bool:
        """Whether it may still be waited for by one more task."""
        return not self._is_abandoned and not self._task.done()

    def _end(self, task: asyncio.Task[Result]) -> None:
        if not task.cancelled():
            task.exception()  # asyncio reports an exception that nobody has retrieved; those who waited have it
        self._ended(self)

    async def result(self) -> Result:
        """The result of the call, or its exception."""
        self._waiting += 1
        try:
            return await asyncio.shield(self._task)
        finally:
            self._waiting -= 1
            if self._waiting == 0 and not self._task.done():
                self._is_abandoned = True
                self._task.cancel()
