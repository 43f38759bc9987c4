"""The options that commands share."""

from pathlib import Path
from typing import Annotated

import typer

from longcall.cli.stack import AuthMode
from longcall.cli.targets import Target

JobOption = Annotated[str, typer.Argument(metavar="ID", help="The job's id, a UUID.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object per line on standard output.")]
StackFile = Annotated[
    Path | None, typer.Option("--stack", envvar="LONGCALL_STACK", metavar="FILE", help="The stack file of the API.")
]
Where = Annotated[
    Target, typer.Option("--target", envvar="LONGCALL_TARGET", help="The local stack, or the deployed one.")
]
UserName = Annotated[str | None, typer.Option("--user", metavar="NAME", help="Who signs in; by default the first.")]
Auth = Annotated[AuthMode, typer.Option("--auth", help="Which authorization mode of the API checks the token.")]
