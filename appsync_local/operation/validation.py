"""Validation errors in AppSync's words.

graphql-core finds the faults. AppSync reports them as graphql-java does, with a type for each rule and the path of the
field. A rule is identified by its class, never by graphql-core's wording.

Source: answers of the service published by its users: four keys, no `errorType`, and
`Validation error of type {type}: {what} @ '{path}'`. If no answer for a rule is published, the words are those of
graphql-java at that time, as are the names of values, such as `StringValue{value='a'}`.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final

from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    InlineFragmentNode,
    Node,
    NullValueNode,
    ObjectFieldNode,
    ObjectValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    SourceLocation,
    TypeInfo,
    TypeInfoVisitor,
    ValidationContext,
    is_input_object_type,
    is_required_input_field,
    print_ast,
    specified_rules,
    visit,
)
from graphql import validation as rules
from graphql.language.visitor import ParallelVisitor
from graphql.validation import ASTValidationRule, NoSchemaIntrospectionCustomRule

from appsync_local.api.limits import Introspection
from appsync_local.operation.finite_numbers import FiniteNumbersRule
from appsync_local.operation.java_values import java_value, name_of
from appsync_local.operation.node_context import NodeContext, NodeContexts

MOST_ENTRIES: Final = 100
MOST_COMPARED: Final = 100_000  # comparisons of fields with the same name, as graphql-core counts them: half a second

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
    NoSchemaIntrospectionCustomRule: "FieldUndefined",
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
    FiniteNumbersRule: "WrongType",
}

_NAMED: Final[dict[type[ASTValidationRule], str]] = {
    rules.ExecutableDefinitionsRule: "The {} definition is not executable.",
    rules.UniqueOperationNamesRule: "There can be only one operation named '{}'",
    rules.UniqueFragmentNamesRule: "There can be only one fragment named '{}'",
    rules.UniqueVariableNamesRule: "There can be only one variable named '{}'",
    rules.UniqueArgumentNamesRule: "There can be only one argument named '{}'",
    rules.UniqueInputFieldNamesRule: "There can be only one field named '{}'",
    rules.UniqueDirectivesPerLocationRule: (
        "Non repeatable directives must be uniquely named within a location. The directive '{}' is not unique."
    ),
    rules.SingleFieldSubscriptionsRule: "Subscription operation must have exactly one root field.",
    rules.KnownTypeNamesRule: "Unknown type {}",
    rules.KnownFragmentNamesRule: "Undefined fragment {}",
    rules.NoUnusedFragmentsRule: "Unused fragment {}",
    rules.NoFragmentCyclesRule: "Fragment cycles not allowed",
    rules.NoUndefinedVariablesRule: "Undefined variable {}",
    rules.NoUnusedVariablesRule: "Unused variable {}",
    rules.VariablesAreInputTypesRule: "Wrong type for a variable",
}

_PLURALS: Final = {
    OperationType.QUERY: "queries",
    OperationType.MUTATION: "mutations",
    OperationType.SUBSCRIPTION: "subscriptions",
}


class _EntryLimitReached(Exception):
    """The number of faults has reached the number that is reported."""


def entry(message: str, locations: Iterable[SourceLocation]) -> dict[str, object]:
    """One entry of `errors` for an operation that is not executed."""
    positions = [{"line": location.line, "column": location.column, "sourceName": None} for location in locations]
    return {"path": None, "locations": positions or None, "message": message}


def validation_entries(
    schema: GraphQLSchema, document: DocumentNode, introspection: Introspection = Introspection.ENABLED
) -> list[dict[str, object]]:
    """The faults of a document as entries of `errors`; empty if it is valid.

    Raises:
        RecursionError: The document is nested too deeply.
        ValidationAbortedError: The document has too many fields of the same name to compare.
    """
    type_info = TypeInfo(schema)
    faults: list[tuple[type[ASTValidationRule], GraphQLError]] = []

    def reporter(rule: type[ASTValidationRule]) -> Callable[[GraphQLError], None]:
        def report(error: GraphQLError) -> None:
            faults.append((rule, error))
            if len(faults) == MOST_ENTRIES:
                raise _EntryLimitReached

        return report

    applied: list[type[ASTValidationRule]] = [*specified_rules, FiniteNumbersRule]
    if introspection is Introspection.DISABLED:
        applied.append(NoSchemaIntrospectionCustomRule)
    # One validation context for each rule, so that the rule of every error is known.
    visitors = [rule(ValidationContext(schema, document, type_info, reporter(rule))) for rule in applied]
    for visitor in visitors:
        if isinstance(visitor, rules.OverlappingFieldsCanBeMergedRule):
            visitor.rule_context.remaining_complexity_budget = MOST_COMPARED
    with suppress(_EntryLimitReached):
        visit(document, TypeInfoVisitor(type_info, ParallelVisitor(visitors)))
    if not faults:
        return []
    wording = _ErrorWording(schema, document)
    return [wording.entry(rule, error) for rule, error in faults]


class _ErrorWording:
    """Words the faults of one document."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode) -> None:
        self._schema = schema
        self._document = document
        self._contexts = NodeContexts(schema, document)
        self._reported: Counter[int] = Counter()  # by node: how many missing arguments were reported

    def entry(self, rule: type[ASTValidationRule], error: GraphQLError) -> dict[str, object]:
        """The entry for one fault."""
        nodes = list(error.nodes or ())
        # For a variable that does not fit, the node that uses it is the last one.
        node = nodes[-1 if rule is rules.VariablesInAllowedPositionRule else 0] if nodes else None
        if isinstance(node, OperationDefinitionNode) and rule is rules.KnownOperationTypesRule:
            return entry(f"Schema is not configured for {_PLURALS[node.operation]}.", error.locations or ())
        if isinstance(node, SelectionSetNode):
            node = self._contexts.of(node).field
        type_, what = self._fault(rule, error, node, nodes)
        path = self._contexts.of(node).path
        message = f"Validation error of type {type_}: {what}" + (f" @ '{path}'" if path else "")
        return entry(message, error.locations or ())

    def _fault(
        self, rule: type[ASTValidationRule], error: GraphQLError, node: Node | None, nodes: list[Node]
    ) -> tuple[str, str]:
        """graphql-java's type and words."""
        type_ = _TYPES.get(rule, "InvalidSyntax")
        context = self._contexts.of(node)
        name = name_of(node)
        match node:
            case FieldNode() if rule in (rules.FieldsOnCorrectTypeRule, NoSchemaIntrospectionCustomRule):
                return type_, f"Field '{name}' in type '{context.parent_type}' is undefined"
            case FieldNode() if rule is rules.ScalarLeafsRule:
                if node.selection_set is None:
                    return type_, f"Sub selection required for type {context.type} of field {name}"
                leaf = f"Sub selection not allowed on leaf type {context.type} of field {name}"
                return "SubSelectionNotAllowed", leaf
            case FieldNode() if rule is rules.OverlappingFieldsCanBeMergedRule:
                return type_, self._conflict(nodes)
            case FieldNode() | DirectiveNode() if rule is rules.ProvidedRequiredArgumentsRule:
                kind = "Field" if isinstance(node, FieldNode) else "Directive"
                return f"Missing{kind}Argument", f"Missing {kind.lower()} argument {self._next_missing(node)}"
            case DirectiveNode() if rule is rules.KnownDirectivesRule:
                if self._schema.get_directive(name) is None:
                    return type_, f"Unknown directive {name}"
                return "MisplacedDirective", f"Directive {name} not allowed here"
            case Node() if rule is rules.KnownArgumentNamesRule:
                if isinstance(context.node, DirectiveNode):
                    return "UnknownDirective", f"Unknown directive argument {name}"
                return type_, f"Unknown field argument {name}"
            case Node() if rule in (rules.ValuesOfCorrectTypeRule, FiniteNumbersRule):
                return self._wrong_value(node, context)
            case Node() if rule is rules.FragmentsOnCompositeTypesRule:
                is_inline = isinstance(context.node, InlineFragmentNode)
                kind = "Inline fragment" if is_inline else "Fragment"
                what = f"{kind} type condition is invalid, must be on Object/Interface/Union"
                return ("InlineFragmentTypeConditionInvalid" if is_inline else type_), what
            case Node() if rule is rules.PossibleFragmentSpreadsRule:
                return type_, self._impossible_spread(node, context)
            case OperationDefinitionNode() if rule is rules.LoneAnonymousOperationRule:
                return type_, "Anonymous operation with other operations."
            case Node() if rule in _NAMED:
                return type_, _NAMED[rule].format(name)
            case Node() if rule is rules.VariablesInAllowedPositionRule:
                variable = self._contexts.of(nodes[0]).variable
                given = print_ast(variable.type) if variable else ""
                return type_, f"Variable type '{given}' doesn't match expected type '{context.expected}'"
            case _:
                return type_, error.message.rstrip(".")

    def _next_missing(self, node: Node) -> str:
        missing = self._contexts.of(node).missing
        self._reported[id(node)] += 1
        return missing[min(self._reported[id(node)], len(missing)) - 1] if missing else ""

    def _conflict(self, nodes: list[Node]) -> str:
        fields = [node for node in nodes if isinstance(node, FieldNode)]
        half = len(fields) // 2
        pairs = list(zip(fields[:half], fields[half:], strict=False))
        for one, other in reversed(pairs):
            key = one.alias.value if one.alias else one.name.value
            if one.name.value != other.name.value:
                return f"{key}: {one.name.value} and {other.name.value} are different fields"
            if sorted(map(print_ast, one.arguments or ())) != sorted(map(print_ast, other.arguments or ())):
                return f"{key}: they have differing arguments"
            types = [self._contexts.of(field).type for field in (one, other)]
            if types[0] != types[1]:
                return f"{key}: they return differing types {types[0]} and {types[1]}"
        return f"{name_of(fields[0])}: fields have different list or nullability shapes"

    def _impossible_spread(self, node: Node, context: NodeContext) -> str:
        if isinstance(node, FragmentSpreadNode):
            fragments = [d for d in self._document.definitions if isinstance(d, FragmentDefinitionNode)]
            conditions = {name_of(d): d.type_condition.name.value for d in fragments}
            fragment, of = f"Fragment {name_of(node)}", conditions.get(name_of(node), "")
        else:
            condition = node.type_condition if isinstance(node, InlineFragmentNode) else None
            fragment, of = "Fragment", condition.name.value if condition else ""
        return f"{fragment} cannot be spread here as objects of type {context.parent_type} can never be of type {of}"

    def _wrong_value(self, node: Node, context: NodeContext) -> tuple[str, str]:
        if context.variable is not None:
            return "BadValueForDefaultArg", f"Bad default value {java_value(node)} for type {context.type}"
        argument = context.argument
        if argument is None:
            return "WrongType", f"value '{java_value(node)}' is not a valid '{context.type}'"
        inside, problem = context.inside, f"is not a valid '{context.type}'"
        match node:
            case ObjectFieldNode():
                owner = self._contexts.of(context.node).type
                inside = inside.removesuffix(f".{node.name.value}")
                problem = f"contains a field not in '{owner}': '{node.name.value}'"
            case NullValueNode():
                problem = "must not be null"
            case ObjectValueNode() if missing := self._missing_fields(node, context.type):
                problem = f"is missing required fields '[{', '.join(missing)}]'"
            case _:
                pass
        return (
            "WrongType",
            f"argument '{argument.name.value}{inside}' with value '{java_value(argument.value)}' {problem}",
        )

    def _missing_fields(self, node: ObjectValueNode, type_name: str) -> list[str]:
        type_ = self._schema.get_type(type_name)
        if not is_input_object_type(type_):
            return []
        given = {field.name.value for field in node.fields}
        return [name for name, field in type_.fields.items() if name not in given and is_required_input_field(field)]
