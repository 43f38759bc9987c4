"""What the stack consists of, and how it is set."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from appsync_local.api.model import AuthMode, LambdaSource, PipelineFunction, Resolver, UnitResolver, code_file
from chalicelib.api.settings import AuthorizerSettings, RelaySettings
from chalicelib.ledger.dynamodb_items import table_definition
from chalicelib.objects import ObjectSettings
from chalicelib.publisher.policies import Interval
from chalicelib.publisher.settings import EndpointSettings
from chalicelib.supervision.settings import SweepSettings
from chalicelib.worker.settings import WorkerSettings
from chalicelib.workloads.bedrock.settings import BedrockSettings, Guardrail
from chalicelib.workloads.openai.settings import OpenAISettings
from infrastructure.api import API
from infrastructure.bundle import LAMBDA_PYTHON
from infrastructure.stage import Stage
from infrastructure.stages import DEV, PROD, STAGES
from tests.support.cdk_assembly import KEYED, ROOT
from tests.support.cloudformation import Template, readable

GRAPHQL = ROOT / "graphql"
HANDLERS = ("inference", "status_relay", "authorizer", "job_failed", "sweep")
LAMBDA_SETS = {"AWS_REGION": "us-east-1"}


def environment(template: Template, handler: str) -> dict[str, str]:
    variables = template.function(handler)["Environment"]["Variables"]
    return LAMBDA_SETS | {name: readable(value) for name, value in variables.items()}


def events(template: Template, function: str) -> dict[str, Any]:
    (found,) = (
        it
        for it in template.of_type("AWS::Lambda::EventInvokeConfig").values()
        if it["FunctionName"] == {"Ref": function}
    )
    return found


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


def test_nothing_serves_http_but_the_api(dev: Template) -> None:
    kinds = {it["Type"] for it in dev.resources.values()}

    assert not [kind for kind in kinds if "ApiGateway" in kind or kind in ("AWS::Serverless::Api", "AWS::Lambda::Url")]


def test_no_placeholder_is_left(dev: Template) -> None:
    assert "placeholder" not in dev.path.read_text().lower()
    assert "000000000000" not in dev.path.read_text()


@pytest.mark.parametrize("stage", [DEV, KEYED], ids=lambda stage: stage.name)
def test_handlers_find_all_their_settings_in_their_environment(dev: Template, keyed: Template, stage: Stage) -> None:
    template = {"dev": dev, "keyed": keyed}[stage.name]

    relay = RelaySettings.from_environment(environment(template, "status_relay"))
    pace = WorkerSettings.from_environment(environment(template, "inference"))
    sweep = SweepSettings.from_environment(environment(template, "sweep"))
    AuthorizerSettings.from_environment(environment(template, "authorizer"))
    assert {
        ObjectSettings.from_environment(environment(template, it)).bucket for it in ("inference", "status_relay")
    } == {*template.of_type("AWS::S3::Bucket")}
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


def test_only_the_worker_of_a_stage_that_asks_for_it_has_a_key(dev: Template, keyed: Template) -> None:
    (key,) = keyed.of_type("AWS::AppSync::ApiKey")

    assert dev.of_type("AWS::AppSync::ApiKey") == {}
    assert environment(keyed, "inference")["LONGCALL_API_KEY"] == f"{key}.ApiKey"
    assert [handler for handler in HANDLERS if "LONGCALL_API_KEY" in environment(keyed, handler)] == ["inference"]


def test_a_key_opens_the_workers_fields_and_what_they_answer_and_nothing_else(dev: Template, keyed: Template) -> None:
    plain = dev.only("AWS::AppSync::GraphQLSchema")["Definition"]
    opened = keyed.only("AWS::AppSync::GraphQLSchema")["Definition"]
    changed = [line for line in opened.splitlines() if "@aws_api_key" in line]

    assert plain == (GRAPHQL / "schema.graphql").read_text()
    assert opened.replace(" @aws_api_key", "") == plain
    assert [re.split(r"\(| @", line)[0].strip() for line in changed] == [
        "type InferenceStatus", "checkpoint: String", "type Cost", "type CostItem", "dispatchInference", "updateStatus"
    ]  # fmt: skip


def test_modes_are_those_of_the_wiring(dev: Template, keyed: Template) -> None:
    def modes(template: Template) -> tuple[str, ...]:
        api = template.only("AWS::AppSync::GraphQLApi")
        others = (it["AuthenticationType"] for it in api["AdditionalAuthenticationProviders"])
        return (api["AuthenticationType"], *others)

    assert modes(dev) == tuple(mode.value for mode in API.modes)
    assert modes(keyed) == (*modes(dev), AuthMode.API_KEY.value)
    assert readable(dev.only("AWS::AppSync::GraphQLApi")["LambdaAuthorizerConfig"]["AuthorizerUri"]) == "Authorizer.Arn"


def test_resolvers_are_those_of_the_wiring_with_the_code_of_their_files(dev: Template) -> None:
    steps = {name: it["Name"] for name, it in dev.of_type("AWS::AppSync::FunctionConfiguration").items()}
    sources = {name: it["Name"] for name, it in dev.of_type("AWS::AppSync::DataSource").items()}
    found: set[tuple[str, str | tuple[str, ...], str]] = set()
    for it in dev.of_type("AWS::AppSync::Resolver").values():
        field = f"{it['TypeName']}.{it['FieldName']}"
        if it["Kind"] == "UNIT":
            found.add((field, sources[it["DataSourceName"]["Fn::GetAtt"][0]], it["Code"]))
        else:
            names = tuple(steps[step["Fn::GetAtt"][0]] for step in it["PipelineConfig"]["Functions"])
            found.add((field, names, it["Code"]))

    assert found == {
        (it.field, it.source if isinstance(it, UnitResolver) else it.functions, code_of(it)) for it in API.resolvers
    }


def code_of(unit: Resolver | PipelineFunction) -> str:
    file = code_file(unit)
    assert file is not None
    return (GRAPHQL / file).read_text()


def test_pipeline_functions_and_data_sources_are_those_of_the_wiring(dev: Template) -> None:
    sources = dev.of_type("AWS::AppSync::DataSource")
    functions = {
        (it["Name"], sources[it["DataSourceName"]["Fn::GetAtt"][0]]["Name"], it["Code"])
        for it in dev.of_type("AWS::AppSync::FunctionConfiguration").values()
    }
    invoked = {
        it["Name"]: readable(it["LambdaConfig"]["LambdaFunctionArn"])
        for it in sources.values()
        if it["Type"] == "AWS_LAMBDA"
    }

    assert functions == {(it.name, it.source, code_of(it)) for it in API.functions}
    assert {it["Name"] for it in sources.values()} == {it.name for it in API.sources}
    assert invoked == {
        it.name: f"{it.function.title().replace('_', '')}.Arn" for it in API.sources if isinstance(it, LambdaSource)
    }


def test_the_api_logs_neither_headers_nor_arguments(dev: Template) -> None:
    api = dev.only("AWS::AppSync::GraphQLApi")

    assert api["XrayEnabled"] is True
    assert (api["LogConfig"]["FieldLogLevel"], api["LogConfig"]["ExcludeVerboseContent"]) == ("ERROR", True)


def test_the_table_is_the_one_that_the_ledger_reads(dev: Template) -> None:
    table, wanted = dev.only("AWS::DynamoDB::Table"), table_definition("jobs")
    indexes = [{**index} for index in wanted["GlobalSecondaryIndexes"]]

    assert table["KeySchema"] == wanted["KeySchema"]
    assert table["GlobalSecondaryIndexes"] == indexes
    assert table["AttributeDefinitions"] == wanted["AttributeDefinitions"]
    assert table["BillingMode"] == "PAY_PER_REQUEST"


def test_the_table_expires_records_recovers_and_is_encrypted(dev: Template) -> None:
    table = dev.only("AWS::DynamoDB::Table")

    assert table["TimeToLiveSpecification"] == {"AttributeName": "expiresAt", "Enabled": True}
    assert table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
    assert table["SSESpecification"]["SSEEnabled"] is True


def test_the_bucket_is_private_encrypted_and_closed_to_what_is_not_encrypted_on_the_way(dev: Template) -> None:
    bucket, policy = dev.only("AWS::S3::Bucket"), dev.only("AWS::S3::BucketPolicy")
    statement = policy["PolicyDocument"]["Statement"][0]

    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"] == [
        {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    ]
    assert bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    assert (statement["Effect"], statement["Action"], statement["Principal"]) == ("Deny", "s3:*", {"AWS": "*"})
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_a_bucket_that_goes_with_its_stack_is_emptied_first_and_one_that_stays_is_not(
    dev: Template, prod: Template
) -> None:
    (emptied,) = dev.of_type("Custom::S3AutoDeleteObjects").values()
    _, others = dev.only("AWS::S3::BucketPolicy")["PolicyDocument"]["Statement"]

    assert readable(emptied["BucketName"]) in dev.of_type("AWS::S3::Bucket")
    assert set(others["Action"]) == {"s3:PutBucketPolicy", "s3:GetBucket*", "s3:List*", "s3:DeleteObject*"}
    assert readable(others["Principal"]["AWS"]).startswith("CustomS3AutoDeleteObjects")
    assert prod.of_type("Custom::S3AutoDeleteObjects") == {}
    assert prod.of_type("AWS::Lambda::Function") == {}
    assert len(prod.only("AWS::S3::BucketPolicy")["PolicyDocument"]["Statement"]) == 1


def test_objects_live_as_long_as_their_jobs_and_unused_uploads_a_day(dev: Template) -> None:
    rules = dev.only("AWS::S3::Bucket")["LifecycleConfiguration"]["Rules"]

    assert {it["Prefix"]: it["ExpirationInDays"] for it in rules} == {"uploads/": 1, "inputs/": 7, "results/": 7}
    assert {it["Status"] for it in rules} == {"Enabled"}


def test_browsers_may_send_and_read_what_the_api_signed(dev: Template) -> None:
    (rule,) = dev.only("AWS::S3::Bucket")["CorsConfiguration"]["CorsRules"]

    assert (rule["AllowedMethods"], rule["AllowedOrigins"]) == (["PUT", "GET"], ["*"])


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


def test_who_makes_users_is_the_stages_choice(dev: Template, keyed: Template) -> None:
    assert dev.only("AWS::Cognito::UserPool")["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"] is True
    assert keyed.only("AWS::Cognito::UserPool")["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"] is False


def test_a_second_factor_is_optional_in_production_and_never_a_text_message(dev: Template, prod: Template) -> None:
    assert dev.only("AWS::Cognito::UserPool")["MfaConfiguration"] == "OFF"
    assert prod.only("AWS::Cognito::UserPool")["MfaConfiguration"] == "OPTIONAL"
    assert prod.only("AWS::Cognito::UserPool")["EnabledMfas"] == ["SOFTWARE_TOKEN_MFA"]


STATEFUL = ("AWS::DynamoDB::Table", "AWS::Cognito::UserPool", "AWS::Logs::LogGroup", "AWS::S3::Bucket")


def test_dev_leaves_nothing_behind(dev: Template) -> None:
    kept = [name for name, it in dev.resources.items() if it.get("DeletionPolicy", "Delete") != "Delete"]

    assert kept == []
    assert dev.only("AWS::DynamoDB::Table")["DeletionProtectionEnabled"] is False
    assert dev.only("AWS::Cognito::UserPool")["DeletionProtection"] == "INACTIVE"


def test_production_keeps_its_data_and_is_hard_to_delete(prod: Template) -> None:
    kept = {it["Type"] for it in prod.resources.values() if it.get("DeletionPolicy") == "Retain"}

    assert kept == set(STATEFUL)
    assert prod.only("AWS::DynamoDB::Table")["DeletionProtectionEnabled"] is True
    assert prod.only("AWS::Cognito::UserPool")["DeletionProtection"] == "ACTIVE"


def test_production_cannot_be_deleted_by_mistake_as_a_whole(prod: Template) -> None:
    manifest = json.loads((prod.path.parent / "manifest.json").read_text())["artifacts"]

    assert manifest["longcall-prod"]["properties"]["terminationProtection"] is True
    assert not manifest["longcall-dev"]["properties"].get("terminationProtection")


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


def test_outputs_are_what_the_command_line_reads(dev: Template) -> None:
    assert {"GraphqlUrl", "RealtimeUrl", "Region", "UserPoolId", "ClientId"} <= dev.body["Outputs"].keys()


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
