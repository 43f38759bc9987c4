"""The root fields of a schema: what a caller with IAM may be allowed to call."""

from collections.abc import Iterator
from typing import Final

ROOT_TYPES: Final = ("Query", "Mutation", "Subscription")


def root_fields(schema: str) -> Iterator[tuple[str, str]]:
    """Type and name of every root field; none of a schema that cannot be parsed, which the engine refuses."""
    from graphql import (
        GraphQLSyntaxError,
        ObjectTypeDefinitionNode,
        ObjectTypeExtensionNode,
        SchemaDefinitionNode,
        parse,
    )

    from appsync_local.api.schema import without_semicolons

    try:
        definitions = parse(without_semicolons(schema)).definitions
    except GraphQLSyntaxError:
        return
    named = [it for it in definitions if isinstance(it, SchemaDefinitionNode)]
    roots = {operation.type.name.value for it in named for operation in it.operation_types} or set(ROOT_TYPES)
    for definition in definitions:
        if isinstance(definition, ObjectTypeDefinitionNode | ObjectTypeExtensionNode):
            for field in definition.fields or ():
                if definition.name.value in roots:
                    yield definition.name.value, field.name.value


def called_fields(document: str) -> list[str]:
    """The root fields of an operation, as `Mutation.save`; none of a document that cannot be parsed."""
    from graphql import (
        FieldNode,
        FragmentDefinitionNode,
        FragmentSpreadNode,
        GraphQLSyntaxError,
        InlineFragmentNode,
        OperationDefinitionNode,
        parse,
    )

    try:
        definitions = parse(document).definitions
    except GraphQLSyntaxError:
        return []
    fragments = {it.name.value: it for it in definitions if isinstance(it, FragmentDefinitionNode)}
    found: list[str] = []
    for definition in definitions:
        if not isinstance(definition, OperationDefinitionNode):
            continue
        pending, seen = [*definition.selection_set.selections], set[str]()
        while pending:
            match pending.pop(0):
                case FieldNode(name=name):
                    found.append(f"{definition.operation.value.capitalize()}.{name.value}")
                case InlineFragmentNode(selection_set=inner):
                    pending.extend(inner.selections)
                case FragmentSpreadNode(name=name) if name.value in fragments and name.value not in seen:
                    seen.add(name.value)
                    pending.extend(fragments[name.value].selection_set.selections)
    return found
