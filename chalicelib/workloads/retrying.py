"""Retries calls to a model: only after a temporary failure, before the first chunk, and within the deadline.

A workload puts one call into a generator, raises `TemporaryFailure` for a failure that another call may not have, and
lets `with_retries` make the calls:

    return (yield from with_retries(lambda: one_call(request), context))

After the first chunk there is no second call: a new answer would repeat in other words what the caller has read.
"""

import time
from collections.abc import Callable, Generator
from contextlib import closing
from typing import Final, cast

from tenacity import RetryCallState, Retrying, wait_random_exponential
from tenacity.wait import wait_base

from chalicelib.jobs.errors import ErrorType, WorkloadFailed
from chalicelib.workloads.contract import Chunk, Outcome, Piece, Progress, WorkloadContext

MAX_CALLS_BUSY: Final = 8  # calls in total to a model that is busy: on average half a minute of waiting, at most 71 s
MAX_CALLS_DOWN: Final = 3  # calls in total to a model or server that has failed or cannot be reached
FIRST_WAIT: Final = 1.0  # the longest wait in seconds before the second call; it doubles with every further call
LONGEST_WAIT: Final = 20.0  # the longest wait in seconds before any call, in addition to what the server asks for

# With full jitter, so that workers whose calls failed together do not call again together.
BACKOFF: Final[wait_base] = wait_random_exponential(multiplier=FIRST_WAIT, max=LONGEST_WAIT)

Call = Callable[[], Generator[Piece, None, Outcome]]


class TemporaryFailure(WorkloadFailed):
    """A call failed in a way that another call may not.

    Attributes:
        cause: What happened, such as "model m is busy (request r)". It is shown while the job waits, so it contains no
            secret and no part of the prompt.
        advice: What the job's owner can do if every call fails.
        max_calls: How many calls to make in total.
        retry_after: The wait in seconds that the server asked for, or None.
    """

    def __init__(
        self,
        cause: str,
        advice: str,
        error_type: ErrorType,
        *,
        max_calls: int = MAX_CALLS_BUSY,
        retry_after: float | None = None,
    ) -> None:
        self.cause = cause
        self.advice = advice
        self.max_calls = max_calls
        self.retry_after = retry_after
        super().__init__(f"{cause}; {advice}", error_type)


def with_retries(
    call: Call,
    context: WorkloadContext,
    *,
    backoff: wait_base = BACKOFF,
    sleep: Callable[[float], None] = time.sleep,
) -> Generator[Piece, None, Outcome]:
    """Yield the pieces of the first call that yields a chunk or ends without a failure, and return its outcome.

    Args:
        call: Makes one call; raises `TemporaryFailure` if another call may succeed.
        context: Of the workload. A call that could not begin before its deadline is not made.
        backoff: How long to wait before each further call.
        sleep: Waits. An exception may interrupt it, as it does when the job is cancelled or its time is up.

    Raises:
        WorkloadFailed: The last failure; its message says how many calls were made if there were several.
    """
    state = RetryCallState(Retrying(), fn=None, args=(), kwargs={})
    has_begun = False

    def note(piece: Piece) -> None:
        nonlocal has_begun
        has_begun = has_begun or isinstance(piece, Chunk)

    while True:
        calls = state.attempt_number
        try:
            return (yield from _each_noted(call(), note))
        except TemporaryFailure as failure:
            wait = backoff(state) + (failure.retry_after or 0.0)
            if has_begun or calls >= failure.max_calls or wait >= context.seconds_left():
                if calls == 1:
                    raise
                raise WorkloadFailed(
                    f"{failure.cause}, also when it was tried {calls} times; {failure.advice}", failure.error_type
                ) from failure
            cause = failure.cause
        yield Progress(message=f"{cause}; trying again ({calls + 1})")
        sleep(wait)
        state.prepare_for_next_attempt()


def _each_noted(
    pieces: Generator[Piece, None, Outcome], note: Callable[[Piece], None]
) -> Generator[Piece, None, Outcome]:
    """Yield the pieces unchanged, and call `note` with each before it is yielded."""
    with closing(pieces):
        while True:
            try:
                piece = next(pieces)
            except StopIteration as ended:
                return cast("Outcome", ended.value)
            note(piece)
            yield piece
