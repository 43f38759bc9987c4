"""A CloudFormation template, and what its references mean on one machine."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

ACCOUNT: Final = "123456789012"
PARTITION: Final = "aws"
FUNCTIONS: Final = ("AWS::Serverless::Function", "AWS::Lambda::Function")
# Where a resource's own name stands, for those that have one.
NAMED_BY: Final = {
    "AWS::DynamoDB::Table": "TableName",
    "AWS::IAM::Role": "RoleName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::Serverless::Function": "FunctionName",
}
_VARIABLE: Final = re.compile(r"\$\{(!?)([A-Za-z0-9:.]+)\}")


class TemplateInvalid(Exception):
    """The template cannot be read, or holds what one machine cannot serve; the message says where."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of a template."""

    name: str  # logical
    type: str
    properties: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Template:
    """A template as CDK writes it, and what it finds beside it."""

    path: Path
    resources: Mapping[str, Resource]
    parameters: Mapping[str, Any]

    def of_type(self, *types: str) -> Iterator[Resource]:
        return (resource for resource in self.resources.values() if resource.type in types)

    def functions(self) -> Iterator[Resource]:
        """All functions but those behind custom resources, which CloudFormation alone invokes, while it deploys."""
        providers = [it.properties["ServiceToken"] for it in self.resources.values() if "ServiceToken" in it.properties]
        return (it for it in self.of_type(*FUNCTIONS) if {"Fn::GetAtt": [it.name, "Arn"]} not in providers)


def read_template(path: Path) -> Template:
    """Read a template in JSON.

    Raises:
        TemplateInvalid
    """
    try:
        body = json.loads(path.read_text("utf-8"))
        resources = {
            name: Resource(name, fields["Type"], fields.get("Properties", {}))
            for name, fields in body["Resources"].items()
        }
    except OSError as error:
        raise TemplateInvalid(f"{path} cannot be read ({error.strerror}); write it with `make synth`") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise TemplateInvalid(f"{path} is no CloudFormation template in JSON; give one of cdk.out/") from None
    return Template(path, resources, body.get("Parameters", {}))


@dataclass(frozen=True, slots=True)
class Meanings:
    """Gives what references resolve to.

    Args:
        template: Where they point.
        region: Where the stack pretends to be.
        known: What this machine has for a resource: by `(logical name, attribute)`, and `Ref` as an attribute.
    """

    template: Template
    region: str
    known: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def text(self, value: Any) -> str:
        """A value that has to be text.

        Raises:
            TemplateInvalid: It is not, or not in a way that is understood here.
        """
        resolved = self.of(value)
        if isinstance(resolved, str):
            return resolved
        if isinstance(resolved, bool | int | float):
            return json.dumps(resolved)
        raise TemplateInvalid(f"{self.template.path.name} has to have text where it has {json.dumps(value)}")

    def of(self, value: Any) -> Any:
        """A value with every reference in it resolved.

        Raises:
            TemplateInvalid: It holds a function that is not understood here.
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
                return self.of(items[int(index)])
            case {"Fn::Select": [index, {"Fn::Split": [str(separator), text]}]}:
                return self.text(text).split(separator)[int(index)]
            case {"Fn::Split": [str(separator), text]}:
                return self.text(text).split(separator)
            case dict() if len(value) == 1 and next(iter(value)).startswith("Fn::"):
                raise TemplateInvalid(
                    f"{next(iter(value))} in {self.template.path.name} is not understood here: "
                    f"{json.dumps(value)[:200]}"
                )
            case dict():
                return {name: self.of(it) for name, it in value.items()}
            case list():
                return [self.of(it) for it in value]
            case _:
                return value

    def name(self, resource: Resource) -> str:
        """What a resource is called on this machine: its own name where it has one, else the logical one."""
        own = resource.properties.get(NAMED_BY.get(resource.type, ""))
        return resource.name if own is None else self.text(own)

    def arn(self, resource: Resource) -> str:
        """An ARN as the service writes it, of an account that does not exist."""
        name, where = self.name(resource), f"{self.region}:{ACCOUNT}"
        match resource.type:
            case "AWS::Lambda::Function" | "AWS::Serverless::Function":
                return f"arn:{PARTITION}:lambda:{where}:function:{name}"
            case "AWS::DynamoDB::Table":
                return f"arn:{PARTITION}:dynamodb:{where}:table/{name}"
            case "AWS::S3::Bucket":
                return f"arn:{PARTITION}:s3:::{name}"
            case "AWS::AppSync::GraphQLApi":
                return f"arn:{PARTITION}:appsync:{where}:apis/{name}"
            case "AWS::IAM::Role":
                return f"arn:{PARTITION}:iam::{ACCOUNT}:role/{name}"
            case "AWS::Logs::LogGroup":
                return f"arn:{PARTITION}:logs:{where}:log-group:{name}:*"
            case _:
                service = resource.type.split("::")[1].lower()
                return f"arn:{PARTITION}:{service}:{where}:{name}"

    def _ref(self, name: str) -> Any:
        pseudo = {
            "AWS::Region": self.region, "AWS::AccountId": ACCOUNT, "AWS::Partition": PARTITION,
            "AWS::URLSuffix": "amazonaws.com", "AWS::StackName": self.template.path.name.split(".")[0],
        }  # fmt: skip
        if name in pseudo:
            return pseudo[name]
        if (name, "Ref") in self.known:
            return self.known[name, "Ref"]
        if name in self.template.parameters:
            return self.template.parameters[name].get("Default", "")
        return self.name(self._resource(name))

    def _attribute(self, name: str, attribute: str) -> Any:
        if (name, attribute) in self.known:
            return self.known[name, attribute]
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
            logical, dot, attribute = name.partition(".")
            return self.text({"Fn::GetAtt": [logical, attribute]} if dot else {"Ref": name})

        return _VARIABLE.sub(value, text)
