"""`longcall serve`: hands over to the local stack, which this package neither contains nor imports.

Every argument is the stack's own, `--help` too, so that its options are described in one place.
"""

import os
import sys
from importlib.util import find_spec
from typing import Final, NoReturn

import typer
from typer.core import TyperCommand

from longcall.errors import ConfigurationError

STACK_MODULE: Final = "local_stack"
_GIVEN: Final = "longcall.given"


class PassingOn(TyperCommand):
    """Keeps the arguments as they were given, `--` included, which parsing drops."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]  # one class
        ctx.meta[_GIVEN] = list(args)
        return super().parse_args(ctx, args)


def replace_process(context: typer.Context) -> NoReturn:
    """Become the local stack.

    Raises:
        ConfigurationError: It is not installed here.
    """
    try:
        found = find_spec(STACK_MODULE)
    except ModuleNotFoundError:
        found = None
    if found is None:
        raise ConfigurationError(
            "the local stack is not installed here; run this in a checkout of the project, after `make run` has "
            "prepared it"
        )
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", STACK_MODULE, *context.meta[_GIVEN]])  # noqa: S606  # no shell
