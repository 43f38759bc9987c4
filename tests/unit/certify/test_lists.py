"""What is compared of a live list, and that a follower settles."""

import asyncio
from datetime import UTC, datetime

from certify.counts import Violation
from certify.list_followers import Row, rows_of
from certify.lists import FollowedList, check_list, check_step
from longcall import Event, JobList, Status
from longcall.models import JobId

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def row(sequence: int, status: str = "COMPLETED", owner: str = "ada") -> Row:
    return status, sequence, owner


def test_rows_are_what_the_client_shows() -> None:
    job = Event(JobId("a"), 7, Status.COMPLETED, owner="ada", created_at=NOON)

    assert rows_of(JobList(10, (job,))) == {"a": ("COMPLETED", 7, "ada")}


def test_a_list_that_is_the_ledgers_has_no_finding() -> None:
    rows = {"a": row(9), "b": row(3, "FAILED")}

    assert check_list(rows, dict(rows)) == []


def test_every_job_that_a_list_lacks_shows_otherwise_or_has_too_much_is_found() -> None:
    shown = {"a": row(9), "b": row(2, "PROCESSING"), "left": row(3, "FAILED")}
    listed = {"a": row(9), "b": row(9), "lost": row(3, "FAILED")}

    found = check_list(shown, listed)

    assert [(it.violation, it.subject) for it in found] == [
        (Violation.LISTS_DIFFERENT, "b"), (Violation.LISTS_DIFFERENT, "left"), (Violation.LISTS_DIFFERENT, "lost"),
    ]  # fmt: skip


def test_a_job_that_goes_back_and_a_foreign_job_are_found_on_the_way() -> None:
    before = {"a": row(5, "PROCESSING")}

    assert check_step("ada", before, {"a": row(5), "b": row(1)}) == []
    assert [it.violation for it in check_step("ada", before, {"a": row(4), "b": row(1, owner="grace")})] == [
        Violation.EVENTS_OUT_OF_ORDER, Violation.FOREIGN_EVENTS,
    ]  # fmt: skip


async def test_a_list_settles_when_it_shows_what_the_ledger_has() -> None:
    followed = FollowedList("ada")
    settling = asyncio.create_task(followed.settle({"a": row(2)}, hold=0.0))
    await followed.take({"a": row(1), "b": row(1)})
    await followed.take({"a": row(2)}, gone=["b"])

    assert await settling == []


async def test_a_list_that_changes_again_after_it_was_equal_is_found() -> None:
    followed = FollowedList("ada")
    settling = asyncio.create_task(followed.settle({"a": row(2)}, hold=60.0))
    await followed.take({"a": row(2)})
    await asyncio.sleep(0)  # the list is compared
    await followed.take({}, gone=["a"])

    assert [(it.violation, it.subject) for it in await settling] == [(Violation.LISTS_DIFFERENT, "a")]
