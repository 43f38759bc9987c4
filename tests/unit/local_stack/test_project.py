"""The settings of the project's own stack: the times that belong together, and what is refused at the start."""

from collections.abc import Mapping

import pytest

from chalicelib.jobs.errors import MissingSettings
from chalicelib.ledger.dynamodb_requests import region_of
from chalicelib.objects import ObjectSettings
from chalicelib.supervision.settings import SweepSettings
from infrastructure.stage import Stage
from infrastructure.stages import STAGES
from local_stack.blueprint import Blueprint
from local_stack.project import blueprint_of_project
from local_stack.services.cognito.pool import Pool

POOL = Pool("http://127.0.0.1:1", "us-east-1", "us-east-1_pool", "client", ())


def blueprint(
    stage: Stage | None = None, settings: Mapping[str, str] | None = None, *, ledger: str = "sqlite:jobs.db"
) -> Blueprint:
    return blueprint_of_project(
        graphql_url="http://127.0.0.1:1/graphql", pool=POOL, ledger=ledger, s3="http://127.0.0.1:2", jobs=1,
        timeout=None, stage=stage, settings=settings or {},
    )  # fmt: skip


@pytest.mark.parametrize("stage", [None, *STAGES.values()], ids=lambda stage: "none" if stage is None else stage.name)
def test_a_job_is_not_failed_while_its_start_or_its_retry_waits_for_a_worker(stage: Stage | None) -> None:
    functions = {function.name: function for function in blueprint(stage).functions}

    thresholds = SweepSettings.from_environment(functions["sweep"].environment).thresholds

    assert thresholds.stalled.total_seconds() > functions["inference"].maximum_event_age
    assert thresholds.never_started.total_seconds() > functions["inference"].maximum_event_age


def test_the_age_of_events_can_be_set() -> None:
    functions = {it.name: it for it in blueprint(settings={"LONGCALL_EVENT_AGE_SECONDS": "90"}).functions}

    assert functions["inference"].maximum_event_age == 90
    assert functions["sweep"].environment["LONGCALL_EVENT_AGE_SECONDS"] == "90"


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        (
            {"LONGCALL_STALLED_SECONDS": "45"},
            "LONGCALL_STALLED_SECONDS must be more than LONGCALL_EVENT_AGE_SECONDS (3600), but is 45",
        ),
        (
            {"LONGCALL_HEARTBEAT_SECONDS": "25"},
            r"LONGCALL_LEASE_SECONDS must be more than 1.5 times LONGCALL_HEARTBEAT_SECONDS (37.5), but is 30",
        ),
        ({"LONGCALL_QUOTA": "none"}, "LONGCALL_QUOTA must be a whole number >= 1, and is 'none'"),
        ({"LONGCALL_EVENT_AGE_SECONDS": "soon"}, "LONGCALL_EVENT_AGE_SECONDS must be >= 1, and is 'soon'"),
    ],
)
def test_settings_that_cannot_be_used_are_refused_before_anything_starts(
    settings: dict[str, str], problem: str
) -> None:
    with pytest.raises(MissingSettings) as refused:
        blueprint(settings=settings)

    assert problem in str(refused.value)


@pytest.mark.parametrize(
    ("set_", "region"),
    [
        ({"AWS_REGION": "eu-west-1"}, "eu-west-1"),
        ({"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-north-1"}, "eu-north-1"),
        ({}, "us-east-1"),
    ],
)
def test_the_handlers_find_a_table_in_the_region_of_the_shell(
    monkeypatch: pytest.MonkeyPatch, set_: dict[str, str], region: str
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in set_.items():
        monkeypatch.setenv(name, value)

    relay = next(it for it in blueprint(ledger="dynamodb:jobs").functions if it.name == "status_relay").environment

    assert region_of(relay) == region
    assert relay["AWS_REGION"] == "us-east-1"  # with it, the handlers sign requests to this stack


@pytest.mark.parametrize("ledger", ["sqlite:jobs.db", "dynamodb:jobs"])
def test_every_function_with_the_bucket_has_a_key_that_the_bucket_knows(
    ledger: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "of-the-developer")  # for the ledger only
    made = blueprint_of_project(
        graphql_url="http://127.0.0.1:1/graphql", pool=POOL, ledger=ledger, s3="http://127.0.0.1:2", jobs=1,
        timeout=None, stage=None, settings={},
    )  # fmt: skip
    known = {it.access_key_id: it.secret_access_key for it in made.principals}

    for function in made.functions:
        variables = function.environment
        if "LONGCALL_BUCKET" in variables:
            own = ObjectSettings.from_environment(variables).access_key
            key_id, secret = own or (variables["AWS_ACCESS_KEY_ID"], variables["AWS_SECRET_ACCESS_KEY"])
            assert known[key_id] == secret
