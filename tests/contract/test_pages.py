"""Every link in the pages has a target, and the README links to all pages."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.conftest import ROOT

README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").rglob("*.md"))]
LONGEST_README = 119  # lines


def prose_of(page: Path) -> str:
    """The page without its blocks of code, in which `#` begins a comment."""
    return re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)


def links_of(page: Path) -> Iterator[tuple[Path, str]]:
    """File and heading of each link into this repository. The heading is empty if the link has none."""
    for link in re.findall(r"\]\(([^)\s]+)\)", prose_of(page)):
        if "://" not in link:
            file, _, heading = link.partition("#")
            yield ((page.parent / file).resolve() if file else page), heading


def anchors_of(page: Path) -> set[str]:
    """The anchors of its headings, as GitHub makes them from the text."""
    headings = re.findall(r"^#+ (.+)$", prose_of(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file_and_a_heading_that_are_there(page: Path) -> None:
    astray = [
        f"{file.name}#{heading}"
        for file, heading in links_of(page)
        if not file.exists() or (heading and heading not in anchors_of(file))
    ]

    assert astray == []


def test_every_page_is_reached_from_the_readme() -> None:
    reached: set[Path] = set()
    ahead = {README}
    while ahead:
        page = ahead.pop()
        reached.add(page)
        ahead |= {file for file, _ in links_of(page) if file.suffix == ".md"} - reached

    assert set(PAGES) - reached == set()


@pytest.mark.parametrize("page", [it for it in PAGES if it.parent.name == "docs"], ids=lambda page: page.name)
def test_each_page_begins_with_what_it_is_for(page: Path) -> None:
    first = page.read_text("utf-8").split("\n\n")[1]

    assert re.match(r"[A-Z`]", first)
    assert re.search(r"\bThis page\b|^A workload is|^What Longcall promises", first)


def test_the_readme_stays_short() -> None:
    assert len(README.read_text("utf-8").splitlines()) <= LONGEST_README
