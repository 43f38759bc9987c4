"""Which API: the one that runs on this machine, or the one that was deployed; and the test user of `.env`."""

import json
import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, assert_never

from longcall.cli.stack import NO_STACK, Stack, find_stack, read_stack
from longcall.errors import ConfigurationError, Unreachable

OUTPUTS: Final = Path("cdk-outputs.json")
DOTENV: Final = Path(".env")
TEST_USER: Final = ("TEST_USER_EMAIL", "TEST_USER_PASSWORD")
_ASSIGNMENT: Final = re.compile(r"\s*(?:export\s+)?(\w+)\s*=\s*(?:'([^']*)'|\"([^\"]*)\"|([^\s#]*))\s*(?:#.*)?")


class Target(StrEnum):
    """Where the API runs."""

    LOCAL = "local"
    AWS = "aws"


def find_target(named: Path | None, target: Target, *, start: Path) -> Stack:
    """The stack in a named file of either form, else the target's own in this folder or the nearest one above.

    Raises:
        Unreachable: There is none.
        ConfigurationError: The file is none, has several stacks, or is a local stack's where AWS is wanted.
    """
    if named is not None:
        if not named.is_file():
            raise ConfigurationError(f"no stack file {named} was found; {NO_STACK}")
        if _has_outputs(named):
            return read_outputs(named)
        if target is Target.AWS:  # what was meant for the deployed stack must not reach another one
            raise ConfigurationError(
                f"{named} is the file of a local stack, and --target says aws; leave out one of the two, "
                "LONGCALL_STACK and LONGCALL_TARGET included"
            )
        return read_stack(named)
    match target:
        case Target.LOCAL:
            return find_stack(None, start=start)
        case Target.AWS:
            found = _nearest(OUTPUTS, start)
            if found is None:
                raise Unreachable(
                    f"no {OUTPUTS} is in this folder or above it; deploy a stage with `make deploy`, or name its file "
                    "with --stack"
                )
            return read_outputs(found)
        case _:
            assert_never(target)


def read_outputs(file: Path) -> Stack:
    """The one deployed stack whose outputs are in `file`, as `cdk deploy --outputs-file` writes them.

    Raises:
        ConfigurationError
    """
    stacks = _stacks(file)
    if len(stacks) != 1:
        found = " and ".join(stacks) or "none"
        raise ConfigurationError(f"{file} has to have one stack of Longcall, and has {found}; deploy one stage again")
    ((name, outputs),) = stacks.items()
    try:
        return Stack(
            is_local=False,
            graphql_url=str(outputs["GraphqlUrl"]),
            realtime_url=str(outputs["RealtimeUrl"]),
            region=str(outputs["Region"]),
            client_id=str(outputs["ClientId"]),
            cognito_url=None,
            users=(),
            pool_id=str(outputs["UserPoolId"]),
        )
    except KeyError as missing:
        raise ConfigurationError(f"{file} has no output {missing} of {name}; deploy it with this version") from None


def test_user(environment: Mapping[str, str], *, start: Path) -> dict[str, str]:
    """TEST_USER_EMAIL and TEST_USER_PASSWORD, from the environment or else from the nearest `.env`."""
    file = _nearest(DOTENV, start)
    written = {} if file is None else read_dotenv(file.read_text("utf-8"))
    return {name: value for name in TEST_USER if (value := environment.get(name) or written.get(name))}


def read_dotenv(text: str) -> dict[str, str]:
    """Assignments, a row each: NAME=value, perhaps quoted, perhaps with a comment; other rows mean nothing."""
    found = {}
    for row in text.splitlines():
        if assigned := _ASSIGNMENT.fullmatch(row):
            name, *values = assigned.groups()
            found[name] = next((value for value in values if value is not None), "")
    return found


def _nearest(name: Path, start: Path) -> Path | None:
    return next((folder / name for folder in (start, *start.parents) if (folder / name).is_file()), None)


def _has_outputs(file: Path) -> bool:
    try:
        return bool(_stacks(file))
    except ConfigurationError:
        return False


def _stacks(file: Path) -> dict[str, dict[str, Any]]:
    try:
        content = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        raise ConfigurationError(f"{file} cannot be read as JSON; deploy again to write it") from None
    if not isinstance(content, dict):
        return {}
    return {name: it for name, it in content.items() if isinstance(it, dict) and "GraphqlUrl" in it}
