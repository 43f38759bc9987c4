"""Documents that are parsed and validated once, and the plans compiled from them."""

from collections import OrderedDict
from collections.abc import Hashable, Mapping
from typing import Any, Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLSyntaxError,
    Node,
    OperationDefinitionNode,
    OperationType,
    VariableNode,
    Visitor,
    get_variable_values,
    parse,
    visit,
)
from graphql.execution.values import VariableValues
from graphql.validation.validate import ValidationAbortedError

from appsync_local.api.scalars import FastPathMiss
from appsync_local.errors import OperationInvalid, RequestRefused
from appsync_local.operation.plan import Plan
from appsync_local.operation.size import OperationTooLarge, count_fields
from appsync_local.operation.validation import entry, validation_entries
from appsync_local.operation.variable_errors import variable_entry
from appsync_local.operation.variables import Variables
from appsync_local.resolvers.loading import ExecutableApi

TOKEN_LIMIT: Final = 15_000  # Source: AppSync quotas, "query text"
DOCUMENTS_KEPT: Final = 512
WEIGHT_KEPT: Final = 30_000  # of all kept documents, in the unit of `weight_of`
HEAVIEST_KEPT: Final = 10_000  # of one document
CHARACTERS: Final = 8  # of a document that weigh as much as one field of a plan
PLANS_KEPT: Final = 16  # per operation: one for each combination of values for @skip and @include


class Operation:
    """One operation of a document.

    Attributes:
        title: Kind and name, for the log.
        fields: The largest number of fields that its kept plans can have together.

    Raises:
        OperationTooLarge: The operation exceeds a limit of size.
    """

    def __init__(
        self, api: ExecutableApi, node: OperationDefinitionNode, fragments: Mapping[str, FragmentDefinitionNode]
    ) -> None:
        self.node = node
        self.type: OperationType = node.operation
        self.name = node.name.value if node.name else None
        roots = (s for s in node.selection_set.selections if isinstance(s, FieldNode))
        self.title = f"{self.type.value} {self.name or ','.join(field.name.value for field in roots)}"
        self._api = api
        self._fragments = fragments
        fields = count_fields(api.schema, node, fragments)
        self._conditions = _condition_variables((node, *fragments.values()))
        self.fields = fields * (PLANS_KEPT if self._conditions else 1)
        self._plans: OrderedDict[Hashable, Plan] = OrderedDict()
        self._variables = Variables(api.schema, node.variable_definitions or ())

    def variables(self, given: Mapping[str, Any]) -> VariableValues:
        """The variables, coerced to their types.

        Raises:
            OperationInvalid: A variable is missing or does not fit its type.
        """
        try:
            return self._variables.coerce(given)
        except FastPathMiss:
            return self._coerced_by_graphql_core(given)

    def _coerced_by_graphql_core(self, given: Mapping[str, Any]) -> VariableValues:
        result = get_variable_values(self._api.schema, self.node.variable_definitions or (), dict(given))
        if isinstance(result, VariableValues):
            return result
        fault = variable_entry(self._api.schema, self.node.variable_definitions or (), given)
        raise OperationInvalid([fault or entry(result[0].message, result[0].locations or ())])

    def plan(self, variables: VariableValues) -> Plan:
        """The plan for these variables. Requests with the same values for @skip and @include share it."""
        key = tuple(variables.coerced.get(name) for name in self._conditions)
        plan = self._plans.get(key)
        if plan is None:
            plan = self._plans[key] = Plan(self._api, self.node, self._fragments, variables)
            if len(self._plans) > PLANS_KEPT:
                self._plans.popitem(last=False)
        return plan


class Document:
    """A valid document.

    Attributes:
        fields: The sum of its operations' `fields`.

    Raises:
        OperationTooLarge: An operation exceeds a limit of size.
    """

    def __init__(self, api: ExecutableApi, node: DocumentNode) -> None:
        fragments = {d.name.value: d for d in node.definitions if isinstance(d, FragmentDefinitionNode)}
        nodes = [d for d in node.definitions if isinstance(d, OperationDefinitionNode)]
        self._operations = {d.name.value if d.name else None: Operation(api, d, fragments) for d in nodes}
        self.fields = sum(operation.fields for operation in self._operations.values())

    def operation(self, name: str | None) -> Operation:
        """The operation to run.

        Raises:
            RequestRefused: The document has several operations and no name was given, or no operation of this name.
        """
        if not name:
            if len(self._operations) == 1:
                return next(iter(self._operations.values()))
            raise RequestRefused(400, "BadRequestException", "Missing operation name.")
        found = self._operations.get(name)
        if found is None:
            raise RequestRefused(400, "BadRequestException", f"Unknown operation named '{name}'.")
        return found


class Documents:
    """The most recently used documents, by their text."""

    def __init__(self, api: ExecutableApi) -> None:
        self._api = api
        self._kept: OrderedDict[str, Document] = OrderedDict()
        self._weight = 0

    def get(self, text: str) -> Document:
        """The document with this text.

        Raises:
            OperationInvalid: The document has syntax or validation errors, or exceeds a limit of size.
        """
        document = self._kept.get(text)
        if document is not None:
            self._kept.move_to_end(text)
            return document
        document = self._valid(text)
        self._keep(text, document)
        return document

    def _keep(self, text: str, document: Document) -> None:
        weight = weight_of(document.fields, text)
        if weight > HEAVIEST_KEPT:
            return
        self._kept[text] = document
        self._weight += weight
        while len(self._kept) > DOCUMENTS_KEPT or self._weight > WEIGHT_KEPT:
            dropped, document = self._kept.popitem(last=False)
            self._weight -= weight_of(document.fields, dropped)

    def _valid(self, text: str) -> Document:
        try:
            node = parse(text, max_tokens=TOKEN_LIMIT)
            entries = validation_entries(self._api.schema, node, self._api.limits.introspection)
            if not entries:
                return Document(self._api, node)
        except GraphQLSyntaxError as error:
            entries = [_syntax_entry(error)]
        except RecursionError:
            entries = [entry("Invalid Syntax : the document is nested too deeply.", ())]
        except ValidationAbortedError:
            entries = [entry("The document has too many fields of the same name to compare.", ())]
        except OperationTooLarge as too_large:
            entries = [entry(f"The document is too large: it has {too_large}.", ())]
        raise OperationInvalid(entries)


def weight_of(fields: int, text: str) -> int:
    """The size in memory of plans with this number of fields and of their text; one unit is two to three kilobytes."""
    return fields + len(text) // CHARACTERS


def _syntax_entry(error: GraphQLSyntaxError) -> dict[str, object]:
    if "Document contains more than" in error.message:
        return entry(f"Maximum char length exceeded. A document has at most {TOKEN_LIMIT} tokens.", ())
    location = error.locations[0] if error.locations else None
    where = f" at line {location.line} column {location.column}" if location else ""
    return entry(
        f"Invalid Syntax : {error.message.removeprefix('Syntax Error: ').rstrip('.')}{where}", error.locations or ()
    )


def _condition_variables(nodes: tuple[Node, ...]) -> tuple[str, ...]:
    """The names of the variables that @skip and @include use."""
    names: dict[str, None] = {}

    class Conditions(Visitor):
        def enter_directive(self, node: Any, *_: Any) -> None:
            for argument in node.arguments:
                if isinstance(argument.value, VariableNode):
                    names[argument.value.name.value] = None

    for node in nodes:
        visit(node, Conditions())
    return tuple(names)
