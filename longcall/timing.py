"""How long the client waits for what, and how it spaces its tries. Seconds everywhere."""

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """The client's patience.

    Source: AppSync Developer Guide, "Building a real-time WebSocket client": the service announces a time-out of
    300 s; captures show one `ka` every 60 s, so 90 s of none mean a dead connection.
    """

    gap: float = 0.3  # for the event missing from a gap, before the log is read
    silence: float = 5.0  # nothing heard of an unfinished job, before the log is read
    keep_alive: float = 90.0  # without `ka`, before the realtime connection counts as lost
    answer: float = 35.0  # for one request, or for `connection_ack` or `start_ack`; AppSync ends a request after 30 s
    pause: float = 0.2  # before the first repetition; doubled from then on, with full jitter
    longest_pause: float = 10.0
    tries: int = 4  # of a request whose answer was lost
    give_up: float = math.inf  # without any contact while watching, before that is an error


def pauses(timing: Timing, draw: Callable[[], float] = random.random) -> Iterator[float]:
    """Waits between repetitions, without end.

    Source: AWS Architecture Blog, "Exponential Backoff And Jitter": full jitter.
    """
    most = timing.pause
    while True:
        yield draw() * most
        most = min(most * 2, timing.longest_pause)
