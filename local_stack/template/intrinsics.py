"""Resolves the references of a CloudFormation template on one machine."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from local_stack.template.attributes import NAME_PROPERTY, arn_of, attribute_of, name_without_own
from local_stack.template.document import Resource, Template, TemplateInvalid
from local_stack.template.evaluation import NO_VALUE, Unknown, as_text, evaluate

VERSIONS: Final = ("AWS::Lambda::Version", "AWS::Lambda::Alias")


@dataclass(frozen=True, slots=True)
class IntrinsicResolver:
    """Resolves the references of one template. A reference that cannot be resolved is refused, never made up.

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
        try:
            return as_text(self.resolve(value))
        except TypeError:
            raise TemplateInvalid(f"expected text, and found {json.dumps(value, default=str)[:200]}") from None

    def resolve(self, value: Any) -> Any:
        """A value with every reference in it resolved.

        Raises:
            TemplateInvalid: It uses an intrinsic function that is not supported, or refers to something that does not
                exist, or that this machine does not have.
        """
        resolved = evaluate(value, self)
        return self.unknown(resolved) if isinstance(resolved, Unknown) else resolved

    def name(self, resource: Resource) -> str:
        """The resource's name: the one that the template gives it, or else its logical id in a form that is a name."""
        own = resource.properties.get(NAME_PROPERTY.get(resource.type, ""))
        return name_without_own(resource.type, resource.name, resource.properties) if own is None else self.text(own)

    def arn(self, resource: Resource) -> str:
        """The ARN as the service writes it, in an account that does not exist.

        Raises:
            TemplateInvalid: It does not follow from the resource's name.
        """
        if resource.type in VERSIONS:
            return self._version(resource)
        arn = arn_of(resource.type, self.name(resource), self.region)
        return self._missing(resource, "Arn") if arn is None else arn

    def function(self, reference: Any) -> Resource:
        """The Lambda function that a name or ARN refers to, also if it is that of a version or an alias.

        Raises:
            TemplateInvalid: The template has no such function.
        """
        text = self.text(reference)
        for function in self.template.functions():
            arn = self.arn(function)
            if text == self.name(function) or text == arn or text.startswith(f"{arn}:"):
                return function
        raise TemplateInvalid(f"{text} is not a function of this stack; add its template beside this one, or define it")

    def text_or_asset(self, resource: Resource, inline: str, stored: str) -> str:
        """A text that the template contains in one property, or that another property stores as an asset.

        Raises:
            TemplateInvalid: The resource has neither property, or the asset is missing.
        """
        if inline in resource.properties:
            return self.text(resource.properties[inline])
        if stored not in resource.properties:
            raise TemplateInvalid(f"it must have {inline} or {stored}, and has neither")
        location = self.resolve(resource.properties[stored])
        if isinstance(location, dict):  # of a state machine: a bucket and a key
            location = location.get("Key")
        file = self.template.asset(self.text(location))
        try:
            return file.read_text("utf-8")
        except OSError as error:
            raise TemplateInvalid(f"{file} cannot be read: {error.strerror}") from None

    def ref(self, name: str) -> Any:
        """See `Names`."""
        return self._value(name, "Ref")

    def attribute(self, name: str, attribute: str) -> Any:
        """See `Names`."""
        if attribute.startswith("Outputs.") and f"{name}-" in self.template.outputs:
            output = attribute.removeprefix("Outputs.")
            found = self.template.outputs[f"{name}-"].get(output)
            if found is None:
                raise TemplateInvalid(f"the nested stack {name} has no output {output}")
            return self.resolve(found)
        return self._value(name, attribute)

    def imported(self, name: str) -> Any:
        """See `Names`."""
        if name not in self.template.exports:
            raise TemplateInvalid(
                f"no template in {self.template.path.parent} exports {name}; put the template of that stack there"
            )
        return self.resolve(self.template.exports[name])

    def unknown(self, value: Unknown) -> Any:
        """See `Names`."""
        raise TemplateInvalid(value.reason)

    def holds(self, condition: str) -> bool | Unknown:
        """See `Names`. Conditions are evaluated before, when a template is read."""
        return Unknown(f"the condition {condition} is not known here")

    def mapped(self, path: tuple[str, str, str]) -> Any:  # noqa: ARG002  # as in `Names`
        """See `Names`. Mappings are read before; only a key that depends on a resource is left."""
        return NO_VALUE

    def _value(self, name: str, attribute: str) -> Any:
        if (name, attribute) in self.local_values:
            return self.local_values[name, attribute]
        given = name if attribute == "Ref" else f"{name}.{attribute}"
        if given in self.template.values:
            return self.template.values[given]
        resource = self._resource(name)
        if resource.type in VERSIONS:
            return self._version_attribute(resource, attribute)
        if (resource.type, attribute) == ("AWS::SSM::Parameter", "Value"):
            return self.text(resource.properties["Value"])
        found = attribute_of(resource.type, self.name(resource), attribute, self.region)
        if found is None and resource.type.startswith("AWS::AppSync::"):
            found = self._of_api_part(resource, attribute)
        return self._missing(resource, attribute) if found is None else found

    def _of_api_part(self, resource: Resource, attribute: str) -> str | None:
        """An attribute of a part of an API: one of its properties, or an id, which is its logical id."""
        if attribute in ("Name", "TypeName", "FieldName") and attribute in resource.properties:
            return self.text(resource.properties[attribute])
        return resource.name if attribute in ("ApiKeyId", "FunctionId", "Ref") else None

    def _version(self, resource: Resource) -> str:
        function = self.arn(self.function(resource.properties["FunctionName"]))
        suffix = self.text(resource.properties["Name"]) if resource.type.endswith("Alias") else "1"
        return f"{function}:{suffix}"

    def _version_attribute(self, resource: Resource, attribute: str) -> str:
        match attribute:
            case "Ref" | "Arn" | "AliasArn" | "FunctionArn" | "FunctionArnWithVersion":
                return self._version(resource)
            case "Version" | "FunctionVersion":
                return "1"
            case _:
                return str(self._missing(resource, attribute))

    def _missing(self, resource: Resource, attribute: str) -> Any:
        what = "Ref" if attribute == "Ref" else f"the attribute {attribute}"
        name = resource.name if attribute == "Ref" else f"{resource.name}.{attribute}"
        raise TemplateInvalid(
            f"{what} of {resource.name} ({resource.type}) is not known on this machine; "
            f"give its value with --parameter {name}=VALUE"
        )

    def _resource(self, name: str) -> Resource:
        try:
            return self.template.resources[name]
        except KeyError:
            raise TemplateInvalid(f"it refers to {name}, which is not a resource of this stack") from None
