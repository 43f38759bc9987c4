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
    from graphql import FieldNode, GraphQLSyntaxError, OperationDefinitionNode, parse

    try:
        definitions = parse(document).definitions
    except GraphQLSyntaxError:
        return []
    return [
        f"{definition.operation.value.capitalize()}.{selected.name.value}"
        for definition in definitions
        if isinstance(definition, OperationDefinitionNode)
        for selected in definition.selection_set.selections
        if isinstance(selected, FieldNode)
    ]
