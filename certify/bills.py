"""Compares the bill of a job with its log: what was counted must cover what the log shows. Pure."""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from certify.counts import Finding, Violation
from certify.plan import JobPlan
from chalicelib.jobs.model import Job
from infrastructure.limits import LIMITS

MEGABYTES: Final = LIMITS["inference"].memory_mb
GIGABYTE_SECOND: Final = 1024 * 1000  # megabyte-milliseconds
CENT_FRACTION: Final = 1e-9  # US dollars; amounts are rounded to 12 digits
DISPATCHED_AGAIN: Final = "dispatched again"  # the message of a supervisor's entry
TOLERANCE: Final = 0.05  # seconds for each attempt: times in the log are whole milliseconds of another process


def check_bill(plan: JobPlan, log: Sequence[Job]) -> list[Finding]:
    """Compare the bill in a job's last entry with all entries.

    Each attempt is one invocation. Each entry took at least one operation. A worker's time is at least the time between
    its claim and its last entry but one, and its tokens are at least the words that it logged.
    """
    return [Finding(Violation.BILL_DIFFERENT, plan.job_id, detail) for detail in _differences(plan, log)]


def _differences(plan: JobPlan, log: Sequence[Job]) -> Iterator[str]:
    last = log[-1]
    if not last.status.is_terminal:
        return
    bill: Any = last.cost
    if not isinstance(bill, dict):
        yield "its last entry has no bill"
        return
    items: Mapping[str, Mapping[str, Any]] = {item["name"]: item for item in bill["items"]}
    for name, item in items.items():
        if abs(item["quantity"] * item["price"] - item["amount"]) > CENT_FRACTION:
            yield f"{name}: {item['quantity']} times {item['price']} is not {item['amount']}"
    if abs(math.fsum(item["amount"] for item in items.values()) - bill["total"]) > CENT_FRACTION:
        yield f"its items do not sum to its total, {bill['total']}"

    def quantity(name: str) -> float:
        return float(items[name]["quantity"]) if name in items else 0.0

    operations, requests = quantity("AppSync operations"), quantity("Lambda requests")
    if requests - operations != last.attempt:
        yield f"it bills {requests - operations:.0f} invocations of a worker, and the log has {last.attempt} attempts"
    if operations < len(log):
        yield f"it bills {operations:.0f} operations, and the log has {len(log)} entries"
    attempts = [list(entries) for attempt, entries in groupby(log, lambda entry: entry.attempt) if attempt > 0]
    least = sum(max(0.0, _worked(entries) - TOLERANCE) for entries in attempts)
    billed = quantity("Lambda time of workers") * GIGABYTE_SECOND / 1000 / MEGABYTES
    if billed < least:
        yield f"it bills {billed:.2f} s of workers, and they worked for at least {least:.2f} s"
    words = sum(max(0, len(_own(entries).split()) - 1) for entries in attempts)
    tokens = quantity("output tokens")
    if not words <= tokens <= plan.words * max(1, len(attempts)):
        yield f"it bills {tokens:.0f} tokens of output, and the log has {words} words or more"


def _worked(entries: Sequence[Job]) -> float:
    """Seconds of an attempt that its worker has reported for certain.

    The first entry is the claim. Each later report covers the time until the one before it was answered. The last entry
    of a job is left out, because it may be another's.
    """
    reports = [entry for entry in entries[1:] if not entry.status.is_terminal and entry.message != DISPATCHED_AGAIN]
    if len(reports) < 2:
        return 0.0
    return (reports[-2].updated_at - entries[0].updated_at).total_seconds()


def _own(entries: Sequence[Job]) -> str:
    return "".join(entry.delta or "" for entry in entries)
