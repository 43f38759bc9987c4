"""What a local stack reports about its background work: the last sweep, its queues, and loops that failed. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from longcall.cli.findings import CheckStatus, Finding
from longcall.display import duration, line

RECENT: Final = 600.0  # seconds for which a failure is shown after the loop has recovered
SWEEP: Final = "sweep"  # part of the name of the loop that runs the sweep
ADVICE: Final = "the stack continues; its log on standard error has the cause"


def health_findings(health: object, *, now: float) -> Iterator[Finding]:
    """The findings in the `health` of a stack's `/doctor`; none if the stack does not report it.

    Args:
        health: `{"loops": [{name, lastTurn, lastFailure, lastError, failuresInARow}], "queues": [{name, length, oldest,
            error}]}`, with times in seconds since the epoch.
        now: Seconds since the epoch.
    """
    match health:
        case {"loops": list(loops), "queues": list(queues)}:
            yield from _sweeps(loops, now)
            yield from (_queue(queue, now) for queue in queues)
            yield from (finding for loop in loops if (finding := _failure(loop, now)) is not None)


def _sweeps(loops: list[Mapping[str, Any]], now: float) -> Iterator[Finding]:
    for loop in loops:
        if SWEEP in loop["name"]:
            last = loop["lastTurn"]
            found = "none since the stack was started" if last is None else _ago(last, now)
            yield Finding("last sweep", CheckStatus.NOTE if last is None else CheckStatus.GOOD, found)


def _queue(queue: Mapping[str, Any], now: float) -> Finding:
    about = f"queue {line(queue['name'])}"
    if queue["error"] is not None:
        return Finding(about, CheckStatus.BAD, f"it could not be measured: {line(queue['error'])}", ADVICE)
    if not queue["length"]:
        return Finding(about, CheckStatus.GOOD, "empty")
    oldest = "" if queue["oldest"] is None else f", the oldest for {duration(max(0.0, now - queue['oldest']))}"
    return Finding(about, CheckStatus.NOTE, f"{queue['length']} waiting{oldest}")


def _failure(loop: Mapping[str, Any], now: float) -> Finding | None:
    last, in_a_row = loop["lastFailure"], loop["failuresInARow"]
    if last is None or (not in_a_row and now - last > RECENT):
        return None
    about, cause = f"loop {line(loop['name'])}", line(loop["lastError"] or "no message")
    if in_a_row:
        return Finding(
            about, CheckStatus.BAD, f"failed {in_a_row} times in a row, last {_ago(last, now)}: {cause}", ADVICE
        )
    return Finding(about, CheckStatus.NOTE, f"has recovered from a failure {_ago(last, now)}: {cause}")


def _ago(then: float, now: float) -> str:
    return f"{duration(max(0.0, now - then))} ago"
