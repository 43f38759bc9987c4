"""The permissions of each role, all of them: one more action makes a test fail."""

import json
import re

import pytest

from chalicelib.workloads.bedrock import names
from infrastructure.constructs.bedrock_access import grant_stream
from tests.support.cdk_assembly import ROOT
from tests.support.cloudformation import Template, readable

API = "arn:AWS::Partition:appsync:AWS::Region:AWS::AccountId:apis/{api}.ApiId/types/Mutation/fields/{field}"
MODEL = "arn:AWS::Partition:bedrock:AWS::Region::foundation-model/"
BUCKET = "AWS::S3::Bucket"
STREAM = "bedrock:InvokeModelWithResponseStream"


def field(template: Template, name: str) -> tuple[str, str]:
    (api,) = template.of_type("AWS::AppSync::GraphQLApi")
    return "appsync:GraphQL", API.format(api=api, field=name)


def logical(template: Template, kind: str) -> str:
    (name,) = template.of_type(kind)
    return name


def test_the_worker_may_report_hand_over_stream_from_the_stages_models_and_pass_its_failure_on(dev: Template) -> None:
    assert dev.granted("inference") == {
        field(dev, "updateStatus"),
        field(dev, "dispatchInference"),  # of its own job, which it hands over
        (STREAM, f"{MODEL}amazon.nova-micro-v1:0"),
        ("s3:GetObject", f"{logical(dev, BUCKET)}.Arn/inputs/*"),
        ("s3:PutObject", f"{logical(dev, BUCKET)}.Arn/results/*"),
        (
            "lambda:InvokeFunction",
            "JobFailed.Arn",
        ),  # Lambda invokes a failure destination with the permissions of the role
    }


def test_an_inference_profile_comes_with_its_model_in_every_region(prod: Template) -> None:
    model = "anthropic.claude-sonnet-4-5-20250929-v1:0"

    assert {grant for grant in prod.granted("inference") if grant[0] == STREAM} == {
        (STREAM, f"{MODEL}amazon.nova-lite-v1:0"),
        (STREAM, f"arn:AWS::Partition:bedrock:AWS::Region:AWS::AccountId:inference-profile/us.{model}"),
        (STREAM, f"arn:AWS::Partition:bedrock:*::foundation-model/{model}"),
    }


def test_a_model_may_be_given_by_its_arn_and_a_guardrail_applied(keyed: Template) -> None:
    here = "arn:aws:bedrock:us-east-1:123456789012"
    anywhere = "arn:AWS::Partition:bedrock:*::foundation-model"
    own = "arn:AWS::Partition:bedrock:AWS::Region:AWS::AccountId"
    own_profile = f"{here}:application-inference-profile/a1b2c3"

    assert {grant for grant in keyed.granted("inference") if grant[0].startswith("bedrock:")} == {
        (STREAM, f"{own}:inference-profile/us.amazon.nova-lite-v1:0"),
        (STREAM, f"{anywhere}/amazon.nova-lite-v1:0"),
        (STREAM, f"{here}:inference-profile/eu.amazon.nova-pro-v1:0"),
        (STREAM, f"{anywhere}/amazon.nova-pro-v1:0"),
        (STREAM, own_profile),
        # The ARN of such a profile does not name its models.
        (STREAM, f'{anywhere}/* where {{"StringEquals": {{"bedrock:InferenceProfileArn": "{own_profile}"}}}}'),
        (STREAM, f"{here}:provisioned-model/a1b2c3d4e5f6"),
        ("bedrock:ApplyGuardrail", f"{own}:guardrail/g7h8"),
    }


def test_a_stage_with_an_openai_servers_key_lets_its_worker_alone_read_that(dev: Template, keyed: Template) -> None:
    secret = "arn:AWS::Partition:secretsmanager:AWS::Region:AWS::AccountId:secret:longcall/openai-??????"
    readers = {
        handler: {grant for grant in keyed.granted(handler) if grant[0].startswith("secretsmanager:")}
        for handler in ("inference", "status_relay", "authorizer", "job_failed", "sweep")
    }

    assert readers.pop("inference") == {("secretsmanager:GetSecretValue", secret)}
    assert set().union(*readers.values()) == set()
    assert not any(action.startswith("secretsmanager:") for action, _ in dev.granted("inference"))


