"""The context of each node in a document: the fields, arguments and types around it. Used for error messages only."""

from typing import Any

from graphql import (
    ArgumentNode,
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLArgument,
    GraphQLSchema,
    ListValueNode,
    Node,
    ObjectFieldNode,
    TypeInfo,
    TypeInfoVisitor,
    VariableDefinitionNode,
    Visitor,
    get_named_type,
    is_required_argument,
    visit,
)


class NodeContext:
    """The context of one node.

    Attributes:
        node: The parent node.
        path: Names of the fields from the root to the node, with slashes.
        field: The innermost field that contains the node, or the node itself.
        argument: The innermost argument that contains the node, or the node itself.
        inside: The path from the value of that argument to the node, such as `.items[0].name`.
        variable: The variable definition that contains the node.
        parent_type: Name of the type whose field is selected.
        type: Name of the type of the node's value, or of the field's value.
        expected: The whole type that an input must have here, such as `[ID!]!`.
        missing: Names of required arguments that the node lacks.
    """

    __slots__ = (
        "argument",
        "expected",
        "field",
        "inside",
        "missing",
        "node",
        "parent_type",
        "path",
        "type",
        "variable",
    )

    def __init__(self) -> None:
        self.node: Node | None = None
        self.path = ""
        self.field: FieldNode | None = None
        self.argument: ArgumentNode | None = None
        self.inside = ""
        self.variable: VariableDefinitionNode | None = None
        self.parent_type = ""
        self.type = ""
        self.expected = ""
        self.missing: list[str] = []


class NodeContexts(Visitor):
    """The contexts of all nodes of one document."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode) -> None:
        super().__init__()
        self._type_info = TypeInfo(schema)
        self._ancestors: list[Node] = []
        self._roots: list[str] = []
        self._fields: list[FieldNode] = []
        self._arguments: list[ArgumentNode] = []
        self._variables: list[VariableDefinitionNode] = []
        self._inside: list[str] = []
        self._contexts: dict[int, NodeContext] = {}
        visit(document, TypeInfoVisitor(self._type_info, self))

    def of(self, node: Node | None) -> NodeContext:
        """The context of a node; an empty one for a node that is not in the document."""
        return self._contexts.get(id(node)) or NodeContext()

    def enter(self, node: Node, key: Any, *_: Any) -> None:
        match node:
            case FragmentDefinitionNode():
                self._roots.append(node.name.value)
            case FieldNode():
                self._fields.append(node)
            case ArgumentNode():
                self._arguments.append(node)
            case VariableDefinitionNode():
                self._variables.append(node)
            case _:
                pass
        self._inside.append(self._step(node, key))
        self._contexts[id(node)] = self._context(node)
        self._ancestors.append(node)

    def leave(self, node: Node, *_: Any) -> None:
        self._ancestors.pop()
        self._inside.pop()
        match node:
            case FragmentDefinitionNode():
                self._roots.pop()
            case FieldNode():
                self._fields.pop()
            case ArgumentNode():
                self._arguments.pop()
            case VariableDefinitionNode():
                self._variables.pop()
            case _:
                pass

    def _step(self, node: Node, key: Any) -> str:
        if isinstance(node, ObjectFieldNode):
            return f".{node.name.value}"
        if self._ancestors and isinstance(self._ancestors[-1], ListValueNode):
            return f"[{key}]"
        return ""

    def _context(self, node: Node) -> NodeContext:
        context = NodeContext()
        context.node = self._ancestors[-1] if self._ancestors else None
        context.path = "/".join([*self._roots, *(field.name.value for field in self._fields)])
        context.field = self._fields[-1] if self._fields else None
        context.argument = self._arguments[-1] if self._arguments else None
        context.inside = "".join(self._inside)
        context.variable = self._variables[-1] if self._variables else None
        parent = self._type_info.get_parent_type()
        context.parent_type = parent.name if parent else ""
        match node:
            case FieldNode():
                definition = self._type_info.get_field_def()
                context.type = get_named_type(definition.type).name if definition else ""
                context.missing = _missing(definition.args if definition else {}, node)
            case DirectiveNode():
                directive = self._type_info.get_directive()
                context.missing = _missing(directive.args if directive else {}, node)
            case _:
                type_ = self._type_info.get_input_type()
                context.type = get_named_type(type_).name if type_ else ""
                context.expected = str(type_) if type_ else ""
        return context


def _missing(arguments: dict[str, GraphQLArgument], node: FieldNode | DirectiveNode) -> list[str]:
    given = {argument.name.value for argument in node.arguments or ()}
    return [name for name, argument in arguments.items() if name not in given and is_required_argument(argument)]
