"""The fields that a selection selects for values of one type.

Source: GraphQL specification, "CollectFields".
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLCompositeType,
    GraphQLIncludeDirective,
    GraphQLInterfaceType,
    GraphQLSchema,
    GraphQLSkipDirective,
    GraphQLUnionType,
    InlineFragmentNode,
    SelectionNode,
    SelectionSetNode,
    get_directive_values,
)
from graphql.execution.values import VariableValues


@dataclass(frozen=True, slots=True)
class Selections:
    """The selections of one operation.

    Args:
        schema: Says which fragments apply to a type.
        fragments: Of the document, by name.
        variables: Read for `@skip` and `@include` only.
    """

    schema: GraphQLSchema
    fragments: Mapping[str, FragmentDefinitionNode]
    variables: VariableValues

    def fields(
        self, parent: GraphQLCompositeType, selections: Iterable[SelectionSetNode | None]
    ) -> dict[str, list[FieldNode]]:
        """The nodes that are selected of a value of this type, by response key, in the order of the document."""
        collected: dict[str, list[FieldNode]] = {}
        seen: set[str] = set()
        for selection in selections:
            if selection is not None:
                self._collect(parent, selection.selections, collected, seen)
        return collected

    def _collect(
        self,
        parent: GraphQLCompositeType,
        selections: Iterable[SelectionNode],
        collected: dict[str, list[FieldNode]],
        seen: set[str],
    ) -> None:
        for node in selections:
            if not self._included(node):
                continue
            if isinstance(node, FieldNode):
                key = node.alias.value if node.alias else node.name.value
                collected.setdefault(key, []).append(node)
            elif isinstance(node, InlineFragmentNode):
                if node.type_condition is None or self._applies(node.type_condition.name.value, parent):
                    self._collect(parent, node.selection_set.selections, collected, seen)
            elif isinstance(node, FragmentSpreadNode):
                name = node.name.value
                fragment = self.fragments[name]
                if name not in seen and self._applies(fragment.type_condition.name.value, parent):
                    seen.add(name)
                    self._collect(parent, fragment.selection_set.selections, collected, seen)

    def _included(self, node: SelectionNode) -> bool:
        if not node.directives:
            return True
        skip = get_directive_values(GraphQLSkipDirective, node, self.variables)
        include = get_directive_values(GraphQLIncludeDirective, node, self.variables)
        return not (skip and skip["if"]) and not (include and not include["if"])

    def _applies(self, condition: str, parent: GraphQLCompositeType) -> bool:
        if condition == parent.name:
            return True
        type_ = self.schema.get_type(condition)
        return isinstance(type_, GraphQLInterfaceType | GraphQLUnionType) and self.schema.is_sub_type(type_, parent)
