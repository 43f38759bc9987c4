"""Rights that a template does not contain: those of AWS's own policies, and of roles of other stacks."""

import json
from pathlib import Path
from typing import Any

import pytest

from local_stack.template.composition import read_template
from local_stack.template.intrinsics import IntrinsicResolver
from local_stack.template.policies import Permissions

TABLE = "arn:aws:dynamodb:us-east-1:123456789012:table/orders"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:work"


def permissions(tmp_path: Path, **resources: Any) -> Permissions:
    file = tmp_path / "shop.template.json"
    file.write_text(json.dumps({"Resources": resources}))
    template = read_template(file)
    return Permissions(template, IntrinsicResolver(template, "us-east-1"))


def role(*managed: Any) -> dict[str, Any]:
    return {"Type": "AWS::IAM::Role", "Properties": {"ManagedPolicyArns": list(managed)}}


def of_aws(name: str) -> dict[str, Any]:
    """The ARN of a policy of AWS, as CDK writes it."""
    return {"Fn::Join": ["", ["arn:", {"Ref": "AWS::Partition"}, f":iam::aws:policy/{name}"]]}


@pytest.mark.parametrize(
    ("policy", "action", "resource", "allowed"),
    [
        ("AmazonDynamoDBFullAccess", "dynamodb:PutItem", TABLE, True),
        ("AmazonDynamoDBReadOnlyAccess", "dynamodb:Query", TABLE, True),
        ("AmazonDynamoDBReadOnlyAccess", "dynamodb:PutItem", TABLE, False),
        ("service-role/AWSLambdaBasicExecutionRole", "dynamodb:PutItem", TABLE, False),
        ("service-role/AWSLambdaRole", "lambda:InvokeFunction", FUNCTION, True),
        (
            "AWSAppSyncInvokeFullAccess",
            "appsync:GraphQL",
            "arn:aws:appsync:us-east-1:1:apis/x/types/Query/fields/y",
            True,
        ),
    ],
)
def test_policies_of_aws_allow_what_they_allow_there(
    tmp_path: Path, policy: str, action: str, resource: str, allowed: bool
) -> None:
    read = permissions(tmp_path, Role=role(of_aws(policy)))

    assert read.role({"Fn::GetAtt": ["Role", "Arn"]}).may(action, resource) is allowed
    assert read.warnings == []


def test_a_policy_that_is_not_known_allows_everything_and_is_named(tmp_path: Path) -> None:
    read = permissions(tmp_path, Role=role(of_aws("AmazonKeyspacesFullAccess")))

    assert read.role({"Fn::GetAtt": ["Role", "Arn"]}).may("dynamodb:PutItem", TABLE)
    (warning,) = read.warnings
    assert "arn:aws:iam::aws:policy/AmazonKeyspacesFullAccess of Role" in warning


def test_a_policy_of_the_template_allows_what_it_says_to_roles_that_name_it(tmp_path: Path) -> None:
    statement = {"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": TABLE}
    policy = {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": {"Statement": [statement]}}}
    read = permissions(tmp_path, Policy=policy, Role=role({"Ref": "Policy"}))

    found = read.role({"Fn::GetAtt": ["Role", "Arn"]})

    assert found.may("dynamodb:GetItem", TABLE)
    assert not found.may("dynamodb:PutItem", TABLE)


def test_a_role_of_another_stack_allows_everything_and_is_named(tmp_path: Path) -> None:
    read = permissions(tmp_path)

    assert read.role("arn:aws:iam::123456789012:role/elsewhere").may("lambda:InvokeFunction", FUNCTION)
    assert not read.role(None).may("lambda:InvokeFunction", FUNCTION)
    assert len(read.warnings) == 1
