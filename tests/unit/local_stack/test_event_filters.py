"""Patterns of event source mappings, with the comparisons of Lambda's guide."""

from typing import Any

import pytest

from local_stack.services.event_sources.filters import matches, message_passes, passes

EVENT = {"name": "Ada", "age": 36, "tags": ["a", "b"], "none": None, "empty": "", "at": {"city": "London"}}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ({}, True),
        ({"name": ["Ada"]}, True),
        ({"name": ["Bob", "Ada"]}, True),
        ({"name": ["Bob"]}, False),
        ({"name": ["Ada"], "age": [37]}, False),
        ({"age": [36]}, True),
        ({"age": [{"numeric": [">", 30, "<=", 36]}]}, True),
        ({"age": [{"numeric": ["=", 35]}]}, False),
        ({"name": [{"numeric": [">", 0]}]}, False),
        ({"none": [None]}, True),
        ({"empty": [""]}, True),
        ({"name": [{"prefix": "Ad"}]}, True),
        ({"name": [{"suffix": "xx"}]}, False),
        ({"name": [{"equals-ignore-case": "aDA"}]}, True),
        ({"name": [{"anything-but": ["Bob"]}]}, True),
        ({"name": [{"anything-but": {"prefix": "A"}}]}, False),
        ({"other": [{"anything-but": ["Bob"]}]}, False),
        ({"other": [{"exists": False}]}, True),
        ({"name": [{"exists": False}]}, False),
        ({"tags": ["b"]}, True),
        ({"at": {"city": ["London"]}}, True),
        ({"at": {"land": [{"exists": False}]}}, True),
        ({"name": {"first": ["Ada"]}}, False),
        ({"$or": [{"name": ["Bob"]}, {"age": [36]}]}, True),
        ({"$or": [{"name": ["Bob"]}, {"age": [1]}]}, False),
    ],
)
def test_a_pattern_matches_as_on_lambda(pattern: dict[str, Any], expected: bool) -> None:
    assert matches(pattern, EVENT) is expected


def test_true_is_not_one() -> None:
    assert not matches({"a": [1]}, {"a": True})
    assert not matches({"a": [True]}, {"a": 1})


def test_an_event_passes_if_one_of_the_patterns_matches_or_there_are_none() -> None:
    assert passes((), EVENT)
    assert passes(({"name": ["Bob"]}, {"name": ["Ada"]}), EVENT)
    assert not passes(({"name": ["Bob"]},), EVENT)


@pytest.mark.parametrize(
    ("pattern", "body", "expected"),
    [
        ({"body": {"kind": ["new"]}}, '{"kind": "new"}', True),
        ({"body": {"kind": ["new"]}}, '{"kind": "old"}', False),
        ({"body": {"kind": ["new"]}}, "no JSON", False),
        ({"body": ["plain"]}, "plain", True),
        ({"body": [{"prefix": "pl"}]}, '{"kind": "new"}', False),
    ],
)
def test_the_body_of_a_message_is_text_or_json_as_the_pattern_says(
    pattern: dict[str, Any], body: str, expected: bool
) -> None:
    assert message_passes((pattern,), {"messageId": "1", "body": body}) is expected
