"""How many units each use counts, as AWS meters it."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.billing.metering import WATCHED, log_units, push_units, tokens_of
from chalicelib.jobs.usage import Counts

ROOT = Path(__file__).parents[4]
EVENT = {"jobId": "7b0f5c1e-52d4-4f5a-9d5e-0a3c8e2b6f11", "status": "PROCESSING", "sequence": 2}


def selected(path: Path) -> set[str]:
    """The fields of `InferenceStatus` that a document selects."""
    text = re.sub(r"\{\s*(currency.*?notes|\.\.\.CostFields)\s*\}", "", path.read_text(), flags=re.DOTALL)
    return set(re.findall(r"^\s+([a-zA-Z0-9]+) *$", text, re.MULTILINE))


def test_what_is_metered_is_what_our_own_watchers_hear() -> None:
    assert selected(ROOT / "longcall" / "documents" / "inference_fields.graphql") == set(WATCHED)
    assert selected(ROOT / "chalicelib" / "publisher" / "documents" / "event.graphql") <= set(WATCHED)


@pytest.mark.parametrize(("length", "expected"), [(0, 1), (4096, 1), (5120, 2), (10_240, 3)])
def test_every_5_kb_of_a_push_counts(length: int, expected: int) -> None:
    assert push_units({**EVENT, "delta": "x" * length}) == expected


def test_characters_count_by_their_bytes() -> None:
    assert push_units({**EVENT, "delta": "語" * 1700}) == 2


def test_usage_counts_as_the_text_that_it_travels_as() -> None:
    assert push_units({**EVENT, "usage": {"n" * 2300: 1, "m" * 2300: '"'}}) == push_units(
        {**EVENT, "usage": '{"' + "n" * 2300 + '":1,"' + "m" * 2300 + '":"\\""}'}
    )


def test_a_record_is_written_with_its_projection_and_both_indexes() -> None:
    assert log_units(700, 600, is_first=False, is_last=False) == Counts(writes=1 + 4, reads=1)


def test_the_first_record_is_admitted_and_the_last_one_leaves_an_index() -> None:
    assert log_units(700, 600, is_first=True, is_last=False).writes == 1 + 4 + 3 + 2
    assert log_units(700, 600, is_first=False, is_last=True).writes == 1 + 3 + 1


def test_a_long_record_is_written_by_the_kilobyte() -> None:
    assert log_units(10 * 1024 + 1, 600, is_first=False, is_last=False) == Counts(writes=11 + 4, reads=3)


@given(st.lists(st.builds(Counts, *[st.integers(0, 10**12)] * 11), max_size=5))
def test_counts_add_up_and_survive_the_log(several: list[Counts]) -> None:
    total = Counts()
    for one in several:
        total = total + one

    assert Counts.load(total.dump()) == total
    assert total.operations == sum(one.operations for one in several)
    assert total.output_tokens == sum(one.output_tokens for one in several)


@pytest.mark.parametrize("count", [None, "many", float("nan"), float("inf"), -1, True])
def test_usage_that_is_no_count_counts_nothing(count: object) -> None:
    assert tokens_of({"outputTokens": count}) == tokens_of("text") == Counts()
