"""Values and their types as the service, which is written in Java, names them."""

import pytest

from appsync_local.api.java_text import java_text, java_type


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"), (True, "true"), (7, "7"), (2**70, str(2**70)), ("a b", "a b"),
        (0.0, "0.0"), (-0.0, "-0.0"), (1.5, "1.5"), (100.0, "100.0"), (0.001, "0.001"), (1e7, "1.0E7"),
        (1.592994882478e12, "1.592994882478E12"), (-2.5e-7, "-2.5E-7"), (5e-324, "5.0E-324"),
        ({"a": [1, None], "b": {"c": False}}, "{a=[1, null], b={c=false}}"), ({}, "{}"), ([], "[]"),
    ],
)  # fmt: skip
def test_a_value_is_printed_as_java_prints_it(value: object, text: str) -> None:
    assert java_text(value) == text


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("x", "String"), (True, "Boolean"), (1, "Integer"), (2**31, "Long"), (2**63, "BigInteger"), (1.0, "Double"),
        ([], "ArrayList"), ({}, "LinkedHashMap"),
    ],
)  # fmt: skip
def test_a_type_is_named_as_java_names_it(value: object, name: str) -> None:
    assert java_type(value) == name
