"""Where a mistake in the wiring stands: its sentences name what is wrong, and this adds file and line."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import infrastructure.api

WIRING: Final = Path(infrastructure.api.__file__)
_PLACED: Final = re.compile(r"\S+:\d+: |\S+:\d+:\d+: |graphql/")  # a file is named already
_NAME: Final = re.compile(r"[A-Za-z_][\w.]*")


def placed(problems: Iterable[str], wiring: Path = WIRING) -> tuple[str, ...]:
    """The sentences, those about the wiring with the line that first has the name they are about."""
    lines = wiring.read_text(encoding="utf-8").splitlines()
    return tuple(problem if _PLACED.match(problem) else _placed(problem, lines, wiring) for problem in problems)


def _placed(problem: str, lines: list[str], wiring: Path) -> str:
    for name in _NAME.findall(problem):
        for number, line in enumerate(lines, 1):
            if f'"{name}"' in line:
                return f"{wiring.parent.name}/{wiring.name}:{number}: {problem}"
    return problem
