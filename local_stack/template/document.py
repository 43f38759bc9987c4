"""A CloudFormation template as the local stack reads it: its resources, and the files beside it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

FUNCTIONS: Final = ("AWS::Serverless::Function", "AWS::Lambda::Function")
TABLES: Final = ("AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable")
# A location that names a file of this machine. CloudFormation's own locations are in S3, and name an asset.
LOCAL: Final = "file:"
S3: Final = "s3://"


class TemplateInvalid(Exception):
    """The template cannot be read, or contains what the local stack does not support; the message names it."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of a template.

    Attributes:
        name: The logical id; in a nested stack, behind those of the stacks around it, as `Nested-Table`.
        type: The resource type, as `AWS::Lambda::Function`.
        properties: Its properties. What depends on parameters, conditions and mappings alone is resolved; references to
            other resources are not.
        file: The template that declares it.
    """

    name: str
    type: str
    properties: Mapping[str, Any]
    file: Path = Path()


@dataclass(frozen=True, slots=True)
class Template:
    """A template, with those of its nested stacks and of the stacks whose exports it imports.

    Attributes:
        path: The file.
        resources: By logical id.
        outputs: Of nested stacks, by logical id of the stack and name of the output.
        exports: Values that other stacks export, by the name of the export.
        values: Values that were given for references that this machine cannot resolve, by `Name` or `Name.Attribute`.
        manifests: CDK's lists of the assets that belong to the template.
        problems: What cannot be run, one sentence each.
        warnings: What is left out, one sentence each.
    """

    path: Path
    resources: Mapping[str, Resource]
    outputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    exports: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)
    manifests: tuple[Path, ...] = ()
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def of_type(self, *types: str) -> Iterator[Resource]:
        """The resources of these types."""
        return (resource for resource in self.resources.values() if resource.type in types)

    def functions(self) -> Iterator[Resource]:
        """All functions except those of custom resources, which only CloudFormation invokes during a deployment."""
        providers = [it.properties["ServiceToken"] for it in self.resources.values() if "ServiceToken" in it.properties]
        return (it for it in self.of_type(*FUNCTIONS) if {"Fn::GetAtt": [it.name, "Arn"]} not in providers)

    def asset(self, location: str | None) -> Path:
        """The file or folder at a location: a file beside the template, or what CDK uploads under a key.

        Raises:
            TemplateInvalid: There is no such file, or the asset manifests do not list it.
        """
        if location is not None and location.startswith(LOCAL):
            path = Path(location.removeprefix(LOCAL))
            if not path.exists():
                raise TemplateInvalid(f"{_shown(path, self.path.parent)} does not exist")
            return path
        name = Path(location or "").stem
        for manifest in self.manifests:
            try:
                return manifest.parent / str(json.loads(manifest.read_text("utf-8"))["files"][name]["source"]["path"])
            except (OSError, KeyError, ValueError):
                continue
        if (beside := _beside(self.path.parent, location or "")) is not None:
            return beside
        manifest = self.path.with_name(self.path.name.removesuffix(".template.json") + ".assets.json")
        raise TemplateInvalid(
            f"{location or 'its code'} is neither a file beside the template nor among the assets in {manifest.name}; "
            "keep the template in the folder that it was written to, or start the template that names local files"
        )


def _beside(folder: Path, location: str) -> Path | None:
    """The file of the longest part of an S3 location that exists beside the template, as after `sam package`."""
    parts = [it for it in location.removeprefix(S3).split("/") if it not in ("", ".", "..")]
    for first in range(1, len(parts)):
        path = folder.joinpath(*parts[first:])
        if path.exists():
            return path
    return None


def _shown(path: Path, folder: Path) -> str:
    return str(path.relative_to(folder) if path.is_relative_to(folder) else path)
