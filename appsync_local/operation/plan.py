"""A selection compiled against the schema: the fields to answer, in order, and everything known about each in advance.

A plan is compiled once for an operation and the values of the variables that `@skip` and `@include` use. Every request
and every subscriber that sends the same document shares it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import orjson
from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    GraphQLCompositeType,
    GraphQLEnumType,
    GraphQLError,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLScalarType,
    GraphQLUnionType,
    OperationDefinitionNode,
    SchemaMetaFieldDef,
    SelectionSetNode,
    TypeMetaFieldDef,
    TypeNameMetaFieldDef,
    VariableNode,
    get_named_type,
    is_non_null_type,
    print_ast,
)
from graphql.execution.values import VariableValues, get_argument_values

from appsync_local.api.result_coercion import Coerce, result_coercion
from appsync_local.authorization.caller import Caller, Rule
from appsync_local.errors import FieldError, FieldUnauthorized
from appsync_local.operation.leaf_fields import LeafFields, leaf_fields
from appsync_local.operation.selections import Selections
from appsync_local.resolvers.loading import ExecutableApi
from appsync_local.resolvers.resolution import Resolver, calls_data_source

_ROOT_META: Final = {"__schema": SchemaMetaFieldDef, "__type": TypeMetaFieldDef}


@dataclass(eq=False)
class Step:
    """One response key of one selection.

    Args:
        key: The response key: alias or name.
        name: The field's name.
        parent: The type that has the field.
        definition: The field.
        nodes: The nodes of the document that select this key.
        rule: Who may use the field; None if every caller may (`__typename`, introspection).
        resolver: Answers the field; None if the parent's value has it.
        may_resolve_below: Whether the field's type allows resolvers below this field.
        depth: The level of this field; 1 at the root.
        refusal: The error of the field for every caller; None if the field can be answered.
    """

    key: str
    name: str
    parent: GraphQLCompositeType
    definition: GraphQLField
    nodes: tuple[FieldNode, ...]
    rule: Rule | None
    resolver: Resolver | None
    may_resolve_below: bool
    plan: "Plan"
    depth: int
    refusal: FieldError | None
    _children: dict[str, tuple["Step", ...]] = field(default_factory=dict)
    _leaf_fields: dict[str, LeafFields["Step"]] = field(default_factory=dict)

    @cached_property
    def coordinate(self) -> str:
        return f"{self.parent.name}.{self.name}"

    @cached_property
    def type(self) -> GraphQLOutputType:
        return self.definition.type

    @cached_property
    def coerce(self) -> Coerce:
        """The coercion of a value to the scalar or enum of this field, see `result_coercion`."""
        named = get_named_type(self.type)
        assert isinstance(named, GraphQLScalarType | GraphQLEnumType)  # noqa: S101  # only leaves are coerced
        return result_coercion(named)

    @cached_property
    def locations(self) -> list[dict[str, object]]:
        """The positions of this field in the document, in AppSync's form."""
        starts = [node.loc.start_token for node in self.nodes if node.loc]
        return [{"line": start.line, "column": start.column, "sourceName": None} for start in starts]

    @cached_property
    def may_wait(self) -> bool:
        """Whether the engine calls a data source for this field or a field below it."""
        return self.resolves_below or (self.resolver is not None and calls_data_source(self.resolver))

    @cached_property
    def is_meta(self) -> bool:
        """Whether the schema answers this field: `__typename`, or introspection."""
        return self.name.startswith("__") or self.parent.name.startswith("__")

    @cached_property
    def is_member(self) -> bool:
        """Whether every caller that the rule allows receives the parent's member of that name."""
        return self.resolver is None and self.refusal is None and not self.is_meta

    def is_open_to(self, caller: Caller) -> bool:
        """Whether the schema's directives and the authorizer allow the field to this caller."""
        return self.rule is None or (caller.fits(self.rule) and not caller.is_denied(self.coordinate))

    def refusal_for(self, caller: Caller | None) -> FieldError | None:
        """The error that this caller receives instead of the field; None if the field is answered.

        Args:
            caller: None if access was checked before, as for a published event.
        """
        if caller is None:
            return None
        if self.refusal is not None:
            return self.refusal
        if self.is_open_to(caller) and (self.depth > 1 or self.rule is None or caller.may_call(self.coordinate)):
            return None
        return FieldUnauthorized(self.parent.name, self.name)

    def arguments(self, variables: VariableValues) -> dict[str, Any]:
        """The arguments as resolvers receive them; an argument that was not given is absent.

        Raises:
            FieldError: An argument that must not be null is, such as the JSON text `null`, in a literal or a variable.
        """
        if not self.definition.args:
            return {}
        if self._variable_arguments is not None:
            given = {name: variables.coerced.get(variable) for name, variable in self._variable_arguments}
            if None not in given.values():
                return given
        try:
            arguments = get_argument_values(self.definition, self.nodes[0], variables)
        except GraphQLError:  # validation checked the literals: a variable is null
            arguments = {}
        for name in self._required_arguments:
            if arguments.get(name) is None:
                type_ = self.definition.args[name].type
                raise FieldError(f"Argument '{name}' has coerced Null value for NonNull type '{type_}'")
        return arguments

    @cached_property
    def _variable_arguments(self) -> tuple[tuple[str, str], ...] | None:
        """Each argument with the variable that it is, in the schema's order; None if graphql-core must read one.

        It reads literals and defaults. Variables are coerced before, so there is nothing else to do for them.
        """
        nodes = {node.name.value: node.value for node in self.nodes[0].arguments or ()}
        found: list[tuple[str, str]] = []
        for name, argument in self.definition.args.items():
            node = nodes.get(name)
            if not isinstance(node, VariableNode):
                return None
            found.append((argument.out_name or name, node.name.value))
        return tuple(found)

    @cached_property
    def _required_arguments(self) -> tuple[str, ...]:
        return tuple(name for name, argument in self.definition.args.items() if is_non_null_type(argument.type))

    def children(self, type_: GraphQLCompositeType) -> tuple["Step", ...]:
        """The fields selected below, for a value of this type; of an abstract type, for values of any of its types."""
        steps = self._children.get(type_.name)
        if steps is None:
            steps = self._children[type_.name] = self.plan.compile(
                type_, (node.selection_set for node in self.nodes), depth=self.depth + 1
            )
        return steps

    def leaf_fields(self, type_: GraphQLObjectType) -> LeafFields["Step"]:
        """The fields selected below, compiled for the fast path."""
        try:
            return self._leaf_fields[type_.name]
        except KeyError:
            compiled = self._leaf_fields[type_.name] = leaf_fields(self.children(type_))
            return compiled

    def possible_children(self) -> Iterator["Step"]:
        """The fields selected below, for every object type that the value can have."""
        for type_ in _object_types(self.plan.api, get_named_type(self.type)):
            yield from self.children(type_)

    @cached_property
    def below(self) -> tuple["Step", ...]:
        """The fields selected below, at any depth, for every object type that the values can have."""
        return tuple(step for child in self.possible_children() for step in (child, *child.below))

    @cached_property
    def width(self) -> int:
        """The number of values in one item of this field's list, without those of inner lists."""
        types = _object_types(self.plan.api, get_named_type(self.type))
        return max((len(self.children(type_)) for type_ in types), default=1)

    @cached_property
    def resolves_below(self) -> bool:
        """Whether a resolver runs for a field that is selected below this one."""
        return self.may_resolve_below and any(c.resolver or c.resolves_below for c in self.possible_children())

    @cached_property
    def selection(self) -> orjson.Fragment:
        """`info.selectionSetList`, as JSON."""
        return orjson.Fragment(orjson.dumps(list(dict.fromkeys(_paths(self, "")))))

    @cached_property
    def selection_text(self) -> str:
        """`info.selectionSetGraphQL`."""
        return "\n".join(print_ast(node.selection_set) for node in self.nodes if node.selection_set)


