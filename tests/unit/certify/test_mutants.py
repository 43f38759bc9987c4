"""The list of mutants is up to date, and the verdict on a mutant demands the right count."""

from pathlib import Path
from typing import Final

import pytest

from certify.counts import Violation
from certify.mutant import Mutant
from certify.mutants import CONTROL, MUTANTS, SAMPLE
from certify.mutation import Verdict
from certify.product import NEXT_VERSION, ROOT, Edit, EditFailed, Product
from certify.scenarios import Kind

LEAST: Final = 25
EITHER: Final = next(mutant for mutant in MUTANTS if mutant.or_else)


def edited(mutant: Mutant) -> dict[str, str]:
    """The files of the product with the mutant's edits, by name."""
    texts: dict[str, str] = {}
    for edit in mutant.edits:
        texts[edit.file] = edit.edited(texts.get(edit.file) or (ROOT / edit.file).read_text("utf-8"))
    return texts


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_every_replacement_fits_the_product_and_leaves_valid_python(mutant: Mutant) -> None:
    for name, text in edited(mutant).items():
        if name.endswith(".py"):
            compile(text, name, "exec")


def test_next_version_fits_the_product() -> None:
    NEXT_VERSION.edited((ROOT / NEXT_VERSION.file).read_text("utf-8"))


def test_mutants_are_many_have_names_and_turn_every_kind_of_count_red() -> None:
    assert len(MUTANTS) >= LEAST
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)
    assert set(SAMPLE) <= {mutant.name for mutant in MUTANTS}
    assert {mutant.count for mutant in MUTANTS} == set(Violation)


def test_control_has_every_kind_of_job() -> None:
    assert set(CONTROL.kinds) == set(Kind)
    assert CONTROL.edits == ()


def test_text_that_does_not_occur_once_is_refused() -> None:
    with pytest.raises(EditFailed, match="expected this text once, but found it 2 times"):
        Edit("file.py", "a", "b").edited("a a")


def test_product_is_copied_and_edited_and_the_original_is_not(tmp_path: Path) -> None:
    mutant = MUTANTS[0]
    edit = mutant.edits[0]
    before = (ROOT / edit.file).read_text("utf-8")

    product = Product(tmp_path / "tree", mutant.edits)

    assert (product.tree / edit.file).read_text("utf-8") == edited(mutant)[edit.file]
    assert (ROOT / edit.file).read_text("utf-8") == before


def test_deployment_is_taken_back_by_a_rollback(tmp_path: Path) -> None:
    product = Product(tmp_path / "tree")
    file = product.tree / NEXT_VERSION.file
    before = file.read_text("utf-8")

    product.deploy()
    deployed = file.read_text("utf-8")
    product.roll_back()

    assert deployed == NEXT_VERSION.edited(before)
    assert file.read_text("utf-8") == before


@pytest.mark.parametrize(
    ("mutant", "counts", "was_run", "is_expected"),
    [
        (MUTANTS[0], {"foreign_reads": 4}, True, True),
        (MUTANTS[0], {"bytes_different": 4}, True, False),
        (MUTANTS[0], {}, True, False),
        (MUTANTS[0], {"foreign_reads": 4}, False, False),
        (EITHER, {"jobs_stuck": 1}, True, True),
        (EITHER, {"jobs_lost": 1}, True, False),
        (CONTROL, {}, True, True),
        (CONTROL, {"client_errors": 1}, True, False),
    ],
    ids=[
        "right count",
        "wrong count",
        "green",
        "not run",
        "another right count",
        "none of the right counts",
        "product is green",
        "product is red",
    ],
)
def test_verdict_demands_the_right_count(
    mutant: Mutant, counts: dict[str, int], was_run: bool, is_expected: bool
) -> None:
    verdict = Verdict(mutant, counts, "", 1.0, was_run=was_run)

    assert verdict.is_expected is is_expected
    assert verdict.line().startswith("ok" if is_expected else "FAIL")
