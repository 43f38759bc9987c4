"""Files and tests that the documents name exist, so that a move does not leave a document behind."""

import json
import re
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
DOCUMENTS: Final = (
    "README.md",
    "SECURITY.md",
    "tests/README.md",
    *sorted(str(p.relative_to(ROOT)) for p in ROOT.glob("docs/**/*.md")),
)
# A link, paths and tests, some of which do not exist.
TEXT: Final = """[a](page.md) [b](gone.md#part) `tests/README.md` `tests/gone.py`
`tests/unit/test_document_paths.py::test_a_missing_file_or_test_is_found`
`tests/unit/test_document_paths.py::test_gone`"""
# Files that a tutorial tells the reader to create.
TO_CREATE: Final = frozenset({"chalicelib/workloads/shout.py", "tests/test_shout.py"})
FOLDERS: Final = (
    "appsync_local", "bench", "certify", "chalicelib", "docs", "examples", "graphql", "infrastructure", "local_stack",
    "longcall", "tests",
)  # fmt: skip
_FENCE: Final = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_LINK: Final = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")
_TEST: Final = re.compile(r"`(tests/[\w./-]*\.py)::(\w+)`")
# The text of a link may be a package, such as `longcall/react`; its target is checked.
_PATH: Final = re.compile(rf"(?<!\[)`((?:{'|'.join(FOLDERS)})/[\w./-]*)`")


def missing(document: Path) -> list[str]:
    """The targets of relative links, and the paths in code spans, that do not exist."""
    text = _FENCE.sub("", document.read_text(encoding="utf-8"))
    links = [link for link in _LINK.findall(text) if not (document.parent / link).exists()]
    paths = set(_PATH.findall(text)) - TO_CREATE - npm_entries()
    tests = {f"{file}::{name}" for file, name in _TEST.findall(text) if not _has_test(ROOT / file, name)}
    return links + sorted(path for path in paths if not (ROOT / path).exists()) + sorted(tests)


def npm_entries() -> set[str]:
    """The entries of the TypeScript package, such as `longcall/react`, whose names begin like a folder."""
    package = json.loads((ROOT / "clients/typescript/package.json").read_text("utf-8"))
    return {entry.replace(".", package["name"], 1) for entry in package["exports"]}


def _has_test(file: Path, name: str) -> bool:
    return file.exists() and re.search(rf"^(async )?def {name}\(", file.read_text("utf-8"), re.MULTILINE) is not None


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_that_a_document_names_exists(document: str) -> None:
    assert missing(ROOT / document) == []


def test_a_missing_file_or_test_is_found(tmp_path: Path) -> None:
    document = tmp_path / "page.md"
    document.write_text(TEXT, encoding="utf-8")

    assert missing(document) == ["gone.md", "tests/gone.py", "tests/unit/test_document_paths.py::test_gone"]
