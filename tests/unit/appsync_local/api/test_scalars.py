"""AppSync's scalars: valid and invalid values."""

import re

import pytest
from graphql import GraphQLScalarType, build_schema

from appsync_local.api.java_text import java_text
from appsync_local.api.scalars import BUILT_IN, add_behaviour


def scalar(name: str) -> GraphQLScalarType:
    schema = build_schema(BUILT_IN + "type Query { x: Int }")
    add_behaviour(schema)
    found = schema.get_type(name)
    assert isinstance(found, GraphQLScalarType)
    return found


@pytest.mark.parametrize(
    ("name", "words", "good", "bad"),
    [
        ("AWSDate", "date", ["2024-02-29", "2000-02-29Z", "1970-01-01+08:00", "1970-01-01-18:00:00", "-0004-02-29"],
         ["2023-02-29", "1900-02-29", "1-1-1", "2024-01-01+99:99", "2024-01-01+24:00", "2024-01-01-18:01",
          "2024-01-0１", "٢٠٢٤-٠١-٠١", "2024-01-01+0１:00", "", 7, ["2024-01-01"]]),
        ("AWSTime", "AWSTime", ["23:59", "12:30:24.500Z", "12:30:24+05:30:10", "12:30+18:00"],
         ["24:00", "12:60", "noon", "12:30+99:99", "12:30+18:00:01", "12:30+05:60", "1２:30", "12:30:24.٥"]),
        ("AWSDateTime", "DateTime Object", ["2026-04-30T10:00Z", "2026-04-30T10:00:00.123456789-07:00"],
         ["2026-04-31T10:00Z", "2026-04-30T10:00", "2024-01-01T00:00+24:60", "2024-01-01T00:00+19:00",
          "2024-01-01T00:0٠Z", "2026-05-06T00:00:00.000"]),
        ("AWSTimestamp", "timestamp. Ensure that the value provided is an Integer",
         [0, -1, 1.0, 31_556_889_864_403_199], ["1", 1.5, True, 31_556_889_864_403_200, -31_557_014_167_219_201]),
        ("AWSEmail", "AWSEmail",
         ["a.b@example.com", "a@b", "root@localhost", "o'brien+tag@example.co.uk", '"a b"@example.com',
          "a@[127.0.0.1]"],
         ["a b@example.com", "", "@b", "a@", "a@b@c", ".a@b", "a..b@c", "a@b..c", "a@-b", "a@b.", "a@b,c", "a@b\n",
          "a@exämple.com", "٣@example.com"]),
        ("AWSPhone", "phone number",
         ["+1 202-555-0143", "2025550143", "202 555 0143", "12025550143", "+81 3-1234-5678", "+819012345678"],
         ["call me", "+", "12345", "1110004444", "123", "+4-4-4-4", "+1٢025550143", "1２025550143", "(202) 555-0143",
          "202--555-0143", "+12025550143 ext 5", "+1 555-010-9999", "9" * 100, 2025550143]),
        ("AWSURL", "AWSURL",
         ["https://example.com/a?b#c", "https://example.org/?q=a//b", "https://example.org#a//b",
          "mailto:ada@example.com", "http://localhost:8000", "ftp://a/b/"],
         ["example.com", "http://[", "https://example.org/a//b", "https://example.org//", "//example.org", "https:",
          "https://example.org/a b", "https://exa\nmple.org", "https://example.org:８0/", "https://a:port/", "1a:b"]),
        ("AWSIPAddress", "AWSIPAddress", ["127.0.0.1", "10.0.0.0/8", "::1", "1a2b:3c4b::1234:4567/64"],
         ["256.0.0.1", "1.2.3", "10.0.0.0/255.0.0.0", "fe80::1%eth0", "[::1]", "10.0.0.0/33", "1２7.0.0.1",
          "10.0.0.0/８",
          "10.0.0.0/", 1]),
        ("AWSJSON", "AWSJSON", ['{"a": 1}', "[1]", '"text"', "null"], ["{a: 1}", 1, "NaN", ""]),
    ],
)  # fmt: skip
def test_a_scalar_accepts_valid_values_and_names_invalid_ones(
    name: str, words: str, good: list[object], bad: list[object]
) -> None:
    type_ = scalar(name)

    for value in good:
        type_.coerce_input_value(value)
        type_.coerce_output_value(value)
    for value in bad:
        with pytest.raises(ValueError, match=re.escape(f"` as a valid {words}")) as refused:
            type_.coerce_input_value(value)
        assert str(refused.value).startswith(f"Unable to parse `{java_text(value)}`")
        if name != "AWSJSON":
            with pytest.raises(ValueError, match=re.escape(f"` as a valid {words}")) as refused:
                type_.coerce_output_value(value)
            assert str(refused.value).startswith(f"Unable to serialize `{java_text(value)}`")


def test_a_message_shows_a_value_as_java_prints_it() -> None:
    with pytest.raises(ValueError, match=re.escape("Unable to parse `{a=[1, null]}` as a valid AWSJSON.")):
        scalar("AWSJSON").coerce_input_value({"a": [1, None]})
    with pytest.raises(ValueError, match=re.escape("Unable to serialize `{lastHeartbeat=1577193053}` as a valid time")):
        scalar("AWSTimestamp").coerce_output_value({"lastHeartbeat": 1577193053})


def test_a_long_value_is_shortened_in_a_message() -> None:
    with pytest.raises(ValueError, match="as a valid AWSURL") as refused:
        scalar("AWSURL").coerce_input_value("x" * 100_000)

    assert len(str(refused.value)) < 1100


@pytest.mark.parametrize("value", ["plain text", {"a": {1, 2}}])
def test_a_result_that_is_no_json_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"Unable to serialize `.*` as a valid AWSJSON\."):
        scalar("AWSJSON").coerce_output_value(value)
