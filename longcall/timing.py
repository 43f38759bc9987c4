"""How long the client waits for what, and how it spaces its retries. All values are in seconds."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from tenacity import RetryCallState, Retrying, wait_random_exponential


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """The time limits of one client.

    Source: AppSync Developer Guide, "Building a real-time WebSocket client": the service announces a time-out of
    300 s. Captures show one `ka` every 60 s, so a connection without `ka` for 90 s is dead.
    """

    gap: float = 0.3  # wait this long for a missing event, then read the log
    silence: float = 5.0  # read the log when nothing was received about an unfinished job for this long
    idle: float = 30.0  # read a list this often while none of its jobs runs; with one, `silence` holds
    absence: float = 1.0  # read a list again after this long if it did not contain a job that it should
    keep_alive: float = 90.0  # without `ka` for this long, the realtime connection is lost
    answer: float = 35.0  # for one request, `connection_ack` or `start_ack`; AppSync ends a request after 30 s
    pause: float = 0.2  # the longest wait before the first retry; doubled for each further one, with full jitter
    longest_pause: float = 10.0  # the longest wait before any retry
    tries: int = 4  # of one request
    throttled: float = 60.0  # a request that the API is too busy for is repeated for this long
    give_up: float = math.inf  # a watch without any contact to the API for this long fails


def pauses(timing: Timing) -> Iterator[float]:
    """The waits between retries, without end: exponential back-off with full jitter."""
    wait = wait_random_exponential(multiplier=timing.pause, max=timing.longest_pause)
    state = RetryCallState(Retrying(), fn=None, args=(), kwargs={})
    while True:
        yield wait(state)
        state.prepare_for_next_attempt()
