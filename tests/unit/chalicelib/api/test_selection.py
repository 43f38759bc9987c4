"""Which fields count as selected, in the forms in which AppSync reports a selection."""

import pytest

from chalicelib.api.payloads.selection import may_select


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (["jobId", "output"], "{\n  jobId\n  output\n}"),
        (["text"], "{\n  text: output\n}"),
        (["text"], "{\n  text :output @include(if: $yes)\n}"),
        (["message"], "{\n  message: output\n}"),
        (["text"], "{\n  ... on InferenceStatus {\n    text: output\n  }\n}"),
        (["text"], "{\n  ...Parts\n}"),
        (["output"], ""),
    ],
    ids=[
        "plain",
        "alias",
        "directive",
        "misleading alias",
        "inline fragment",
        "named fragment",
        "no text",
    ],
)
def test_a_field_that_may_be_selected_counts(names: list[str], text: str) -> None:
    assert may_select("output", names=names, text=text)


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (["jobId", "status"], "{\n  jobId\n  status\n}"),
        (["omitted"], "{\n  omitted: outputOmitted\n}"),
        (["status"], "{\n  ... on InferenceStatus {\n    status\n  }\n}"),
        ([], ""),
    ],
    ids=["other fields", "a longer name", "inline fragment", "nothing"],
)
def test_a_field_that_cannot_be_selected_does_not(names: list[str], text: str) -> None:
    assert not may_select("output", names=names, text=text)
