"""A wall clock that never goes back, for moments that are stored and compared."""

import time
from collections.abc import Callable


class SteadyClock:
    """Seconds since the epoch, as a wall clock shows them, until that clock is set back.

    From then on it is ahead of the wall clock by as much as that was set back. So what is due in a second stays due in
    a second. After a suspension it continues with the wall clock's time, which a monotonic clock would not.

    Args:
        wall: The wall clock.
        monotonic: How much time passed while the wall clock was set back.
    """

    def __init__(
        self, wall: Callable[[], float] = time.time, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._ahead = 0.0
        self._last = wall()
        self._last_monotonic = monotonic()

    def __call__(self) -> float:
        """The time now; never earlier than the result of an earlier call."""
        now, monotonic = self._wall() + self._ahead, self._monotonic()
        if now < self._last:
            expected = self._last + (monotonic - self._last_monotonic)
            self._ahead += expected - now
            now = expected
        self._last, self._last_monotonic = now, monotonic
        return now
