"""What the doctor says about background loops and queues."""

from collections.abc import Iterator

from appsync_local.devtools.findings import CheckStatus, Finding, duration
from appsync_local.devtools.health import Health, LoopHealth, QueueState
from appsync_local.devtools.operation_log import printable


def health_findings(health: Health, *, now: float) -> Iterator[Finding]:
    """One finding for each loop and each queue.

    Args:
        health: The record of loops and queues.
        now: Seconds since the epoch.
    """
    for loop in health.loops():
        yield _of_loop(loop, now)
    for name, state in health.queues().items():
        yield _of_queue(name, state, now)


def _of_loop(loop: LoopHealth, now: float) -> Finding:
    error = printable(loop.last_error or "")
    if loop.failures_in_a_row:
        times = "turn" if loop.failures_in_a_row == 1 else f"{loop.failures_in_a_row} turns"
        found = f"the last {times} failed, most recently {_ago(loop.last_failure, now)}: {error}"
        return Finding(loop.name, CheckStatus.BAD, found, "see the stack's log; the loop continues by itself")
    last = "no turn yet" if loop.last_turn is None else f"last turn {_ago(loop.last_turn, now)}"
    if loop.failed_recently(now=now):
        found = f"{last}; a turn failed {_ago(loop.last_failure, now)}: {error} ({loop.failures} in total)"
        return Finding(loop.name, CheckStatus.NOTE, found)
    return Finding(loop.name, CheckStatus.NOTE if loop.last_turn is None else CheckStatus.GOOD, last)


def _of_queue(name: str, state: QueueState | str, now: float) -> Finding:
    about = f"{name} queue"
    if isinstance(state, str):
        return Finding(about, CheckStatus.BAD, f"it cannot be read: {printable(state)}", "see the stack's log")
    age = "" if state.oldest is None else f"; the oldest has waited for {duration(max(0.0, now - state.oldest))}"
    return Finding(about, CheckStatus.NOTE, f"{state.length} waiting or running{age}")


def _ago(moment: float | None, now: float) -> str:
    return f"{duration(max(0.0, now - (now if moment is None else moment)))} ago"
