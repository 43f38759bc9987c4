"""What is read of a template for the local services: resources, event sources, and what does not deliver."""

import json
from pathlib import Path
from typing import Any

from local_stack.creation import Creation
from local_stack.event_sources import AsynchronousSource, MutationSource, QueueSource, StreamSource
from local_stack.template.composition import read_template
from local_stack.template.intrinsics import IntrinsicResolver
from local_stack.template.service_resources import queue_addresses
from local_stack.template.services import TemplateServices, read_services, read_tables

LOCATION = "us-east-1:123456789012"
ROLE = {
    "Type": "AWS::IAM::Role",
    "Properties": {"ManagedPolicyArns": ["arn:aws:iam::aws:policy/service-role/AWSLambdaSQSQueueExecutionRole"]},
}
FUNCTION: dict[str, Any] = {
    "Type": "AWS::Lambda::Function",
    "Properties": {"Runtime": "python3.11", "Handler": "a.b", "Role": {"Fn::GetAtt": ["Role", "Arn"]}, "Code": {}},
}
KEYS = {
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
}


def resolver(tmp_path: Path, resources: dict[str, Any]) -> IntrinsicResolver:
    file = tmp_path / "shop.json"
    file.write_text(json.dumps({"Resources": {"Role": ROLE, "Work": FUNCTION, **resources}}))
    template = read_template(file)
    return IntrinsicResolver(template, "us-east-1", queue_addresses(
        template, IntrinsicResolver(template, "us-east-1"), "http://127.0.0.1:5000"
    ))  # fmt: skip


def services(tmp_path: Path, **resources: Any) -> TemplateServices:
    intrinsics = resolver(tmp_path, resources)
    return read_services(intrinsics.template, intrinsics)


def one(found: TemplateServices, operation: str) -> Creation:
    (creation,) = [it for it in found.creations if it.operation == operation]
    return creation


def mapping(source: Any, **more: Any) -> dict[str, Any]:
    properties = {"FunctionName": {"Ref": "Work"}, "EventSourceArn": source, **more}
    return {"Type": "AWS::Lambda::EventSourceMapping", "Properties": properties}


def test_a_dead_letter_queue_is_created_before_the_queue_that_names_it(tmp_path: Path) -> None:
    redrive = {"deadLetterTargetArn": {"Fn::GetAtt": ["Dead", "Arn"]}, "maxReceiveCount": 3}
    found = services(
        tmp_path, Jobs={"Type": "AWS::SQS::Queue", "Properties": {"RedrivePolicy": redrive, "VisibilityTimeout": 5}},
        Dead={"Type": "AWS::SQS::Queue", "Properties": {"FifoQueue": True}},
    )  # fmt: skip

    dead, jobs = (it.parameters for it in found.creations)

    assert (dead["QueueName"], dead["Attributes"]) == ("Dead.fifo", {"FifoQueue": "true"})
    assert json.loads(jobs["Attributes"]["RedrivePolicy"])["deadLetterTargetArn"] == f"arn:aws:sqs:{LOCATION}:Dead.fifo"
    assert jobs["Attributes"]["VisibilityTimeout"] == "5"


def test_the_address_of_a_queue_is_local(tmp_path: Path) -> None:
    intrinsics = resolver(tmp_path, {"Jobs": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "jobs"}}})

    assert intrinsics.text({"Ref": "Jobs"}) == "http://127.0.0.1:5000/123456789012/jobs"


def test_a_bucket_without_a_name_gets_one_that_s3_takes(tmp_path: Path) -> None:
    assert one(services(tmp_path, Uploads={"Type": "AWS::S3::Bucket"}), "create_bucket").parameters == {
        "Bucket": "uploads"
    }


def test_a_secret_is_generated_in_the_member_of_its_template(tmp_path: Path) -> None:
    generated = {
        "SecretStringTemplate": '{"username": "ada"}', "GenerateStringKey": "password", "PasswordLength": 12,
        "ExcludeCharacters": "abcdefghijklmnopqrstuvwxyz",
    }  # fmt: skip
    secret = {"Type": "AWS::SecretsManager::Secret", "Properties": {"GenerateSecretString": generated}}

    made = json.loads(one(services(tmp_path, Login=secret), "create_secret").parameters["SecretString"])

    assert made["username"] == "ada"
    assert len(made["password"]) == 12
    assert made["password"] == made["password"].upper()


