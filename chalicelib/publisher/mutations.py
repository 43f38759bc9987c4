"""The mutations of a worker, with the names that the API has for their types."""

from functools import cache
from pathlib import Path
from typing import Any, Final

from gql import GraphQLRequest, gql
from graphql import NamedTypeNode, NameNode, Visitor, parse, print_ast, visit
from msgspec import Struct

DOCUMENTS: Final = Path(__file__).with_name("documents")
BUILT_IN: Final = frozenset({"ID", "Int", "String", "Float", "Boolean"})


class Mutation(Struct, frozen=True):
    """A document of ours, as text and parsed."""

    text: str
    request: GraphQLRequest


class Prepared(GraphQLRequest):
    """A request with the text of its document. gql prints the document again for every request."""

    def __init__(self, mutation: Mutation, variables: dict[str, Any]) -> None:
        super().__init__(mutation.request, variable_values=variables)
        self._text = mutation.text

    @property
    def payload(self) -> dict[str, Any]:
        return {"query": self._text, "variables": self.variable_values}


@cache
def mutation(name: str, type_prefix: str) -> Mutation:
    """A mutation with the fields of an event that it selects, parsed once in a process.

    Args:
        name: The document.
        type_prefix: What the names of our types begin with in the schema of the API.
    """
    own, event = ((DOCUMENTS / f"{file}.graphql").read_text("utf-8") for file in (name, "event"))
    text = with_prefix(f"{own}\n{event}", type_prefix)
    return Mutation(text, gql(text))


def with_prefix(document: str, type_prefix: str) -> str:
    """The document, in which every name of a type that GraphQL has not itself begins with the prefix."""
    return print_ast(visit(parse(document), _Prefixing(type_prefix))) if type_prefix else document


class _Prefixing(Visitor):
    def __init__(self, type_prefix: str) -> None:
        super().__init__()
        self._type_prefix = type_prefix

    def enter_named_type(self, node: NamedTypeNode, *_: Any) -> NamedTypeNode | None:
        name = node.name.value
        return None if name in BUILT_IN else NamedTypeNode(name=NameNode(value=f"{self._type_prefix}{name}"))
