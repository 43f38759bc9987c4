"""Writes the figures as Markdown between two marks of the page that explains them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from bench.measures import Figures, Measure, Unit
from bench.servers import BARE, ENGINE, PEERS, SIMULATOR, YOGA, Server

PAGE: Final = Path(__file__).resolve().parent.parent / "docs" / "performance.md"
Rounds = Mapping[Server, Sequence[Figures]]


@dataclass(frozen=True, slots=True)
class Goal:
    """One claim, as a number of each round.

    Args:
        claim: In words.
        value: The number of a round, from each server's figures; None where a server cannot be measured.
        shown: How the number is printed.
        is_met: Whether the median is good enough.
        wanted: The bound, in words.
    """

    claim: str
    value: Callable[[Mapping[Server, Figures]], float]
    shown: str
    is_met: Callable[[float], bool]
    wanted: str


def _ratio(measure: Measure, *others: Server) -> Callable[[Mapping[Server, Figures]], float]:
    """The engine's figure divided by the best figure of the others."""
    best = max if measure.unit is Unit.PER_SECOND else min

    def value(figures: Mapping[Server, Figures]) -> float:
        return figures[ENGINE][measure] / best(figures[o][measure] for o in others if measure in figures[o])

    return value


def _cheaper(measure: Measure, *others: Server) -> Callable[[Mapping[Server, Figures]], float]:
    """The lowest cost of the others divided by the engine's cost."""

    def value(figures: Mapping[Server, Figures]) -> float:
        return min(figures[other][measure] for other in others) / figures[ENGINE][measure]

    return value


def _at_least(claim: str, bound: float, value: Callable[[Mapping[Server, Figures]], float]) -> Goal:
    return Goal(claim, value, "{:.2f} ×", lambda found: found >= bound, f"≥ {bound:g} ×")


def _faster(claim: str, value: Callable[[Mapping[Server, Figures]], float]) -> Goal:
    return Goal(claim, value, "{:.2f} ×", lambda found: found < 1, "< 1 ×")


def _below(claim: str, bound: float, measure: Measure) -> Goal:
    unit = measure.unit.value
    return Goal(
        claim, lambda f: f[ENGINE][measure], "{:.0f} " + unit, lambda found: found < bound, f"< {bound:g} {unit}"
    )


GOALS: Final = (
    _at_least("mutations/s, of the Amplify simulator's", 4, _ratio(Measure.MUTATIONS, SIMULATOR)),
    _at_least("mutations/s, of graphql-yoga's", 1.5, _ratio(Measure.MUTATIONS, YOGA)),
    _at_least("messages/s to 1,000 subscribers, of the best peer's", 3.5, _ratio(Measure.FAN_OUT, *PEERS)),
    _at_least("messages/s to 1,000 subscribers, of bare aiohttp's", 1.2, _ratio(Measure.FAN_OUT, BARE)),
    _at_least(
        "mutations per second of processor time, of the simulator's", 4, _cheaper(Measure.MUTATION_COST, SIMULATOR)
    ),
    _at_least("mutations per second of processor time, of graphql-yoga's", 1.5, _cheaper(Measure.MUTATION_COST, YOGA)),
    _at_least("messages per second of processor time, of the best peer's", 3.5, _cheaper(Measure.MESSAGE_COST, *PEERS)),
    _at_least("messages per second of processor time, of bare aiohttp's", 1.2, _cheaper(Measure.MESSAGE_COST, BARE)),
    _faster("push to 1 of 1,000 jobs, median, of the best peer's", _ratio(Measure.ONE_OF_MANY_MEDIAN, *PEERS)),
    _faster("push to 1 of 1,000 jobs, 99th percentile, of the best peer's", _ratio(Measure.ONE_OF_MANY_SLOW, *PEERS)),
    _faster("push to 1 subscriber, median, of the best peer's", _ratio(Measure.PUSH_MEDIAN, *PEERS)),
    _faster("push to 1 subscriber, 99th percentile, of the best peer's", _ratio(Measure.PUSH_SLOW, *PEERS)),
    _below("process start to first answer", 400, Measure.START),
    _faster("process start to first answer, of the Amplify simulator's", _ratio(Measure.START, SIMULATOR)),
    _faster("process start to first answer, of graphql-yoga's", _ratio(Measure.START, YOGA)),
    _below("memory with 1,000 subscribers", 65, Measure.MEMORY),
)


def goals_table(rounds: Rounds) -> str:
    """Every goal with its median, its range, and whether it is reached."""
    rows = []
    for goal in GOALS:
        values = [goal.value(figures) for figures in _by_round(rounds)]
        found = median(values)
        spread = f"{goal.shown.format(min(values))} to {goal.shown.format(max(values))}"
        met = "yes" if goal.is_met(found) else "**no**"
        rows.append([goal.claim, goal.wanted, f"**{goal.shown.format(found)}**", spread, met])
    return table(["engine's", "goal", "median", "range", "met"], rows)


def _by_round(rounds: Rounds) -> list[dict[Server, Figures]]:
    count = min(len(figures) for figures in rounds.values())
    return [{server: figures[number] for server, figures in rounds.items()} for number in range(count)]


def figures_table(rounds: Rounds) -> str:
    """Every server's figures."""
    rows = []
    for measure in Measure:
        cells = [_cell([f[measure] for f in figures if measure in f], measure) for figures in rounds.values()]
        rows.append([f"{measure.title}, {measure.unit.value}", *cells])
    return table(["median (range)", *(server.name for server in rounds)], rows)


def _cell(values: list[float], measure: Measure) -> str:
    if not values:
        return "-"
    return f"{_number(median(values), measure)} ({_number(min(values), measure)} to {_number(max(values), measure)})"


def _number(value: float, measure: Measure) -> str:
    if measure.unit is Unit.MILLISECONDS and measure is not Measure.START:
        return f"{value:.2f}"
    if measure.unit is Unit.MICROSECONDS:
        return f"{value:.1f}"
    return f"{value:,.0f}"


def growth_table(rounds: Sequence[Mapping[int, float]]) -> str:
    """A push's median, by the number of subscriptions."""
    rows = []
    for size in rounds[0]:
        values = [medians[size] for medians in rounds]
        rows.append([f"{size:,}", f"{median(values):.3f}", f"{min(values):.3f} to {max(values):.3f}"])
    return table(["subscriptions", "push, median, ms", "range"], rows)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Rows as Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def put(page: str, name: str, text: str) -> str:
    """The page with the text between the marks of this name.

    Raises:
        ValueError: The page has no such marks.
    """
    start, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    before, found, rest = page.partition(start)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"expected the marks {start} and {end} in the page, and one is missing")
    return f"{before}{start}\n{text}\n{end}{after}"
