"""Filters, and the index that finds the subscriptions that match an event."""

from typing import Any

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from appsync_local.errors import FilterInvalid
from appsync_local.realtime.filters import Filter, argument_filter, parse_filter
from appsync_local.realtime.subscription_registry import Subscription, SubscriptionRegistry


class StandIn(Subscription):
    """The registry neither delivers nor ends."""

    def deliver(self, end: bytes) -> None: ...

    def end(self) -> None: ...


def subscription(field: str = "onNote") -> Subscription:
    return StandIn(field, None, {})  # type: ignore[arg-type]  # the registry does not read the plan


def conditions(*filters: tuple[str, str, Any]) -> dict[str, object]:
    return {"filters": [{"fieldName": f, "operator": o, "value": v} for f, o, v in filters]}


def enhanced(*groups: dict[str, object]) -> Filter:
    return parse_filter({"filterGroup": list(groups)})


def one(field: str, operator: str, value: Any) -> Filter:
    return enhanced(conditions((field, operator, value)))


def is_for(filter_: Filter, published: dict[str, Any]) -> bool:
    registry = SubscriptionRegistry()
    registry.add(subscription(), filter_)
    return bool(registry.matching("onNote", published))


@pytest.mark.parametrize(
    ("arguments", "published", "expected"),
    [
        ({}, {"id": "1"}, True),
        ({"id": "1"}, {"id": "1"}, True),
        ({"id": "1"}, {"id": "2"}, False),
        ({"id": "1"}, {"room": "hall"}, False),
        ({"id": "1", "room": "hall"}, {"id": "1", "room": "hall"}, True),
        ({"id": "1", "room": "hall"}, {"id": "1", "room": "attic"}, False),
        ({"room": None}, {"id": "1", "room": None}, True),
        ({"room": None}, {"id": "1"}, True),
        ({"room": None}, {"id": "1", "room": "hall"}, False),
        ({"words": 1}, {"words": True}, False),
        ({"loud": True}, {"loud": 1}, False),
        ({"words": 1}, {"words": 1.0}, True),
        ({"no_such_field": "x"}, {"id": "1"}, False),
    ],
)
def test_every_given_argument_must_equal_the_published_field(
    arguments: dict[str, object], published: dict[str, object], expected: bool
) -> None:
    assert is_for(argument_filter(arguments), published) is expected


@pytest.mark.parametrize(
    ("operator", "value", "holding", "failing"),
    [
        ("eq", "DONE", "DONE", "done"),
        ("ne", "DONE", "done", "DONE"),
        ("le", 3, 3, 4),
        ("lt", 3, 2.5, 3),
        ("ge", "b", "b", "a"),
        ("gt", 3, 4, "4"),
        ("contains", "b", ["a", "b"], ["ab"]),
        ("contains", "b", "abc", "ac"),
        ("notContains", "b", ["a"], ["b"]),
        ("beginsWith", "ab", "abc", "cab"),
        ("in", ["a", 2], 2, "2"),
        ("notIn", ["a"], "b", "a"),
        ("between", [1, 3], 3, 3.5),
        ("containsAny", ["a", "b"], ["x", "b"], ["x"]),
        ("gt", 3, 4, True),
        ("beginsWith", "a", "a", None),
    ],
)
def test_an_operator_holds_for_matching_values_only(
    operator: str, value: object, holding: object, failing: object
) -> None:
    assert is_for(one("x", operator, value), {"x": holding})
    assert not is_for(one("x", operator, value), {"x": failing})


def test_conditions_of_a_group_all_hold_and_one_group_is_enough() -> None:
    filter_ = enhanced(conditions(("a", "eq", 1), ("b", "eq", 2)), conditions(("c", "eq", 3)))

    assert is_for(filter_, {"a": 1, "b": 2})
    assert is_for(filter_, {"c": 3})
    assert not is_for(filter_, {"a": 1, "c": 2})


def test_a_dotted_name_reads_up_to_five_levels_of_the_value() -> None:
    deep = {"a": {"b": {"c": {"d": {"e": 1, "f": {"g": 1}}}}}}

    assert is_for(one("a.b.c.d.e", "eq", 1), deep)
    assert not is_for(one("a.b.c.d.f.g", "eq", 1), deep)
    assert not is_for(one("a.x.c", "eq", 1), deep)


