"""Adds the definitions of the jobs to the schema of an existing API. The existing text stays as it is."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeGuard

from graphql import (
    DefinitionNode,
    FieldDefinitionNode,
    GraphQLSyntaxError,
    ObjectTypeDefinitionNode,
    ObjectTypeExtensionNode,
    SchemaDefinitionNode,
    SchemaExtensionNode,
    TypeDefinitionNode,
    parse,
    print_ast,
)

from infrastructure.jobs_schema import ROOT_TYPES, ApiUnfit

OPERATIONS: Final[Mapping[str, str]] = {"query": "Query", "mutation": "Mutation", "subscription": "Subscription"}


@dataclass(frozen=True, slots=True)
class MergedSchema:
    """A schema with the jobs.

    Attributes:
        text: The schema.
        roots: The name that it has for each of `ROOT_TYPES`.
    """

    text: str
    roots: Mapping[str, str]


def with_jobs(schema: str, jobs: Sequence[DefinitionNode]) -> MergedSchema:
    """Add the jobs to a schema.

    Types are added at the end. Fields of Query, Mutation and Subscription are added to the types that the schema has in
    their place; a type that is missing is added.

    Args:
        schema: The text of the existing schema.
        jobs: What `jobs_schema` returns.

    Raises:
        ApiUnfit: The schema cannot be read, or it has a type or a field of the same name.
    """
    try:
        existing = parse(schema)
    except GraphQLSyntaxError as error:
        line = error.locations[0].line if error.locations else 1
        raise ApiUnfit(f"the schema of the API cannot be read: line {line}: {error.message}") from None
    block = next((it for it in existing.definitions if isinstance(it, SchemaDefinitionNode)), None)
    declared = dict(_operations(existing.definitions)) if block is not None else OPERATIONS
    roots = {ours: declared.get(operation, ours) for operation, ours in OPERATIONS.items()}
    types = [it for it in jobs if isinstance(it, TypeDefinitionNode) and it.name.value not in ROOT_TYPES]
    added = {it.name.value: it for it in jobs if isinstance(it, ObjectTypeDefinitionNode) and it not in types}
    if problems := tuple(_conflicts(existing.definitions, types, added, roots, frozenset(declared.values()))):
        raise ApiUnfit(f"the jobs cannot be added to the schema of the API: {'; '.join(problems)}")
    insertions: list[tuple[int, str]] = []
    new: list[str] = [print_ast(it) for it in types]
    for ours, definition in added.items():
        fields = "".join(f"\n{_indented(print_ast(it))}" for it in definition.fields or ())
        root = next((it for it in existing.definitions if _is_named(it, roots[ours])), None)
        if root is None:
            new.append(f"type {roots[ours]} {{{fields}\n}}")
        elif root.fields:
            insertions.append((_end(root) - 1, f"{fields}\n"))  # before its closing brace
        else:
            insertions.append((_end(root), f" {{{fields}\n}}"))
    if block is not None and (missing := [it for it in OPERATIONS if it not in declared]):
        insertions.append((_end(block) - 1, "".join(f"\n  {it}: {OPERATIONS[it]}" for it in missing) + "\n"))
    text = schema
    for position, addition in sorted(insertions, reverse=True):
        text = text[:position].rstrip() + addition + text[position:]
    return MergedSchema("\n\n".join((text.rstrip(), *new)) + "\n", roots)


def _operations(existing: Sequence[DefinitionNode]) -> Iterator[tuple[str, str]]:
    for it in existing:
        if isinstance(it, SchemaDefinitionNode | SchemaExtensionNode):
            yield from (
                (operation.operation.value, operation.type.name.value) for operation in it.operation_types or ()
            )


def _conflicts(
    existing: Sequence[DefinitionNode],
    types: Sequence[TypeDefinitionNode],
    added: Mapping[str, ObjectTypeDefinitionNode],
    roots: Mapping[str, str],
    declared: frozenset[str],
) -> Iterator[str]:
    """A sentence for each name that both schemas have."""
    theirs = {it.name.value: it for it in existing if isinstance(it, TypeDefinitionNode)}
    for it in types:
        if (other := theirs.get(it.name.value)) is not None:
            yield (
                f"{_kind(other)} {other.name.value} of the API (line {_line(other)}) and {_kind(it)} {it.name.value} "
                "of the jobs have one name: give another type_prefix"
            )
    for ours, definition in added.items():
        root = roots[ours]
        if root in theirs and root not in declared:
            yield (
                f"{_kind(theirs[root])} {root} of the API (line {_line(theirs[root])}) is not named in its schema "
                f"block, and the jobs need a type {root}: name it there, or rename it"
            )
        fields = {it.name.value: it for it in _fields_of(existing, root)}
        for field in definition.fields or ():
            if (found := fields.get(field.name.value)) is not None:
                yield (
                    f"the field {root}.{found.name.value} of the API (line {_line(found)}) and "
                    f"{ours}.{field.name.value} of the jobs have one name: rename the API's, because clients know the "
                    "jobs' by name"
                )


def _fields_of(existing: Sequence[DefinitionNode], name: str) -> Iterator[FieldDefinitionNode]:
    for it in existing:
        if isinstance(it, ObjectTypeDefinitionNode | ObjectTypeExtensionNode) and it.name.value == name:
            yield from it.fields or ()


def _is_named(it: DefinitionNode, name: str) -> TypeGuard[ObjectTypeDefinitionNode]:
    return isinstance(it, ObjectTypeDefinitionNode) and it.name.value == name


def _kind(it: TypeDefinitionNode) -> str:
    return it.kind.removesuffix("_type_definition").replace("object", "type").replace("input_type", "input")


def _line(it: TypeDefinitionNode | FieldDefinitionNode) -> int:
    assert it.name.loc is not None  # noqa: S101  # the text was parsed with locations
    return it.name.loc.start_token.line


def _end(it: DefinitionNode) -> int:
    assert it.loc is not None  # noqa: S101
    return it.loc.end


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" if line else line for line in text.splitlines())
