"""When a call to a model is made once more: only for what may pass, inside the deadline, before its first token.

A workload that calls a model puts one call into a generator, raises `Passing` for a failure that another try may not
have, and lets `tried` run the calls:

    return (yield from tried(lambda: one_call(request), context))

Once a chunk is out there is no second try: what the caller has read would come again in other words.
"""

import random
import time
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from typing import Final, cast

from chalicelib.jobs.errors import ErrorType, WorkloadFailed
from chalicelib.workloads import Chunk, Outcome, Piece, Progress, WorkloadContext

MOST: Final = 8  # calls in all, for a model that is busy: about half a minute of waiting, at most 71 s
FEW: Final = 3  # the same for what is down rather than busy
FIRST_WAIT: Final = 1.0  # seconds at most before the second call; twice that before the third, and so on
LONGEST_WAIT: Final = 20.0  # seconds at most before any, unless the server asks for more

Call = Callable[[], Generator[Piece, None, Outcome]]


class Passing(WorkloadFailed):
    """A call failed in a way that may pass. What happened, and what to do if it does not, are told apart.

    Attributes:
        happened: Such as "model m is busy (request r)"; shown while waiting, so it has no secrets and no prompt.
        most: Calls in all that such a failure is worth.
        asked: Seconds that the server asked to be left alone, or None.
    """

    def __init__(
        self, happened: str, advice: str, error_type: ErrorType, *, most: int = MOST, asked: float | None = None
    ) -> None:
        self.happened = happened
        self.advice = advice
        self.most = most
        self.asked = asked
        super().__init__(f"{happened}; {advice}", error_type)


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential, with full jitter, so that workers which failed together do not come back together.

    Source:
        AWS Architecture Blog, "Exponential Backoff And Jitter".
    """

    first: float = FIRST_WAIT
    longest: float = LONGEST_WAIT
    random: Callable[[], float] = random.random  # from 0 to 1

    def wait(self, failure: Passing, calls: int, *, left: float) -> float | None:
        """Seconds until the next call; None where there is to be none.

        Args:
            failure: Of the call before.
            calls: How many there were, at least one.
            left: Seconds until the deadline: a call that could not even begin before it is not waited for.
        """
        if calls >= failure.most:
            return None
        seconds = min(self.longest, self.first * 2 ** (calls - 1)) * self.random() + (failure.asked or 0.0)
        return seconds if seconds < left else None


def tried(
    call: Call, context: WorkloadContext, *, backoff: Backoff | None = None, sleep: Callable[[float], None] = time.sleep
) -> Generator[Piece, None, Outcome]:
    """The pieces and the outcome of the first call that gets as far as a chunk, or to its end without one.

    `sleep` may be interrupted by an exception, as `time.sleep` is when the job is cancelled or its time is up.

    Raises:
        WorkloadFailed: The last failure, with the number of calls where there was more than one.
    """
    backoff = backoff or Backoff()
    calls, has_begun = 0, False

    def note(piece: Piece) -> None:
        nonlocal has_begun
        has_begun = has_begun or isinstance(piece, Chunk)

    while True:
        calls += 1
        try:
            return (yield from _noted(call(), note))
        except Passing as failure:
            wait = None if has_begun else backoff.wait(failure, calls, left=context.seconds_left())
            if wait is None and calls == 1:
                raise
            if wait is None:
                raise WorkloadFailed(
                    f"{failure.happened}, also when it was tried {calls} times; {failure.advice}", failure.error_type
                ) from failure
            happened = failure.happened
        yield Progress(message=f"{happened}; trying again ({calls + 1})")
        sleep(wait)


def _noted(pieces: Generator[Piece, None, Outcome], note: Callable[[Piece], None]) -> Generator[Piece, None, Outcome]:
    """The pieces as they are, each noted before it is passed on."""
    with closing(pieces):
        while True:
            try:
                piece = next(pieces)
            except StopIteration as ended:
                return cast("Outcome", ended.value)
            note(piece)
            yield piece
