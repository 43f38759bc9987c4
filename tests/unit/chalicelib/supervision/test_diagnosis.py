"""When a silent job is ended or dispatched again, and that this is done once."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from chalicelib.jobs.errors import ErrorType
from chalicelib.jobs.model import OperatorUpdate, Redispatch, Status
from chalicelib.jobs.rules import Append, Lease, Unchanged, decide, redispatch
from chalicelib.supervision.diagnosis import Thresholds, diagnose
from tests.contract.jobs import START, following, opened

THRESHOLDS = Thresholds(
    redispatch=timedelta(seconds=10), never_started=timedelta(seconds=100), stalled=timedelta(seconds=50)
)
PENDING = opened()
DISPATCHED_AGAIN = following(PENDING, Status.PENDING, after=10)
PROCESSING = following(PENDING)


@pytest.mark.parametrize(
    ("head", "silence", "expected"),
    [
        (PENDING, 9, None),
        (PENDING, 10, Redispatch(PENDING.job_id, 2)),
        (PENDING, 10_000, Redispatch(PENDING.job_id, 2)),
        (DISPATCHED_AGAIN, 99, None),
        (DISPATCHED_AGAIN, 100, ErrorType.NEVER_STARTED),
        (PROCESSING, 49, None),
        (PROCESSING, 50, ErrorType.STALLED),
        (replace(PROCESSING, status=Status.COMPLETED), 10_000, None),
        (replace(PROCESSING, status=Status.CANCELLED), 10_000, None),
    ],
)
def test_a_job_is_looked_after_once_its_silence_is_too_long(head: object, silence: int, expected: object) -> None:
    assert isinstance(head, type(PENDING))

    found = diagnose(head, THRESHOLDS, now=head.updated_at + timedelta(seconds=silence))

    if isinstance(expected, ErrorType):
        assert isinstance(found, OperatorUpdate)
        assert (found.change.status, found.change.error_type) == (Status.FAILED, expected)
    else:
        assert found == expected


def test_a_worker_that_reports_meanwhile_is_not_failed() -> None:
    found = diagnose(PROCESSING, THRESHOLDS, now=PROCESSING.updated_at + timedelta(hours=1))
    assert isinstance(found, OperatorUpdate)
    alive = following(PROCESSING, after=3600)

    decision = decide(alive, [], found, now=alive.updated_at, lease=Lease())

    assert decision == Unchanged(alive)


def test_of_two_sweeps_at_once_one_is_written() -> None:
    now = PROCESSING.updated_at + timedelta(hours=1)
    first, second = (diagnose(PROCESSING, THRESHOLDS, now=now) for _ in range(2))
    assert isinstance(first, OperatorUpdate)
    assert isinstance(second, OperatorUpdate)

    written = decide(PROCESSING, [], first, now=now, lease=Lease())
    again = decide(written.job, [], second, now=now, lease=Lease())

    assert isinstance(written, Append)
    assert again == Unchanged(written.job)


def test_a_job_is_dispatched_again_once_and_never_after_a_claim() -> None:
    again = Redispatch(PENDING.job_id)
    once = redispatch(PENDING, again, now=START)

    assert isinstance(once, Append)
    assert (once.job.status, once.job.sequence, once.job.message) == (Status.PENDING, 2, "dispatched again")
    assert redispatch(once.job, again, now=START) == Unchanged(once.job)
    assert redispatch(PROCESSING, again, now=START) == Unchanged(PROCESSING)
