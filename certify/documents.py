"""GraphQL documents for every field of the schema that is about a job, as another owner would try them. Pure.

A new field of the schema gets its documents by itself.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    OperationType,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
    is_required_argument,
    is_required_input_field,
)

JOB_ID: Final = "jobId"
OWNER: Final = "owner"
DEPTH: Final = 4
MOST_CHOICES: Final = 8  # of an enum
SAMPLES: Final[Mapping[str, Any]] = {
    "ID": "b64d4b0e-5a5e-4f0e-9a6b-0d6f4a1f7c11", "String": "simulated.story", "Int": 1, "Float": 1.0, "Boolean": True,
    "AWSJSON": "{}",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Trial:
    """One operation about a job.

    Attributes:
        field: As `Query.getInference`.
        operation: Query, mutation or subscription.
        text: The document, with one variable for each argument.
        arguments: Values of the variables; `JOB_ID` stands for the job's id.
    """

    field: str
    operation: OperationType
    text: str
    arguments: Mapping[str, Any]

    def about(self, job_id: str) -> Mapping[str, Any]:
        """The variables for one job."""
        filled: Mapping[str, Any] = _filled(self.arguments, job_id)
        return filled


def trials(schema: GraphQLSchema, backend_fields: frozenset[str]) -> list[Trial]:
    """Each field that takes a job's id or returns jobs: plainly, and with aliases and fragments.

    Args:
        schema: The schema.
        backend_fields: As `Type.field`: fields that only the backend may select. They are tried separately, because an
            operation that selects one of them may be refused as a whole.
    """
    found: list[Trial] = []
    for operation in (OperationType.QUERY, OperationType.MUTATION, OperationType.SUBSCRIPTION):
        root = schema.get_root_type(operation)
        for name, field in (root.fields if root else {}).items():
            if JOB_ID in _names(field) or OWNER in _output_names(field.type, DEPTH):
                found += _trials(operation, f"{operation.value.title()}.{name}", name, field, backend_fields)
    return found


def _trials(
    operation: OperationType, coordinate: str, name: str, field: GraphQLField, backend_fields: frozenset[str]
) -> Iterator[Trial]:
    variables = ", ".join(f"${argument}: {it.type}" for argument, it in field.args.items())
    passed = ", ".join(f"{argument}: ${argument}" for argument in field.args)
    head = f"{operation.value} Trial{f'({variables})' if variables else ''}"
    call = f"{name}({passed})" if passed else name
    allowed = _selection(field.type, backend_fields, DEPTH)
    texts = [f"{head} {{ {call} {allowed} }}"]
    output = get_named_type(field.type)
    if isinstance(output, GraphQLObjectType):
        twice = "" if operation is OperationType.SUBSCRIPTION else f" second: {call} {{ ...All }}"
        fragment = f"fragment All on {output.name} {allowed}"
        aliases = _aliases(output, backend_fields)
        texts.append(f"{head} {{ first: {call} {{ ...All {aliases} }}{twice} }} {fragment}")
        texts += [
            f"{head} {{ {call} {{ {selected} }} }}"
            for each in sorted(backend_fields)
            for type_name, _, selected in (each.partition("."),)
            if type_name == output.name
        ]
    for arguments in _argument_sets(field):
        for text in texts:
            yield Trial(coordinate, operation, text, arguments)


def _argument_sets(field: GraphQLField) -> list[Mapping[str, Any]]:
    """The required arguments. If they have an enum, there is a set for each of its values."""
    required = {
        name: it.type for name, it in field.args.items() if name == JOB_ID or is_required_argument(it)
    }  # fmt: skip
    sets: list[Mapping[str, Any]] = []
    for choice in range(MOST_CHOICES):
        arguments = {name: _value(name, type_, choice) for name, type_ in required.items()}
        if arguments not in sets:
            sets.append(arguments)
    return sets


def _names(field: GraphQLField) -> set[str]:
    """The names of the arguments, and of the fields of their input types."""
    found = set(field.args)
    for argument in field.args.values():
        match get_named_type(argument.type):
            case GraphQLInputObjectType(fields=inner):
                found |= set(inner)
    return found


def _output_names(type_: GraphQLOutputType, depth: int) -> set[str]:
    named = get_named_type(type_)
    if not isinstance(named, GraphQLObjectType) or depth == 0:
        return set()
    return set(named.fields).union(*(_output_names(it.type, depth - 1) for it in named.fields.values()))


def _selection(type_: GraphQLOutputType, left_out: frozenset[str], depth: int) -> str:
    named = get_named_type(type_)
    if not isinstance(named, GraphQLObjectType):
        return ""
    selected = [
        f"{name} {_selection(it.type, left_out, depth - 1)}".strip()
        for name, it in named.fields.items()
        if f"{named.name}.{name}" not in left_out and (depth > 1 or is_leaf_type(get_named_type(it.type)))
    ]
    return f"{{ {' '.join(selected)} }}"


def _aliases(type_: GraphQLObjectType, left_out: frozenset[str]) -> str:
    """Every scalar once more, under the name of the next one."""
    names = [
        name
        for name, it in type_.fields.items()
        if is_leaf_type(get_named_type(it.type)) and f"{type_.name}.{name}" not in left_out
    ]
    return " ".join(f"as_{later}: {name}" for name, later in zip(names, names[1:] + names[:1], strict=True))


def _value(name: str, type_: GraphQLInputType, choice: int) -> Any:
    if name == JOB_ID:
        return JOB_ID
    nullable = get_nullable_type(type_)
    if is_list_type(nullable):
        return []
    match nullable:
        case GraphQLInputObjectType(fields=inner):
            return {
                each: _value(each, it.type, choice)
                for each, it in inner.items()
                if each == JOB_ID or is_required_input_field(it)
            }
        case GraphQLEnumType(values=values):
            return [*values][choice % len(values)]
    return SAMPLES[get_named_type(type_).name]


def _filled(value: Any, job_id: str) -> Any:
    match value:
        case dict():
            return {name: _filled(each, job_id) for name, each in value.items()}
        case _:
            return job_id if value == JOB_ID else value
