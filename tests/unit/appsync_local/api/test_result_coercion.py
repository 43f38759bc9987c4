"""The coercion of results to GraphQL's own scalars and to enums, as graphql-java does it."""

from typing import Any

import pytest
from graphql import GraphQLEnumType, GraphQLScalarType, build_schema

from appsync_local.api.result_coercion import result_coercion

SCHEMA = build_schema("enum Colour { RED GREEN } type Query { b: Boolean i: Int f: Float s: String d: ID c: Colour }")


def coerced(name: str, value: Any) -> Any:
    type_ = SCHEMA.get_type(name)
    assert isinstance(type_, GraphQLScalarType | GraphQLEnumType)
    return result_coercion(type_)(value)


@pytest.mark.parametrize(
    ("name", "value", "result"),
    [
        ("Boolean", True, True), ("Boolean", "false", False), ("Boolean", "TRUE", True),
        ("Boolean", 0, False), ("Boolean", -0.5, True), ("Boolean", 2**40, True),
        ("Int", 7, 7), ("Int", 7.0, 7), ("Int", "7", 7), ("Int", "-7.0", -7), ("Int", "1e3", 1000), ("Int", "+1", 1),
        ("Float", 1, 1.0), ("Float", 1.5, 1.5), ("Float", "1.5", 1.5), ("Float", ".5", 0.5), ("Float", "1e-2", 0.01),
        ("String", "x", "x"), ("String", 7, "7"), ("String", 1.5, "1.5"), ("String", False, "false"),
        ("String", {"a": [1, None]}, "{a=[1, null]}"), ("String", ["a", "b"], "[a, b]"),
        ("ID", "x", "x"), ("ID", 7, "7"), ("ID", 1.5, "1.5"), ("ID", True, "true"),
        ("Colour", "RED", "RED"),
    ],
)  # fmt: skip
def test_a_value_that_fits_is_coerced(name: str, value: Any, result: Any) -> None:
    done = coerced(name, value)

    assert done == result
    assert type(done) is type(result)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("Boolean", "yes", "Expected type 'Boolean' but was 'String'."),
        ("Boolean", {"a": 1}, "Expected type 'Boolean' but was 'LinkedHashMap'."),
        ("Boolean", [True], "Expected type 'Boolean' but was 'ArrayList'."),
        ("Int", "many", "Expected type 'Int' but was 'String'."),
        ("Int", "", "Expected type 'Int' but was 'String'."),
        ("Int", " 7", "Expected type 'Int' but was 'String'."),
        ("Int", "٣", "Expected type 'Int' but was 'String'."),
        ("Int", "1_000", "Expected type 'Int' but was 'String'."),
        ("Int", "1e999999999999", "Expected type 'Int' but was 'String'."),
        ("Int", "1e-999999999999", "Expected type 'Int' but was 'String'."),
        ("Int", 1.5, "Expected type 'Int' but was 'Double'."),
        ("Int", True, "Expected type 'Int' but was 'Boolean'."),
        ("Int", 2**31, "Expected type 'Int' but was 'Long'."),
        ("Float", "NaN", "Expected type 'Float' but was 'String'."),
        ("Float", "1e400", "Expected type 'Float' but was 'String'."),
        ("Float", True, "Expected type 'Float' but was 'Boolean'."),
        ("Float", [1.5], "Expected type 'Float' but was 'ArrayList'."),
        ("Colour", "BLUE", "Invalid input for Enum 'Colour'. Unknown value 'BLUE'"),
        ("Colour", 1, "Invalid input for Enum 'Colour'. Unknown value '1'"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_in_the_words_of_graphql_java(name: str, value: Any, message: str) -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011  # its message is compared
        coerced(name, value)

    assert str(raised.value) == message
