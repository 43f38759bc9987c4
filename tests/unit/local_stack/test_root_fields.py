"""Which root fields an operation calls, which the rights of its role are compared with."""

import pytest

from local_stack.root_fields import called_fields


@pytest.mark.parametrize(
    ("document", "fields"),
    [
        ("mutation { a b: c }", ["Mutation.a", "Mutation.c"]),
        ("{ a { b } }", ["Query.a"]),
        ("mutation { ...F } fragment F on Mutation { a ...G } fragment G on Mutation { b ...F }",
         ["Mutation.a", "Mutation.b"]),
        ("mutation { ... on Mutation { a ... { b } } }", ["Mutation.a", "Mutation.b"]),
        ("mutation {", []),
    ],
)  # fmt: skip
def test_fields_are_found_in_fragments_too(document: str, fields: list[str]) -> None:
    assert called_fields(document) == fields
