"""The status machine, for each pair of statuses. tests/contract tests its interleavings."""

from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.jobs.errors import InvalidTransition
from chalicelib.jobs.model import NEXT, Change, Claim, Image, Job, OperatorUpdate, Status, UploadId
from chalicelib.jobs.rules import Append, Lease, cancel, decide
from tests.contract.jobs import START, opened

LEGAL = {
    ("PENDING", "PENDING"),
    ("PENDING", "PROCESSING"),
    ("PENDING", "FAILED"),
    ("PENDING", "CANCELLED"),
    ("PROCESSING", "PROCESSING"),
    ("PROCESSING", "COMPLETED"),
    ("PROCESSING", "FAILED"),
    ("PROCESSING", "CANCELLED"),
}


def standing(status: Status) -> Job:
    return replace(opened(), status=status)


@pytest.mark.parametrize(("current", "requested"), list(product(Status, Status)))
def test_a_status_follows_another_only_where_the_table_says_so(current: Status, requested: Status) -> None:
    update = OperatorUpdate(opened().job_id, "u", Change(requested))

    if (current, requested) in LEGAL:
        assert isinstance(decide(standing(current), [], update, now=START, lease=Lease()), Append)
    else:
        with pytest.raises(InvalidTransition, match=f"{current} cannot become {requested}"):
            decide(standing(current), [], update, now=START, lease=Lease())


def test_terminal_statuses_are_those_that_nothing_follows() -> None:
    assert {status for status in Status if status.is_terminal} == {"COMPLETED", "FAILED", "CANCELLED"}
    assert set(NEXT) == set(Status)


def test_an_end_sets_its_time_and_a_completed_job_is_wholly_done() -> None:
    later = START + timedelta(seconds=5)
    update = OperatorUpdate(opened().job_id, "u", Change(Status.COMPLETED, result="r"))

    ended = decide(standing(Status.PROCESSING), [], update, now=later, lease=Lease()).job

    assert (ended.end_time, ended.progress, ended.result) == (later, 1.0, "r")


def test_what_a_change_leaves_out_stays_as_it_was_but_a_delta_is_its_own() -> None:
    head = replace(standing(Status.PROCESSING), progress=0.5, message="half", delta="text", usage={"n": 1})
    update = OperatorUpdate(head.job_id, "u", Change(Status.PROCESSING, message="more"))

    following = decide(head, [], update, now=START, lease=Lease()).job

    assert (following.progress, following.message, following.delta, following.usage) == (0.5, "more", None, {"n": 1})


@pytest.mark.parametrize(
    ("earlier", "message", "kept"),
    [
        ({}, None, None),
        ({"attempt": 1}, "attempt 2: the output starts again", None),
        (
            {"attempt": 1, "checkpoint_sequence": 2, "checkpoint_size": 3},
            "attempt 2: continues from its last checkpoint",
            3,
        ),
    ],
)
def test_a_new_attempts_first_event_says_what_becomes_of_the_output(
    earlier: dict[str, Any], message: str | None, kept: int | None
) -> None:
    head = replace(standing(Status.PROCESSING), progress=0.5, message="half", output_size=7, **earlier)
    claim = Claim(head.job_id, "request", "claim")

    claimed = decide(head, [], claim, now=START + timedelta(minutes=1), lease=Lease()).job

    assert (claimed.message, claimed.output_kept, claimed.output_size) == (message, kept, kept or 0)
    assert claimed.progress == (0.5 if kept else None)


def test_a_cancel_keeps_what_was_reached() -> None:
    decision = cancel(replace(standing(Status.PROCESSING), progress=0.5), now=START)

    assert isinstance(decision, Append)
    assert (decision.job.status, decision.job.progress, decision.job.end_time) == (Status.CANCELLED, 0.5, START)


def test_an_image_is_shown_without_its_content() -> None:
    assert repr(Image(UploadId("an upload"), b"content")) == "Image('an upload')"
