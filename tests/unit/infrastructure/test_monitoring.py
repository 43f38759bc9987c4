"""Logs, alarms and the dashboard of the stack."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from infrastructure.stage import Stage
from infrastructure.stages import DEV, PROD
from tests.support.cdk_assembly import ROOT
from tests.support.cloudformation import Template, readable
from tests.unit.infrastructure.stack import HANDLERS


@pytest.mark.parametrize("stage", [DEV, PROD], ids=lambda stage: stage.name)
def test_every_log_ends_when_its_stage_says(dev: Template, prod: Template, stage: Stage) -> None:
    template = {"dev": dev, "prod": prod}[stage.name]

    assert {it["RetentionInDays"] for it in template.of_type("AWS::Logs::LogGroup").values()} == {stage.log_days}


def test_alarms_watch_everything_that_loses_delays_or_fails_work(dev: Template) -> None:
    alarms = dev.of_type("AWS::CloudWatch::Alarm").values()
    (topic,) = dev.of_type("AWS::SNS::Topic")
    watched = {
        (it["MetricName"], *(readable(dimension["Value"]) for dimension in it.get("Dimensions", ()))) for it in alarms
    }
    (api,) = dev.of_type("AWS::AppSync::GraphQLApi")

    assert {name for metric, name in (it for it in watched if len(it) == 2) if metric == "Errors"} == {
        "Inference", "StatusRelay", "Authorizer", "JobFailed", "Sweep"
    }  # fmt: skip
    assert {name for metric, name in (it for it in watched if len(it) == 2) if metric == "Throttles"} == {
        "StatusRelay", "Authorizer", "JobFailed", "Sweep"
    }  # fmt: skip
    assert {("AsyncEventAge", "Inference"), ("AsyncEventsDropped", "Inference")} <= watched
    assert {("InboundMessageDropped", f"{api}.ApiId"), ("InboundMessageDelayed", f"{api}.ApiId")} <= watched
    assert ("JobsSupervised",) in watched
    assert any(metric[0] == "ApproximateNumberOfMessagesVisible" for metric in watched)
    assert all(it["AlarmActions"] == [{"Ref": topic}] for it in alarms)
    assert all(it["TreatMissingData"] == "notBreaching" for it in alarms)
    assert all(it["AlarmDescription"].endswith("See docs/operating.md.") for it in alarms)


def test_what_is_counted_in_the_logs_is_what_the_handlers_write(dev: Template) -> None:
    code = "".join(path.read_text() for path in Path(ROOT / "chalicelib").rglob("*.py"))
    patterns = [it["FilterPattern"] for it in dev.of_type("AWS::Logs::MetricFilter").values()]
    counted = {name for pattern in patterns for name in re.findall(r'event = "(\w+)"', pattern)}

    assert counted == {"job_claimed", "job_ended", "job_over", "publish_retried", "job_supervised"}
    assert all(f'"{name}"' in code for name in counted)


def test_the_dashboard_asks_whether_jobs_finish_how_long_they_take_and_what_they_cost(dev: Template) -> None:
    body = json.dumps(dev.only("AWS::CloudWatch::Dashboard")["DashboardBody"])

    for question in ("Are jobs finishing?", "How long do they take?", "What do they cost?"):
        assert question in body


def test_the_logs_of_all_handlers_are_an_output(dev: Template) -> None:
    value = dev.body["Outputs"]["LogGroups"]["Value"]
    groups = [dev.function(handler)["LoggingConfig"]["LogGroup"] for handler in HANDLERS]

    assert value == {"Fn::Join": ["", separated(groups)]}


def separated(groups: list[Any]) -> list[Any]:
    """References with commas between them, as CloudFormation joins them."""
    return [part for group in groups for part in (",", group)][1:]


@pytest.mark.parametrize("stage", [DEV, PROD], ids=lambda stage: stage.name)
def test_logs_are_kept_at_least_as_long_as_the_jobs_they_are_about(dev: Template, prod: Template, stage: Stage) -> None:
    template = {"dev": dev, "prod": prod}[stage.name]

    assert all(it["RetentionInDays"] >= stage.retention_days for it in template.of_type("AWS::Logs::LogGroup").values())
