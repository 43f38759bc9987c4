"""The arguments of a field, compared with graphql-core's."""

from typing import Any

import pytest
from graphql import build_schema
from graphql.execution.values import get_argument_values

from appsync_local.api.limits import DEFAULT_LIMITS
from appsync_local.api.model import AuthMode
from appsync_local.authorization.directives import rules_of
from appsync_local.authorization.user_pools import DefaultAction
from appsync_local.operation.documents import Documents
from appsync_local.resolvers.loading import ExecutableApi

MODES = (AuthMode.LAMBDA,)
SCHEMA = build_schema("type Query { take(word: String!, number: Int = 7, more: [Int]): String }")
API = ExecutableApi(
    SCHEMA, MODES, None, {}, rules_of(SCHEMA, MODES, DefaultAction.ALLOW), {}, frozenset(), DEFAULT_LIMITS
)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("more: $m, word: $w, number: $n", {"word": "x", "number": 1, "more": [2]}),
        ("word: $w, number: $absent, more: $m", {"word": "x", "number": 7, "more": [2]}),
        ("word: $w, number: $n, more: $none", {"word": "x", "number": 1, "more": None}),
        ("word: $w, number: $n, more: $absent", {"word": "x", "number": 1}),
        ("word: $w, number: 3, more: [4]", {"word": "x", "number": 3, "more": [4]}),
        ("word: $w, number: $n", {"word": "x", "number": 1}),
    ],
)
def test_variables_become_the_arguments_that_graphql_core_finds(given: str, expected: dict[str, Any]) -> None:
    types = {"m": "[Int]", "w": "String!", "n": "Int", "absent": "Int", "none": "[Int]"}
    if "more: $absent" in given:
        types["absent"] = "[Int]"
    used = ", ".join(f"${name}: {type_}" for name, type_ in types.items() if f"${name}" in given)
    operation = Documents(API).get(f"query ({used}) {{ take({given}) }}").operation(None)
    sent = {"m": [2], "w": "x", "n": 1, "none": None}
    variables = operation.variables({name: value for name, value in sent.items() if f"${name}" in given})
    [step] = operation.plan(variables).steps

    found = step.arguments(variables)

    assert list(found.items()) == list(expected.items())
    assert found == get_argument_values(step.definition, step.nodes[0], variables)
