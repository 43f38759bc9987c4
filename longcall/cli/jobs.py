"""The commands: parse, call, render. What talks to the API, or draws, is loaded by the command that needs it."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from longcall.cli import costs, serving, starting
from longcall.cli.calls import call, follow, open_client
from longcall.cli.exits import Ended, ExitCode
from longcall.cli.options import Auth, JobOption, Json, StackFile, UserName, Where
from longcall.cli.stack import AuthMode, Caller
from longcall.cli.targets import Target, find_target
from longcall.models import Status, parse_job_id

if TYPE_CHECKING:
    from longcall.cli.doctor import Finding

app = typer.Typer(
    name="longcall",
    help="Long-running calls behind AWS AppSync, with nothing lost.",
    epilog="Exit codes: 0 done, 1 the job failed or was cancelled, 2 input that cannot be used, 3 no API, 4 refused, "
    "5 no such job, 130 interrupted.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

users = typer.Typer(help="Who can sign in.", no_args_is_help=True)
app.add_typer(users, name="user")
app.command(epilog=starting.RUN_EXAMPLES)(starting.run)
app.command(epilog=starting.START_EXAMPLES)(starting.start)
app.command(epilog=costs.COST_EXAMPLES)(costs.cost)
app.command(epilog=costs.QUOTE_EXAMPLES)(costs.quote)


@app.command(epilog="\b\nExample:\n  longcall watch 123e4567-e89b-42d3-a456-426614174000")
def watch(
    job: JobOption,
    as_json: Json = False,
    stack: StackFile = None,
    target: Where = Target.LOCAL,
    user: UserName = None,
    auth: Auth = AuthMode.LAMBDA,
) -> None:
    """Follow a job to its end; leaving cancels nothing."""
    job_id = parse_job_id(job)
    follow(Caller.chosen(stack=stack, target=target, user=user, auth=auth), job_id, as_json=as_json, begin=None)


@app.command(epilog="\b\nExample:\n  longcall get 123e4567-e89b-42d3-a456-426614174000 > result.txt")
def get(
    job: JobOption,
    as_json: Json = False,
    stack: StackFile = None,
    target: Where = Target.LOCAL,
    user: UserName = None,
    auth: Auth = AuthMode.LAMBDA,
) -> None:
    """Show a job as it stands.

    Its text goes to standard output, the rest to standard error.
    """
    job_id = parse_job_id(job)
    caller = Caller.chosen(stack=stack, target=target, user=user, auth=auth)

    async def ask() -> None:
        from longcall.cli import tables

        async with open_client(caller) as client:
            tables.show_job(await client.get(job_id), as_json=as_json)

    call(caller, ask())


@app.command("list", epilog="\b\nExample:\n  longcall list --status FAILED --json | jq .jobId")
def list_(
    status: Annotated[Status | None, typer.Option("--status", help="Only jobs that stand there.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Most jobs.")] = 20,
    as_json: Json = False,
    stack: StackFile = None,
    target: Where = Target.LOCAL,
    user: UserName = None,
    auth: Auth = AuthMode.LAMBDA,
) -> None:
    """List your jobs, newest first."""
    caller = Caller.chosen(stack=stack, target=target, user=user, auth=auth)

    async def ask() -> None:
        from longcall.cli import tables

        async with open_client(caller) as client:
            tables.show_jobs(await tables.newest_jobs(client, status, limit), as_json=as_json)

    call(caller, ask())


@app.command(epilog="\b\nExample:\n  longcall events 123e4567-e89b-42d3-a456-426614174000 --after 10")
def events(
    job: JobOption,
    after: Annotated[int, typer.Option("--after", min=0, help="Only events with a greater sequence.")] = 0,
    as_json: Json = False,
    stack: StackFile = None,
    target: Where = Target.LOCAL,
    user: UserName = None,
    auth: Auth = AuthMode.LAMBDA,
) -> None:
    """Show a job's log as it stands, an event per line."""
    job_id = parse_job_id(job)
    caller = Caller.chosen(stack=stack, target=target, user=user, auth=auth)

    async def ask() -> None:
        from longcall import display

        async with open_client(caller) as client:
            async for event in client.events(job_id, after=after):
                typer.echo(display.json_line(display.wire(event)) if as_json else display.log_row(event))

    call(caller, ask())


@app.command(epilog="\b\nExample:\n  longcall cancel 123e4567-e89b-42d3-a456-426614174000")
def cancel(
    job: JobOption,
    as_json: Json = False,
    stack: StackFile = None,
    target: Where = Target.LOCAL,
    user: UserName = None,
    auth: Auth = AuthMode.LAMBDA,
) -> None:
    """End a job; what it has produced stays readable."""
    job_id = parse_job_id(job)
    caller = Caller.chosen(stack=stack, target=target, user=user, auth=auth)

    async def ask() -> None:
        from longcall import display

        async with open_client(caller) as client:
            event = await client.cancel(job_id)
        if as_json:
            typer.echo(display.json_line(display.wire(event)))
        elif event.status is Status.CANCELLED:
            typer.echo(f"job {event.job_id} is cancelled")
        else:
            typer.echo(f"job {event.job_id} had ended before, as {event.status}")

    call(caller, ask())


@app.command(epilog="\b\nExample:\n  longcall delete 123e4567-e89b-42d3-a456-426614174000")
def delete(
    job: JobOption,
    as_json: Json = False,
    stack: StackFile = None,
    target: Where = Target.LOCAL,
    user: UserName = None,
    auth: Auth = AuthMode.LAMBDA,
) -> None:
    """Delete a job that has ended, with all that it was given and gave."""
    job_id = parse_job_id(job)
    caller = Caller.chosen(stack=stack, target=target, user=user, auth=auth)

    async def ask() -> None:
        from longcall import display

        async with open_client(caller) as client:
            await client.delete(job_id)
        typer.echo(display.json_line({"deleted": job_id}) if as_json else f"job {job_id} is deleted")

    call(caller, ask())


