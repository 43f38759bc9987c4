"""What a check of a stack has found, and how it is printed."""

import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Final

from rich.console import Console
from rich.text import Text

from longcall import display


class CheckStatus(StrEnum):
    """The result of a check."""

    GOOD = "good"
    BAD = "bad"
    NOTE = "note"  # neither good nor bad


_MARKS: Final[Mapping[CheckStatus, tuple[str, str]]] = {
    CheckStatus.GOOD: ("ok", "green"),
    CheckStatus.BAD: ("no", "bold red"),
    CheckStatus.NOTE: ("..", "dim"),
}


WIDTH: Final = 18  # columns of the subject, such as `schedule of sweep`, and a space


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: its subject, what was found, and what to do if that is bad."""

    about: str
    status: CheckStatus
    found: str
    advice: str | None = None

    @property
    def is_bad(self) -> bool:
        """Whether the reader must do something."""
        return self.status is CheckStatus.BAD


def row(finding: Finding) -> Text:
    """A finding on one line, and its advice on the next."""
    mark, style = _MARKS[finding.status]
    text = Text.assemble((f"{mark}  ", style), (f"{finding.about:<{WIDTH - 1}} ", "bold"), display.line(finding.found))
    if finding.advice is not None:
        text.append(f"\n    {'':<{WIDTH}}{display.line(finding.advice)}", "yellow")
    return text


def show(finding: Finding, *, as_json: bool) -> None:
    """Print one finding on standard output."""
    if as_json:
        sys.stdout.write(f"{display.json_line(asdict(finding))}\n")
    else:
        Console(highlight=False).print(row(finding), soft_wrap=True)
