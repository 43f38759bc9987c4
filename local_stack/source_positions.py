"""Adds file and line to messages about mistakes in the API's definition, which name the element only."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import infrastructure.api

API_FILE: Final = Path(infrastructure.api.__file__)
_HAS_POSITION: Final = re.compile(r"\S+:\d+: |\S+:\d+:\d+: |graphql/")
_NAME: Final = re.compile(r"[A-Za-z_][\w.]*")


def with_positions(problems: Iterable[str], api_file: Path = API_FILE) -> tuple[str, ...]:
    """The messages, each preceded by the line of the API's file that first mentions a name in the message.

    A message that names a file already, or no name in the API's file, is returned unchanged.
    """
    lines = api_file.read_text(encoding="utf-8").splitlines()
    return tuple(
        problem if _HAS_POSITION.match(problem) else _with_position(problem, lines, api_file) for problem in problems
    )


def _with_position(problem: str, lines: list[str], api_file: Path) -> str:
    for name in _NAME.findall(problem):
        for number, line in enumerate(lines, 1):
            if f'"{name}"' in line:
                return f"{api_file.parent.name}/{api_file.name}:{number}: {problem}"
    return problem
