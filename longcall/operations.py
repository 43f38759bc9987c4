"""The GraphQL documents of this package, with the names that the API has for their types."""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

from gql import GraphQLRequest
from graphql import DocumentNode, NamedTypeNode, NameNode, Visitor, parse, print_ast, visit

from longcall.errors import ConfigurationError
from longcall.models import Json

# The files of the shared fragments. A fragment comes before those that it spreads itself.
FRAGMENTS: Final = {"InferenceFields": "inference_fields", "CostFields": "cost_fields"}
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
BUILT_IN: Final = frozenset({"ID", "Int", "String", "Float", "Boolean"})


class Request(GraphQLRequest):
    """A document of this package with its variables. The document's text is printed once, not for each request.

    Args:
        name: The document.
        variables: Its variables.
        type_prefix: What the names of Longcall's types begin with in the schema of the API.
    """

    def __init__(self, name: str, variables: Mapping[str, Json], type_prefix: str = "") -> None:
        super().__init__(_document(name, type_prefix), variable_values=dict(variables))
        self._text = _text(name, type_prefix)

    @property
    def payload(self) -> dict[str, Any]:
        return {"query": self._text, "variables": self.variable_values}


def check_type_prefix(type_prefix: str) -> None:
    """Check that type names may begin with a prefix.

    Raises:
        ConfigurationError: They may not.
    """
    if type_prefix and not _NAME.fullmatch(type_prefix):
        raise ConfigurationError(
            f"type_prefix must be a GraphQL name, such as Longcall, or empty, but is {type_prefix!r}"
        )


@cache
def _text(name: str, type_prefix: str) -> str:
    text = _file(name)
    for fragment, file in FRAGMENTS.items():
        if f"...{fragment}" in text:  # the API refuses an unused fragment
            text = f"{text}\n{_file(file)}"
    return print_ast(visit(parse(text), _Prefixing(type_prefix))) if type_prefix else text


def _file(name: str) -> str:
    return (files("longcall") / "documents" / f"{name}.graphql").read_text("utf-8")


@cache
def _document(name: str, type_prefix: str) -> DocumentNode:
    return parse(_text(name, type_prefix))


class _Prefixing(Visitor):
    """Adds the prefix to every name of a type that GraphQL has not itself."""

    def __init__(self, type_prefix: str) -> None:
        super().__init__()
        self._type_prefix = type_prefix

    def enter_named_type(self, node: NamedTypeNode, *_: Any) -> NamedTypeNode | None:
        name = node.name.value
        return None if name in BUILT_IN else NamedTypeNode(name=NameNode(value=f"{self._type_prefix}{name}"))