def test_a_state_machine_has_its_substitutions(tmp_path: Path) -> None:
    machine = {
        "Type": "AWS::StepFunctions::StateMachine",
        "Properties": {
            "DefinitionString": '{"Resource": "${work}"}', "StateMachineType": "EXPRESS",
            "DefinitionSubstitutions": {"work": {"Fn::GetAtt": ["Work", "Arn"]}},
        },
    }  # fmt: skip

    made = one(services(tmp_path, Build=machine), "create_state_machine").parameters

    assert made["definition"] == f'{{"Resource": "arn:aws:lambda:{LOCATION}:function:Work"}}'
    assert (made["name"], made["type"]) == ("Build", "EXPRESS")


def test_mappings_deliver_as_far_as_the_role_may_read(tmp_path: Path) -> None:
    found = services(
        tmp_path, Jobs={"Type": "AWS::SQS::Queue"},
        Orders={"Type": "AWS::DynamoDB::Table", "Properties": {**KEYS, "StreamSpecification": {
            "StreamViewType": "KEYS_ONLY"}}},
        FromQueue=mapping({"Fn::GetAtt": ["Jobs", "Arn"]}, BatchSize=3,
                          FilterCriteria={"Filters": [{"Pattern": '{"body": ["x"]}'}]},
                          FunctionResponseTypes=["ReportBatchItemFailures"]),
        FromStream=mapping({"Fn::GetAtt": ["Orders", "StreamArn"]}, StartingPosition="LATEST"),
        FromElsewhere=mapping("arn:aws:kinesis:us-east-1:123456789012:stream/x"),
        Off=mapping({"Fn::GetAtt": ["Jobs", "Arn"]}, Enabled=False),
    )  # fmt: skip

    assert found.event_sources == (QueueSource("Work", "Jobs", 3, True, ({"body": ["x"]},)),)
    stream, elsewhere = found.warnings
    assert "FromStream does not deliver" in stream
    assert "dynamodb:GetRecords" in stream
    assert "FromElsewhere does not deliver: arn:aws:kinesis" in elsewhere


def test_a_stream_is_read_from_where_the_mapping_says(tmp_path: Path) -> None:
    policy = {"Action": "dynamodb:*", "Effect": "Allow", "Resource": {"Fn::GetAtt": ["Orders", "StreamArn"]}}
    role = {"Type": "AWS::IAM::Role", "Properties": {"Policies": [{"PolicyDocument": {"Statement": policy}}]}}
    found = services(
        tmp_path, Role=role,
        Orders={"Type": "AWS::DynamoDB::Table", "Properties": {**KEYS, "StreamSpecification": {
            "StreamViewType": "KEYS_ONLY"}}},
        FromStream=mapping({"Fn::GetAtt": ["Orders", "StreamArn"]}, StartingPosition="LATEST", MaximumRetryAttempts=2),
    )  # fmt: skip

    assert found.event_sources == (StreamSource("Work", "Orders", 100, "LATEST", retries=2),)
    assert one(found, "create_table").parameters["StreamSpecification"] == {
        "StreamEnabled": True, "StreamViewType": "KEYS_ONLY",
    }  # fmt: skip


def test_a_rule_reaches_functions_by_a_queue_of_its_own_and_names_what_it_does_not_reach(tmp_path: Path) -> None:
    targets = [
        {"Id": "work", "Arn": {"Fn::GetAtt": ["Work", "Arn"]}, "InputPath": "$.detail"},
        {"Id": "log", "Arn": f"arn:aws:logs:{LOCATION}:log-group:x"},
        {"Id": "out", "Arn": {"Fn::GetAtt": ["Outside", "Arn"]}},
    ]
    permission = {"FunctionName": {"Ref": "Work"}, "Principal": "events.amazonaws.com"}
    rule = {"Type": "AWS::Events::Rule", "Properties": {"EventPattern": {"source": ["shop"]}, "Targets": targets}}

    outside = {"Type": "AWS::Events::ApiDestination", "Properties": {}}

    allowed = services(
        tmp_path, Placed=rule, Outside=outside, May={"Type": "AWS::Lambda::Permission", "Properties": permission}
    )
    denied = services(tmp_path, Placed=rule, Outside=outside)

    assert allowed.event_sources == (AsynchronousSource("Work", "rule-Placed-work", "rule", {"InputPath": "$.detail"}),)
    assert one(allowed, "put_targets").parameters["Targets"] == [
        {"Id": "work", "Arn": f"arn:aws:sqs:{LOCATION}:rule-Placed-work"}
    ]
    log, out = allowed.warnings
    assert "does not reach arn:aws:logs" in log
    assert out.startswith("rule Placed does not reach its target 3: the attribute Arn of Outside")
    assert allowed.problems == ()
    assert denied.event_sources == ()
    assert "rule Placed may not invoke Work" in denied.warnings[0]


