"""One question for each root field of the schema, with arguments that name a job. A new field gets one by itself."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
    is_required_argument,
    is_required_input_field,
)

from appsync_local.api.schema import load_schema
from infrastructure.backend_fields import backend_fields

JOB_ID = "jobId"
SAMPLES: Mapping[str, Any] = {
    "ID": "b64d4b0e-5a5e-4f0e-9a6b-0d6f4a1f7c11", "String": "local.textrank", "Int": 1, "Float": 1.0, "Boolean": True,
    "AWSJSON": "{}",
}  # fmt: skip


@dataclass(frozen=True)
class Question:
    """One operation on one root field.

    Attributes:
        field: As `Query.getInference`.
        text: The document, with one variable for each argument.
        arguments: Values of the variables; where a job's id belongs, they have `JOB_ID` as the value.
        is_backends: Whether the field is the backend's alone.
    """

    field: str
    text: str
    arguments: Mapping[str, Any]
    is_backends: bool

    @property
    def names_a_job(self) -> bool:
        return JOB_ID in _values(self.arguments)

    def about(self, job_id: str) -> Mapping[str, Any]:
        """The variables, for one job."""
        filled: Mapping[str, Any] = _filled(self.arguments, job_id)
        return filled


def questions(graphql: Path, special: Mapping[str, Mapping[str, Any]]) -> list[Question]:
    """A question for every query and mutation of a schema.

    Args:
        graphql: The folder with the schema.
        special: Arguments of fields that need other ones than the generated, by field.
    """
    schema = load_schema(graphql / "schema.graphql")
    closed = frozenset(backend_fields((graphql / "schema.graphql").read_text()))
    found = []
    for root in (schema.query_type, schema.mutation_type):
        assert root is not None
        for name, field in root.fields.items():
            coordinate = f"{root.name}.{name}"
            found.append(_question(schema, root, name, field, closed, special.get(coordinate)))
    return found


def subscriptions(graphql: Path) -> list[Question]:
    """A question for every subscription of a schema."""
    schema = load_schema(graphql / "schema.graphql")
    closed = frozenset(backend_fields((graphql / "schema.graphql").read_text()))
    root = schema.subscription_type
    assert root is not None
    return [_question(schema, root, name, field, closed, None) for name, field in root.fields.items()]


def secret_fields(graphql: Path) -> list[Question]:
    """A question for every field below a job that only the backend may select, through a query of callers."""
    schema = load_schema(graphql / "schema.graphql")
    query = schema.query_type
    assert query is not None
    return [
        Question(f"Query.{name} {{ {selected} }}", _text("query", name, field, f"{{ {selected} }}"),
                 _arguments(field), is_backends=False)
        for coordinate in backend_fields((graphql / "schema.graphql").read_text())
        for type_name, _, selected in (coordinate.partition("."),)
        if type_name not in ("Query", "Mutation", "Subscription")
        for name, field in query.fields.items()
        if get_named_type(field.type).name == type_name and any(_values({"": _arguments(field)}))
    ]  # fmt: skip


def _question(
    schema: GraphQLSchema,
    root: GraphQLObjectType,
    name: str,
    field: GraphQLField,
    closed: frozenset[str],
    special: Mapping[str, Any] | None,
) -> Question:
    coordinate = f"{root.name}.{name}"
    is_backends = coordinate in closed
    selection = _selection(field.type, frozenset() if is_backends else closed, depth=4)
    text = _text(root.name.lower(), name, field, selection)
    return Question(coordinate, text, _arguments(field) if special is None else special, is_backends)


def _text(operation: str, name: str, field: GraphQLField, selection: str) -> str:
    variables = ", ".join(f"${argument}: {it.type}" for argument, it in field.args.items())
    passed = ", ".join(f"{argument}: ${argument}" for argument in field.args)
    return (
        f"{operation}({variables}) {{ {name}({passed}) {selection} }}"
        if passed
        else (f"{operation} {{ {name} {selection} }}")
    )


def _arguments(field: GraphQLField) -> Mapping[str, Any]:
    return {
        name: _value(name, it.type)
        for name, it in field.args.items()
        if name == JOB_ID or is_required_argument(it)
    }  # fmt: skip


def _value(name: str, type_: GraphQLInputType) -> Any:
    if name == JOB_ID:
        return JOB_ID
    nullable = get_nullable_type(type_)
    if is_list_type(nullable):
        return []
    match nullable:
        case GraphQLInputObjectType(fields=fields):
            return {
                inner: _value(inner, it.type)
                for inner, it in fields.items()
                if inner == JOB_ID or is_required_input_field(it)
            }
        case GraphQLEnumType(values=values):
            return next(iter(values))
    assert not isinstance(nullable, GraphQLNonNull)
    return SAMPLES[get_named_type(type_).name]


def _selection(type_: GraphQLOutputType, left_out: frozenset[str], *, depth: int) -> str:
    named = get_named_type(type_)
    if is_leaf_type(named):
        return ""
    assert isinstance(named, GraphQLObjectType)
    fields = [
        f"{name} {_selection(it.type, left_out, depth=depth - 1)}"
        for name, it in named.fields.items()
        if f"{named.name}.{name}" not in left_out and (depth > 1 or is_leaf_type(get_named_type(it.type)))
    ]
    return f"{{ {' '.join(fields)} }}"


def _values(value: Any) -> Iterator[Any]:
    match value:
        case dict():
            for it in value.values():
                yield from _values(it)
        case _:
            yield value


def _filled(value: Any, job_id: str) -> Any:
    if isinstance(value, Mapping):
        return {name: _filled(it, job_id) for name, it in value.items()}
    return job_id if value == JOB_ID else value
