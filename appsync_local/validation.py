"""Validation errors in AppSync's words.

graphql-core finds the faults; AppSync reports them as graphql-java does, with a type for each rule and the path of the
field. Rules are told apart by class, never by graphql-core's wording.

Source: answers of the service published by its users: four keys, no `errorType`, and
`Validation error of type {type}: {what} @ '{path}'`.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

from graphql import (
    ArgumentNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    NameNode,
    Node,
    SelectionSetNode,
    SourceLocation,
    TypeInfo,
    TypeInfoVisitor,
    ValidationContext,
    Visitor,
    get_named_type,
    print_ast,
    specified_rules,
    visit,
)
from graphql import validation as rules
from graphql.language.visitor import ParallelVisitor
from graphql.utilities.type_info import TypeInfo as _TypeInfo
from graphql.validation import ASTValidationRule

MOST_ENTRIES: Final = 100

_TYPES: Final[dict[type[ASTValidationRule], str]] = {
    rules.ExecutableDefinitionsRule: "NonExecutableDefinition",
    rules.UniqueOperationNamesRule: "DuplicateOperationName",
    rules.LoneAnonymousOperationRule: "LoneAnonymousOperationViolation",
    rules.SingleFieldSubscriptionsRule: "SubscriptionMultipleRootFields",
    rules.KnownTypeNamesRule: "UnknownType",
    rules.FragmentsOnCompositeTypesRule: "FragmentTypeConditionInvalid",
    rules.VariablesAreInputTypesRule: "NonInputTypeOnVariable",
    rules.ScalarLeafsRule: "SubSelectionRequired",
    rules.FieldsOnCorrectTypeRule: "FieldUndefined",
    rules.UniqueFragmentNamesRule: "DuplicateFragmentName",
    rules.KnownFragmentNamesRule: "UndefinedFragment",
    rules.NoUnusedFragmentsRule: "UnusedFragment",
    rules.PossibleFragmentSpreadsRule: "InvalidFragmentType",
    rules.NoFragmentCyclesRule: "FragmentCycle",
    rules.UniqueVariableNamesRule: "DuplicateVariableName",
    rules.NoUndefinedVariablesRule: "UndefinedVariable",
    rules.NoUnusedVariablesRule: "UnusedVariable",
    rules.KnownDirectivesRule: "UnknownDirective",
    rules.UniqueDirectivesPerLocationRule: "DuplicateDirectiveName",
    rules.KnownArgumentNamesRule: "UnknownArgument",
    rules.UniqueArgumentNamesRule: "DuplicateArgumentNames",
    rules.ValuesOfCorrectTypeRule: "WrongType",
    rules.ProvidedRequiredArgumentsRule: "MissingFieldArgument",
    rules.VariablesInAllowedPositionRule: "VariableTypeMismatch",
    rules.OverlappingFieldsCanBeMergedRule: "FieldsConflict",
    rules.UniqueInputFieldNamesRule: "WrongType",
}


def entry(message: str, locations: Iterable[SourceLocation]) -> dict[str, object]:
    """One entry of `errors` for an operation that does not run."""
    places = [{"line": place.line, "column": place.column, "sourceName": None} for place in locations]
    return {"path": None, "locations": places or None, "message": message}


def validation_entries(schema: GraphQLSchema, document: DocumentNode) -> list[dict[str, object]]:
    """What is wrong with a document; empty when it is valid.

    Raises:
        RecursionError: The document is nested too deeply.
    """
    type_info = TypeInfo(schema)
    faults: list[tuple[type[ASTValidationRule], GraphQLError]] = []

    def reporter(rule: type[ASTValidationRule]) -> Callable[[GraphQLError], None]:
        def report(error: GraphQLError) -> None:
            if len(faults) < MOST_ENTRIES:
                faults.append((rule, error))

        return report

    # One context for each rule, and so the rule behind every error is known.
    visitors = [rule(ValidationContext(schema, document, type_info, reporter(rule))) for rule in specified_rules]
    visit(document, TypeInfoVisitor(type_info, ParallelVisitor(visitors)))
    if not faults:
        return []
    places = _Places(schema, document)
    return [entry(_message(rule, error, places), error.locations or ()) for rule, error in faults]


def _message(rule: type[ASTValidationRule], error: GraphQLError, places: "_Places") -> str:
    # Of a variable that does not fit, the place where it is used comes last.
    node = error.nodes[-1 if rule is rules.VariablesInAllowedPositionRule else 0] if error.nodes else None
    if isinstance(node, SelectionSetNode):
        node = places.field(node)
    path = places.path(node)
    type_, what = _TYPES.get(rule, "InvalidSyntax"), error.message.rstrip(".")
    match node:
        case FieldNode() if rule is rules.FieldsOnCorrectTypeRule:
            what = f"Field '{node.name.value}' in type '{places.parent(node)}' is undefined"
        case FieldNode() if rule is rules.ScalarLeafsRule:
            kind = "required for" if node.selection_set is None else "not allowed on leaf"
            type_ = "SubSelectionRequired" if node.selection_set is None else "SubSelectionNotAllowed"
            what = f"Sub selection {kind} type {places.type(node)} of field {node.name.value}"
        case FieldNode() if rule is rules.ProvidedRequiredArgumentsRule:
            what = f"Missing field argument {', '.join(places.missing(node))}"
        case ArgumentNode() if rule is rules.KnownArgumentNamesRule:
            what = f"Unknown field argument {node.name.value}"
        case Node() if rule is rules.ValuesOfCorrectTypeRule:
            argument = places.argument(node)
            what = f"argument '{argument}' with value '{print_ast(node)}' is not valid: {what}"
        case Node() if rule is rules.NoUndefinedVariablesRule:
            what = f"Undefined variable {_name(node)}"
        case Node() if rule is rules.NoUnusedVariablesRule:
            what = f"Unused variable {_name(node)}"
        case Node() if rule is rules.KnownFragmentNamesRule:
            what = f"Undefined fragment {_name(node)}"
        case Node() if rule is rules.NoUnusedFragmentsRule:
            what = f"Unused fragment {_name(node)}"
        case Node() if rule is rules.KnownTypeNamesRule:
            what = f"Unknown type {_name(node)}"
        case Node() if rule is rules.KnownDirectivesRule:
            what = f"Unknown directive {_name(node)}"
        case Node() if rule is rules.VariablesInAllowedPositionRule:
            what = "Variable type doesn't match"
    return f"Validation error of type {type_}: {what}" + (f" @ '{path}'" if path else "")


def _name(node: Any) -> str:
    if isinstance(node, NameNode):
        return node.value
    named = getattr(node, "variable", node)
    return str(named.name.value)


class _Places(Visitor):
    """Where each node of a document stands: the fields around it, and their types."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode) -> None:
        super().__init__()
        self._type_info = _TypeInfo(schema)
        self._fields: list[FieldNode] = []
        self._arguments: list[str] = []
        self._roots: list[str] = []
        self._paths: dict[int, str] = {}
        self._parents: dict[int, str] = {}
        self._types: dict[int, str] = {}
        self._missing: dict[int, list[str]] = {}
        self._argument_of: dict[int, str] = {}
        self._field_of: dict[int, FieldNode | None] = {}
        visit(document, TypeInfoVisitor(self._type_info, self))

    def enter(self, node: Node, *_: Any) -> None:
        if isinstance(node, FragmentDefinitionNode):
            self._roots.append(node.name.value)
        if isinstance(node, FieldNode):
            self._fields.append(node)
            self._note_field(node)
        if isinstance(node, ArgumentNode):
            self._arguments.append(node.name.value)
        self._paths[id(node)] = "/".join([*self._roots, *(field.name.value for field in self._fields)])
        self._field_of[id(node)] = self._fields[-1] if self._fields else None
        self._argument_of[id(node)] = self._arguments[-1] if self._arguments else ""

    def leave(self, node: Node, *_: Any) -> None:
        if isinstance(node, FragmentDefinitionNode):
            self._roots.pop()
        if isinstance(node, FieldNode):
            self._fields.pop()
        if isinstance(node, ArgumentNode):
            self._arguments.pop()

    def _note_field(self, node: FieldNode) -> None:
        parent = self._type_info.get_parent_type()
        definition = self._type_info.get_field_def()
        self._parents[id(node)] = parent.name if parent else ""
        if definition is not None:
            self._types[id(node)] = get_named_type(definition.type).name
            given = {argument.name.value for argument in node.arguments or ()}
            self._missing[id(node)] = [
                name
                for name, argument in definition.args.items()
                if name not in given and str(argument.type).endswith("!")
            ]

    def path(self, node: Node | None) -> str:
        return self._paths.get(id(node), "")

    def parent(self, node: Node) -> str:
        return self._parents.get(id(node), "")

    def type(self, node: Node) -> str:
        return self._types.get(id(node), "")

    def missing(self, node: Node) -> list[str]:
        return self._missing.get(id(node), [])

    def field(self, node: Node) -> FieldNode | None:
        return self._field_of.get(id(node))

    def argument(self, node: Node) -> str:
        return self._argument_of.get(id(node), "")
