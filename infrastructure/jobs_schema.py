"""The schema of the jobs for an API with other modes and other types than our own."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from graphql import (
    ConstDirectiveNode,
    DefinitionNode,
    EnumTypeDefinitionNode,
    FieldDefinitionNode,
    InputObjectTypeDefinitionNode,
    NamedTypeNode,
    NameNode,
    ObjectTypeDefinitionNode,
    SchemaDefinitionNode,
    Visitor,
    parse,
    print_ast,
    visit,
)

from appsync_local.api.model import AuthMode

ROOT_TYPES: Final = ("Query", "Mutation", "Subscription")
# Modes whose callers have an owner: the `sub` that AppSync or the API's own authorizer verified.
CALLER_DIRECTIVES: Final = {
    AuthMode.COGNITO: "aws_cognito_user_pools",
    AuthMode.OIDC: "aws_oidc",
    AuthMode.LAMBDA: "aws_lambda",
}
OURS: Final = frozenset({"aws_cognito_user_pools", "aws_lambda"})  # the modes of callers in our own schema
GIVEN: Final = frozenset({  # type names that GraphQL and AppSync define
    "ID", "Int", "String", "Float", "Boolean", "AWSDate", "AWSDateTime", "AWSEmail", "AWSIPAddress", "AWSJSON",
    "AWSPhone", "AWSTime", "AWSTimestamp", "AWSURL",
})  # fmt: skip
_PREFIX: Final = re.compile(r"[A-Z][A-Za-z0-9]*")


class ApiUnfit(Exception):
    """The jobs cannot be added to an API; the message says why, and what to change."""


def caller_modes(modes: Sequence[AuthMode]) -> tuple[AuthMode, ...]:
    """The modes of an API by which callers may use the jobs.

    Callers with an API key have no owner. Callers that sign with IAM have none either: a role is not a person.

    Raises:
        ApiUnfit: The API has no such mode, or lacks the one by which the worker reports.
    """
    found = tuple(mode for mode in modes if mode in CALLER_DIRECTIVES)
    if not found:
        names = ", ".join(mode.value for mode in modes)
        raise ApiUnfit(
            f"callers of this API have no owner: its modes are {names}, and a job belongs to the verified `sub` of its "
            "caller; add a user pool, an OpenID Connect provider or a Lambda authorizer to the modes of the API"
        )
    if AuthMode.IAM not in modes:
        raise ApiUnfit(
            "the API has no mode AWS_IAM, and workers sign their reports with their role; add it to "
            "additional_authorization_modes of the API"
        )
    return found


def jobs_schema(schema: str, *, modes: Sequence[AuthMode], type_prefix: str) -> tuple[DefinitionNode, ...]:
    """The definitions of our own schema for another API.

    Args:
        schema: Our own schema's text.
        modes: The modes of the API.
        type_prefix: The names of all types begin with it, except those of Query, Mutation and Subscription.

    Raises:
        ApiUnfit: A type's name cannot begin with the prefix, or `caller_modes` refuses the modes.
    """
    if type_prefix and not _PREFIX.fullmatch(type_prefix):
        raise ApiUnfit(
            f"type_prefix must be letters and digits and begin with a capital, such as Longcall, but is {type_prefix!r}"
        )
    directives = tuple(CALLER_DIRECTIVES[mode] for mode in caller_modes(modes))
    document = visit(parse(schema, no_location=True), _Adapting(type_prefix, directives))
    return tuple(it for it in document.definitions if not isinstance(it, SchemaDefinitionNode))


def schema_text(definitions: Sequence[DefinitionNode]) -> str:
    """The definitions as the schema of an API of their own."""
    block = "".join(f"\n  {name.lower()}: {name}" for name in ROOT_TYPES)
    return "\n\n".join((*map(print_ast, definitions), f"schema {{{block}\n}}\n"))


class _Adapting(Visitor):
    """Adds the prefix to types, and allows the callers of the API's modes where our schema allows our callers."""

    def __init__(self, type_prefix: str, directives: tuple[str, ...]) -> None:
        super().__init__()
        self._type_prefix = type_prefix
        self._directives = directives

    def leave_named_type(self, node: NamedTypeNode, *_: Any) -> NamedTypeNode:
        return replace(node, name=self._renamed(node.name))

    def leave_enum_type_definition(self, node: EnumTypeDefinitionNode, *_: Any) -> EnumTypeDefinitionNode:
        return replace(node, name=self._renamed(node.name))

    def leave_input_object_type_definition(
        self, node: InputObjectTypeDefinitionNode, *_: Any
    ) -> InputObjectTypeDefinitionNode:
        return replace(node, name=self._renamed(node.name))

    def leave_object_type_definition(self, node: ObjectTypeDefinitionNode, *_: Any) -> ObjectTypeDefinitionNode:
        return replace(node, name=self._renamed(node.name), directives=tuple(self._adapted(node.directives)))

    def leave_field_definition(self, node: FieldDefinitionNode, *_: Any) -> FieldDefinitionNode:
        return replace(node, directives=tuple(self._adapted(node.directives)))

    def _renamed(self, name: NameNode) -> NameNode:
        kept = name.value in GIVEN or name.value in ROOT_TYPES
        return name if kept else NameNode(value=f"{self._type_prefix}{name.value}")

    def _adapted(self, directives: Sequence[ConstDirectiveNode] | None) -> Iterator[ConstDirectiveNode]:
        named = {it.name.value for it in directives or ()}
        yield from (it for it in directives or () if it.name.value not in OURS)
        if named & OURS:
            yield from (ConstDirectiveNode(name=NameNode(value=name), arguments=()) for name in self._directives)