def test_an_unknown_operator_is_accepted_and_matches_nothing(caplog: pytest.LogCaptureFixture) -> None:
    assert not is_for(one("x", "like", "a"), {"x": "a"})
    assert "unknown operator" in caplog.text


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (None, "filterGroup"),
        ({"filterGroup": []}, "filterGroup"),
        ({"filterGroup": [{"filters": []}]}, "needs a list of filters"),
        ({"filterGroup": [{"filters": [{"operator": "eq", "value": 1}]}]}, "fieldName"),
        ({"filterGroup": [conditions(("x", "in", [1, 2, 3, 4, 5, 6]))]}, "maximum value limit 5 for operator `in`"),
        ({"filterGroup": [conditions(("x", "containsAny", list(range(21))))]}, "limit 20 for operator `containsAny`"),
        ({"filterGroup": [conditions(*((f"f{i}", "eq", 1) for i in range(6)))]}, "maximum attributes limit 5"),
        ({"filterGroup": [conditions(*(("f", "ge", i) for i in range(11)))]}, "combination exceed maximum limit 10"),
        (
            {"filterGroup": [conditions(("a", "in", [1, 2, 3, 4]), ("b", "in", [1, 2, 3]))]},
            "combination exceed maximum limit 10",
        ),
        ({"filterGroup": [conditions(("x", "eq", "y" * 257))]}, "256 characters"),
        ({"filterGroup": [conditions(("x", "between", [1]))]}, "list of two values"),
        ({"filterGroup": [conditions(("x", "in", 1))]}, "takes a list"),
    ],
)
def test_a_filter_beyond_a_limit_is_rejected_with_the_limit(given: object, message: str) -> None:
    with pytest.raises(FilterInvalid, match=message):
        parse_filter(given)


def looked_at(registry: SubscriptionRegistry, published: dict[str, Any]) -> int:
    index = registry._fields["onNote"]
    return sum(len(bucket) for bucket in registry.candidates(index, published))


@pytest.mark.parametrize("fields", [("jobId", "owner"), ("owner", "jobId")])
def test_an_event_is_not_compared_with_subscriptions_to_other_values(fields: tuple[str, str]) -> None:
    registry = SubscriptionRegistry()
    for number in range(1000):
        values = {"jobId": f"j{number}", "owner": "ada"}
        registry.add(subscription(), enhanced(conditions(*((f, "eq", values[f]) for f in fields))))

    # One, and the very first, which was filed before the index knew which field tells them apart.
    assert looked_at(registry, {"jobId": "j500", "owner": "ada"}) <= 2
    assert len(registry.matching("onNote", {"jobId": "j500", "owner": "ada"})) == 1


def test_a_subscription_matches_an_event_once_for_any_number_of_groups() -> None:
    registry = SubscriptionRegistry()
    registry.add(subscription(), enhanced(conditions(("a", "eq", 1)), conditions(("b", "in", [1, 2]))))

    assert len(registry.matching("onNote", {"a": 1, "b": 2})) == 1


def test_a_list_matches_every_subscription_of_its_field() -> None:
    registry = SubscriptionRegistry()
    for filter_ in (argument_filter({"id": "1"}), argument_filter({})):
        registry.add(subscription(), filter_)
    registry.add(subscription(field="onOther"), argument_filter({}))

    assert len(registry.matching("onNote", [{"id": "2"}])) == 2


def test_a_subscription_matches_only_events_of_its_field() -> None:
    registry = SubscriptionRegistry()
    registry.add(subscription(field="onOther"), argument_filter({}))

    assert registry.matching("onNote", {"id": "1"}) == []


def test_a_registry_is_empty_after_every_subscription_is_removed() -> None:
    registry = SubscriptionRegistry()
    left = [subscription(), subscription(), subscription()]
    for each, filter_ in zip(left, (one("id", "in", [1, 2]), argument_filter({}), one("n", "gt", 1)), strict=True):
        registry.add(each, filter_)

    for each in [*left, *left]:
        registry.remove(each)

    assert len(registry) == 0
    assert registry._fields["onNote"].keys == {}
    assert registry._fields["onNote"].without_key == {}


scalars = st.one_of(st.none(), st.booleans(), st.integers(0, 3), st.sampled_from(["", "a", "b", "ab"]))
names = st.sampled_from(["a", "b", "c"])
values_of = {
    "eq": scalars, "ne": scalars, "le": scalars, "gt": scalars, "contains": scalars, "beginsWith": st.just("a"),
    "in": st.lists(scalars, max_size=5), "notIn": st.lists(scalars, max_size=5),
    "between": st.lists(scalars, min_size=2, max_size=2),
}  # fmt: skip
condition = st.sampled_from(sorted(values_of)).flatmap(lambda o: st.tuples(names, st.just(o), values_of[o]))


def within_limits(groups: list[list[tuple[str, str, Any]]]) -> Filter:
    try:
        return enhanced(*(conditions(*group) for group in groups))
    except FilterInvalid:
        reject()


filters = st.lists(st.lists(condition, min_size=1, max_size=3), min_size=1, max_size=3).map(within_limits)


@settings(deadline=None)
@given(st.lists(filters, max_size=8), st.dictionaries(names, scalars))
def test_the_index_finds_what_a_full_search_finds(given: list[Filter], published: dict[str, Any]) -> None:
    registry = SubscriptionRegistry()
    subscriptions = {subscription(): filter_ for filter_ in given}
    for each, filter_ in subscriptions.items():
        registry.add(each, filter_)

    found = registry.matching("onNote", published)

    expected = {
        each
        for each, filter_ in subscriptions.items()
        if any(all(c.holds(published) for c in group) for group in filter_)
    }
    assert set(found) == expected
    assert len(found) == len(expected)
