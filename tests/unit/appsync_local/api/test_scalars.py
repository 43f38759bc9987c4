"""AppSync's scalars: valid and invalid values."""

import pytest
from graphql import GraphQLScalarType, build_schema

from appsync_local.api.scalars import BUILT_IN, add_behaviour


def scalar(name: str) -> GraphQLScalarType:
    schema = build_schema(BUILT_IN + "type Query { x: Int }")
    add_behaviour(schema)
    found = schema.get_type(name)
    assert isinstance(found, GraphQLScalarType)
    return found


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("AWSDate", ["2024-02-29", "2000-02-29Z", "1970-01-01+08:00", "-0004-02-29"],
         ["2023-02-29", "1900-02-29", "1-1-1"]),
        ("AWSTime", ["23:59", "12:30:24.500Z", "12:30:24+05:30:10"], ["24:00", "12:60", "noon"]),
        ("AWSDateTime", ["2026-04-30T10:00Z", "2026-04-30T10:00:00.123456789-07:00"],
         ["2026-04-31T10:00Z", "2026-04-30T10:00"]),
        ("AWSTimestamp", [0, -1, 1.0], ["1", 1.5, True]),
        ("AWSEmail", ["a.b@example.com"], ["a@b", "a b@example.com", ""]),
        ("AWSPhone", ["+1 555-010-9999", "12345"], ["call me", "+"]),
        ("AWSURL", ["https://example.com/a?b#c"], ["example.com", "http://["]),
        ("AWSIPAddress", ["127.0.0.1", "10.0.0.0/8", "::1"], ["256.0.0.1", "1.2.3"]),
        ("AWSJSON", ['{"a": 1}', "[1]", '"text"'], ["{a: 1}", 1]),
    ],
)  # fmt: skip
def test_a_scalar_accepts_valid_values_and_names_invalid_ones(name: str, good: list[object], bad: list[object]) -> None:
    type_ = scalar(name)

    for value in good:
        type_.coerce_input_value(value)
    for value in bad:
        with pytest.raises(ValueError, match=f"as a valid {name}"):
            type_.coerce_input_value(value)
