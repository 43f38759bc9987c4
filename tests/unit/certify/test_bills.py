"""A bill must cover what the log of its job shows."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from certify.bills import check_bill
from certify.counts import Violation
from chalicelib.api.charging import charge
from chalicelib.jobs.model import Change as Changed
from chalicelib.jobs.model import Claim, Job, JobId, WorkerUpdate
from chalicelib.jobs.usage import Meter
from tests.unit.certify.jobs import PLAN, step, whole_log


def charged_log(*, attempts: int = 1) -> list[Job]:
    """A log with the bill that the relay writes: one second of work before each report, two words in each."""
    plain = whole_log()
    log = [charge(plain[0], None)]
    for attempt in range(1, attempts + 1):
        claim = Claim(JobId(PLAN.job_id), f"request-{attempt}", f"update-{attempt}")
        entries = plain[1:] if attempt == attempts else plain[1:4]
        for number, entry in enumerate(entries):
            counted = replace(
                entry, sequence=log[-1].sequence + 1, attempt=attempt, used=log[-1].used,
                used_before=log[-1].used_before, updated_at=log[-1].updated_at + timedelta(seconds=1),
            )  # fmt: skip
            meter = Meter(number + 1, number, number * 1000, 2048, 10, 0, min(2 * number, PLAN.words))
            update: Any = (
                claim if number == 0 else WorkerUpdate(counted.job_id, attempt, 1, "u", Changed(entry.status), meter)
            )
            log.append(charge(counted, update))
    return log


@pytest.mark.parametrize("attempts", [1, 3])
def test_bill_of_the_relay_fits_the_log(attempts: int) -> None:
    assert check_bill(PLAN, charged_log(attempts=attempts)) == []


def test_job_that_has_not_ended_needs_no_bill() -> None:
    assert check_bill(PLAN, whole_log()[:-1]) == []


def quantities(log: list[Job], name: str, quantity: float) -> list[Job]:
    """The log with another quantity of one item in its bill, and with fitting sums."""
    bill: Any = log[-1].cost
    items = [
        item | {"quantity": quantity, "amount": quantity * item["price"]} if item["name"] == name else item
        for item in bill["items"]
    ]
    bill = {**bill, "items": items, "total": sum(item["amount"] for item in items)}
    return [*log[:-1], replace(log[-1], cost=bill)]


@pytest.mark.parametrize(
    ("name", "quantity"),
    [
        ("Lambda requests", 5),
        ("AppSync operations", 3),
        ("Lambda time of workers", 0.5),
        ("output tokens", 1),
        ("output tokens", 500),
    ],
)
def test_bill_that_forgets_or_adds_something_is_found(name: str, quantity: float) -> None:
    found = check_bill(PLAN, quantities(charged_log(attempts=2), name, quantity))

    assert {finding.violation for finding in found} == {Violation.BILL_DIFFERENT}


def test_missing_bill_is_found() -> None:
    log = charged_log()

    assert check_bill(PLAN, [*log[:-1], replace(log[-1], cost=None)]) != []


def test_bill_with_a_wrong_sum_is_found() -> None:
    log = charged_log()
    bill: Any = log[-1].cost

    assert check_bill(PLAN, [*log[:-1], replace(log[-1], cost={**bill, "total": bill["total"] * 2})]) != []


def test_entry_that_nobody_paid_for_is_found() -> None:
    log = charged_log()
    more = [step(log[-2]) for _ in range(40)]

    assert check_bill(PLAN, [*log[:-1], *more, log[-1]]) != []
