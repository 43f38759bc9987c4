"""The eavesdropper tries every field of the schema that is about a job."""

from typing import Any

import pytest
from graphql import parse, validate

from appsync_local.api.schema import load_schema
from certify.documents import trials
from certify.eavesdropper import SCHEMA, says_something
from infrastructure.backend_fields import backend_fields

TRIALS = trials(load_schema(SCHEMA), frozenset(backend_fields(SCHEMA.read_text("utf-8"))))


def test_every_field_about_jobs_is_tried_with_aliases_and_fragments_too() -> None:
    assert {trial.field for trial in TRIALS} == {
        "Query.getInference", "Query.listInferences", "Query.inferenceEvents", "Mutation.startInference",
        "Mutation.cancelInference", "Mutation.deleteInference", "Mutation.dispatchInference", "Mutation.updateStatus",
        "Subscription.onInferenceStatusChange", "Subscription.onMyInferences",
    }  # fmt: skip
    assert any("fragment All" in trial.text and "second:" in trial.text for trial in TRIALS)
    assert any("{ checkpoint }" in trial.text for trial in TRIALS)


@pytest.mark.parametrize("trial", TRIALS, ids=lambda trial: trial.field)
def test_every_document_fits_the_schema(trial: Any) -> None:
    assert validate(load_schema(SCHEMA), parse(trial.text)) == []


def test_a_job_is_named_wherever_it_can_be() -> None:
    updates = [trial.about("the-id")["input"] for trial in TRIALS if trial.field == "Mutation.updateStatus"]

    assert {update["jobId"] for update in updates} == {"the-id"}
    assert {update["status"] for update in updates} == {"PENDING", "PROCESSING", "COMPLETED", "FAILED", "CANCELLED"}


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"data": {"getInference": None}}, False),
        ({"data": {"listInferences": {"items": [], "nextToken": None}}}, False),
        ({"data": None, "errors": [{"errorType": "JobNotFound"}]}, False),
        ({"data": {"inferenceEvents": [{"delta": "text"}]}}, True),
        ({"data": {"deleteInference": "an-id"}}, True),
        ({"data": None, "errors": [{"errorType": "JobUnfinished"}]}, True),
    ],
)
def test_answer_that_depends_on_a_job_says_something(answer: dict[str, Any], says: bool) -> None:
    assert says_something(answer) is says
