"""`longcall serve`: replaces this process by the local stack, which this package neither contains nor imports.

All arguments, `--help` included, are passed to the stack, so that its options are described in one place.
"""

import os
import sys
from importlib.util import find_spec
from typing import Final, NoReturn

import typer
from typer.core import TyperCommand

from longcall.errors import ConfigurationError

STACK_MODULE: Final = "local_stack"
_ARGUMENTS: Final = "longcall.arguments"


class ForwardingCommand(TyperCommand):
    """Keeps all arguments unchanged, including `--`, which parsing would drop."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]  # one class
        ctx.meta[_ARGUMENTS] = list(args)
        return super().parse_args(ctx, args)


def replace_process(context: typer.Context) -> NoReturn:
    """Replace this process by the local stack.

    Raises:
        ConfigurationError: The local stack is not installed here.
    """
    try:
        found = find_spec(STACK_MODULE)
    except ModuleNotFoundError:
        found = None
    if found is None:
        raise ConfigurationError(
            "the local stack is not installed here; run this in a checkout of the project, after `make run` has "
            "installed it"
        )
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", STACK_MODULE, *context.meta[_ARGUMENTS]])  # noqa: S606  # no shell
