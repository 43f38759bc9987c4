"""Subscription filters: AppSync's grammar, its limits, and the meaning of each operator.

Groups are alternatives; all conditions of one group must hold. A filter reads the published value, so a field that the
mutation did not select counts as null.

Source: AppSync Developer Guide, "Defining enhanced subscriptions filters", and "Extensions".
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from math import prod
from typing import Any, Final

from appsync_local.errors import FilterInvalid

DEEPEST_PATH: Final = 5
FIELDS_PER_GROUP: Final = 5
CONDITIONS_PER_FILTER: Final = 10
LONGEST_TEXT: Final = 256  # characters

log = logging.getLogger("appsync_local")


class Operator(Enum):
    """The comparison of a condition; the values are the names in the filter."""

    EQ = "eq"
    NE = "ne"
    LE = "le"
    LT = "lt"
    GE = "ge"
    GT = "gt"
    CONTAINS = "contains"
    NOT_CONTAINS = "notContains"
    BEGINS_WITH = "beginsWith"
    IN = "in"
    NOT_IN = "notIn"
    BETWEEN = "between"
    CONTAINS_ANY = "containsAny"


MOST_VALUES: Final[Mapping[Operator, int]] = {Operator.IN: 5, Operator.NOT_IN: 5, Operator.CONTAINS_ANY: 20}
_LISTS: Final = frozenset({Operator.IN, Operator.NOT_IN, Operator.BETWEEN, Operator.CONTAINS_ANY})


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison. AppSync accepts unknown operators: `operator` is None then, and the condition never holds."""

    path: tuple[str, ...]
    operator: Operator | None
    value: Any

    def holds(self, published: Mapping[str, Any]) -> bool:
        """Whether the condition holds for a published value."""
        if self.operator is None:
            return False
        return _HOLDS[self.operator](value_at(published, self.path), self.value)


Group = tuple[Condition, ...]
Filter = tuple[Group, ...]


def argument_filter(arguments: Mapping[str, Any]) -> Filter:
    """The filter that follows from a subscription's arguments; an absent argument adds no condition."""
    return (tuple(Condition((name,), Operator.EQ, value) for name, value in arguments.items()),)


def parse_filter(given: object) -> Filter:
    """The filter in an argument of `extensions.setSubscriptionFilter`.

    Raises:
        FilterInvalid: The argument does not have the documented form, or exceeds a limit.
    """
    groups = given.get("filterGroup") if isinstance(given, dict) else None
    if not isinstance(groups, list) or not groups:
        raise FilterInvalid("a subscription filter needs a filterGroup with at least one group of filters")
    parsed = tuple(_group(group) for group in groups)
    if sum(map(_combinations, parsed)) > CONDITIONS_PER_FILTER:
        raise FilterInvalid(f"Filters combination exceed maximum limit {CONDITIONS_PER_FILTER} for subscription")
    return parsed


def _combinations(group: Group) -> int:
    """The number of combinations of a group: its conditions, or the product of the lengths of its `in` lists."""
    alternatives = prod(len(condition.value) for condition in group if condition.operator is Operator.IN)
    return max(len(group), alternatives)


def _group(given: object) -> Group:
    filters = given.get("filters") if isinstance(given, dict) else None
    if not isinstance(filters, list) or not filters:
        raise FilterInvalid("every group of a subscription filter needs a list of filters")
    group = tuple(_condition(item) for item in filters)
    if len({condition.path for condition in group}) > FIELDS_PER_GROUP:
        raise FilterInvalid(f"Filters exceed maximum attributes limit {FIELDS_PER_GROUP} for subscription")
    return group


def _condition(given: object) -> Condition:
    if not isinstance(given, dict) or not isinstance(given.get("fieldName"), str):
        raise FilterInvalid("every filter of a subscription needs fieldName, operator and value")
    name: str = given["fieldName"]
    value: Any = given.get("value")
    try:
        operator = Operator(given.get("operator"))
    except ValueError:
        log.warning("the subscription filter on %s has an unknown operator and matches nothing", name)
        return Condition(tuple(name.split(".")), None, value)
    if operator in _LISTS and not isinstance(value, list):
        raise FilterInvalid(f"operator `{operator.value}` takes a list of values")
    if operator in MOST_VALUES and len(value) > MOST_VALUES[operator]:
        raise FilterInvalid(
            f"subscription exceeds maximum value limit {MOST_VALUES[operator]} for operator `{operator.value}`."
        )
    if operator is Operator.BETWEEN and len(value) != 2:
        raise FilterInvalid("operator `between` takes a list of two values")
    if any(isinstance(item, str) and len(item) > LONGEST_TEXT for item in (value if operator in _LISTS else [value])):
        raise FilterInvalid(f"a subscription filter's value has at most {LONGEST_TEXT} characters")
    return Condition(tuple(name.split(".")), operator, value)


def group_holds(group: Group, published: Mapping[str, Any]) -> bool:
    """Whether every condition of a group holds for a published value."""
    return all(condition.holds(published) for condition in group)


def value_at(published: object, path: tuple[str, ...]) -> Any:
    """The member at a path; None if there is none, or if the path is longer than AppSync reads."""
    if len(path) > DEEPEST_PATH:
        return None
    for name in path:
        if not isinstance(published, Mapping):
            return None
        published = published.get(name)
    return published


def equality_key(value: object) -> object:
    """A hashable key that is equal for values that `eq` considers equal; None for values that are not indexed."""
    if isinstance(value, bool):
        return ("boolean", value)
    if value is None or isinstance(value, str | int | float):
        return ("scalar", value)
    return None


def _equal(left: Any, right: Any) -> bool:
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def holds(found: Any, wanted: Any) -> bool:
        numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (found, wanted))
        return (numbers or (isinstance(found, str) and isinstance(wanted, str))) and compare(found, wanted)

    return holds


def _contains(found: Any, wanted: Any) -> bool:
    if isinstance(found, list):
        return any(_equal(item, wanted) for item in found)
    return isinstance(found, str) and isinstance(wanted, str) and wanted in found


def _is_in(found: Any, wanted: list[Any]) -> bool:
    return any(_equal(found, item) for item in wanted)


_at_least = _ordered(lambda a, b: a >= b)
_at_most = _ordered(lambda a, b: a <= b)

_HOLDS: Final[Mapping[Operator, Callable[[Any, Any], bool]]] = {
    Operator.EQ: _equal,
    Operator.NE: lambda found, wanted: not _equal(found, wanted),
    Operator.LE: _at_most,
    Operator.LT: _ordered(lambda a, b: a < b),
    Operator.GE: _at_least,
    Operator.GT: _ordered(lambda a, b: a > b),
    Operator.CONTAINS: _contains,
    Operator.NOT_CONTAINS: lambda found, wanted: not _contains(found, wanted),
    Operator.BEGINS_WITH: lambda found, wanted: isinstance(found, str) and found.startswith(str(wanted)),
    Operator.IN: _is_in,
    Operator.NOT_IN: lambda found, wanted: not _is_in(found, wanted),
    Operator.BETWEEN: lambda found, wanted: _at_least(found, wanted[0]) and _at_most(found, wanted[1]),
    Operator.CONTAINS_ANY: lambda found, wanted: isinstance(found, list) and any(_is_in(i, wanted) for i in found),
}
