"""Loads a schema file and adds AppSync's scalars and directives. Errors name file, line and column."""

import logging
import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from graphql import (
    DefinitionNode,
    DirectiveDefinitionNode,
    DocumentNode,
    GraphQLDirective,
    GraphQLEnumType,
    GraphQLError,
    GraphQLField,
    GraphQLNamedType,
    GraphQLSchema,
    GraphQLSyntaxError,
    ListValueNode,
    Node,
    ScalarTypeDefinitionNode,
    Source,
    StringValueNode,
    build_ast_schema,
    get_named_type,
    is_object_type,
    parse,
    validate_schema,
)
from graphql.validation.validate import validate_sdl

from appsync_local.api.aws_scalars import AWS_SCALARS
from appsync_local.api.scalars import BUILT_IN, add_behaviour
from appsync_local.errors import ApiInvalid

# Strings and comments come first, so that a semicolon in them is not one of the schema.
_SEMICOLON: Final = re.compile(r'"""(?:\\"""|.)*?"""|"(?:\\.|[^"\\\n])*"|#[^\n]*|(;)', re.DOTALL)
MISPLACED: Final = re.compile(r"Directive '@aws_\w+' may not be used on ")
NEW_LOCATIONS: Final = frozenset({"DIRECTIVE_DEFINITION", "FRAGMENT_VARIABLE_DEFINITION"})

log: Final = logging.getLogger("appsync_local")


def load_schema(path: Path) -> GraphQLSchema:
    """The schema in a file, with AppSync's scalars and directives.

    Raises:
        ApiInvalid: The file cannot be read, or is not a valid schema; names file, line and column of every fault.
    """
    try:
        own = _parsed(path.read_text(encoding="utf-8"), path)
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise ApiInvalid([f"{path}:{line}: the file is not UTF-8; save it as UTF-8"]) from None
    except OSError as error:
        raise ApiInvalid([f"{path} cannot be read: {error.strerror}; give the path of the schema file"]) from None
    except GraphQLSyntaxError as error:
        raise ApiInvalid([_with_position(error, path)]) from None
    if directives := [it for it in own.definitions if isinstance(it, DirectiveDefinitionNode)]:
        # Source: awslabs/graphql-schema-utilities issue 25
        raise ApiInvalid(
            f"{_place(it, path)}: AppSync accepts no definitions of directives, and has its own; "
            f"remove that of @{it.name.value}"
            for it in directives
        )
    document = DocumentNode(definitions=(*parse(BUILT_IN).definitions, *_without_own_scalars(own)))
    faults = list(_faults(document, path))
    if not faults:
        schema = build_ast_schema(document, assume_valid_sdl=True)
        faults = validate_schema(schema)
    if faults:
        raise ApiInvalid(_with_position(fault, path) for fault in faults)
    add_behaviour(schema)
    _leave_out_new_locations(schema)
    return schema


def without_semicolons(text: str) -> str:
    """The text of a schema with spaces in place of its semicolons, which have no effect.

    Source: aws-samples/serverless-patterns, appsync-subscription-filter-cdk, whose schema has some
    """
    return _SEMICOLON.sub(lambda it: " " if it[1] else it[0], text)


def _parsed(text: str, path: Path) -> DocumentNode:
    if found := [it.start(1) for it in _SEMICOLON.finditer(text) if it[1]]:
        line, column = text.count("\n", 0, found[0]) + 1, found[0] - text.rfind("\n", 0, found[0])
        log.warning("%s:%d:%d: GraphQL has no semicolons; the schema's %d are ignored", path, line, column, len(found))
    return parse(Source(without_semicolons(text), str(path)))


def _faults(document: DocumentNode, path: Path) -> Iterator[GraphQLError]:
    """What is wrong in a document. A misplaced directive of AppSync has no effect, and is only logged.

    Source: aws-samples/serverless-patterns, appsync-cognito-lambda-cdk, which has one on an input type
    """
    for fault in validate_sdl(document):
        if MISPLACED.match(fault.message):
            log.warning("%s", _with_position(GraphQLError(f"{fault.message} It has no effect.", fault.nodes), path))
        else:
            yield fault


def _without_own_scalars(own: DocumentNode) -> Iterator[DefinitionNode]:
    """The definitions, without AppSync's scalars, which a schema may declare for tools that do not know them.

    Source: localstack/localstack issue 11326
    """
    for definition in own.definitions:
        if not isinstance(definition, ScalarTypeDefinitionNode) or definition.name.value not in AWS_SCALARS:
            yield definition


