"""A synthesised CloudFormation template, with queries for resources and permissions."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

Resource = dict[str, Any]


@dataclass(frozen=True)
class Template:
    """The template of one stack, and the folder it was written to."""

    path: Path

    @cached_property
    def body(self) -> dict[str, Any]:
        body: dict[str, Any] = json.loads(self.path.read_text())
        return body

    @property
    def resources(self) -> dict[str, Resource]:
        found: dict[str, Resource] = self.body["Resources"]
        return found

    def of_type(self, kind: str) -> dict[str, Resource]:
        """Properties of the resources of one type, by logical id."""
        return {
            name: resource.get("Properties", {})
            for name, resource in self.resources.items()
            if resource["Type"] == kind
        }

    def only(self, kind: str) -> Resource:
        """Properties of the one resource of a type."""
        (properties,) = self.of_type(kind).values()
        return properties

    def function(self, handler: str) -> Resource:
        """Properties of a handler's function."""
        (properties,) = (
            it for it in self.of_type("AWS::Serverless::Function").values() if it["Handler"] == f"app.{handler}"
        )
        return properties

    def grants(self, role: Any) -> set[tuple[str, str]]:
        """Return what a role may do: each action with its resource, written with logical ids, and any condition.

        Args:
            role: A reference to the role, such as a function's `Role`.
        """
        (role_id, attribute) = role["Fn::GetAtt"]
        assert attribute == "Arn"
        found = set()
        for properties in self.of_type("AWS::IAM::Policy").values():
            if {"Ref": role_id} in properties["Roles"]:
                found |= set(_allowed(properties["PolicyDocument"]["Statement"]))
        own = self.resources[role_id]["Properties"]
        assert "Policies" not in own
        assert "ManagedPolicyArns" not in own
        return found

    def granted(self, handler: str) -> set[tuple[str, str]]:
        """Return what a handler may do, except writing its own log and sending traces."""
        function = self.function(handler)
        group = function["LoggingConfig"]["LogGroup"]["Ref"]
        grants = self.grants(function["Role"])
        common = {
            ("logs:CreateLogStream", f"{group}.Arn"),
            ("logs:PutLogEvents", f"{group}.Arn"),
            ("xray:PutTraceSegments", "*"),
            ("xray:PutTelemetryRecords", "*"),
        }
        assert common <= grants
        return grants - common


def _allowed(statements: list[Resource]) -> Iterator[tuple[str, str]]:
    for statement in statements:
        assert statement["Effect"] == "Allow"
        assert statement.keys() <= {"Effect", "Action", "Resource", "Condition", "Sid"}
        condition = f" where {json.dumps(statement['Condition'])}" if "Condition" in statement else ""
        for action in _listed(statement["Action"]):
            for resource in _listed(statement["Resource"]):
                yield action, readable(resource) + condition


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def readable(value: Any) -> str:
    """Return a value with its references written as `LogicalId` and `LogicalId.Attribute`."""
    match value:
        case {"Fn::GetAtt": [name, attribute]}:
            return f"{name}.{attribute}"
        case {"Ref": name}:
            return str(name)
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(map(readable, parts))
        case str():
            return value
        case _:
            raise AssertionError(f"no spelling for {value}")