@app.command(epilog='\b\nExample:\n  curl -H "Authorization: $(longcall token --header)" ...')
def token(
    header: Annotated[bool, typer.Option("--header", help="The whole value of the Authorization header.")] = False,
    as_json: Json = False,
    stack: StackFile = None,
    target: Where = Target.LOCAL,
    user: UserName = None,
    auth: Auth = AuthMode.LAMBDA,
) -> None:
    """Sign in, and print a token."""
    caller = Caller.chosen(stack=stack, target=target, user=user, auth=auth)

    async def ask() -> None:
        from longcall import display

        if header:
            name, value = "authorization", (await caller.authorization().headers())["Authorization"]
        else:
            name, value = "token", await caller.provider()()
        typer.echo(display.json_line({name: value}) if as_json else value)

    call(caller, ask())


@app.command(epilog="\b\nExample:\n  longcall chaos drop=0.3,duplicate=0.1,crash=0.05,seed=7")
def chaos(
    spec: Annotated[str | None, typer.Argument(metavar="SPEC", help="What goes wrong from now on, or off.")] = None,
    as_json: Json = False,
    stack: StackFile = None,
    target: Where = Target.LOCAL,
) -> None:
    """Make the local stack lose things, or tell what it has lost; see docs/chaos.md."""
    caller = Caller.chosen(stack=stack, target=target)

    async def ask() -> None:
        from longcall import display
        from longcall.cli.chaos import turn

        found = await turn(caller.stack, spec)
        typer.echo(display.json_line(asdict(found)) if as_json else "\n".join(found.rows()))

    call(caller, ask())


@app.command(
    epilog="""\b
Examples:
  longcall doctor
  longcall doctor Mutation.updateStatus
  pbpaste | longcall doctor --token - Query.getInference"""
)
def doctor(
    field: Annotated[str | None, typer.Argument(metavar="FIELD", help="A field, such as Query.getInference.")] = None,
    token: Annotated[
        str | None,
        typer.Option("--token", metavar="TOKEN", help="What stands in Authorization, or - for standard input."),
    ] = None,
    as_json: Json = False,
    stack: StackFile = None,
    target: Where = Target.LOCAL,
    user: UserName = None,
    auth: Auth = AuthMode.LAMBDA,
) -> None:
    """Check that all is well, and say why a token may or may not use a field."""
    caller = Caller.chosen(stack=stack, target=target, user=user, auth=auth)
    findings: list[Finding] = []

    async def ask() -> None:
        from longcall.cli.doctor import authorization_of, explain, health, show

        async for finding in health(caller):
            findings.append(finding)
            show(finding, as_json=as_json)
        headers = await authorization_of(caller, token)
        for finding in await explain(caller.stack, headers, field):
            findings.append(finding)
            show(finding, as_json=as_json)

    call(caller, ask())
    if any(finding.is_bad for finding in findings):
        raise Ended(ExitCode.REFUSED)


@app.command("update-status", epilog="\b\nExample:\n  longcall update-status $id FAILED --error 'ended by hand'")
def update_status(
    job: JobOption,
    status: Annotated[Status, typer.Argument(metavar="STATUS", help="Where the job is to stand.")],
    result: Annotated[str | None, typer.Option("--result", metavar="JSON", help="With COMPLETED.")] = None,
    error: Annotated[str | None, typer.Option("--error", metavar="TEXT", help="With FAILED: what went wrong.")] = None,
    as_json: Json = False,
    stack: StackFile = None,
    target: Where = Target.LOCAL,
) -> None:
    """Report on a job as its operator, signed with AWS credentials.

    On AWS they are this shell's, and have to allow appsync:GraphQL on Mutation.updateStatus.
    """
    from longcall import display
    from longcall.cli.operating import report

    job_id, api = parse_job_id(job), find_target(stack, target, start=Path.cwd())

    async def ask() -> None:
        event = await report(api, job_id, status, result=result, error=error)
        typer.echo(display.json_line(display.wire(event)) if as_json else display.log_row(event))

    call(api, ask())


@app.command(epilog="\b\nExample:\n  longcall smoke --minutes 0.5 --target aws -v")
def smoke(
    minutes: Annotated[float, typer.Option("--minutes", min=0.01, max=14, help="How long the job takes.")] = 5,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Log the wire, without secrets.")] = False,
    as_json: Json = False,
    stack: StackFile = None,
    target: Where = Target.LOCAL,
    user: UserName = None,
    auth: Auth = AuthMode.LAMBDA,
) -> None:
    """Run a job of five minutes, and check and time each change of its status.

    The job has to end within a minute more than it takes.
    """
    from longcall.cli import smoke as smoking
    from longcall.cli import wire

    if verbose:
        wire.log_to_terminal()
    smoking.run(Caller.chosen(stack=stack, target=target, user=user, auth=auth), minutes, as_json=as_json)


@users.command("create", epilog="\b\nExample:\n  longcall user create --target aws")
def create_user(stack: StackFile = None, target: Where = Target.LOCAL) -> None:
    """Make the test user of .env, anew if it exists; no mail is sent.

    Reads TEST_USER_EMAIL and TEST_USER_PASSWORD. On AWS it takes this shell's AWS credentials.
    """
    from longcall.cli.users import create

    typer.echo(f"user {create(find_target(stack, target, start=Path.cwd()))} can sign in")


@app.command(
    cls=serving.PassingOn,
    add_help_option=False,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
def serve(context: typer.Context) -> None:
    """Run the whole stack on this machine; see longcall serve --help."""
    serving.replace_process(context)
