"""Every item of the checklist has a test."""

import re
from pathlib import Path

import pytest

ITEMS = range(1, 96)
_TEST = re.compile(r"def test_c(\d\d)_")


@pytest.fixture(scope="module")
def tested() -> set[int]:
    """The item numbers in the names of all tests in this folder."""
    files = Path(__file__).parent.glob("test_*.py")
    return {int(number) for file in files for number in _TEST.findall(file.read_text(encoding="utf-8"))}


@pytest.mark.parametrize("item", ITEMS)
def test_an_item_has_a_test_of_its_number(tested: set[int], item: int) -> None:
    assert item in tested, f"item {item} has no test; add test_c{item:02}_... to the file of its group"
