"""The live subscriptions, and the search for those that match an event.

Every group of a filter is indexed under one of its equality conditions, such as `id = n1`. An event is compared only
with the groups under its own values, so its cost does not depend on the number of subscriptions to other values.
Groups without an equality condition are compared with every event of their field.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from graphql.execution.values import VariableValues

from appsync_local.operation.plan import Plan
from appsync_local.realtime.filters import Condition, Filter, Group, Operator, equality_key, group_holds, value_at


@dataclass(eq=False, slots=True)
class Subscription:
    """One subscription of one connection. A reload of the schema replaces its plan.

    Args:
        field: The field of `Subscription`.
        filter: Selects the events of this subscription.
        plan: The compiled operation.
        variables: The coerced variables.
        deliver: Receives an event, as `data_end` of the protocol.
        end: Called when a mutation invalidates the subscription.
        invalidation: Selects the invalidations that end the subscription; empty if no invalidation can.
        weight: The size of the subscription in memory, in fields of its plan.
    """

    field: str
    filter: Filter
    plan: Plan
    variables: VariableValues
    deliver: Callable[[bytes], None]
    end: Callable[[], None]
    invalidation: Filter = ()
    weight: int = 0


@dataclass(frozen=True, eq=False, slots=True)
class _IndexedGroup:
    """One group of one subscription; `unchecked` are the conditions that its index key does not cover."""

    subscription: Subscription
    unchecked: Group


# The path of a field, and the key of the value that it must have.
_IndexKey = tuple[tuple[str, ...], object]


@dataclass(slots=True)
class _FieldIndex:
    keys: dict[tuple[str, ...], dict[object, dict[_IndexedGroup, None]]] = field(default_factory=dict)
    without_key: dict[_IndexedGroup, None] = field(default_factory=dict)


class SubscriptionRegistry:
    """The live subscriptions of one API."""

    def __init__(self) -> None:
        self._fields: dict[str, _FieldIndex] = {}
        self._groups: dict[Subscription, list[tuple[_IndexedGroup, list[_IndexKey]]]] = {}
        self._invalidatable: dict[Subscription, None] = {}

    def __len__(self) -> int:
        return len(self._groups)

    def subscriptions(self) -> tuple[Subscription, ...]:
        """All live subscriptions."""
        return tuple(self._groups)

    def add(self, subscription: Subscription) -> None:
        """Deliver events to this subscription from now on."""
        index = self._fields.setdefault(subscription.field, _FieldIndex())
        indexed_groups = self._groups[subscription] = []
        for group in subscription.filter:
            condition, keys = _best_index_keys(index, group)
            indexed = _IndexedGroup(subscription, tuple(other for other in group if other is not condition))
            for path, key in keys:
                index.keys.setdefault(path, {}).setdefault(key, {})[indexed] = None
            if not keys:
                index.without_key[indexed] = None
            indexed_groups.append((indexed, keys))
        if subscription.invalidation:
            self._invalidatable[subscription] = None

    def remove(self, subscription: Subscription) -> None:
        """Deliver no more events to this subscription; does nothing if it was removed before."""
        index = self._fields.get(subscription.field)
        self._invalidatable.pop(subscription, None)
        for indexed, keys in self._groups.pop(subscription, ()):
            assert index is not None  # noqa: S101  # `add` created it
            index.without_key.pop(indexed, None)
            for path, key in keys:
                values = index.keys[path]
                values[key].pop(indexed, None)
                if not values[key]:
                    del values[key]
                if not values:
                    del index.keys[path]

    def matching(self, field_name: str, published: object) -> list[Subscription]:
        """The subscriptions that match an event, each once.

        A list matches all of them, since filters do not apply to it. Every field of a scalar counts as null.
        """
        index = self._fields.get(field_name)
        if index is None:
            return []
        if isinstance(published, list):
            return [subscription for subscription in self._groups if subscription.field == field_name]
        if not isinstance(published, Mapping):
            published = {}
        found: dict[Subscription, None] = {}
        for indexed in self.candidates(index, published):
            if not indexed.unchecked or (
                indexed.subscription not in found and group_holds(indexed.unchecked, published)
            ):
                found[indexed.subscription] = None
        return list(found)

    def invalidatable(self, field_name: str) -> list[Subscription]:
        """The subscriptions to a field that an invalidation may end."""
        return [s for s in self._invalidatable if s.field == field_name]

    @staticmethod
    def candidates(index: _FieldIndex, published: Mapping[str, Any]) -> Iterator[_IndexedGroup]:
        """The groups that may match an event."""
        groups = [values.get(equality_key(value_at(published, path)), {}) for path, values in index.keys.items()]
        return chain(*groups, index.without_key)


def _best_index_keys(index: _FieldIndex, group: Group) -> tuple[Condition | None, list[_IndexKey]]:
    """The condition and the index keys for a group: the equality that has the fewest groups in the index."""
    choices = [(condition, keys) for condition in group if (keys := _index_keys_of(condition))]
    return min(
        choices, key=lambda choice: sum(_groups_under(index, index_key) for index_key in choice[1]), default=(None, [])
    )


def _groups_under(index: _FieldIndex, index_key: _IndexKey) -> int:
    path, key = index_key
    return len(index.keys.get(path, {}).get(key, ()))


def _index_keys_of(condition: Condition) -> list[_IndexKey]:
    match condition.operator:
        case Operator.EQ:
            keys = [equality_key(condition.value)]
        case Operator.IN:
            keys = [equality_key(value) for value in condition.value]
        case _:
            return []
    return [] if None in keys else [(condition.path, key) for key in dict.fromkeys(keys)]
