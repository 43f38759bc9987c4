"""The live subscriptions, and the search for those that match an event.

Every group of a filter is indexed under one of its equality conditions, such as `id = n1`. An event is compared only
with the groups under its own values, so its cost does not depend on the number of subscriptions to other values.
Groups without an equality condition are compared with every event of their field.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from appsync_local.operation.plan import Plan
from appsync_local.realtime.filters import Condition, Filter, Group, Operator, equality_key, group_holds, value_at


@dataclass(eq=False, slots=True)
class Subscription(ABC):
    """One subscription of one connection. A reload of the schema replaces its plan.

    Args:
        field: The field of `Subscription`.
        plan: The compiled operation.
        variables: The variables as the client sent them.
        invalidation: Selects the invalidations that end the subscription; empty if no invalidation can.
        weight: The size of the subscription in memory, in fields of its plan.
    """

    field: str
    plan: Plan
    variables: Mapping[str, Any]
    invalidation: Filter = ()
    weight: int = 0

    @abstractmethod
    def deliver(self, end: bytes) -> None:
        """Send an event to the client. The event is `data_end` of the protocol."""

    @abstractmethod
    def end(self) -> None:
        """End the subscription from this side: a mutation has invalidated it, or a reload its schema."""


# The path of a field, and the key of the value that it must have.
_IndexKey = tuple[tuple[str, ...], object]
# Subscriptions with a group under one index key. The value has the conditions of these groups that the key does not
# cover: one group of them must hold. None: nothing else must hold.
_Bucket = dict[Subscription, tuple[Group, ...] | None]


@dataclass(slots=True)
class _FieldIndex:
    keys: dict[tuple[str, ...], dict[object, _Bucket]] = field(default_factory=dict)
    without_key: _Bucket = field(default_factory=dict)


class SubscriptionRegistry:
    """The live subscriptions of one API."""

    def __init__(self) -> None:
        self._fields: dict[str, _FieldIndex] = {}
        self._index_keys: dict[Subscription, tuple[_IndexKey, ...]] = {}
        self._invalidatable: dict[Subscription, None] = {}

    def __len__(self) -> int:
        return len(self._index_keys)

    def subscriptions(self) -> tuple[Subscription, ...]:
        """All live subscriptions."""
        return tuple(self._index_keys)

    def add(self, subscription: Subscription, filter_: Filter) -> None:
        """Deliver the events that the filter selects to this subscription from now on."""
        index = self._fields.setdefault(subscription.field, _FieldIndex())
        used: list[_IndexKey] = []
        for group in filter_:
            condition, keys = _best_index_keys(index, group)
            unchecked = tuple(other for other in group if other is not condition)
            for path, key in keys:
                _put(index.keys.setdefault(path, {}).setdefault(key, {}), subscription, unchecked)
            if not keys:
                _put(index.without_key, subscription, unchecked)
            used += keys
        self._index_keys[subscription] = tuple(used)
        if subscription.invalidation:
            self._invalidatable[subscription] = None

    def remove(self, subscription: Subscription) -> None:
        """Deliver no more events to this subscription; does nothing if it was removed before."""
        used = self._index_keys.pop(subscription, None)
        if used is None:
            return
        self._invalidatable.pop(subscription, None)
        index = self._fields[subscription.field]
        index.without_key.pop(subscription, None)
        for path, key in dict.fromkeys(used):
            buckets = index.keys[path]
            del buckets[key][subscription]
            if not buckets[key]:
                del buckets[key]
            if not buckets:
                del index.keys[path]

    def matching(self, field_name: str, published: object) -> list[Subscription]:
        """The subscriptions that match an event, each once.

        A list matches all of them, since filters do not apply to it. Every field of a scalar counts as null.
        """
        index = self._fields.get(field_name)
        if index is None:
            return []
        if isinstance(published, list):
            return [subscription for subscription in self._index_keys if subscription.field == field_name]
        if not isinstance(published, Mapping):
            published = {}
        found = [
            [s for s, unchecked in bucket.items() if unchecked is None or _one_holds(unchecked, published)]
            for bucket in self.candidates(index, published)
        ]
        if len(found) == 1:
            return found[0]
        return list(dict.fromkeys(subscription for some in found for subscription in some))

    def invalidatable(self, field_name: str) -> list[Subscription]:
        """The subscriptions to a field that an invalidation may end."""
        return [s for s in self._invalidatable if s.field == field_name]

    @staticmethod
    def candidates(index: _FieldIndex, published: Mapping[str, Any]) -> Iterator[_Bucket]:
        """The buckets of the subscriptions that may match an event; none is empty."""
        for path, buckets in index.keys.items():
            bucket = buckets.get(equality_key(value_at(published, path)))
            if bucket is not None:
                yield bucket
        if index.without_key:
            yield index.without_key


def _put(bucket: _Bucket, subscription: Subscription, unchecked: Group) -> None:
    """Add a group of a subscription to a bucket, which may have another group of the same subscription."""
    others = bucket.get(subscription, ())
    bucket[subscription] = (*others, unchecked) if unchecked and others is not None else None


def _one_holds(groups: tuple[Group, ...], published: Mapping[str, Any]) -> bool:
    return any(group_holds(group, published) for group in groups)


def _best_index_keys(index: _FieldIndex, group: Group) -> tuple[Condition | None, list[_IndexKey]]:
    """The condition and the index keys for a group: the equality that has the fewest subscriptions in the index."""
    choices = [(condition, keys) for condition in group if (keys := _index_keys_of(condition))]
    return min(
        choices, key=lambda choice: sum(_held_under(index, index_key) for index_key in choice[1]), default=(None, [])
    )


def _held_under(index: _FieldIndex, index_key: _IndexKey) -> int:
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
