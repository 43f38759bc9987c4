"""Draws the pictures of a terminal in the documents, from a real run: `make pictures`."""

import io
import re
import sys
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from longcall.cli.demo_screens import INTRODUCTION, closing
from longcall.cli.demonstration import demonstrate
from longcall.display.comparison import Change, Subscriber, comparison

WIDTH: Final = 92  # cells
HEIGHT: Final = 28  # rows
# The font that rich names is fetched from another site, which a page of documents must not do.
_FONT: Final = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
_FAMILY: Final = re.compile(r"Fira Code(?=[,;])")


class Picture:
    """Draws what `longcall demo` shows in the end."""

    def __init__(self) -> None:
        self.console = Console(
            file=io.StringIO(), record=True, width=WIDTH, force_terminal=True, color_system="truecolor", highlight=False
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def show(self, naive: Subscriber, ours: Subscriber) -> None:
        pass

    def report(self, change: Change) -> None:
        pass

    def end(self, naive: Subscriber, ours: Subscriber) -> None:
        self.console.print(Text(INTRODUCTION, style="bold"))
        self.console.print()
        self.console.print(comparison(naive, ours, width=WIDTH, height=HEIGHT))
        self.console.print(closing(naive, ours))

    def svg(self, title: str) -> str:
        """The picture. It fetches nothing from other sites."""
        drawn = self.console.export_svg(title=title, theme=MONOKAI, unique_id="demo")
        clean = _FAMILY.sub("ui-monospace, Menlo, Consolas, DejaVu Sans Mono", _FONT.sub("", drawn))
        return "".join(f"{row.rstrip()}\n" for row in clean.splitlines())


def main(folder: Path) -> None:
    """Run the demonstration on a stack of its own, and draw it."""
    picture = Picture()
    demonstrate(None, picture)
    (folder / "demo.svg").write_text(picture.svg("longcall demo"), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
