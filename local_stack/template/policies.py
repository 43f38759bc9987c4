"""What a role of a template may do.

Conditions are not evaluated: a statement with one counts as if it held. Boundaries, session policies and policies of
the resources' own do not exist here.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from local_stack.template.intrinsics import Meanings, Resource, Template


@dataclass(frozen=True, slots=True)
class Statement:
    """Part of a policy. `*` in actions and resources stands for any text, `?` for any character."""

    allows: bool  # false: it denies, whatever else allows
    actions: tuple[str, ...]
    resources: tuple[str, ...]

    def covers(self, action: str, resource: str) -> bool:
        return any(_pattern(it.lower()).fullmatch(action.lower()) for it in self.actions) and any(
            _pattern(it).fullmatch(resource) for it in self.resources
        )


@dataclass(frozen=True, slots=True)
class Role:
    """A role and everything attached to it."""

    name: str
    statements: tuple[Statement, ...]

    def may(self, action: str, resource: str) -> bool:
        """Source: IAM User Guide, "Policy evaluation logic"."""
        covering = [statement for statement in self.statements if statement.covers(action, resource)]
        return bool(covering) and all(statement.allows for statement in covering)

    def missing(self, action: str, resource: str) -> str:
        """The sentence that AWS refuses with."""
        return (
            f"User: {self.name} is not authorized to perform: {action} on resource: {resource} because no "
            f"identity-based policy allows the {action} action"
        )


def read_roles(template: Template, meanings: Meanings) -> dict[str, Role]:
    """All roles of a template, by ARN.

    Raises:
        TemplateInvalid
    """
    attached = [
        (meanings.of(policy.properties.get("Roles", [])), policy.properties["PolicyDocument"])
        for policy in template.of_type("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")
    ]
    roles = {}
    for resource in template.of_type("AWS::IAM::Role"):
        name = meanings.name(resource)
        documents = [*_inline(resource), *(document for names, document in attached if name in names)]
        statements = tuple(it for document in documents for it in _statements(document, meanings))
        roles[meanings.arn(resource)] = Role(meanings.arn(resource), statements)
    return roles


def _inline(role: Resource) -> Iterable[Mapping[str, Any]]:
    return (policy["PolicyDocument"] for policy in role.properties.get("Policies", []))


def _statements(document: Mapping[str, Any], meanings: Meanings) -> Iterable[Statement]:
    for statement in _listed(document["Statement"]):
        yield Statement(
            allows=statement["Effect"] == "Allow",
            actions=tuple(_listed(meanings.of(statement.get("Action", [])))),
            resources=tuple(_listed(meanings.of(statement.get("Resource", [])))),
        )


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else [value]


@cache
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(re.escape(text).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)
