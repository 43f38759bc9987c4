"""Measures the cost of publishing for the thread that produces output.

Streams tokens through a real publisher, with its thread and event loop, to an endpoint that answers after 30 ms, as
AppSync would. Prints the cost of one `add`, on the producing thread, and how many updates the tokens became.

    python -m bench.publisher
"""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from chalicelib.billing.budget import AttemptBudget
from chalicelib.jobs.model import (
    Change,
    Claim,
    DispatchNext,
    InferenceRequest,
    JobId,
    Redispatch,
    Status,
    StatusUpdate,
    WorkerUpdate,
)
from chalicelib.publisher.coalescing import Pace
from chalicelib.publisher.connection import Connection
from chalicelib.publisher.delivery import Backoff
from chalicelib.publisher.fencing import UpdateAnswer
from chalicelib.publisher.publisher import Publisher
from chalicelib.workloads import Chunk

TOKENS: Final = 100_000
ANSWER_AFTER: Final = 0.03  # seconds
ROUNDS: Final = 5


class Accepting:
    """An endpoint that accepts every request; it is also the channel to itself."""

    def __init__(self) -> None:
        self.updates = 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Accepting"]:
        yield self

    async def send(self, update: StatusUpdate | Redispatch | DispatchNext) -> UpdateAnswer:
        await asyncio.sleep(ANSWER_AFTER)
        self.updates += 1
        match update:
            case Claim():
                return UpdateAnswer(Status.PROCESSING, attempt=1, sequence=2, claimed=True)
            case WorkerUpdate(_, attempt, sequence, _, change):
                return UpdateAnswer(change.status, attempt, sequence, claimed=False)
            case _:
                raise AssertionError("a worker claims and updates, no more")


def measure(pause: float) -> tuple[list[float], int]:
    """Microseconds of each `add`, and the number of updates; `pause` seconds lie between two tokens."""
    endpoint = Accepting()
    token = Chunk("token ")
    spent: list[float] = []
    until = time.monotonic() + 300
    tokens = TOKENS if pause == 0 else int(2 / pause)
    budget = AttemptBudget(InferenceRequest("", "bench"), megabytes=512, clock=time.monotonic)
    connection = Connection(endpoint)
    publisher = Publisher(
        JobId("bench"), connection=connection, until=until, pace=Pace(), backoff=Backoff(), budget=budget
    )
    with publisher:
        publisher.claim("bench")
        publisher.begin(lambda: None, until=until)
        for _ in range(tokens):
            started = time.perf_counter_ns()
            publisher.add(token)
            spent.append((time.perf_counter_ns() - started) / 1000)
            if pause:
                time.sleep(pause)
        publisher.finish(Change(Status.COMPLETED))
    connection.close(timeout=5.0)
    return spent, endpoint.updates


def main() -> None:
    for pause, rounds in ((0.0, ROUNDS), (0.005, 1)):
        for _ in range(rounds):
            spent, updates = measure(pause)
            ordered = sorted(spent)
            print(  # noqa: T201  # a measurement is for reading
                f"{len(spent)} tokens, {pause * 1000:g} ms apart: median {statistics.median(ordered):.2f} us, "
                f"99% {ordered[int(len(ordered) * 0.99)]:.2f} us, longest {ordered[-1]:.0f} us, "
                f"mean {statistics.fmean(ordered):.2f} us; {updates} updates"
            )


if __name__ == "__main__":
    main()
