"""The blocks of code of the documents, and what a comment before each says about running it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

OUTPUT: Final = "text"  # the language of blocks that are shown, and not run
SHELLS: Final = frozenset({"console", "sh"})
RUNNABLE: Final = SHELLS | {"python"}
_BLOCK: Final = re.compile(
    r"(?:<!-- (?P<how>not run|tested by): (?P<why>[^\n]*?) -->\n+)?^(?P<indent> *)```(?P<language>\w*)\n"
    r"(?P<code>.*?)^(?P=indent)```$",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Block:
    """One block of code.

    Attributes:
        place: The page, from the root, and the line.
        language: As it is written after the fence.
        code: The lines between the fences.
        reason: Why it is not run; None if it may be.
        tested_by: The test that runs it, as `file::name`; None if this block has no test of its own.
    """

    place: str
    language: str
    code: str
    reason: str | None
    tested_by: str | None

    @property
    def is_marked(self) -> bool:
        """Whether a comment says that it is not run, or which test runs it."""
        return self.reason is not None or self.tested_by is not None

    @property
    def script(self) -> str:
        """The commands of a block for a shell, without the output that it shows."""
        if self.language != "console":
            return self.code
        rows, continues = [], False
        for row in self.code.splitlines():
            if row.startswith("$ ") or continues:
                rows.append(row.removeprefix("$ "))
                continues = row.endswith("\\")
        return "\n".join((*rows, ""))


def blocks_of(page: Path, root: Path) -> Iterator[Block]:
    """The blocks of code of a page, in order."""
    text = page.read_text("utf-8")
    for found in _BLOCK.finditer(text):
        line = text.count("\n", 0, found.start("language")) + 1
        yield Block(
            place=f"{page.relative_to(root)}:{line}",
            language=found["language"],
            code=re.sub(rf"^{found['indent']}", "", found["code"], flags=re.MULTILINE),
            reason=found["why"] if found["how"] == "not run" else None,
            tested_by=found["why"] if found["how"] == "tested by" else None,
        )
