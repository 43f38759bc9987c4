"""Checks the files of an API, each for itself, so that one answer names the problems of all."""

from pathlib import Path
from typing import Final

from appsync_local.api.schema import load_schema
from appsync_local.errors import ApiInvalid
from appsync_local.javascript.script import Script

_FOLDERS: Final = ("resolvers", "functions")
_SUFFIXES: Final = (".js", ".vtl")


def code_files(code: Path) -> list[Path]:
    """The code files and templates below a folder, sorted."""
    return sorted(
        path
        for folder in _FOLDERS
        for path in (code / folder).glob("*")
        if path.suffix in _SUFFIXES and not path.name.startswith(".")  # an editor's lock or unsaved copy
    )


def file_problems(schema: Path, code: Path) -> tuple[str, ...]:
    """Why files of an API cannot be used: one sentence each, with file and line.

    Args:
        schema: The schema file. It is not checked if it is empty.
        code: The folder with `resolvers/` and `functions/`.
    """
    problems: list[str] = []
    try:
        if not schema.is_file() or schema.stat().st_size:
            load_schema(schema)
    except ApiInvalid as invalid:
        problems.extend(invalid.problems)
    for path in code_files(code):
        try:
            if path.suffix == ".js":
                Script(path)
            else:
                from appsync_local.velocity.templates import compile_file  # imported on use: most APIs have none

                compile_file(path)
        except ApiInvalid as invalid:
            problems.extend(invalid.problems)
    return tuple(problems)
