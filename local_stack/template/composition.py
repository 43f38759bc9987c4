"""Reads a template with everything that belongs to it: nested stacks, and stacks whose exports it imports.

All become one template. The logical ids of a nested stack get the id of the stack as a prefix, so that references stay
unique; the ids of an imported stack get the name of that stack.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from local_stack.template.document import LOCAL, S3, Resource, Template, TemplateInvalid
from local_stack.template.evaluation import Unknown, evaluate
from local_stack.template.loops import LoopInvalid, without_loops
from local_stack.template.parameters import StaticNames, check_values
from local_stack.template.reading import line_of, read_body
from local_stack.template.sam import has_sam_resources, to_cloudformation

NESTED: Final = "AWS::CloudFormation::Stack"
DEEPEST: Final = 10  # levels of nested stacks
_UNFIT: Final = re.compile(r"[^A-Za-z0-9-]+")
SUFFIXES: Final = (".json", ".yaml", ".yml", ".template")
# Properties with the location of a file. A path in them is a file of this machine, until `package` uploads it.
LOCATIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "AWS::AppSync::FunctionConfiguration": (
        "CodeS3Location", "RequestMappingTemplateS3Location", "ResponseMappingTemplateS3Location",
    ),
    "AWS::AppSync::GraphQLSchema": ("DefinitionS3Location",),
    "AWS::AppSync::Resolver": (
        "CodeS3Location", "RequestMappingTemplateS3Location", "ResponseMappingTemplateS3Location",
    ),
    "AWS::CloudFormation::Stack": ("TemplateURL",),
    "AWS::StepFunctions::StateMachine": ("DefinitionS3Location",),
}  # fmt: skip
# The same for properties that are otherwise an object with a bucket and a key.
PACKAGES: Final[Mapping[str, str]] = {"AWS::Lambda::Function": "Code", "AWS::Lambda::LayerVersion": "Content"}


def read_template(path: Path, values: Mapping[str, str] | None = None, *, stack: str | None = None) -> Template:
    """Read a template with its nested stacks, and with the stacks beside it whose exports it imports.

    Args:
        path: The file.
        values: Values of parameters by name; and of references that this machine cannot resolve, by `LogicalId` or
            `LogicalId.Attribute`.
        stack: The name of the stack; None: that of the file.

    Raises:
        TemplateInvalid: The file cannot be read, is not a template, or does not have what `values` names.
    """
    body = read_body(path)
    check_values(values or {}, body)
    composer = _Composer(values or {})
    composer.add(path, body, values or {}, stack=stack or _stack_name(path), prefix="")
    composer.add_imported(path.parent)
    return Template(
        path=path,
        resources=composer.resources,
        outputs=composer.outputs,
        exports=composer.exports,
        values=values or {},
        manifests=tuple(composer.manifests),
        problems=tuple(composer.problems),
        warnings=tuple(composer.warnings),
    )


@dataclass(slots=True)
class _Composer:
    """Collects what the templates contain; the attributes are those of `Template`."""

    values: Mapping[str, str]
    resources: dict[str, Resource] = field(default_factory=dict)
    outputs: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    exports: dict[str, Any] = field(default_factory=dict)
    manifests: dict[Path, None] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    read: set[Path] = field(default_factory=set)

    def add(
        self, path: Path, body: dict[str, Any], given: Mapping[str, Any], *, stack: str, prefix: str, depth: int = 0
    ) -> None:
        """Add a template and those of its nested stacks."""
        self.read.add(path)
        self._add_manifest(path)
        names = StaticNames(body, given, stack=stack, prefix=prefix)
        body = self._without_loops(path, body, names)
        if has_sam_resources(body):
            body = to_cloudformation(body, names.texts, path)
            names = StaticNames(body, given, stack=stack, prefix=prefix)
        for name, declared in body["Resources"].items():
            if self._is_wanted(path, name, declared, names):
                properties = evaluate(declared.get("Properties") or {}, names)
                if not isinstance(properties, dict):
                    reason = properties.reason if isinstance(properties, Unknown) else "its Properties are not known"
                    self._problem(path, prefix + name, reason)
                    continue
                resource = _with_local_files(Resource(prefix + name, declared["Type"], properties, path))
                self.resources[resource.name] = resource
                if resource.type == NESTED:
                    self._add_nested(resource, depth)
        outputs = {
            name: it
            for name, it in (body.get("Outputs") or {}).items()
            if "Condition" not in it or names.holds(it["Condition"]) is True
        }
        self.outputs[prefix] = {name: evaluate(it.get("Value"), names) for name, it in outputs.items()}
        for name, it in outputs.items():
            exported = evaluate((it.get("Export") or {}).get("Name"), names)
            if isinstance(exported, str):
                self.exports[exported] = self.outputs[prefix][name]

    def add_imported(self, folder: Path) -> None:
        """Add the stacks of a folder whose exports are imported, until no import is left or no stack exports it."""
        others = [it for it in sorted(folder.iterdir()) if it.suffix in SUFFIXES and it not in self.read]
        while wanted := {*self._imports()} - self.exports.keys():
            found = next((it for it in others if it not in self.read and self._exports_any(it, wanted)), None)
            if found is None:
                return
            self.add(found, read_body(found), {}, stack=_stack_name(found), prefix=f"{_stack_name(found)}-")

    def _exports_any(self, path: Path, wanted: set[str]) -> bool:
        try:
            body = read_body(path)
        except TemplateInvalid:
            return False  # another file of the folder
        names = StaticNames(body, {}, stack=_stack_name(path), prefix="")
        exported = ((it.get("Export") or {}).get("Name") for it in (body.get("Outputs") or {}).values())
        return any(evaluate(it, names) in wanted for it in exported if it is not None)

    def _imports(self) -> Iterator[str]:
        waiting: list[Any] = [it.properties for it in self.resources.values()]
        waiting.extend(it for outputs in self.outputs.values() for it in outputs.values())
        while waiting:
            match waiting.pop():
                case {"Fn::ImportValue": str(name)}:
                    yield name
                case dict(members):
                    waiting.extend(members.values())
                case list(items):
                    waiting.extend(items)

    def _without_loops(self, path: Path, body: dict[str, Any], names: StaticNames) -> dict[str, Any]:
        """The template with the loops of its resources written out; without those that cannot be."""
        resources: dict[str, Any] = {}
        for name, declared in body["Resources"].items():
            try:
                written = without_loops({name: declared}, names)
            except LoopInvalid as invalid:
                self._problem(path, name, str(invalid))
                continue
            for logical_id, resource in written.items():
                if isinstance(resource, dict) and isinstance(resource.get("Type"), str):
                    resources[logical_id] = resource
                else:
                    self._problem(path, name, f"{logical_id} has no Type")
        return {**body, "Resources": resources}

    def _add_nested(self, resource: Resource, depth: int) -> None:
        location, parameters = resource.properties.get("TemplateURL"), resource.properties.get("Parameters") or {}
        try:
            if depth == DEEPEST:
                raise TemplateInvalid(f"stacks are nested more than {DEEPEST} deep")
            if not isinstance(location, str):
                raise TemplateInvalid("the location of its template is not known")
            known = Template(resource.file, {}, manifests=tuple(self.manifests))
            path = known.asset(location.removeprefix("https://"))
            body = read_body(path)
        except TemplateInvalid as invalid:
            self._problem(resource.file, resource.name, str(invalid))
            return
        self.add(path, body, parameters, stack=resource.name, prefix=f"{resource.name}-", depth=depth + 1)

    def _is_wanted(self, path: Path, name: str, declared: Mapping[str, Any], names: StaticNames) -> bool:
        if "Condition" not in declared:
            return True
        holds = names.holds(declared["Condition"])
        if isinstance(holds, Unknown):
            self._problem(path, name, holds.reason)
            return False
        return holds

    def _add_manifest(self, path: Path) -> None:
        manifest = path.with_name(path.name.removesuffix(".template.json") + ".assets.json")
        if manifest.is_file():
            self.manifests[manifest] = None

    def _problem(self, path: Path, name: str, message: str) -> None:
        self.problems.append(f"{path}:{line_of(path, name.rpartition('-')[2])}: {name}: {message}")


def _with_local_files(resource: Resource) -> Resource:
    """The resource, with the paths of local files marked as such."""
    changed: dict[str, Any] = {}
    for name in LOCATIONS.get(resource.type, ()):
        value = resource.properties.get(name)
        if isinstance(value, str) and not value.startswith((S3, "http:", "https:", LOCAL)):
            changed[name] = _local(resource.file, value)
    package = PACKAGES.get(resource.type, "")
    value = resource.properties.get(package)
    if isinstance(value, str) and not value.startswith(S3):
        changed[package] = {"S3Bucket": "local", "S3Key": _local(resource.file, value)}
    if not changed:
        return resource
    return Resource(resource.name, resource.type, {**resource.properties, **changed}, resource.file)


def _local(template: Path, path: str) -> str:
    return f"{LOCAL}{(template.parent / path).resolve()}"


def _stack_name(path: Path) -> str:
    """The name of a stack that has none here: that of its file, or of the folder of a `template.yaml`."""
    name = path.name.split(".")[0]
    return _UNFIT.sub("-", path.resolve().parent.name).strip("-") or name if name == "template" else name
