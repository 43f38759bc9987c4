"""Reads request objects for a database.

Source: AppSync Developer Guide, "Resolver mapping template reference for RDS" and "JavaScript resolver function
reference for Amazon RDS"; RDS Data API Reference, SqlParameter, for the type hints.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from appsync_local.data_sources.protocol import malformed, not_found

MOST_STATEMENTS: Final = 2


class TypeHint(Enum):
    """The type of a parameter that is sent as text."""

    DATE = "DATE"
    DECIMAL = "DECIMAL"
    JSON = "JSON"
    TIME = "TIME"
    TIMESTAMP = "TIMESTAMP"
    UUID = "UUID"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A value for a placeholder: None, or a boolean, number, text, list or object, with its type hint if it has one."""

    value: Any
    hint: TypeHint | None = None


@dataclass(frozen=True, slots=True)
class StatementsRequest:
    """Statements, and the parameters of all of them by the names of their placeholders."""

    statements: tuple[str, ...]
    parameters: Mapping[str, Parameter]


def read_request(request: object) -> StatementsRequest:
    """Read a request object.

    Raises:
        FieldError: The object is malformed.
    """
    if not isinstance(request, dict) or request.get("statements") is None:
        raise not_found("statements")
    statements = request["statements"]
    if not isinstance(statements, list) or not all(isinstance(it, str) and it.strip() for it in statements):
        raise malformed("the statements of an RDS request must be a list of texts that are not empty")
    if not 1 <= len(statements) <= MOST_STATEMENTS:
        raise malformed(
            f"an RDS request has at least 1 and at most {MOST_STATEMENTS} statements, and this one has "
            f"{len(statements)}"
        )
    values, hints = _names(request, "variableMap"), _names(request, "variableTypeHintMap")
    return StatementsRequest(
        tuple(statements), {name: Parameter(value, _hint(name, hints.get(name))) for name, value in values.items()}
    )


def _names(request: Mapping[str, Any], member: str) -> dict[str, Any]:
    """The members of a map by name, without the colon that names may begin with."""
    found = request.get(member)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise malformed(f"the {member} of an RDS request must be an object")
    return {name.removeprefix(":"): value for name, value in found.items()}


def _hint(name: str, hint: object) -> TypeHint | None:
    if hint is None:
        return None
    try:
        return TypeHint(hint)
    except ValueError:
        supported = ", ".join(it.value for it in TypeHint)
        raise malformed(f"Unsupported type hint '{hint}' for :{name}. Supported: {supported}.") from None
