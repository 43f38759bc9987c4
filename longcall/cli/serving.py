"""`longcall serve`: replaces this process by the local stack, which is in the project's base and not imported here.

All arguments, `--help` included, are passed to the stack, so that its options are described in one place.
"""

import os
import sys
from typing import Final, NoReturn

import typer
from typer.core import TyperCommand

from longcall.base import environment_with_base
from longcall.cli.extras import LOCAL, require_extra

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
    require_extra(LOCAL, "longcall serve")
    sys.stdout.flush()
    # With -P, a module in the working directory never replaces one of the stack.
    command = [sys.executable, "-P", "-m", STACK_MODULE, *context.meta[_ARGUMENTS]]
    os.execve(sys.executable, command, environment_with_base(os.environ))  # noqa: S606  # no shell
