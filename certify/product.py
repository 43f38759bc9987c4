"""The product that is certified: a copy of its sources, in which texts can be replaced."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
NAMES: Final = (  # what a stack and its clients import
    "app.py", "appsync_local", "certify", "chalicelib", "graphql", "infrastructure", "local_stack", "longcall",
)  # fmt: skip
LEFT_OUT: Final = ("node_modules", "cdk.out")


class EditFailed(Exception):
    """The text to replace does not occur exactly once; the message names the file and the text."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One replacement: `old` occurs exactly once in `file`, a path inside the project."""

    file: str
    old: str
    new: str

    def apply(self, tree: Path) -> None:
        """Replace the text in a copy of the product.

        Raises:
            EditFailed: The text does not occur exactly once.
        """
        path = tree / self.file
        path.write_text(self.edited(path.read_text("utf-8")), "utf-8")

    def edited(self, text: str) -> str:
        """The content of the file after the replacement.

        Raises:
            EditFailed: The text does not occur exactly once.
        """
        found = text.count(self.old)
        if found != 1:
            raise EditFailed(
                f"{self.file}: expected this text once, but found it {found} times; update the replacement:\n{self.old}"
            )
        return text.replace(self.old, self.new)


# A later version of the handlers: it writes a field that this version does not know. Both must read each other's logs.
NEXT_VERSION: Final = Edit(
    "chalicelib/ledger/records.py",
    "summary = _encode(values)",
    'summary = _encode({**values, "written_by": "next version"})',
)
WRITTEN_BY_NEXT_VERSION: Final = '"written_by":"next version"'


class Product:
    """A copy of the product in a folder of its own.

    Args:
        tree: Where the copy is made.
        edits: What is replaced in it.

    Raises:
        EditFailed: A text does not occur exactly once.
    """

    def __init__(self, tree: Path, edits: Sequence[Edit] = ()) -> None:
        self.tree = tree
        tree.mkdir(parents=True)
        for name in NAMES:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns(*LEFT_OUT))
            else:
                shutil.copy2(ROOT / name, tree / name)
        for edit in edits:
            edit.apply(tree)
        self._before = (tree / NEXT_VERSION.file).read_text("utf-8")

    def deploy(self) -> None:
        """Replace the handlers by the next version. A stack that watches its files runs it from the next call on."""
        self._write(NEXT_VERSION.edited(self._before))

    def roll_back(self) -> None:
        """Replace the handlers by the version before."""
        self._write(self._before)

    def _write(self, text: str) -> None:
        path = self.tree / NEXT_VERSION.file
        staged = path.with_suffix(".staged")
        staged.write_text(text, "utf-8")
        staged.replace(path)
