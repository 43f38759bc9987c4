"""Who can use each resource that has a policy of its own.

A policy on a resource replaces what the service allows by default, so a policy that only denies can lock out a service
that must use the resource. Each such resource has an entry in `USERS`: a new one fails until somebody has said who
must be able to use it.
"""

from collections.abc import Callable

import pytest

from tests.support.cloudformation import Template, readable
from tests.support.resource_policies import POLICIES, Request, may, resource_policy

ENCRYPTED = {"aws:SecureTransport": "true"}


def alarm(account: str = "AWS::AccountId") -> dict[str, str]:
    return ENCRYPTED | {
        "aws:SourceAccount": account,
        "aws:SourceArn": f"arn:AWS::Partition:cloudwatch:AWS::Region:{account}:alarm:Any",
    }


def role_of(template: Template, handler: str) -> str:
    role: str = template.function(handler)["Role"]["Fn::GetAtt"][0]
    return role


def users_of_a_bucket(template: Template, bucket: str) -> list[Request]:
    """Who must be able to use the objects of jobs, or the files of the console."""
    if "Console" in bucket:
        return [Request("s3:GetObject", f"{bucket}.Arn/index.html", "cloudfront.amazonaws.com", context=site(template))]
    return [
        Request(action, f"{bucket}.Arn/{folder}/1", role=role_of(template, handler), context=ENCRYPTED)
        for handler, action, folder in (
            ("inference", "s3:GetObject", "inputs"), ("inference", "s3:PutObject", "results"),
            ("status_relay", "s3:PutObject", "uploads"), ("status_relay", "s3:GetObject", "results"),
        )
    ]  # fmt: skip


def site(template: Template) -> dict[str, str]:
    (distribution,) = template.of_type("AWS::CloudFront::Distribution")
    return ENCRYPTED | {"AWS:SourceArn": f"arn:AWS::Partition:cloudfront::AWS::AccountId:distribution/{distribution}"}


# For each type of resource: who must be able to use it, and for what.
USERS: dict[str, Callable[[Template, str], list[Request]]] = {
    "AWS::SNS::Topic": lambda _, topic: [
        Request("sns:Publish", topic, service="cloudwatch.amazonaws.com", context=alarm())
    ],
    "AWS::SQS::Queue": lambda template, queue: [
        # Lambda sends to a failure destination with the role of the function.
        Request("sqs:SendMessage", f"{queue}.Arn", role=role_of(template, "job_failed"), context=ENCRYPTED),
        Request("sqs:ReceiveMessage", f"{queue}.Arn", role=role_of(template, "sweep"), context=ENCRYPTED),
        Request("sqs:DeleteMessage", f"{queue}.Arn", role=role_of(template, "sweep"), context=ENCRYPTED),
    ],
    "AWS::S3::Bucket": users_of_a_bucket,
}


def resources_with_policies(template: Template) -> dict[str, str]:
    """Logical ids of all resources that have a policy in the template, each with its type."""
    return {
        name: it["Type"]
        for name, it in template.resources.items()
        if it["Type"] in POLICIES and resource_policy(template, name)
    }


@pytest.fixture(params=["dev", "prod", "keyed"])
def template(request: pytest.FixtureRequest) -> Template:
    found: Template = request.getfixturevalue(request.param)
    return found


def test_who_must_use_a_resource_with_a_policy_may_use_it(template: Template) -> None:
    found = resources_with_policies(template)

    assert set(found.values()) == USERS.keys(), "say in USERS who must be able to use the resource"
    refused = [it for name, kind in found.items() for it in USERS[kind](template, name) if not may(template, name, it)]
    assert refused == []


def test_nobody_may_use_a_resource_without_encryption(template: Template) -> None:
    for name, kind in resources_with_policies(template).items():
        for request in USERS[kind](template, name):
            plain = Request(
                request.action, request.resource, request.service, request.role,
                {**request.context, "aws:SecureTransport": "false"},
            )  # fmt: skip
            assert not may(template, name, plain)


def test_only_alarms_of_the_own_account_may_publish(template: Template) -> None:
    (topic,) = template.of_type("AWS::SNS::Topic")

    def publish(service: str, context: dict[str, str]) -> bool:
        return may(template, topic, Request("sns:Publish", topic, service=service, context=context))

    assert publish("cloudwatch.amazonaws.com", alarm())
    assert not publish("cloudwatch.amazonaws.com", alarm(account="111122223333"))
    assert not publish("events.amazonaws.com", alarm())
    assert {readable(it) for found in template.of_type("AWS::CloudWatch::Alarm").values() for it in found["AlarmActions"]} == {topic}  # fmt: skip  # noqa: E501


def test_no_other_distribution_reads_the_files_of_the_console(keyed: Template) -> None:
    (bucket,) = (it for it in keyed.of_type("AWS::S3::Bucket") if "Console" in it)
    [request] = users_of_a_bucket(keyed, bucket)
    another = {**request.context, "AWS:SourceArn": f"{request.context['AWS:SourceArn']}2"}

    assert not may(keyed, bucket, Request(request.action, request.resource, request.service, context=another))


def test_every_policy_of_a_resource_is_of_a_known_kind(template: Template) -> None:
    """A kind of policy that this file does not evaluate would not be noticed."""
    about_headers = "AWS::CloudFront::ResponseHeadersPolicy"
    known = {kind for kind, _ in POLICIES.values()} | {"AWS::IAM::Policy", about_headers}
    kinds = {it["Type"] for it in template.resources.values() if "Policy" in it["Type"]}

    assert kinds <= known
    assert not [it for it in template.resources.values() if "KeyPolicy" in it.get("Properties", {})]
