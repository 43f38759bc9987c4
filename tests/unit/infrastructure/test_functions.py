"""The Lambda functions of the stack: limits, settings, capacity, retries and schedule."""

import re

import pytest

from chalicelib.api.settings import AuthorizerSettings, RelaySettings
from chalicelib.objects import ObjectSettings
from chalicelib.publisher.policies import Interval
from chalicelib.publisher.settings import EndpointSettings
from chalicelib.supervision.settings import SweepSettings
from chalicelib.worker.settings import WorkerSettings
from chalicelib.workloads.bedrock.settings import BedrockSettings, Guardrail
from chalicelib.workloads.openai.settings import OpenAISettings
from infrastructure.bundle import LAMBDA_PYTHON
from infrastructure.stage import Stage
from infrastructure.stages import DEV, PROD, STAGES
from tests.support.cdk_assembly import KEYED, ROOT
from tests.support.cloudformation import Template, readable
from tests.unit.infrastructure.stack import HANDLERS, environment, events


def test_every_handler_of_the_app_is_a_function(dev: Template) -> None:
    declared = re.findall(r'lambda_function\(name="(\w+)"\)', (ROOT / "app.py").read_text())

    assert {it["Handler"] for it in dev.of_type("AWS::Serverless::Function").values()} == {
        f"app.{it}" for it in declared
    }
    assert set(declared) == set(HANDLERS)


@pytest.mark.parametrize("handler", HANDLERS)
def test_a_function_has_its_stages_limits_and_says_what_it_does(dev: Template, handler: str) -> None:
    function = dev.function(handler)

    assert (function["Timeout"], function["MemorySize"]) == (
        DEV.limits[handler].timeout,
        DEV.limits[handler].memory_mb,
    )
    assert function["Tracing"] == "Active"
    assert function["LoggingConfig"]["LogFormat"] == "JSON"
    assert function["Runtime"] == "python{}.{}".format(*LAMBDA_PYTHON)


def test_no_function_runs_longer_than_its_caller_waits(dev: Template) -> None:
    assert dev.function("status_relay")["Timeout"] < 30  # AppSync's limit of one request
    assert dev.function("authorizer")["Timeout"] <= 10  # AppSync's limit of an authorizer
    assert dev.function("sweep")["Timeout"] <= 60  # or two would run at once
    assert dev.function("inference")["Timeout"] == 900


@pytest.mark.parametrize("stage", [DEV, KEYED], ids=lambda stage: stage.name)
def test_handlers_find_all_their_settings_in_their_environment(dev: Template, keyed: Template, stage: Stage) -> None:
    template = {"dev": dev, "keyed": keyed}[stage.name]

    relay = RelaySettings.from_environment(environment(template, "status_relay"))
    pace = WorkerSettings.from_environment(environment(template, "inference"))
    sweep = SweepSettings.from_environment(environment(template, "sweep"))
    AuthorizerSettings.from_environment(environment(template, "authorizer"))
    assert {
        ObjectSettings.from_environment(environment(template, it)).bucket for it in ("inference", "status_relay")
    } == {it for it in template.of_type("AWS::S3::Bucket") if it.startswith("Objects")}
    for handler in ("inference", "job_failed", "sweep"):
        EndpointSettings.from_environment(environment(template, handler))

    bedrock = BedrockSettings.from_environment({**environment(template, "inference"), "AWS_REGION": "us-east-1"})
    assert (bedrock.silence, bedrock.is_off, bedrock.login) == (stage.model_silence_seconds, False, None)
    assert bedrock.guardrail == (Guardrail("g7h8", "3") if stage.guardrail else None)

    openai = OpenAISettings.from_environment(environment(template, "inference"))
    assert openai.key is None
    assert (openai.url, openai.secret, openai.silence) == (
        (stage.openai.url, stage.openai.secret, stage.openai.silence_seconds) if stage.openai else (None, None, 300)
    )

    assert (relay.quota, relay.models) == (stage.quota, stage.models)
    assert relay.ledger == sweep.ledger
    assert relay.ledger.startswith("dynamodb:")
    assert pace.flush_policy == Interval(stage.flush_seconds, stage.flush_bytes) == relay.flush_policy
    assert sweep.thresholds.stalled.total_seconds() == stage.stalled_seconds


def test_a_start_waits_an_hour_is_tried_three_times_and_its_failure_is_reported(dev: Template) -> None:
    start, report = events(dev, "Inference"), events(dev, "JobFailed")
    (queue,) = dev.of_type("AWS::SQS::Queue")

    assert (start["MaximumEventAgeInSeconds"], start["MaximumRetryAttempts"]) == (3600, 2)
    assert readable(start["DestinationConfig"]["OnFailure"]["Destination"]) == "JobFailed.Arn"
    assert readable(report["DestinationConfig"]["OnFailure"]["Destination"]) == f"{queue}.Arn"
    assert dev.function("inference")["ReservedConcurrentExecutions"] == DEV.jobs
    assert dev.only("AWS::SQS::Queue")["MessageRetentionPeriod"] == DEV.dead_letter_days * 24 * 3600


@pytest.mark.parametrize("handler", HANDLERS)
def test_a_function_has_the_capacity_that_its_stage_reserves(
    dev: Template, prod: Template, keyed: Template, handler: str
) -> None:
    for template, stage in ((dev, DEV), (prod, PROD), (keyed, KEYED)):
        assert template.function(handler).get("ReservedConcurrentExecutions") == stage.reserved_for(handler)


def test_no_asynchronous_work_is_unlimited_unless_nothing_is_reserved(dev: Template, prod: Template) -> None:
    for template in (dev, prod):
        assert all(template.function(it)["ReservedConcurrentExecutions"] for it in ("inference", "job_failed", "sweep"))


def test_the_sweep_runs_every_minute_and_is_not_repeated(dev: Template) -> None:
    rule = dev.only("AWS::Events::Rule")

    assert (rule["ScheduleExpression"], rule["State"]) == ("rate(1 minute)", "ENABLED")
    assert [readable(target["Arn"]) for target in rule["Targets"]] == ["Sweep.Arn"]
    assert events(dev, "Sweep")["MaximumRetryAttempts"] == 0


@pytest.mark.parametrize("stage", STAGES.values(), ids=lambda stage: stage.name)
def test_the_watchdog_waits_longer_than_lambda_does(stage: Stage) -> None:
    assert stage.never_started_seconds > stage.event_age_seconds  # a queued job would be failed
    assert stage.stalled_seconds > 120 + stage.lease_seconds  # Lambda's longest pause before a retry
    assert stage.redispatch_seconds > 60
