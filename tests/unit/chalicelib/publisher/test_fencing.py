"""What an answer means for the worker that reported."""

import pytest

from chalicelib.jobs.model import Status
from chalicelib.publisher.fencing import (
    Accepted,
    Granted,
    Over,
    Refused,
    UpdateAnswer,
    read_claim_answer,
    read_update_answer,
)

TERMINAL = (Status.COMPLETED, Status.FAILED, Status.CANCELLED)


def answer(status: Status, *, attempt: int = 2, sequence: int = 7, claimed: bool = False) -> UpdateAnswer:
    return UpdateAnswer(status, attempt, sequence, claimed)


def test_a_claim_is_granted_by_name_only() -> None:
    assert read_claim_answer(answer(Status.PROCESSING, claimed=True)) == Granted(attempt=2, sequence=7)
    assert read_claim_answer(answer(Status.PROCESSING)) == Refused(Status.PROCESSING, 2)


@pytest.mark.parametrize("status", TERMINAL)
def test_a_claim_of_a_job_that_has_ended_is_refused(status: Status) -> None:
    assert read_claim_answer(answer(status)) == Refused(status, 2)


def test_a_claim_that_ended_before_its_answer_is_refused() -> None:
    assert read_claim_answer(answer(Status.CANCELLED, claimed=True)) == Refused(Status.CANCELLED, 2)


@pytest.mark.parametrize("reported", [Status.PROCESSING, Status.COMPLETED, Status.FAILED])
def test_an_answer_with_the_status_reported_accepts_the_report(reported: Status) -> None:
    assert read_update_answer(answer(reported), reported=reported, attempt=2) == Accepted(7)


@pytest.mark.parametrize("ended", TERMINAL)
@pytest.mark.parametrize("reported", [Status.PROCESSING, Status.COMPLETED, Status.FAILED])
def test_an_end_by_somebody_else_is_the_end(reported: Status, ended: Status) -> None:
    if reported is not ended:
        assert read_update_answer(answer(ended), reported=reported, attempt=2) == Over(ended, 2)


@pytest.mark.parametrize("status", list(Status))
def test_another_attempt_is_the_end_whatever_it_says(status: Status) -> None:
    assert read_update_answer(answer(status, attempt=3), reported=status, attempt=2) == Over(status, 3)
