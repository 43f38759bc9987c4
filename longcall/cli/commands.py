"""The commands, in the order in which the help lists them.

A command parses its input, calls the API and prints the answer. Each command imports the modules that talk to the API
or draw when it runs, so that `--help` is quick.
"""

from typing import Annotated

import typer

from longcall.cli import (
    administration,
    costs,
    demo,
    diagnostics,
    environment,
    jobs,
    offers,
    projects,
    serving,
    starting,
)
from longcall.version import VERSION

ID = "123e4567-e89b-42d3-a456-426614174000"


def _example(command: str) -> str:
    return f"\b\nExample:\n  {command}"


app = typer.Typer(
    name="longcall",
    help="Long-running calls behind AWS AppSync, with nothing lost.",
    epilog="Exit codes: 0 done, 1 the job failed or was cancelled, 2 input that cannot be used, 3 no API, 4 refused, "
    "5 no such job, 130 interrupted.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
users = typer.Typer(help="Who can sign in.", no_args_is_help=True)
app.add_typer(users, name="user")


def _print_version(is_wanted: bool) -> None:
    if is_wanted:
        typer.echo(f"longcall {VERSION}")
        raise typer.Exit


@app.callback()
def options(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version, and stop.")
    ] = False,
) -> None:
    """The options of the program itself; each acts before a command is read."""


app.command(epilog=starting.RUN_EXAMPLES)(starting.run)
app.command(epilog=starting.START_EXAMPLES)(starting.start)
app.command(epilog=costs.COST_EXAMPLES)(costs.cost)
app.command(epilog=costs.QUOTE_EXAMPLES)(costs.quote)
app.command(epilog=offers.MODELS_EXAMPLES)(offers.models)
app.command(epilog=jobs.WATCH_EXAMPLES)(jobs.watch)
app.command(epilog=_example(f"longcall get {ID} > result.txt"))(jobs.get)
app.command("list", epilog=jobs.LIST_EXAMPLES)(jobs.list_)
app.command(epilog=_example(f"longcall events {ID} --after 10"))(jobs.events)
app.command(epilog=_example(f"longcall cancel {ID}"))(jobs.cancel)
app.command(epilog=_example(f"longcall delete {ID}"))(jobs.delete)
app.command(epilog=_example('curl -H "Authorization: $(longcall token --header)" ...'))(diagnostics.token)
app.command(epilog=_example("longcall chaos drop=0.3,duplicate=0.1,crash=0.05,seed=7"))(diagnostics.chaos)
app.command(epilog=_example("longcall demo"))(demo.demo)
app.command(epilog=diagnostics.DOCTOR_EXAMPLES)(diagnostics.doctor)
app.command(epilog=_example(f"longcall logs {ID}"))(diagnostics.logs)
app.command("update-status", epilog=_example("longcall update-status $id FAILED --error 'ended by hand'"))(
    administration.update_status
)
app.command(epilog=_example("longcall smoke --minutes 0.5 --target aws -v"))(diagnostics.smoke)
app.command(
    cls=serving.ForwardingCommand,
    add_help_option=False,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)(administration.serve)
app.command(epilog=environment.EPILOG)(environment.env)
app.command(epilog=projects.NEW_EXAMPLE)(projects.new)
app.command(epilog=projects.UPGRADE_EXAMPLE)(projects.upgrade)
app.command(epilog=_example("npx aws-cdk synth"))(projects.cdk)
users.command("create", epilog=_example("longcall user create --target aws"))(administration.create_user)
