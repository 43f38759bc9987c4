"""The measurements of one server in one round."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from statistics import median, quantiles
from typing import Final

from bench import load
from bench.application import job
from bench.servers import Hears, Server, running

CONNECTIONS: Final = 32
SUBSCRIBERS: Final = 1000
SIZES: Final = (10, 100, 1_000, 10_000)  # subscriptions, each to its own job


class Unit(Enum):
    """The unit of a measure, and whether more or less is better."""

    PER_SECOND = "/s"
    MILLISECONDS = "ms"
    MICROSECONDS = "µs"
    MEBIBYTES = "MiB"


class Measure(Enum):
    """A row of the report."""

    MUTATIONS = (f"mutations, {CONNECTIONS} connections", Unit.PER_SECOND)
    FAN_OUT = ("messages, 1 mutation to 1,000 subscribers", Unit.PER_SECOND)
    MUTATION_COST = ("processor time of the server for a mutation", Unit.MICROSECONDS)
    MESSAGE_COST = ("processor time of the server for a message to one of 1,000", Unit.MICROSECONDS)
    PUSH_MEDIAN = ("push to 1 subscriber, median", Unit.MILLISECONDS)
    PUSH_SLOW = ("push to 1 subscriber, 99th percentile", Unit.MILLISECONDS)
    ONE_OF_MANY_MEDIAN = ("push to 1 of 1,000 jobs, median", Unit.MILLISECONDS)
    ONE_OF_MANY_SLOW = ("push to 1 of 1,000 jobs, 99th percentile", Unit.MILLISECONDS)
    START = ("process start to first answer", Unit.MILLISECONDS)
    MEMORY = ("memory with 1,000 subscribers", Unit.MEBIBYTES)

    def __init__(self, title: str, unit: Unit) -> None:
        self.title = title
        self.unit = unit


Figures = Mapping[Measure, float]


@dataclass(frozen=True, slots=True)
class Effort:
    """The amount of load.

    Args:
        warm_up: Seconds of mutations that do not count.
        seconds: Seconds of mutations that do.
        events: Events sent to all subscribers.
        pushes: Events sent to one subscriber.
        jobs: Jobs of each queue with each number of jobs at once.
    """

    warm_up: float = 2.0
    seconds: float = 3.0
    events: int = 60
    pushes: int = 1_000
    jobs: int = 500


@dataclass(frozen=True, slots=True)
class Round:
    """One server's figures, and the largest share of the time that the client was busy."""

    figures: Figures
    busiest: float


def measure(server: Server, effort: Effort) -> Round:
    """Start a server, measure everything, and end it."""
    figures: dict[Measure, float] = {}
    with running(server) as it:
        figures[Measure.START] = it.started * 1000
        rate = load.mutations(it, connections=CONNECTIONS, warm_up=effort.warm_up, seconds=effort.seconds)
        figures[Measure.MUTATIONS], figures[Measure.MUTATION_COST] = rate.per_second, rate.cost * 1e6
        with load.subscribed(it, [job(1)], per_connection=1) as subscribers:
            seconds = load.delivery(it, subscribers, events=effort.pushes, warm_up=effort.pushes // 5)
            figures[Measure.PUSH_MEDIAN], figures[Measure.PUSH_SLOW] = median_and_slow(seconds)
        with load.subscribed(it, [job(2)] * SUBSCRIBERS, per_connection=1) as subscribers:
            broadcast = load.fan_out(it, subscribers, events=effort.events, warm_up=5)
            figures[Measure.FAN_OUT], figures[Measure.MESSAGE_COST] = broadcast.per_second, broadcast.cost * 1e6
            figures[Measure.MEMORY] = it.resident()
        if server.hears is Hears.ITS_JOB:
            with load.subscribed(it, [job(n) for n in range(SUBSCRIBERS)], per_connection=1) as subscribers:
                seconds = load.delivery(it, subscribers, events=effort.pushes, warm_up=effort.pushes // 5)
                figures[Measure.ONE_OF_MANY_MEDIAN], figures[Measure.ONE_OF_MANY_SLOW] = median_and_slow(seconds)
    return Round(figures, max(rate.busy, broadcast.busy))


def growth(server: Server, effort: Effort) -> dict[int, float]:
    """Median milliseconds of a push to one subscriber, by the number of subscriptions to other jobs."""
    medians: dict[int, float] = {}
    with running(server) as it:
        load.mutations(it, connections=CONNECTIONS, warm_up=effort.warm_up, seconds=0.1)
        for size in SIZES:
            jobs = [job(number) for number in range(size)]
            with load.subscribed(it, jobs, per_connection=load.PER_CONNECTION) as subscribers:
                seconds = load.delivery(it, subscribers, events=effort.pushes, warm_up=effort.pushes // 5)
            medians[size] = median(seconds) * 1000
    return medians


def median_and_slow(seconds: Sequence[float]) -> tuple[float, float]:
    """Median and 99th percentile, in milliseconds."""
    return median(seconds) * 1000, quantiles(seconds, n=100)[98] * 1000
