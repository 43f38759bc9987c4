"""How much output is kept when an attempt continues from a checkpoint, and who may then claim, report and fail."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from chalicelib.jobs.errors import ErrorType
from chalicelib.jobs.model import (
    Change,
    Claim,
    DispatchNext,
    Job,
    OperatorUpdate,
    Redispatch,
    Status,
    StatusUpdate,
    Wait,
    WorkerUpdate,
)
from chalicelib.jobs.rules import Append, Lease, Unchanged, awaits_next_worker, decide, redispatch
from chalicelib.ledger.records import dump, load
from chalicelib.supervision.diagnosis import Thresholds, diagnose
from tests.contract.jobs import START, opened

LEASE = Lease()
THRESHOLDS = Thresholds(
    redispatch=timedelta(seconds=10), never_started=timedelta(seconds=100), stalled=timedelta(seconds=50)
)


def after(head: Job, update: StatusUpdate) -> Job:
    decision = decide(head, [], update, now=START, lease=LEASE)
    assert isinstance(decision, Append)
    return load(dump(decision.job))  # as a ledger keeps it


def claimed(head: Job, request_id: str) -> Job:
    return after(head, Claim(head.job_id, request_id, f"claim by {request_id} of {head.sequence}"))


def reported(head: Job, *changes: Change) -> Job:
    for change in changes:
        head = after(head, WorkerUpdate(head.job_id, head.attempt, head.sequence + 1, f"{head.sequence}", change))
    return head


def said(text: str, checkpoint: str | None = None) -> Change:
    return Change(Status.PROCESSING, delta=text, checkpoint=checkpoint)


HANDS_OVER = Change(Status.PROCESSING, hands_over=True)
WAITING = reported(claimed(opened(), "first"), said("é", '{"at":1}'), HANDS_OVER)


@pytest.mark.parametrize(
    ("legs", "kept"),
    [
        ([[said("abc")]], None),
        ([[said("abc", "1")]], 3),
        ([[said("é語", "1"), said("lost")]], 5),
        ([[said("abc", "1"), said("lost")], [said("d", "2"), said("lost")]], 4),
        ([[said("abc", "1")], [said("lost")], [said("lost too")]], 3),
        ([[Change(Status.PROCESSING, checkpoint="1"), said("lost")]], 0),
    ],
)
def test_what_stands_is_the_output_up_to_the_newest_checkpoint(legs: Sequence[Sequence[Change]], kept: int) -> None:
    head = opened()
    for changes in legs:
        head = reported(claimed(head, "the same event"), *changes)

    head = claimed(head, "the same event")

    assert (head.output_kept, head.output_size) == (kept, kept or 0)
    assert reported(head, said("x")).output_kept is None, "it belongs to the claim's record alone"


def test_after_a_hand_over_nobody_has_the_job_and_anybody_may_claim_it() -> None:
    assert not WAITING.is_leased(START, LEASE.duration)
    for request_id in ("first", "second"):
        assert (claimed(WAITING, request_id).attempt, claimed(WAITING, request_id).wait) == (2, None)
    late = WorkerUpdate(WAITING.job_id, 1, WAITING.sequence + 1, "late", said("more"))
    assert decide(WAITING, [], late, now=START, lease=LEASE) == Unchanged(WAITING)


def test_a_worker_sends_for_the_next_one_as_long_as_its_own_hand_over_stands() -> None:
    assert awaits_next_worker(WAITING, DispatchNext(WAITING.job_id, 1))
    assert not awaits_next_worker(claimed(WAITING, "second"), DispatchNext(WAITING.job_id, 1))
    again = reported(claimed(WAITING, "second"), said("x", "2"), HANDS_OVER)
    assert not awaits_next_worker(again, DispatchNext(WAITING.job_id, 1))
    assert awaits_next_worker(again, DispatchNext(WAITING.job_id, 2))


def test_a_sweep_asks_once_for_a_worker_that_does_not_come_and_then_fails_the_job() -> None:
    def found(head: Job, silence: int) -> object:
        return diagnose(head, THRESHOLDS, now=START + timedelta(seconds=silence))

    assert found(WAITING, 9) is None
    asked = found(WAITING, 10)
    assert asked == Redispatch(WAITING.job_id, WAITING.sequence + 1)
    assert isinstance(asked, Redispatch)
    once = redispatch(WAITING, asked, now=START)
    assert isinstance(once, Append)
    assert (once.job.wait, once.job.status) == (Wait.DISPATCHED_AGAIN, Status.PROCESSING)
    assert redispatch(once.job, asked, now=START) == Unchanged(once.job)
    assert found(once.job, 99) is None
    failed = found(once.job, 100)
    assert isinstance(failed, OperatorUpdate)
    assert failed.change.error_type is ErrorType.NEVER_STARTED


def test_a_sweep_that_looked_before_the_next_hand_over_is_too_late() -> None:
    asked = Redispatch(WAITING.job_id, WAITING.sequence + 1)
    moved = reported(claimed(WAITING, "second"), said("x", "2"), HANDS_OVER)

    assert redispatch(moved, asked, now=START) == Unchanged(moved)
