"""Who listens to what, and which of them an event is for.

Every group of a filter is filed under one equality that it demands, such as `jobId = j1`. An event is compared only
with the groups filed under its own values, so its cost does not grow with the number of subscriptions to other jobs.
Groups without an equality are looked at for every event of their field.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql.execution.values import VariableValues

from appsync_local.operation.plan import Plan
from appsync_local.realtime.filters import Condition, Filter, Group, Operator, equality_key, group_holds, value_at


@dataclass(eq=False, slots=True)
class Subscription:
    """One subscription of one connection; its plan is another one once the schema is.

    Args:
        field: The field of `Subscription`.
        filter: Which events it is for.
        plan: What it selects.
        variables: Its variables, coerced.
        deliver: Takes the payload of a `data` message, as JSON.
        end: Ends it, when a mutation invalidates it.
        invalidation: What a mutation has to name to end it; empty where none can.
        weight: What it keeps in memory, in fields of its plan.
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
    """One group of one subscription; `unchecked` is what its place in the index does not say already."""

    subscription: Subscription
    unchecked: Group


# A place in the index: path of a field, and the value it has to have.
_IndexKey = tuple[tuple[str, ...], object]


@dataclass(slots=True)
class _FieldIndex:
    places: dict[tuple[str, ...], dict[object, dict[_IndexedGroup, None]]] = field(default_factory=dict)
    unplaced: dict[_IndexedGroup, None] = field(default_factory=dict)


class SubscriptionRegistry:
    """The live subscriptions of one API."""

    def __init__(self) -> None:
        self._fields: dict[str, _FieldIndex] = {}
        self._filed: dict[Subscription, list[tuple[_IndexedGroup, list[_IndexKey]]]] = {}
        self._invalidatable: dict[Subscription, None] = {}

    def __len__(self) -> int:
        return len(self._filed)

    def subscriptions(self) -> tuple[Subscription, ...]:
        """All of them."""
        return tuple(self._filed)

    def add(self, subscription: Subscription) -> None:
        """From now on, events are for this one too."""
        index = self._fields.setdefault(subscription.field, _FieldIndex())
        filed_groups = self._filed[subscription] = []
        for group in subscription.filter:
            condition, places = _best_index_keys(index, group)
            filed = _IndexedGroup(subscription, tuple(other for other in group if other is not condition))
            for path, key in places:
                index.places.setdefault(path, {}).setdefault(key, {})[filed] = None
            if not places:
                index.unplaced[filed] = None
            filed_groups.append((filed, places))
        if subscription.invalidation:
            self._invalidatable[subscription] = None

    def remove(self, subscription: Subscription) -> None:
        """No event is for this one any more; harmless when it is gone already."""
        index = self._fields.get(subscription.field)
        self._invalidatable.pop(subscription, None)
        for filed, places in self._filed.pop(subscription, ()):
            assert index is not None  # noqa: S101  # it was filed there
            index.unplaced.pop(filed, None)
            for path, key in places:
                values = index.places[path]
                values[key].pop(filed, None)
                if not values[key]:
                    del values[key]
                if not values:
                    del index.places[path]

    def matching(self, field_name: str, published: object) -> list[Subscription]:
        """The subscriptions that an event is for, each once.

        A list is for all of them, since filters do not apply to it; of a scalar every field counts as null.
        """
        index = self._fields.get(field_name)
        if index is None:
            return []
        if isinstance(published, list):
            return [subscription for subscription in self._filed if subscription.field == field_name]
        if not isinstance(published, Mapping):
            published = {}
        found: dict[Subscription, None] = {}
        for filed in self.candidates(index, published):
            if not filed.unchecked or (filed.subscription not in found and group_holds(filed.unchecked, published)):
                found[filed.subscription] = None
        return list(found)

    def invalidatable(self, field_name: str) -> list[Subscription]:
        """The subscriptions to a field that a mutation may end."""
        return [s for s in self._invalidatable if s.field == field_name]

    @staticmethod
    def candidates(index: _FieldIndex, published: Mapping[str, Any]) -> Iterator[_IndexedGroup]:
        """The groups that have to be looked at for an event."""
        for path, values in index.places.items():
            yield from values.get(equality_key(value_at(published, path)), ())
        yield from index.unplaced


def _best_index_keys(index: _FieldIndex, group: Group) -> tuple[Condition | None, list[_IndexKey]]:
    """Where to file a group, and by which condition: the equality that fewest others are filed under."""
    choices = [(condition, places) for condition in group if (places := _places_of(condition))]
    return min(choices, key=lambda choice: sum(_crowd(index, place) for place in choice[1]), default=(None, []))


def _crowd(index: _FieldIndex, place: _IndexKey) -> int:
    path, key = place
    return len(index.places.get(path, {}).get(key, ()))


def _places_of(condition: Condition) -> list[_IndexKey]:
    match condition.operator:
        case Operator.EQ:
            keys = [equality_key(condition.value)]
        case Operator.IN:
            keys = [equality_key(value) for value in condition.value]
        case _:
            return []
    return [] if None in keys else [(condition.path, key) for key in dict.fromkeys(keys)]
