"""The effect of each optimization: the engine with it, compared with the engine without it, as ratios."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from bench import load
from bench.application import job
from bench.measures import CONNECTIONS, SUBSCRIBERS, Effort, median_and_slow
from bench.peers.without import Measure
from bench.servers import Running, Server, engine, running


@dataclass(frozen=True, slots=True)
class Comparison:
    """One measure.

    Args:
        measure: What is taken out.
        title: What it is, in words.
        seen_in: The figure that shows it.
        value: That figure, of a running server; more is better.
    """

    measure: Measure
    title: str
    seen_in: str
    value: Callable[[Running, Effort], float]


def _mutations(it: Running, effort: Effort) -> float:
    return load.mutations(it, connections=CONNECTIONS, warm_up=effort.warm_up / 2, seconds=effort.seconds).per_second


def _fan_out(it: Running, effort: Effort) -> float:
    with load.subscribed(it, [job(1)] * SUBSCRIBERS, per_connection=1) as subscribers:
        return load.fan_out(it, subscribers, events=effort.events, warm_up=5).per_second


def _one_of_many(it: Running, effort: Effort) -> float:
    jobs = [job(number) for number in range(SUBSCRIBERS)]
    with load.subscribed(it, jobs, per_connection=load.PER_CONNECTION) as subscribers:
        seconds = load.delivery(it, subscribers, events=effort.pushes // 2, warm_up=effort.pushes // 10)
    return 1 / median_and_slow(seconds)[0]


COMPARISONS: Final = (
    Comparison(Measure.KEPT_DOCUMENTS, "documents parsed and validated once", "mutations/s", _mutations),
    Comparison(Measure.KEPT_CONTEXTS, "JavaScript contexts kept between calls", "mutations/s", _mutations),
    Comparison(Measure.PLANS, "a plan, in place of graphql-core's executor", "mutations/s", _mutations),
    Comparison(Measure.COMPILED_VALUES, "compiled coercion and completion", "mutations/s", _mutations),
    Comparison(Measure.UVLOOP, "uvloop, in place of asyncio's loop", "mutations/s", _mutations),
    Comparison(Measure.SHARED_PAYLOADS, "one payload for all subscribers alike", "messages/s to 1,000", _fan_out),
    Comparison(Measure.DIRECT_WRITES, "no task between event and socket", "messages/s to 1,000", _fan_out),
    Comparison(Measure.UVLOOP, "uvloop, in place of asyncio's loop", "messages/s to 1,000", _fan_out),
    Comparison(
        Measure.INDEX, "subscriptions indexed by their filters' values", "push to 1 of 1,000 jobs", _one_of_many
    ),
)


def compare(comparison: Comparison, effort: Effort) -> float:
    """The factor by which the engine is better with the optimization."""
    whole, less = (_figure(comparison, server, effort) for server in _pair(comparison))
    return whole / less


def _pair(comparison: Comparison) -> Sequence[Server]:
    return engine(), engine(comparison.measure.value)


def _figure(comparison: Comparison, server: Server, effort: Effort) -> float:
    with running(server) as it:
        return comparison.value(it, effort)
