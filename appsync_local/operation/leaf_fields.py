"""Objects of which only leaves are selected, or what is deeper is null: most of all objects, and completed in one pass
while every value fits.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graphql import GraphQLEnumType, GraphQLNonNull, GraphQLScalarType

from appsync_local.api.model import AuthMode
from appsync_local.api.scalars import AS_IT_IS, Unfit, leaf
from appsync_local.authorization.caller import Caller, Rule

if TYPE_CHECKING:
    from appsync_local.operation.plan import Step


def _deeper(_value: object) -> object:
    """In place of a leaf's, for a field that has a selection of its own: it is a leaf while it is null."""
    raise Unfit


@dataclass(frozen=True, slots=True)
class _Leaf:
    key: str
    name: str
    coerce: Callable[[Any], Any]
    as_it_is: type | None
    is_nullable: bool


class Leaves:
    """What is selected of one type.

    Args:
        fields: The leaves.
        modes: Callers of these modes may see all of them, whoever they are; None where every caller may.
    """

    def __init__(self, fields: Iterable[_Leaf], modes: frozenset[AuthMode] | None) -> None:
        self._fields = [(f.key, f.name, f.coerce, f.as_it_is, f.is_nullable) for f in fields]
        self._modes = modes

    def complete(self, value: object, caller: Caller | None) -> dict[str, Any]:
        """An object as the response shows it; nobody is asked where the caller is None.

        Raises:
            Unfit: Some value does not fit its type, or the caller may not see all: field by field it is found out what.
        """
        if type(value) is not dict:
            raise Unfit
        if caller is not None and (caller.denied or (self._modes is not None and caller.mode not in self._modes)):
            raise Unfit
        done: dict[str, Any] = {}
        for key, name, coerce, as_it_is, is_nullable in self._fields:
            own = value.get(name)
            if type(own) is as_it_is:
                done[key] = own
            elif own is not None:
                done[key] = own = coerce(own)
                if own is None:
                    raise Unfit
            elif is_nullable:
                done[key] = None
            else:
                raise Unfit
        return done


def leaves_of(steps: "Iterable[Step]") -> Leaves | None:
    """The steps as leaves; None where some are something else."""
    leaves: list[_Leaf] = []
    modes: frozenset[AuthMode] | None = None
    for step in steps:
        inner = step.type.of_type if isinstance(step.type, GraphQLNonNull) else step.type
        if step.resolver is not None or step.refusal is not None or step.name.startswith("__") or step.is_introspection:
            return None
        if isinstance(inner, GraphQLScalarType | GraphQLEnumType):
            coerce = leaf(inner, inner.coerce_output_value)
            leaves.append(_Leaf(step.key, step.name, coerce, AS_IT_IS.get(inner), inner is step.type))
        elif inner is step.type and not step.may_resolve_below:
            leaves.append(_Leaf(step.key, step.name, _deeper, None, is_nullable=True))
        else:
            return None
        if step.rule is not None:
            unconditional = _unconditional(step.rule)
            modes = unconditional if modes is None else modes & unconditional
    return Leaves(leaves, modes)


def _unconditional(rule: Rule) -> frozenset[AuthMode]:
    return frozenset(mode for mode, groups in rule.items() if groups is None)
