"""What is compared of a live list, and that a follower settles."""

import asyncio
from datetime import UTC, datetime

from certify.counts import Violation
from certify.lists import FollowedList, check_list, check_step
from longcall import Event, JobList, Status
from longcall.models import JobId

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def job(name: str, sequence: int, owner: str = "ada") -> Event:
    return Event(JobId(name), sequence, Status.COMPLETED, owner=owner, created_at=NOON)


def test_a_list_that_is_the_ledgers_has_no_finding() -> None:
    rows = {"a": ("COMPLETED", 9), "b": ("FAILED", 3)}

    assert check_list(rows, dict(rows)) == []


def test_every_job_that_a_list_lacks_shows_otherwise_or_has_too_much_is_found() -> None:
    shown = {"a": ("COMPLETED", 9), "b": ("PROCESSING", 2), "left": ("FAILED", 3)}
    listed = {"a": ("COMPLETED", 9), "b": ("COMPLETED", 9), "lost": ("FAILED", 3)}

    found = check_list(shown, listed)

    assert [(it.violation, it.subject) for it in found] == [
        (Violation.LISTS_DIFFERENT, "b"), (Violation.LISTS_DIFFERENT, "left"), (Violation.LISTS_DIFFERENT, "lost"),
    ]  # fmt: skip


def test_a_job_that_goes_back_and_a_foreign_job_are_found_on_the_way() -> None:
    before = {"a": ("PROCESSING", 5)}

    assert check_step("ada", before, [job("a", 5), job("b", 1)]) == []
    assert [it.violation for it in check_step("ada", before, [job("a", 4), job("b", 1, owner="grace")])] == [
        Violation.FOREIGN_EVENTS, Violation.EVENTS_OUT_OF_ORDER,
    ]  # fmt: skip


async def test_a_list_settles_when_it_shows_what_the_ledger_has() -> None:
    followed = FollowedList("ada")
    settling = asyncio.create_task(followed.settle({"a": ("COMPLETED", 2)}))
    await followed.take(JobList(10, (job("a", 1),)))
    await followed.take(JobList(10, (job("a", 2),)))

    assert await settling == []
