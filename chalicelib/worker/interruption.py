"""Stops a workload, also one that is blocked in a call.

Between two steps of its generator, a flag is enough. Within a step, a signal interrupts the workload's thread: Python
runs signal handlers on the main thread, between two bytecodes, and a blocking system call returns for them. The handler
raises `Interrupted` only while a frame of the workload is on the stack, so it never surfaces in our own code. Outside
the main thread, as in a development server, there are no signals, so only the flag works. A call into C that neither
returns nor checks for signals cannot be stopped this way; the time-out of the invocation ends it.
"""

import signal
import threading
import time
from collections.abc import Callable, Generator
from enum import Enum
from types import FrameType, GeneratorType, TracebackType
from typing import Final, Self, TypeVar, cast

from chalicelib.publisher.timers import SHARED as TIMERS
from chalicelib.workloads import WorkloadContext

SIGNAL: Final = signal.SIGUSR1  # free: Lambda's runtime uses SIGTERM and SIGKILL
CLEAN_UP_TIME: Final = 1.0  # seconds that a workload has to clean up before it is interrupted again

Piece = TypeVar("Piece")
Result = TypeVar("Result")


class Stop(Enum):
    """Why a workload must stop."""

    DEADLINE = "deadline"  # its time is up
    UNPUBLISHABLE = "unpublishable"  # its output can no longer be published
    HANDOVER = "handover"  # the next invocation continues from the checkpoint that was just reached
    BUDGET = "budget"  # it has reached a limit that its owner set


class Interrupted(BaseException):
    """Raised inside the workload and by `drive`. Not an `Exception`, so that workloads do not catch it by accident."""

    def __init__(self, stop: Stop) -> None:
        self.stop = stop
        super().__init__(stop.value)


class Interruption:
    """Stops one workload, by `stop` from any thread or at its deadline. A context manager."""

    def __init__(self, context: WorkloadContext, *, clean_up_time: float = CLEAN_UP_TIME) -> None:
        self._context = context
        self._clean_up_time = clean_up_time
        self._reason: Stop | None = None
        self._has_left = False  # nothing is left to stop
        self._lock = threading.Lock()  # guards the attributes above
        self._work: GeneratorType[object, None, object] | None = None
        self._previous: signal.Handlers | Callable[[int, FrameType | None], object] | int | None = None
        self._is_on_main_thread = False

    @property
    def reason(self) -> Stop | None:
        """The first reason for which the workload was stopped, or None."""
        return self._reason

    def __enter__(self) -> Self:
        self._is_on_main_thread = threading.current_thread() is threading.main_thread()
        if self._is_on_main_thread:
            self._previous = signal.signal(SIGNAL, self._on_signal)
        TIMERS.set(self, time.monotonic() + self._context.seconds_left(), self._interrupt)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._has_left = True
        TIMERS.clear(self)
        if self._is_on_main_thread:
            # A signal sent just before is delivered when a system call returns. That must happen while our handler is
            # installed: the default action of SIGUSR1 ends the process.
            signal.sigpending()
            signal.signal(SIGNAL, self._previous)

    def stop(self, reason: Stop) -> None:
        """Stop the workload soon. Has no effect if it has ended."""
        with self._lock:
            self._reason = self._reason or reason
            if not self._has_left:
                TIMERS.set(self, time.monotonic(), self._interrupt)

    def drive(self, work: Generator[Piece, None, Result], deliver: Callable[[Piece], None]) -> Result:
        """Run the workload to its end and deliver each piece.

        Raises:
            Interrupted: It was stopped, or `deliver` raised this to stop it. Its `finally` blocks have run.
            TypeError: It is not a generator, so its steps cannot be interrupted.
        """
        if not isinstance(work, GeneratorType):
            raise TypeError(f"a workload must be a generator, and this one is {type(work).__name__}")
        self._work = work
        try:
            while self._reason is None:
                try:
                    piece = next(work)
                except StopIteration as ended:
                    return cast("Result", ended.value)
                deliver(piece)
            raise Interrupted(self._reason)
        finally:
            work.close()

    def _on_signal(self, _number: int, frame: FrameType | None) -> None:
        if self._reason is None or self._work is None:
            return
        while frame is not None:
            if frame is self._work.gi_frame:
                raise Interrupted(self._reason)
            frame = frame.f_back

    def _interrupt(self) -> None:
        """Interrupt the workload, and again until it has cleaned up. Runs on the thread of the timers."""
        with self._lock:
            if self._has_left:
                return
            self._reason = self._reason or Stop.DEADLINE
            if self._is_on_main_thread:
                signal.pthread_kill(cast("int", threading.main_thread().ident), SIGNAL)
            TIMERS.set(self, time.monotonic() + self._clean_up_time, self._interrupt)
