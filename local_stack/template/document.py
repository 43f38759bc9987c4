"""A CloudFormation template file in JSON: its resources, and the assets that CDK wrote beside it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

FUNCTIONS: Final = ("AWS::Serverless::Function", "AWS::Lambda::Function")


class TemplateInvalid(Exception):
    """The template cannot be read, or contains what the local stack does not support; the message names it."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of a template.

    Attributes:
        name: The logical id.
        type: The resource type, as `AWS::Lambda::Function`.
        properties: Its properties, with intrinsic functions unresolved.
    """

    name: str
    type: str
    properties: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Template:
    """A template as CDK writes it.

    Attributes:
        path: The file.
        resources: By logical id.
        parameters: By name.
    """

    path: Path
    resources: Mapping[str, Resource]
    parameters: Mapping[str, Any]

    def of_type(self, *types: str) -> Iterator[Resource]:
        """The resources of these types."""
        return (resource for resource in self.resources.values() if resource.type in types)

    def only(self, type_: str) -> Resource:
        """The single resource of a type.

        Raises:
            TemplateInvalid: The template has none or several.
        """
        found = [*self.of_type(type_)]
        if len(found) != 1:
            raise TemplateInvalid(f"{self.path.name} must have exactly one {type_}, and has {len(found)}")
        return found[0]

    def functions(self) -> Iterator[Resource]:
        """All functions except those of custom resources, which only CloudFormation invokes during a deployment."""
        providers = [it.properties["ServiceToken"] for it in self.resources.values() if "ServiceToken" in it.properties]
        return (it for it in self.of_type(*FUNCTIONS) if {"Fn::GetAtt": [it.name, "Arn"]} not in providers)

    def asset(self, key: str | None) -> Path:
        """The file that CDK uploads under this key when it deploys.

        Raises:
            TemplateInvalid: The asset manifest does not list it.
        """
        manifest = self.path.with_name(self.path.name.removesuffix(".template.json") + ".assets.json")
        name = Path(key or "").stem
        try:
            path = json.loads(manifest.read_text())["files"][name]["source"]["path"]
        except (OSError, KeyError, ValueError):
            raise TemplateInvalid(
                f"{key or 'code'} of {self.path.name} is not among the assets in {manifest.name}; "
                "keep the template in the folder that CDK wrote"
            ) from None
        return self.path.parent / str(path)


def read_template(path: Path) -> Template:
    """Read a template in JSON.

    Raises:
        TemplateInvalid: The file cannot be read, or is not a CloudFormation template in JSON.
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
        raise TemplateInvalid(f"{path} is not a CloudFormation template in JSON; use one from cdk.out/") from None
    return Template(path, resources, body.get("Parameters", {}))
