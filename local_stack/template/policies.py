"""What a template's roles and resource policies allow.

Conditions are not evaluated: a statement with a condition applies always. Permissions boundaries, session policies and
the resource policies of anything but Lambda functions are not supported. What a policy of AWS or a role of another
stack allows is not in the template: the policies of `managed_policies` are known, and the others are taken to allow
everything, with a warning.
"""

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from local_stack.template.document import Resource, Template, TemplateInvalid
from local_stack.template.intrinsics import IntrinsicResolver
from local_stack.template.managed_policies import PREFIX, actions_of


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement of a policy. In actions and resources, `*` matches any text and `?` any character.

    Attributes:
        allows: Whether the effect is Allow; a matching Deny overrides every Allow.
        actions: Patterns of actions.
        resources: Patterns of ARNs.
    """

    allows: bool
    actions: tuple[str, ...]
    resources: tuple[str, ...]

    def matches(self, action: str, resource: str) -> bool:
        """Whether the statement is about this action on this resource."""
        return any(_pattern(it.lower()).fullmatch(action.lower()) for it in self.actions) and any(
            _pattern(it).fullmatch(resource) for it in self.resources
        )


@dataclass(frozen=True, slots=True)
class Role:
    """A role with the statements of all its policies."""

    arn: str
    statements: tuple[Statement, ...]

    def may(self, action: str, resource: str) -> bool:
        """Whether the role is allowed an action. Source: IAM User Guide, "Policy evaluation logic"."""
        matching = [statement for statement in self.statements if statement.matches(action, resource)]
        return bool(matching) and all(statement.allows for statement in matching)

    def denial(self, action: str, resource: str) -> str:
        """The message that AWS refuses the action with."""
        return (
            f"User: {self.arn} is not authorized to perform: {action} on resource: {resource} because no "
            f"identity-based policy allows the {action} action"
        )


EVERYTHING: Final = Statement(allows=True, actions=("*",), resources=("*",))


class Permissions:
    """Roles and function policies of a template.

    Attributes:
        warnings: Roles and policies whose rights are not known here, one sentence each.

    Raises:
        TemplateInvalid: A policy refers to something that the template does not contain.
    """

    def __init__(self, template: Template, intrinsics: IntrinsicResolver) -> None:
        self._template = template
        self._intrinsics = intrinsics
        self.warnings: list[str] = []
        self._policies = {
            intrinsics.text({"Ref": it.name}): tuple(_statements(it.properties.get("PolicyDocument"), intrinsics))
            for it in template.of_type("AWS::IAM::ManagedPolicy")
        }
        self._roles = self._read_roles()

    def role(self, reference: Any) -> Role:
        """The role that a reference points to. Without a reference, a role without rights."""
        if reference is None:
            return Role("no role", ())
        arn = self._intrinsics.text(reference)
        if arn not in self._roles:
            self._warn(f"the role {arn} is not one of this template, so it is taken to allow everything")
            self._roles[arn] = Role(arn, (EVERYTHING,))
        return self._roles[arn]

    def lets_service_invoke(self, function: Resource, principal: str, source: str) -> bool:
        """Whether the function's resource policy lets a service invoke it on behalf of the resource `source`."""
        for it in self._template.of_type("AWS::Lambda::Permission"):
            target = next(iter(_known(it.properties["FunctionName"], self._intrinsics)), "")
            arn, name = self._intrinsics.arn(function), self._intrinsics.name(function)
            if target in (arn, name) or target.startswith(f"{arn}:"):  # a version or an alias
                sources = [*_known(it.properties.get("SourceArn", "*"), self._intrinsics)]
                if it.properties["Principal"] == principal and any(_pattern(it).fullmatch(source) for it in sources):
                    return True
        return False

    def _read_roles(self) -> dict[str, Role]:
        attached = [
            ([*_known(policy.properties.get("Roles", []), self._intrinsics)], policy.properties.get("PolicyDocument"))
            for policy in self._template.of_type("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")
        ]
        roles = {}
        for resource in self._template.of_type("AWS::IAM::Role"):
            name, arn = self._intrinsics.name(resource), self._intrinsics.arn(resource)
            documents = [*_inline(resource), *(document for names, document in attached if name in names)]
            own = (it for document in documents for it in _statements(document, self._intrinsics))
            managed = (it for policy in _known(resource.properties.get("ManagedPolicyArns", []), self._intrinsics)
                       for it in self._of_policy(str(policy), name))  # fmt: skip
            roles[arn] = Role(arn, (*own, *managed))
        return roles

    def _of_policy(self, arn: str, role: str) -> tuple[Statement, ...]:
        """The statements of a policy that a role names."""
        if arn in self._policies:
            return self._policies[arn]
        actions = actions_of(arn) if arn.startswith(PREFIX) else None
        if actions is None:
            self._warn(f"what the policy {arn} of {role} allows is not known here, so it is taken to allow everything")
            return (EVERYTHING,)
        return (Statement(allows=True, actions=actions, resources=("*",)),)

    def _warn(self, sentence: str) -> None:
        if sentence not in self.warnings:
            self.warnings.append(sentence)


def _inline(role: Resource) -> Iterable[Any]:
    policies = role.properties.get("Policies") or []
    return (it.get("PolicyDocument") for it in policies if isinstance(it, dict)) if isinstance(policies, list) else ()


def _statements(document: Any, intrinsics: IntrinsicResolver) -> Iterable[Statement]:
    """The statements of a policy. One that AWS would refuse allows nothing."""
    for statement in _as_list(document.get("Statement", [])) if isinstance(document, dict) else ():
        if isinstance(statement, dict):
            yield Statement(
                allows=statement.get("Effect") == "Allow",
                actions=tuple(_known(statement.get("Action", []), intrinsics)),
                resources=tuple(_known(statement.get("Resource", []), intrinsics)),
            )


def _known(value: Any, intrinsics: IntrinsicResolver) -> Iterable[str]:
    """The texts of a statement. One that refers to something that this machine does not have matches nothing here."""
    for it in _as_list(value):
        with suppress(TemplateInvalid):
            yield from (text for text in _as_list(intrinsics.resolve(it)) if isinstance(text, str))


def _as_list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else [value]


@cache
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(re.escape(text).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)