def test_the_relay_may_use_its_table_and_an_owners_list(dev: Template) -> None:
    table = logical(dev, "AWS::DynamoDB::Table")

    assert {grant for grant in dev.granted("status_relay") if grant[0].startswith("dynamodb:")} == {
        *(
            (f"dynamodb:{action}", f"{table}.Arn")
            for action in ("GetItem", "PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "Query")
        ),
        ("dynamodb:Query", f"{table}.Arn/index/by_owner"),
    }


def test_the_relay_may_do_what_its_ledger_does_and_nothing_else(dev: Template) -> None:
    modules = (ROOT / "chalicelib" / "ledger").glob("dynamodb*.py")
    calls = [call for module in modules for call in re.findall(r"client\.([a-z_]+)\(", module.read_text())]

    assert {f"dynamodb:{name.title().replace('_', '')}" for name in calls} == {
        action for action, _ in dev.granted("status_relay") if not action.startswith("s3:")
    }


def test_the_relay_may_take_uploads_in_let_results_be_read_and_delete_both_and_no_more(dev: Template) -> None:
    bucket = f"{logical(dev, BUCKET)}.Arn"

    assert {grant for grant in dev.granted("status_relay") if grant[0].startswith("s3:")} == {
        ("s3:GetObject", f"{bucket}/uploads/*"),
        ("s3:PutObject", f"{bucket}/uploads/*"),
        ("s3:DeleteObject", f"{bucket}/uploads/*"),
        ("s3:PutObject", f"{bucket}/inputs/*"),
        ("s3:DeleteObject", f"{bucket}/inputs/*"),
        ("s3:GetObject", f"{bucket}/results/*"),
        ("s3:DeleteObject", f"{bucket}/results/*"),
        ("s3:ListBucket", bucket),
    }


def test_the_authorizer_may_do_nothing(dev: Template) -> None:
    assert dev.granted("authorizer") == set()


def test_job_failed_may_report_and_leave_what_it_could_not(dev: Template) -> None:
    queue = logical(dev, "AWS::SQS::Queue")

    assert dev.granted("job_failed") == {field(dev, "updateStatus"), ("sqs:SendMessage", f"{queue}.Arn")}


def test_the_sweep_may_read_the_log_repair_a_projection_report_and_erase_dead_letters(dev: Template) -> None:
    table, queue = logical(dev, "AWS::DynamoDB::Table"), logical(dev, "AWS::SQS::Queue")

    assert dev.granted("sweep") == {
        ("dynamodb:Query", f"{table}.Arn"),
        ("dynamodb:UpdateItem", f"{table}.Arn"),
        ("dynamodb:DeleteItem", f"{table}.Arn"),
        ("dynamodb:Query", f"{table}.Arn/index/by_activity"),
        field(dev, "updateStatus"),
        field(dev, "dispatchInference"),
        ("sqs:ReceiveMessage", f"{queue}.Arn"),
        ("sqs:DeleteMessage", f"{queue}.Arn"),
    }


@pytest.mark.parametrize(("source", "function"), [("StatusRelay", "StatusRelay"), ("Inference", "Inference")])
def test_a_data_source_may_invoke_its_function_for_this_api_alone(dev: Template, source: str, function: str) -> None:
    (properties,) = (it for it in dev.of_type("AWS::AppSync::DataSource").values() if it["Name"] == source)
    role = properties["ServiceRoleArn"]
    (trust,) = dev.resources[role["Fn::GetAtt"][0]]["Properties"]["AssumeRolePolicyDocument"]["Statement"]

    assert dev.grants(role) == {("lambda:InvokeFunction", f"{function}.Arn")}
    assert readable(trust["Condition"]["ArnLike"]["aws:SourceArn"]) == f"{logical(dev, 'AWS::AppSync::GraphQLApi')}.Arn"


def test_appsync_may_only_write_to_its_own_log(dev: Template) -> None:
    role = dev.only("AWS::AppSync::GraphQLApi")["LogConfig"]["CloudWatchLogsRoleArn"]
    (group,) = (name for name, it in dev.of_type("AWS::Logs::LogGroup").items() if "LogGroupName" in it)

    assert dev.grants(role) == {("logs:CreateLogStream", f"{group}.Arn"), ("logs:PutLogEvents", f"{group}.Arn")}


def test_each_function_has_a_role_and_a_log_of_its_own_and_waits_for_its_policy(dev: Template) -> None:
    functions = {name: it for name, it in dev.resources.items() if it["Type"] == "AWS::Serverless::Function"}
    roles = {it["Properties"]["Role"]["Fn::GetAtt"][0] for it in functions.values()}
    policies = dev.of_type("AWS::IAM::Policy")

    assert len(roles) == len({it["Properties"]["LoggingConfig"]["LogGroup"]["Ref"] for it in functions.values()}) == 5
    for function in functions.values():
        waited_for = {role["Ref"] for name in function["DependsOn"] for role in policies[name]["Roles"]}
        assert waited_for == {function["Properties"]["Role"]["Fn::GetAtt"][0]}


def test_only_this_api_and_this_rule_may_invoke_from_outside(dev: Template) -> None:
    found = {
        (readable(it["FunctionName"]), it["Principal"], readable(it["SourceArn"]))
        for it in dev.of_type("AWS::Lambda::Permission").values()
    }

    assert found == {
        ("Authorizer.Arn", "appsync.amazonaws.com", f"{logical(dev, 'AWS::AppSync::GraphQLApi')}.Arn"),
        ("Sweep.Arn", "events.amazonaws.com", f"{logical(dev, 'AWS::Events::Rule')}.Arn"),
    }


def test_a_worker_with_a_key_needs_no_permission_to_report(keyed: Template) -> None:
    assert not {field(keyed, "updateStatus"), field(keyed, "dispatchInference")} & keyed.granted("inference")
    assert field(keyed, "updateStatus") in keyed.granted("job_failed")


def test_no_wildcard_stands_alone_but_for_traces(prod: Template) -> None:
    wild = {
        (action, resource)
        for policy in prod.of_type("AWS::IAM::Policy")
        for action, resource in _statements(prod, policy)
        if "*" in action or "*" in resource
    }

    objects = {(action, resource) for action, resource in wild if action.startswith("s3:")}
    assert {action for action, _ in wild - objects} == {"xray:PutTraceSegments", "xray:PutTelemetryRecords", STREAM}
    assert all(re.search(r'"/(uploads|inputs|results)/\*"', resource) for _, resource in objects)


def _statements(template: Template, policy: str) -> list[tuple[str, str]]:
    return [
        (action, json.dumps(statement["Resource"]))
        for statement in template.resources[policy]["Properties"]["PolicyDocument"]["Statement"]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    ]


def test_an_inference_profile_of_every_geography_that_a_name_may_have_is_granted_with_its_model(dev: Template) -> None:
    import aws_cdk as cdk
    from aws_cdk import assertions
    from aws_cdk import aws_iam as iam

    stack = cdk.Stack()
    role = iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))

    grant_stream(role, tuple(f"{geography}.amazon.nova-lite-v1:0" for geography in names.GEOGRAPHIES))

    granted = json.dumps(assertions.Template.from_stack(stack).to_json())
    for geography in names.GEOGRAPHIES:
        assert names.MODEL.fullmatch(f"{geography}.amazon.nova-lite-v1:0")
        assert f":inference-profile/{geography}.amazon.nova-lite-v1:0" in granted
    assert "foundation-model/amazon.nova-lite-v1:0" in granted