def test_a_topic_delivers_to_queues_and_functions_and_names_the_others(tmp_path: Path) -> None:
    permission = {"FunctionName": {"Ref": "Work"}, "Principal": "sns.amazonaws.com"}
    found = services(
        tmp_path,
        News={"Type": "AWS::SNS::Topic", "Properties": {"Subscription": [
            {"Protocol": "email", "Endpoint": "ada@example.com"},
            {"Protocol": "lambda", "Endpoint": {"Fn::GetAtt": ["Work", "Arn"]}}]}},
        May={"Type": "AWS::Lambda::Permission", "Properties": permission},
    )  # fmt: skip

    assert found.event_sources == (AsynchronousSource("Work", "topic-News-Work", "topic"),)
    assert one(found, "subscribe").parameters["Endpoint"] == f"arn:aws:sqs:{LOCATION}:topic-News-Work"
    assert found.warnings == ("News sends nothing: the local stack does not deliver by email",)


def test_a_resource_without_a_required_property_is_a_problem_with_its_place(tmp_path: Path) -> None:
    found = services(tmp_path, Limit={"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String"}})

    assert [it.endswith("Limit: it must have Value, and does not") for it in found.problems] == [True]


def test_a_stage_of_longcall_has_the_tables_of_its_data_sources_alone(tmp_path: Path) -> None:
    table = {"Type": "AWS::DynamoDB::Table", "Properties": KEYS}
    intrinsics = resolver(tmp_path, {"Jobs": table, "Orders": table, "Queue": {"Type": "AWS::SQS::Queue"}})

    found = read_tables(intrinsics.template, intrinsics, {"Orders"})

    assert [it.resource for it in found.creations] == ["Orders"]


def test_destinations_that_get_no_records_are_named(tmp_path: Path) -> None:
    dead = {"Fn::GetAtt": ["Dead", "Arn"]}
    config = {"FunctionName": {"Ref": "Work"}, "DestinationConfig": {"OnFailure": {"Destination": dead}}}
    found = services(
        tmp_path, Dead={"Type": "AWS::SQS::Queue"},
        Other={**FUNCTION, "Properties": {**FUNCTION["Properties"], "DeadLetterConfig": {"TargetArn": dead}}},
        Config={"Type": "AWS::Lambda::EventInvokeConfig", "Properties": config},
    )  # fmt: skip

    assert [it.partition(" sends no records to ")[0] for it in found.warnings] == ["Other", "Work"]


def test_a_filter_that_is_no_pattern_is_a_problem(tmp_path: Path) -> None:
    filters = {"Filters": [{"Pattern": "[]"}]}
    found = services(
        tmp_path, Jobs={"Type": "AWS::SQS::Queue"},
        FromQueue=mapping({"Fn::GetAtt": ["Jobs", "Arn"]}, FilterCriteria=filters),
    )  # fmt: skip

    assert "FromQueue: a filter has the pattern '[]', and must have an object in JSON" in found.problems[0]


def test_a_rule_sends_an_operation_to_an_api_as_far_as_its_role_may(tmp_path: Path) -> None:
    allowed = {"Statement": {"Effect": "Allow", "Action": "appsync:GraphQL", "Resource": "*/fields/save"}}
    resources = {
        "Api": {"Type": "AWS::AppSync::GraphQLApi", "Properties": {"AuthenticationType": "AWS_IAM"}},
        "Caller": {"Type": "AWS::IAM::Role", "Properties": {"Policies": [{"PolicyDocument": allowed}]}},
    }

    def rule(field: str) -> dict[str, Any]:
        target = {
            "Id": "api", "Arn": {"Fn::GetAtt": ["Api", "GraphQLEndpointArn"]},
            "RoleArn": {"Fn::GetAtt": ["Caller", "Arn"]}, "InputPath": "$.detail",
            "AppSyncParameters": {"GraphQLOperation": f"mutation {{ {field} }}"},
        }  # fmt: skip
        return {"Type": "AWS::Events::Rule", "Properties": {"EventPattern": {"source": ["a"]}, "Targets": [target]}}

    saved = services(tmp_path, **resources, Save=rule("save"))
    deleted = services(tmp_path, **resources, Delete=rule("delete"))

    assert saved.event_sources == (
        MutationSource("Api", "mutation { save }", "rule-Save-api", {"InputPath": "$.detail"}),
    )
    assert deleted.event_sources == ()
    assert "rule Delete does not reach its API" in deleted.warnings[0]
    assert "types/Mutation/fields/delete" in deleted.warnings[0]