def _place(node: Node, path: Path) -> str:
    start = node.loc.start_token if node.loc else None
    return str(path) if start is None else f"{path}:{start.line}:{start.column}"


def _leave_out_new_locations(schema: GraphQLSchema) -> None:
    """Describe directives as the service does, in words that all clients know.

    Clients stop at a location that is newer than they are. The service names none that is newer than 2021.
    """
    schema.directives = tuple(map(_with_known_locations, schema.directives))
    named = schema.type_map["__DirectiveLocation"]
    assert isinstance(named, GraphQLEnumType)  # noqa: S101  # GraphQL defines it
    # All schemas of this process share the type itself, and graphql-core makes no second one of this name.
    reduced = object.__new__(GraphQLEnumType)
    vars(reduced).update(vars(named))
    reduced.values = {name: value for name, value in named.values.items() if name not in NEW_LOCATIONS}
    schema.type_map["__DirectiveLocation"] = reduced


def _with_known_locations(directive: GraphQLDirective) -> GraphQLDirective:
    members: dict[str, Any] = dict(directive.to_kwargs())
    members["locations"] = [location for location in directive.locations if location.name not in NEW_LOCATIONS]
    return GraphQLDirective(**members)


def _with_position(error: GraphQLError, path: Path) -> str:
    message = error.message
    if message.startswith("Unknown directive"):
        own = sorted(f"@{name}" for name in re.findall(r"directive @(\w+)", BUILT_IN))
        found = get_close_matches(message.split("'")[1], own, n=1)
        message = f"{message} Did you mean {found[0]}?" if found else f"{message} There are {', '.join(own)}."
    if message.startswith("Query root type"):
        message = f"{message} Add `type Query`."
    for node in error.nodes or ():
        if node.loc is not None and node.loc.source.name == str(path):  # and not AppSync's own definitions
            return f"{_place(node, path)}: {message}"
    if not error.locations:
        return f"{path}: {message}"
    return f"{path}:{error.locations[0].line}:{error.locations[0].column}: {message}"


def object_fields(schema: GraphQLSchema) -> Iterator[tuple[GraphQLNamedType, str, GraphQLField]]:
    """Every field of every object type, without introspection types: the type, the name, the field."""
    for type_ in schema.type_map.values():
        if is_object_type(type_) and not type_.name.startswith("__"):
            for name, field in type_.fields.items():
                yield type_, name, field


def triggers_of(schema: GraphQLSchema, path: Path) -> dict[str, tuple[str, ...]]:
    """The subscription fields of each mutation field, from `@aws_subscribe`.

    Args:
        schema: The schema.
        path: The schema file, for messages.

    Returns:
        By the name of a mutation field: the names of its subscription fields.

    Raises:
        ApiInvalid: A subscription names a mutation that does not exist or has another type.
    """
    problems: list[str] = []
    triggers: dict[str, tuple[str, ...]] = {}
    mutations = schema.mutation_type.fields if schema.mutation_type else {}
    for name, field in (schema.subscription_type.fields if schema.subscription_type else {}).items():
        for mutation in _mutations_of(field):
            if mutation not in mutations:
                problems.append(
                    _at_position(
                        field,
                        path,
                        f"Subscription.{name} listens to {mutation}, which is not a mutation"
                        f"{_nearest(mutation, mutations)}",
                    )
                )
            elif get_named_type(mutations[mutation].type) is not get_named_type(field.type):
                problems.append(
                    _at_position(
                        field,
                        path,
                        f"Subscription.{name} must have the type of Mutation.{mutation}: {mutations[mutation].type}",
                    )
                )
            else:
                triggers[mutation] = (*triggers.get(mutation, ()), name)
    if problems:
        raise ApiInvalid(problems)
    return triggers


def _nearest(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, list(known), n=1)
    return f"; did you mean {near[0]}?" if near else "; add the mutation, or remove it from @aws_subscribe"


def _mutations_of(field: GraphQLField) -> Iterable[str]:
    for directive in (field.ast_node.directives or ()) if field.ast_node else ():
        if directive.name.value == "aws_subscribe":
            for argument in directive.arguments or ():
                value = argument.value
                items = value.values if isinstance(value, ListValueNode) else (value,)
                yield from (item.value for item in items if isinstance(item, StringValueNode))


def _at_position(field: GraphQLField, path: Path, message: str) -> str:
    location = field.ast_node.loc if field.ast_node else None
    if location is None:
        return f"{path}: {message}"
    start = location.start_token
    return f"{path}:{start.line}:{start.column}: {message}"
