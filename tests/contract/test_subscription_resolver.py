"""The resolvers that guard the subscriptions: whom they let in, and what they filter by."""

import json
from pathlib import Path
from typing import Any

import pytest

from appsync_local.javascript.sandbox import Outcome
from appsync_local.javascript.script import Script
from appsync_local.realtime.filters import group_holds, parse_filter
from chalicelib.jobs.model import Status

RESOLVERS = Path(__file__).resolve().parents[2] / "graphql" / "resolvers"
ID = "7b0f5c1e-52d4-4f5a-9d5e-0a3c8e2b6f11"
IDENTITIES = [{"sub": "ada"}, {"resolverContext": {"sub": "ada"}}]


def respond(field: str, arguments: dict[str, str], identity: object) -> Outcome:
    own = json.dumps({"arguments": arguments, "source": None, "stash": {}, "prev": None, "result": None})
    shared = json.dumps({"identity": identity, "request": {}, "env": {}, "info": {}})
    return Script(RESOLVERS / f"Subscription.{field}.js").call("response", own, shared, "AWS_LAMBDA")


def watch(job_id: str, identity: object) -> Outcome:
    return respond("onInferenceStatusChange", {"jobId": job_id}, identity)


@pytest.mark.parametrize("identity", IDENTITIES)
@pytest.mark.parametrize("job_id", [ID, ID.upper()])
def test_a_uuid_in_either_case_is_filtered_in_lower_case_with_the_owner(job_id: str, identity: object) -> None:
    outcome = watch(job_id, identity)

    chosen: Any = outcome.effects.filter
    filters = {(it["fieldName"], it["operator"], it["value"]) for it in chosen["filterGroup"][0]["filters"]}
    assert filters == {("jobId", "eq", ID), ("audience.owner", "eq", "ada")}


@pytest.mark.parametrize(
    "job_id", ["", "7", ID.replace("-", ""), f"{{{ID}}}", f"{ID} ", f"x{ID}", ID.replace("7", "g")]
)
def test_an_id_that_is_no_uuid_is_refused(job_id: str) -> None:
    outcome = watch(job_id, {"sub": "ada"})

    assert (outcome.kind, outcome.body["type"]) == ("error", "InvalidRequest")
    assert outcome.body["message"].startswith("jobId must be a UUID with hyphens")
    assert outcome.effects.filter is None


@pytest.mark.parametrize("field", ["onInferenceStatusChange", "onMyInferences"])
def test_a_caller_without_a_subject_is_refused(field: str) -> None:
    assert respond(field, {"jobId": ID}, {"resolverContext": {"other": "x"}}).kind == "unauthorized"


@pytest.mark.parametrize("identity", IDENTITIES)
@pytest.mark.parametrize("arguments", [{}, {"owner": "grace"}])
def test_a_list_hears_of_each_status_and_claim_of_the_callers_jobs_alone(
    identity: object, arguments: dict[str, str]
) -> None:
    outcome = respond("onMyInferences", arguments, identity)
    groups = parse_filter(outcome.effects.filter)

    def is_pushed(**event: object) -> bool:
        return any(group_holds(group, {"audience": {"owner": "ada"}, **event}) for group in groups)

    assert [status for status in Status if not is_pushed(status=status.value)] == [Status.PROCESSING]
    assert is_pushed(status="PROCESSING", claimed=True)
    assert not is_pushed(status="PROCESSING", claimed=None, delta="text")
    for status in Status:
        for audience in ({"owner": "grace"}, {}, None):
            assert not is_pushed(audience=audience, owner="ada", status=status.value, claimed=True)
