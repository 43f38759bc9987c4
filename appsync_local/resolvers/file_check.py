"""Checks the files of an API, each for itself, so that one answer names the problems of all."""

from pathlib import Path

from appsync_local.api.schema import load_schema
from appsync_local.errors import ApiInvalid
from appsync_local.javascript.script import Script

FOLDERS = ("resolvers", "functions")


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
    for path in sorted(it for folder in FOLDERS for it in (code / folder).glob("*.js")):
        try:
            if not path.name.startswith("."):  # an editor's lock or unsaved copy
                Script(path)
        except ApiInvalid as invalid:
            problems.extend(invalid.problems)
    return tuple(problems)
