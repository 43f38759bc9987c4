"""Resolves intrinsic functions of a CloudFormation template (`Ref`, `Fn::GetAtt`, `Fn::Join`, …) on one machine."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from local_stack.template.document import Resource, Template, TemplateInvalid

ACCOUNT: Final = "123456789012"
PARTITION: Final = "aws"
# The property with a resource's own name, for the types that have one.
NAME_PROPERTY: Final = {
    "AWS::DynamoDB::Table": "TableName",
    "AWS::IAM::Role": "RoleName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::Serverless::Function": "FunctionName",
}
_VARIABLE: Final = re.compile(r"\$\{(!?)([A-Za-z0-9:.]+)\}")


@dataclass(frozen=True, slots=True)
class IntrinsicResolver:
    """Resolves the references of one template.

    Args:
        template: The template that references point into.
        region: The region that the stack runs in, by name only.
        local_values: Values that this machine has for attributes of resources, by `(logical id, attribute)`; `Ref`
            counts as an attribute.
    """

    template: Template
    region: str
    local_values: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def text(self, value: Any) -> str:
        """The text that a value resolves to; numbers and booleans as JSON.

        Raises:
            TemplateInvalid: The value does not resolve to text, or uses an intrinsic function that is not supported.
        """
        resolved = self.resolve(value)
        if isinstance(resolved, str):
            return resolved
        if isinstance(resolved, bool | int | float):
            return json.dumps(resolved)
        raise TemplateInvalid(f"{self.template.path.name}: expected text, and found {json.dumps(value)}")

    def resolve(self, value: Any) -> Any:
        """A value with every reference in it resolved.

        Raises:
            TemplateInvalid: It uses an intrinsic function that is not supported, or refers to a missing resource.
        """
        match value:
            case {"Ref": str(name)} if len(value) == 1:
                return self._ref(name)
            case {"Fn::GetAtt": [str(name), str(attribute)]}:
                return self._attribute(name, attribute)
            case {"Fn::Join": [str(separator), list(parts)]}:
                return separator.join(self.text(part) for part in parts)
            case {"Fn::Sub": str(text)}:
                return self._substitute(text, {})
            case {"Fn::Sub": [str(text), dict(variables)]}:
                return self._substitute(text, {name: self.text(it) for name, it in variables.items()})
            case {"Fn::Select": [index, list(items)]}:
                return self.resolve(items[int(index)])
            case {"Fn::Select": [index, {"Fn::Split": [str(separator), text]}]}:
                return self.text(text).split(separator)[int(index)]
            case {"Fn::Split": [str(separator), text]}:
                return self.text(text).split(separator)
            case dict() if len(value) == 1 and next(iter(value)).startswith("Fn::"):
                raise TemplateInvalid(
                    f"{next(iter(value))} in {self.template.path.name} is not supported by the local stack: "
                    f"{json.dumps(value)[:200]}"
                )
            case dict():
                return {name: self.resolve(it) for name, it in value.items()}
            case list():
                return [self.resolve(it) for it in value]
            case _:
                return value

    def name(self, resource: Resource) -> str:
        """The resource's name: the one that the template gives it, or else its logical id."""
        own = resource.properties.get(NAME_PROPERTY.get(resource.type, ""))
        return resource.name if own is None else self.text(own)

    def arn(self, resource: Resource) -> str:
        """The ARN as the service writes it, in an account that does not exist."""
        name, location = self.name(resource), f"{self.region}:{ACCOUNT}"
        match resource.type:
            case "AWS::Lambda::Function" | "AWS::Serverless::Function":
                return f"arn:{PARTITION}:lambda:{location}:function:{name}"
            case "AWS::DynamoDB::Table":
                return f"arn:{PARTITION}:dynamodb:{location}:table/{name}"
            case "AWS::S3::Bucket":
                return f"arn:{PARTITION}:s3:::{name}"
            case "AWS::AppSync::GraphQLApi":
                return f"arn:{PARTITION}:appsync:{location}:apis/{name}"
            case "AWS::IAM::Role":
                return f"arn:{PARTITION}:iam::{ACCOUNT}:role/{name}"
            case "AWS::Logs::LogGroup":
                return f"arn:{PARTITION}:logs:{location}:log-group:{name}:*"
            case _:
                service = resource.type.split("::")[1].lower()
                return f"arn:{PARTITION}:{service}:{location}:{name}"

    def function(self, reference: Any) -> Resource:
        """The Lambda function that a name or ARN refers to.

        Raises:
            TemplateInvalid: The template has no such function.
        """
        text = self.text(reference)
        for function in self.template.functions():
            if text in (self.arn(function), self.name(function)):
                return function
        raise TemplateInvalid(f"{text} in {self.template.path.name} is not a function of this stack")

    def text_or_asset(self, resource: Resource, inline: str, stored: str) -> str:
        """A text that the template contains in one property, or that another property stores as an asset.

        Raises:
            TemplateInvalid: The resource has neither property, or the asset is missing.
        """
        if inline in resource.properties:
            return self.text(resource.properties[inline])
        if stored not in resource.properties:
            raise TemplateInvalid(f"{resource.name} must have {inline} or {stored}, and has neither")
        return self.template.asset(self.text(resource.properties[stored])).read_text("utf-8")

    def _ref(self, name: str) -> Any:
        pseudo_parameters = {
            "AWS::Region": self.region, "AWS::AccountId": ACCOUNT, "AWS::Partition": PARTITION,
            "AWS::URLSuffix": "amazonaws.com", "AWS::StackName": self.template.path.name.split(".")[0],
        }  # fmt: skip
        if name in pseudo_parameters:
            return pseudo_parameters[name]
        if (name, "Ref") in self.local_values:
            return self.local_values[name, "Ref"]
        if name in self.template.parameters:
            return self.template.parameters[name].get("Default", "")
        return self.name(self._resource(name))

    def _attribute(self, name: str, attribute: str) -> Any:
        if (name, attribute) in self.local_values:
            return self.local_values[name, attribute]
        resource = self._resource(name)
        match resource.type, attribute:
            case _, "Arn" | "FunctionArn" | "TopicArn":
                return self.arn(resource)
            case "AWS::AppSync::GraphQLApi", "ApiId":
                return self.name(resource)
            case "AWS::AppSync::DataSource", "Name":
                return self.text(resource.properties["Name"])
            case _:
                return f"{name}.{attribute}"

    def _resource(self, name: str) -> Resource:
        try:
            return self.template.resources[name]
        except KeyError:
            raise TemplateInvalid(f"{self.template.path.name} refers to {name}, and has no such resource") from None

    def _substitute(self, text: str, variables: Mapping[str, str]) -> str:
        def value(match: re.Match[str]) -> str:
            literal, name = match.groups()
            if literal:
                return f"${{{name}}}"
            if name in variables:
                return variables[name]
            logical_id, dot, attribute = name.partition(".")
            return self.text({"Fn::GetAtt": [logical_id, attribute]} if dot else {"Ref": name})

        return _VARIABLE.sub(value, text)
