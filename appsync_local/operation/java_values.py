"""Names and literals of a document, as graphql-java prints them in errors."""

from typing import Any

from graphql import (
    BooleanValueNode,
    EnumValueNode,
    FloatValueNode,
    IntValueNode,
    ListValueNode,
    NameNode,
    Node,
    NullValueNode,
    ObjectFieldNode,
    ObjectValueNode,
    StringValueNode,
    VariableNode,
    print_ast,
)


def name_of(node: Any) -> str:
    """The name of a node; empty if it has none."""
    if isinstance(node, NameNode):
        return node.value
    named = getattr(getattr(node, "variable", node), "name", None)
    return str(named.value) if named is not None else ""


def java_value(node: Node) -> str:
    """A literal as graphql-java prints it."""
    match node:
        case StringValueNode(value=text):
            return f"StringValue{{value='{text}'}}"
        case IntValueNode(value=text):
            return f"IntValue{{value={text}}}"
        case FloatValueNode(value=text):
            return f"FloatValue{{value={text}}}"
        case BooleanValueNode(value=is_true):
            return f"BooleanValue{{value={str(is_true).lower()}}}"
        case NullValueNode():
            return "NullValue{}"
        case EnumValueNode(value=text):
            return f"EnumValue{{name='{text}'}}"
        case ListValueNode(values=values):
            return f"ArrayValue{{values=[{', '.join(map(java_value, values))}]}}"
        case ObjectValueNode(fields=fields):
            return f"ObjectValue{{objectFields=[{', '.join(map(java_value, fields))}]}}"
        case ObjectFieldNode():
            return f"ObjectField{{name='{name_of(node)}', value={java_value(node.value)}}}"
        case VariableNode():
            return f"VariableReference{{name='{name_of(node)}'}}"
        case _:
            return print_ast(node)
