"""The Japanese pages keep step with the English ones: the same structure, commands, code and links."""

import re
from pathlib import Path

import pytest

from tests.contract.conftest import ROOT

TRANSLATED = ("README.md", "docs/index.md", "docs/getting-started.md")  # as a whole
SUMMARISED = ("docs/workloads.md", "docs/javascript-clients.md")  # their Japanese pages are shorter
_BLOCK = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`\n]+)`")
_JAPANESE = re.compile("[\u3040-\u30ff\u4e00-\u9fff]")
# The picture of a page in Japanese, and the link to the page in the other language.
_OTHER = {"docs/images/console-job-ja.png": "docs/images/console-job.png"}
_LANGUAGES = {"README.md", "README.ja.md"}


def japanese(page: str) -> Path:
    """The Japanese page of an English one."""
    return ROOT / ("README.ja.md" if page == "README.md" else page.replace("docs/", "docs/ja/"))


def shape(page: Path) -> list[str]:
    """The levels of the headings, and the blocks of code, in order."""
    text = page.read_text("utf-8")
    parts = re.findall(r"^```.*?^```$|^#+(?= )", text, re.DOTALL | re.MULTILINE)
    return [str(part) for part in parts]


def targets(page: Path) -> set[str]:
    """The targets of links, from the root, each as the English page of its kind and without its heading."""
    found = set()
    for link in _LINK.findall(_BLOCK.sub("", page.read_text("utf-8"))):
        if "://" in link:
            found.add(link)
            continue
        target = (page.parent / link.partition("#")[0]).resolve().relative_to(ROOT).as_posix()
        english = target.replace("docs/ja/", "docs/")
        found.add(_OTHER.get(english, english))
    return found - _LANGUAGES


def commands(page: Path) -> list[str]:
    """The code in the prose that is a command or a name, in no order."""
    prose = _BLOCK.sub("", page.read_text("utf-8"))
    return sorted(code for code in _CODE.findall(prose) if _JAPANESE.search(code) is None)


@pytest.mark.parametrize("page", TRANSLATED)
def test_translated_page_has_the_same_headings_and_blocks_of_code(page: str) -> None:
    assert shape(japanese(page)) == shape(ROOT / page)


@pytest.mark.parametrize("page", TRANSLATED)
def test_translated_page_has_the_same_links_and_commands(page: str) -> None:
    assert targets(japanese(page)) == targets(ROOT / page)
    assert set(commands(ROOT / page)) <= set(commands(japanese(page)))


@pytest.mark.parametrize("page", SUMMARISED)
def test_code_of_a_summary_is_on_english_pages(page: str) -> None:
    english = "".join(path.read_text("utf-8") for path in (*ROOT.glob("docs/*.md"), *ROOT.glob("clients/*/README.md")))

    lines = "\n".join(_BLOCK.findall(japanese(page).read_text("utf-8"))).splitlines()
    assert [line for line in lines if line not in english] == []


@pytest.mark.parametrize("page", SUMMARISED)
def test_each_section_of_a_summary_leads_to_the_english_page(page: str) -> None:
    _, *sections = re.split(r"^## ", japanese(page).read_text("utf-8"), flags=re.MULTILINE)

    assert sections
    assert [section for section in sections if f"](../{Path(page).name}" not in section] == []


def test_every_japanese_page_has_an_english_one() -> None:
    pages = {f"docs/{path.name}" for path in (ROOT / "docs/ja").glob("*.md")} | {"README.md"}

    assert pages == {*TRANSLATED, *SUMMARISED}
