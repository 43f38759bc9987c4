"""Objects whose selected fields are all scalars or enums, compiled for completion in one pass.

Most objects are of this kind. A field that has a selection of its own is included if it is nullable: the fast path
covers the object as long as that field is null.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

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

    @property
    def may_resolve_below(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class LeafFields:
    """The selected fields of one object type.

    Args:
        fields: For each field: response key, name, coercion, the Python type whose values need no coercion, and whether
            null is allowed.
        modes: Callers of these modes may see every field; None if every caller may.
    """

    fields: tuple[tuple[str, str, Callable[[Any], Any], type | None, bool], ...]
    modes: frozenset[AuthMode] | None


def leaf_fields(selected: Iterable[SelectedField]) -> LeafFields | None:
    """The compiled fields; None if the fast path can never cover the object."""
    fields: list[tuple[str, str, Callable[[Any], Any], type | None, bool]] = []
    modes: frozenset[AuthMode] | None = None
    for one in selected:
        inner = one.type.of_type if isinstance(one.type, GraphQLNonNull) else one.type
        if not one.is_member:
            return None
        if isinstance(inner, GraphQLScalarType | GraphQLEnumType):
            coerce = fast_coercion(inner, result_coercion(inner))
            fields.append((one.key, one.name, coerce, UNCHANGED_TYPES.get(inner), inner is one.type))
        elif inner is one.type and not one.may_resolve_below:
            fields.append((one.key, one.name, _miss, None, True))
        else:
            return None
        if one.rule is not None:
            unconditional = frozenset(mode for mode, groups in one.rule.items() if groups is None)
            modes = unconditional if modes is None else modes & unconditional
    return LeafFields(tuple(fields), modes)


def _miss(_value: object) -> object:
    """The coercion of a field that has a selection of its own: only null is covered."""
    raise FastPathMiss