class Plan:
    """One compiled operation."""

    def __init__(
        self,
        api: ExecutableApi,
        operation: OperationDefinitionNode,
        fragments: Mapping[str, FragmentDefinitionNode],
        variables: VariableValues,
    ) -> None:
        self.api = api
        self.operation = operation
        # Variables are read for @skip and @include only: a plan depends on no other variable.
        self._selections = Selections(api.schema, fragments, variables)
        root = api.schema.get_root_type(operation.operation)
        assert root is not None  # noqa: S101  # validation rejects operations that the schema does not define
        self.steps = self.compile(root, (operation.selection_set,))
        self.metered = tuple(f"{operation.operation.value.capitalize()}.{step.name}" for step in self.steps)

    def compile(
        self, parent: GraphQLCompositeType, selections: Iterable[SelectionSetNode | None], *, depth: int = 1
    ) -> tuple[Step, ...]:
        """The steps for a value of this type."""
        fields = self._selections.fields(parent, selections)
        return tuple(self._step(parent, key, tuple(nodes), depth) for key, nodes in fields.items())

    def _step(self, parent: GraphQLCompositeType, key: str, nodes: tuple[FieldNode, ...], depth: int) -> Step:
        name = nodes[0].name.value
        if name == "__typename":
            definition = TypeNameMetaFieldDef
        elif name in _ROOT_META and parent is self.api.schema.query_type:
            definition = _ROOT_META[name]
        else:
            assert not isinstance(parent, GraphQLUnionType)  # noqa: S101  # a union has no other fields
            definition = parent.fields[name]
        coordinate = f"{parent.name}.{name}"
        return Step(
            key=key,
            name=name,
            parent=parent,
            definition=definition,
            nodes=nodes,
            rule=self.api.rules.get(coordinate),
            resolver=self.api.resolvers.get(coordinate),
            may_resolve_below=get_named_type(definition.type).name in self.api.resolving_types,
            plan=self,
            depth=depth,
            refusal=self._refusal(parent, depth),
        )

    def _refusal(self, parent: GraphQLCompositeType, depth: int) -> FieldError | None:
        limit = self.api.limits.depth
        if not limit or depth <= limit or parent.name.startswith("__"):
            return None
        return FieldError(f"Query depth limit {limit} is reached.", "QueryDepthLimitReached")


def _object_types(api: ExecutableApi, type_: object) -> Iterable[GraphQLObjectType]:
    if isinstance(type_, GraphQLObjectType):
        return (type_,)
    if isinstance(type_, GraphQLInterfaceType | GraphQLUnionType):
        return api.schema.get_possible_types(type_)
    return ()


def _paths(step: Step, prefix: str) -> Iterator[str]:
    """The paths below a step. Of an interface or a union, these are the fields that are selected for each of its types.

    The service does not list the fields of fragments on single types (aws/aws-appsync-community issue 358).
    """
    declared = get_named_type(step.type)
    if not isinstance(declared, GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType):
        return
    for child in step.children(declared):
        path = f"{prefix}{child.key}"
        yield path
        yield from _paths(child, f"{path}/")
