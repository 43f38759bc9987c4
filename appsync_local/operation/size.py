"""Counts the fields of an operation with its fragments expanded, before memory is used for them.

Fragments that spread each other twice double the number of fields at every step, so a thousand characters can select
more fields than fit into memory. The count visits every fragment only once for each type.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    get_named_type,
)

FIELD_LIMIT: Final = 10_000  # of an operation, counted for every type that their parent can have
LEVEL_LIMIT: Final = 100  # of fields within fields
INTROSPECTION_LIMIT: Final = 20  # `__schema` and `__type` fields
_INTROSPECTION: Final = frozenset({"__schema", "__type"})


class OperationTooLarge(Exception):
    """An operation exceeds a limit of size; the message names it."""


def count_fields(
    schema: GraphQLSchema, operation: OperationDefinitionNode, fragments: Mapping[str, FragmentDefinitionNode]
) -> int:
    """The number of fields of a valid operation.

    Raises:
        OperationTooLarge: The operation has too many fields, levels, or introspections.
    """
    root = schema.get_root_type(operation.operation)
    assert root is not None  # noqa: S101  # validation rejects operations that the schema does not define
    counter = _FieldCounter(schema, fragments)
    try:
        fields, _ = counter.of(operation.selection_set, root, 1)
    except RecursionError:
        raise OperationTooLarge("too many fragments within fragments") from None
    return fields


class _FieldCounter:
    def __init__(self, schema: GraphQLSchema, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self._schema = schema
        self._fragments = fragments
        self._known: dict[tuple[int, str], tuple[int, int]] = {}
        self._introspections = 0

    def of(self, selections: SelectionSetNode, type_: GraphQLObjectType, level: int) -> tuple[int, int]:
        """The number of fields and of levels in a selection set for an object of this type."""
        key = (id(selections), type_.name)
        found = self._known.get(key)
        if level + (found[1] if found else 1) > LEVEL_LIMIT + 1:
            raise OperationTooLarge(f"more than {LEVEL_LIMIT} levels of fields")
        if found is None:
            fields = levels = 0
            for node in selections.selections:
                more, deep = self._node(node, type_, level)
                fields, levels = _within_limit(fields + more), max(levels, deep)
            found = self._known[key] = fields, levels
        return found

    def _node(self, node: SelectionNode, type_: GraphQLObjectType, level: int) -> tuple[int, int]:
        if isinstance(node, FieldNode):
            return self._field(node, type_, level)
        if isinstance(node, InlineFragmentNode):
            condition = node.type_condition.name.value if node.type_condition else type_.name
            return self.of(node.selection_set, type_, level) if self._applies(condition, type_) else (0, 0)
        assert isinstance(node, FragmentSpreadNode)  # noqa: S101  # there are no other kinds
        fragment = self._fragments[node.name.value]
        if self._applies(fragment.type_condition.name.value, type_):
            return self.of(fragment.selection_set, type_, level)
        return 0, 0

    def _field(self, node: FieldNode, parent: GraphQLObjectType, level: int) -> tuple[int, int]:
        name = node.name.value
        if name in _INTROSPECTION:
            self._introspections += 1
            if self._introspections > INTROSPECTION_LIMIT:
                raise OperationTooLarge(f"more than {INTROSPECTION_LIMIT} fields that begin an introspection")
        if node.selection_set is None:
            return 1, 1
        fields, levels = 1, 0
        for type_ in self._types(name, parent):
            more, deep = self.of(node.selection_set, type_, level + 1)
            fields, levels = _within_limit(fields + more), max(levels, deep)
        return fields, levels + 1

    def _types(self, name: str, parent: GraphQLObjectType) -> Iterable[GraphQLObjectType]:
        """The object types that the value of a field can have."""
        if name in _INTROSPECTION:
            name_of_meta = "__Schema" if name == "__schema" else "__Type"
            type_ = self._schema.get_type(name_of_meta)
        else:
            type_ = get_named_type(parent.fields[name].type)
        if isinstance(type_, GraphQLInterfaceType | GraphQLUnionType):
            return self._schema.get_possible_types(type_)
        assert isinstance(type_, GraphQLObjectType)  # noqa: S101  # the field has a selection
        return (type_,)

    def _applies(self, condition: str, parent: GraphQLObjectType) -> bool:
        if condition == parent.name:
            return True
        type_ = self._schema.get_type(condition)
        return isinstance(type_, GraphQLInterfaceType | GraphQLUnionType) and self._schema.is_sub_type(type_, parent)


def _within_limit(fields: int) -> int:
    if fields > FIELD_LIMIT:
        raise OperationTooLarge(f"more than {FIELD_LIMIT} fields, with its fragments written out")
    return fields
