"""The selected fields of an object type, compiled so that most values are completed in one pass.

A value of a scalar or an enum that fits its type is completed here. The general completion takes every other value of
the same object: one that does not fit, one with a selection of its own, and one that the object does not contain.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from graphql import GraphQLEnumType, GraphQLNonNull, GraphQLOutputType, GraphQLScalarType

from appsync_local.api.model import AuthMode
from appsync_local.api.result_coercion import result_coercion
from appsync_local.api.scalars import UNCHANGED_TYPES, FastPathMiss, fast_coercion
from appsync_local.authorization.caller import Rule


class SelectedField(Protocol):
    """What the compilation reads of a selected field."""

    @property
    def key(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def type(self) -> GraphQLOutputType: ...

    @property
    def rule(self) -> Rule | None: ...

    @property
    def is_member(self) -> bool:
        """Whether every caller that the rule allows receives the parent's member of that name."""


Selected = TypeVar("Selected", bound=SelectedField)
Coerce = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class LeafFields(Generic[Selected]):
    """The selected fields of one object type.

    Args:
        fields: For each field: response key, name, coercion, the Python type whose values need no coercion, whether the
            value is null if the member is, and the field itself. The coercion raises FastPathMiss for a value that the
            general completion must take.
        modes: Callers of these modes may see every field; None if every caller may.
    """

    fields: tuple[tuple[str, str, Coerce, type | None, bool, Selected], ...]
    modes: frozenset[AuthMode] | None


def leaf_fields(selected: Iterable[Selected]) -> LeafFields[Selected]:
    """The compiled fields."""
    fields: list[tuple[str, str, Coerce, type | None, bool, Selected]] = []
    modes: frozenset[AuthMode] | None = None
    for one in selected:
        inner = one.type.of_type if isinstance(one.type, GraphQLNonNull) else one.type
        may_be_null = one.is_member and inner is one.type
        if one.is_member and isinstance(inner, GraphQLScalarType | GraphQLEnumType):
            coerce = fast_coercion(inner, result_coercion(inner))
            fields.append((one.key, one.name, coerce, UNCHANGED_TYPES.get(inner), may_be_null, one))
        else:
            fields.append((one.key, one.name, _miss, None, may_be_null, one))
        if one.rule is not None:
            unconditional = frozenset(mode for mode, groups in one.rule.items() if groups is None)
            modes = unconditional if modes is None else modes & unconditional
    return LeafFields(tuple(fields), modes)


def _miss(_value: object) -> object:
    """The coercion of a field that is not a member, or that has a selection of its own."""
    raise FastPathMiss
