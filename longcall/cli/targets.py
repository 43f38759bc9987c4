"""Which API a command calls: the local stack, or the deployed one."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, assert_never

from longcall.cli.stack import Stack, find_stack, read_stack, start_advice
from longcall.errors import ConfigurationError, Unreachable

OUTPUTS: Final = Path("cdk-outputs.json")


class Target(StrEnum):
    """Where the API runs."""

    LOCAL = "local"
    AWS = "aws"


def find_target(named: Path | None, target: Target, *, start: Path) -> Stack:
    """The stack in a named file of either kind, else the target's own in `start` or the nearest folder above.

    Raises:
        Unreachable: No file is named, and none was found.
        ConfigurationError: The file cannot be used, has several stacks, or describes a local stack when AWS is wanted.
    """
    if named is not None:
        if not named.is_file():
            raise ConfigurationError(f"no stack file {named} was found; {start_advice()}")
        if _has_outputs(named):
            return read_outputs(named)
        if target is Target.AWS:  # a command for the deployed stack must not reach another one
            raise ConfigurationError(
                f"{named} is the file of a local stack, and --target says aws; leave out one of the two, "
                "LONGCALL_STACK and LONGCALL_TARGET included"
            )
        return read_stack(named)
    match target:
        case Target.LOCAL:
            return find_stack(None, start=start)
        case Target.AWS:
            found = nearest(OUTPUTS, start)
            if found is None:
                raise Unreachable(
                    f"no {OUTPUTS} is in this folder or above it; deploy a stage with `make deploy`, or name its file "
                    "with --stack"
                )
            return read_outputs(found)
        case _:
            assert_never(target)


def read_outputs(file: Path) -> Stack:
    """The only deployed stack in a file that `cdk deploy --outputs-file` wrote.

    Raises:
        ConfigurationError: The file cannot be read, has no stack or several, or an output is missing.
    """
    stacks = _stacks(file)
    if len(stacks) != 1:
        found = " and ".join(stacks) or "none"
        raise ConfigurationError(f"expected one Longcall stack in {file}, and found {found}; deploy one stage again")
    ((name, outputs),) = stacks.items()
    try:
        return Stack(
            is_local=False,
            graphql_url=str(outputs["GraphqlUrl"]),
            realtime_url=str(outputs["RealtimeUrl"]),
            region=str(outputs["Region"]),
            client_id=str(outputs["ClientId"]),
            cognito_url=outputs.get("CognitoUrl"),  # of a local stack, by `longcall env`
            users=(),
            pool_id=str(outputs["UserPoolId"]),
            log_groups=tuple(name for name in str(outputs.get("LogGroups", "")).split(",") if name),
        )
    except KeyError as missing:
        raise ConfigurationError(f"{file} has no output {missing} of {name}; deploy it with this version") from None


def nearest(name: Path, start: Path) -> Path | None:
    """The file of this name in `start`, or in the nearest folder above; None if there is none."""
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
