"""Decides whether a principal may use a resource, from the policies in a template.

It implements the part of IAM's logic that the stack uses, for principals of the stack's own account. A service may act
only if the resource's policy allows it. A role may act if the resource's policy or its own policy allows it. A
statement that denies always wins.

Source: IAM User Guide, "Policy evaluation logic".
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from tests.support.cloudformation import Template, readable

# The type of the policy of each type of resource, and the property that names the resource.
POLICIES = {
    "AWS::SNS::Topic": ("AWS::SNS::TopicPolicy", "Topics"),
    "AWS::SQS::Queue": ("AWS::SQS::QueuePolicy", "Queues"),
    "AWS::S3::Bucket": ("AWS::S3::BucketPolicy", "Bucket"),
    "AWS::Logs::LogGroup": ("AWS::Logs::ResourcePolicy", "LogGroupName"),
    "AWS::KMS::Key": ("AWS::KMS::Key", "KeyId"),
}
Statement = Mapping[str, Any]


@dataclass(frozen=True)
class Request:
    """One request to a resource.

    Attributes:
        action: Such as `sns:Publish`.
        resource: The resource in readable form, such as `Topic` or `Bucket.Arn/results/1`.
        service: The service that makes the request, such as `cloudwatch.amazonaws.com`; None: a role makes it.
        role: Logical id of the role that makes the request; None: a service makes it.
        context: Values of the condition keys, such as `aws:SourceArn`.
    """

    action: str
    resource: str
    service: str | None = None
    role: str | None = None
    context: Mapping[str, str] = field(default_factory=dict)


def resource_policy(template: Template, resource: str) -> list[Statement]:
    """The statements of the policy that the template gives to a resource."""
    kind, names = POLICIES[template.resources[resource]["Type"]]
    found: list[Statement] = []
    for properties in template.of_type(kind).values():
        named = properties.get(names)
        if {"Ref": resource} in (named if isinstance(named, list) else [named]):
            found += properties["PolicyDocument"]["Statement"]
    return found


def may(template: Template, resource: str, request: Request) -> bool:
    """Whether the policies of the template allow a request to a resource, given by its logical id."""
    attached = [it for it in resource_policy(template, resource) if _is_about(it, request) and _names(it, request)]
    own = [] if request.role is None else [it for it in _role_policy(template, request.role) if _is_about(it, request)]
    if any(it["Effect"] == "Deny" for it in (*attached, *own)):
        return False
    return bool(attached or own)


def _role_policy(template: Template, role: str) -> Iterator[Statement]:
    for properties in template.of_type("AWS::IAM::Policy").values():
        if {"Ref": role} in properties["Roles"]:
            yield from properties["PolicyDocument"]["Statement"]


def _is_about(statement: Statement, request: Request) -> bool:
    return (
        any(fnmatchcase(request.action, pattern) for pattern in _listed(statement["Action"]))
        and any(fnmatchcase(request.resource, readable(it)) for it in _listed(statement["Resource"]))
        and all(_holds(operator, keys, request) for operator, keys in statement.get("Condition", {}).items())
    )


def _names(statement: Statement, request: Request) -> bool:
    principal = statement["Principal"]
    if principal in ("*", {"AWS": "*"}):
        return True
    if "Service" in principal:
        return request.service in _listed(principal["Service"])
    return request.role is not None and f"{request.role}.Arn" in [readable(it) for it in _listed(principal["AWS"])]


def _holds(operator: str, keys: Mapping[str, Any], request: Request) -> bool:
    match operator:
        case "Bool" | "StringEquals":
            return all(
                request.context.get(key) in [readable(it) for it in _listed(value)] for key, value in keys.items()
            )
        case "ArnLike":
            return all(
                any(fnmatchcase(request.context.get(key, ""), readable(it)) for it in _listed(value))
                for key, value in keys.items()
            )
        case _:
            raise AssertionError(f"this evaluation does not know the condition operator {operator}")


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
