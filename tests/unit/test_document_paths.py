"""Files that the documents name exist, so that a move does not leave a document behind."""

import re
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
DOCUMENTS: Final = (
    "README.md",
    "tests/README.md",
    *sorted(str(p.relative_to(ROOT)) for p in ROOT.glob("docs/**/*.md")),
)
# Files that a tutorial tells the reader to create.
TO_CREATE: Final = frozenset({"chalicelib/workloads/report.py", "chalicelib/workloads/shout.py"})
FOLDERS: Final = (
    "appsync_local", "bench", "certify", "chalicelib", "docs", "examples", "graphql", "infrastructure", "local_stack",
    "longcall", "tests",
)  # fmt: skip
_FENCE: Final = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_LINK: Final = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")
_PATH: Final = re.compile(rf"`((?:{'|'.join(FOLDERS)})/[\w./-]*)`")


def missing(document: Path) -> list[str]:
    """The targets of relative links, and the paths in code spans, that do not exist."""
    text = _FENCE.sub("", document.read_text(encoding="utf-8"))
    links = [link for link in _LINK.findall(text) if not (document.parent / link).exists()]
    paths = set(_PATH.findall(text)) - TO_CREATE
    return links + sorted(path for path in paths if not (ROOT / path).exists())


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_that_a_document_names_exists(document: str) -> None:
    assert missing(ROOT / document) == []


def test_a_missing_file_is_found(tmp_path: Path) -> None:
    document = tmp_path / "page.md"
    document.write_text("[a](page.md) [b](gone.md#part) `tests/README.md` `tests/gone.py`", encoding="utf-8")

    assert missing(document) == ["gone.md", "tests/gone.py"]
