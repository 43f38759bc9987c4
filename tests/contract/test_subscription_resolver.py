"""The resolver that guards `onInferenceStatusChange`: which ids it takes, and what it filters by."""

import json
from pathlib import Path
from typing import Any

import pytest

from appsync_local.javascript.script import Outcome, Script

FILE = Path(__file__).resolve().parents[2] / "graphql" / "resolvers" / "Subscription.onInferenceStatusChange.js"
ID = "7b0f5c1e-52d4-4f5a-9d5e-0a3c8e2b6f11"


def respond(job_id: str, identity: object) -> Outcome:
    own = json.dumps({"arguments": {"jobId": job_id}, "source": None, "stash": {}, "prev": None, "result": None})
    shared = json.dumps({"identity": identity, "request": {}, "env": {}, "info": {}})
    return Script(FILE).call("response", own, shared, "AWS_LAMBDA")


@pytest.mark.parametrize("identity", [{"sub": "ada"}, {"resolverContext": {"sub": "ada"}}])
@pytest.mark.parametrize("job_id", [ID, ID.upper()])
def test_a_uuid_in_either_case_is_filtered_in_lower_case_with_the_owner(job_id: str, identity: object) -> None:
    outcome = respond(job_id, identity)

    chosen: Any = outcome.effects.filter
    filters = {(it["fieldName"], it["operator"], it["value"]) for it in chosen["filterGroup"][0]["filters"]}
    assert filters == {("jobId", "eq", ID), ("owner", "eq", "ada")}


@pytest.mark.parametrize(
    "job_id", ["", "7", ID.replace("-", ""), f"{{{ID}}}", f"{ID} ", f"x{ID}", ID.replace("7", "g")]
)
def test_an_id_that_is_no_uuid_is_refused(job_id: str) -> None:
    outcome = respond(job_id, {"sub": "ada"})

    assert (outcome.kind, outcome.body["type"]) == ("error", "InvalidRequest")
    assert outcome.body["message"].startswith("jobId must be a UUID with hyphens")
    assert outcome.effects.filter is None


def test_a_caller_without_a_subject_is_refused() -> None:
    assert respond(ID, {"resolverContext": {"other": "x"}}).kind == "unauthorized"
