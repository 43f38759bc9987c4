"""Which field answers which kind of caller."""

import uuid
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.api.calls import Reporting
from chalicelib.api.relay import Relay
from chalicelib.jobs.model import JobId, Status
from tests.unit.chalicelib.api.calling import (
    ADA,
    ADA_BY_LAMBDA,
    BACKEND,
    GRACE,
    ID,
    ask,
    refusal,
    start,
)


def test_a_caller_without_identity_is_the_backend_only_if_workers_use_a_key(relay: Relay) -> None:
    start(relay, jobId=ID)
    report = {"input": {"jobId": ID, "status": "FAILED", "error": "by key"}}

    without = ask(relay, "updateStatus", report, identity=None)
    keyed = ask(replace(relay, reporting=Reporting.API_KEY), "updateStatus", report, identity=None)
    read = ask(replace(relay, reporting=Reporting.API_KEY), "getInference", {"jobId": ID}, identity=None)

    assert refusal(without) == refusal(read) == "Unauthorized"
    assert keyed["data"]["error"] == "by key"


@pytest.mark.parametrize(
    ("arn", "is_accepted"),
    [
        ("arn:aws:sts::123456789012:assumed-role/worker/inference", True),
        ("arn:aws:sts::123456789012:assumed-role/worker/another-session", True),
        ("arn:aws:sts::123456789012:assumed-role/identity-pool/worker", False),
        ("arn:aws:sts::210987654321:assumed-role/worker/inference", False),
        ("arn:aws:sts::123456789012:assumed-role/worker-of-another/inference", False),
        ("arn:aws:iam::123456789012:user/worker", False),
    ],
)
def test_where_other_roles_may_call_the_api_only_those_that_are_named_report(
    relay: Relay, arn: str, is_accepted: bool
) -> None:
    start(relay, jobId=ID)
    named = replace(relay, reporters=("arn:aws:sts::123456789012:assumed-role/worker",))

    answer = ask(
        named, "updateStatus", {"input": {"jobId": ID, "status": "FAILED", "error": "a report"}}, {"userArn": arn}
    )

    assert ("data" in answer) is is_accepted
    if not is_accepted:
        assert refusal(answer) == "Unauthorized"


def test_another_owners_job_is_answered_like_a_job_that_does_not_exist(relay: Relay) -> None:
    start(relay, jobId=ID)
    missing = str(uuid.uuid4())

    assert ask(relay, "getInference", {"jobId": ID}, GRACE) == {"data": None}
    assert ask(relay, "getInference", {"jobId": missing}, GRACE) == {"data": None}
    for field in ("cancelInference", "inferenceEvents"):
        foreign = ask(relay, field, {"jobId": ID}, GRACE)
        unknown = ask(relay, field, {"jobId": missing}, GRACE)
        assert refusal(foreign) == "JobNotFound"
        assert foreign["error"]["message"] == unknown["error"]["message"].replace(missing, ID)
    assert ask(relay, "listInferences", {}, GRACE)["data"]["items"] == []
    assert relay.ledger.head(JobId(ID)).status is Status.PENDING  # type: ignore[union-attr]


@pytest.mark.parametrize("identity", [None, {}, {"resolverContext": {}}, {"sub": ""}, BACKEND])
def test_a_field_for_callers_refuses_everyone_else(relay: Relay, identity: Any) -> None:
    assert refusal(start(relay, identity)) == "Unauthorized"
    assert refusal(ask(relay, "getInference", {"jobId": ID}, identity)) == "Unauthorized"


@pytest.mark.parametrize("identity", [None, ADA, ADA_BY_LAMBDA])
def test_only_the_backend_reports(relay: Relay, identity: Any) -> None:
    start(relay, jobId=ID)

    answer = ask(relay, "updateStatus", {"input": {"jobId": ID, "status": "FAILED"}}, identity)

    assert refusal(answer) == "Unauthorized"
