"""The fields of the schema that only the backend may use."""

from collections.abc import Iterator

from graphql import DirectiveNode, FieldDefinitionNode, ObjectTypeDefinitionNode, parse

CALLERS = frozenset({"aws_lambda", "aws_cognito_user_pools", "aws_oidc", "aws_auth"})
BACKEND = frozenset({"aws_iam", "aws_api_key"})


def backend_fields(schema: str) -> tuple[str, ...]:
    """The fields whose directives let in the backend and no caller.

    A field without a directive of its own has the directives of its type.

    Args:
        schema: The schema's text.

    Returns:
        Each field as `Type.field`, in the order of the schema.
    """
    return tuple(
        f"{it.name.value}.{field.name.value}"
        for it in parse(schema).definitions
        if isinstance(it, ObjectTypeDefinitionNode)
        for field in it.fields or ()
        if _is_closed_to_callers(it, field)
    )


def _is_closed_to_callers(it: ObjectTypeDefinitionNode, field: FieldDefinitionNode) -> bool:
    names = frozenset(_authorization(field.directives)) or frozenset(_authorization(it.directives))
    return bool(names & BACKEND) and not names & CALLERS


def _authorization(directives: tuple[DirectiveNode, ...] | None) -> Iterator[str]:
    return (it.name.value for it in directives or () if it.name.value in CALLERS | BACKEND)
