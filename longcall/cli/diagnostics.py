"""`token`, `chaos`, `doctor`, `logs` and `smoke`: commands that show how a stack behaves, and why."""

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Final

import typer

from longcall.cli.calls import call
from longcall.cli.exits import CommandEnded, ExitCode
from longcall.cli.job_ids import find_job_of_stack
from longcall.cli.options import ApiOptions, CallerOptions, JobOption, JsonOption, with_groups

if TYPE_CHECKING:
    from longcall.cli.findings import Finding

POLL: Final = 0.5  # seconds between two looks at logs that are followed
DOCTOR_EXAMPLES = """\b
Examples:
  longcall doctor
  longcall doctor Mutation.updateStatus
  pbpaste | longcall doctor --token - Query.getInference"""


@with_groups
def token(
    *,
    header: Annotated[bool, typer.Option("--header", help="Print the whole Authorization header.")] = False,
    as_json: JsonOption = False,
    caller: CallerOptions,
) -> None:
    """Sign in, and print a token."""
    chosen = caller.choose()

    async def ask() -> None:
        from longcall import display

        if header:
            name, value = "authorization", (await chosen.authorization().headers())["Authorization"]
        else:
            name, value = "token", await chosen.provider()()
        typer.echo(display.json_line({name: value}) if as_json else value)

    call(chosen, ask())


@with_groups
def chaos(
    *,
    spec: Annotated[
        str | None, typer.Argument(metavar="SPEC", help="Which faults happen from now on, or off for none.")
    ] = None,
    as_json: JsonOption = False,
    api: ApiOptions,
) -> None:
    """Inject faults into the local stack, or show which happened.

    docs/chaos.md lists the faults.
    """
    stack = api.find()

    async def ask() -> None:
        from longcall import display
        from longcall.cli.chaos import set_chaos

        found = await set_chaos(stack, spec)
        typer.echo(display.json_line(asdict(found)) if as_json else "\n".join(found.rows()))

    call(stack, ask())


@with_groups
def doctor(
    *,
    field: Annotated[str | None, typer.Argument(metavar="FIELD", help="A field, such as Query.getInference.")] = None,
    token: Annotated[
        str | None,
        typer.Option("--token", metavar="TOKEN", help="The Authorization header's value, or - for standard input."),
    ] = None,
    as_json: JsonOption = False,
    caller: CallerOptions,
) -> None:
    """Check the stack, and whether a token may use a field.

    Of a local stack, it shows each background loop with its last turn and its last failure, and the length and age of
    the queue.
    """
    chosen = caller.choose()
    findings: list[Finding] = []

    async def ask() -> None:
        from longcall.cli.doctor import authorization_of, explain, health
        from longcall.cli.findings import show

        async for finding in health(chosen):
            findings.append(finding)
            show(finding, as_json=as_json)
        headers = await authorization_of(chosen, token)
        for finding in await explain(chosen.stack, headers, field):
            findings.append(finding)
            show(finding, as_json=as_json)

    call(chosen, ask())
    if any(finding.is_bad for finding in findings):
        raise CommandEnded(ExitCode.REFUSED)


@with_groups
def logs(
    *,
    job: JobOption,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Wait for new lines until Ctrl-C.")] = False,
    as_json: JsonOption = False,
    api: ApiOptions,
) -> None:
    """Show what was logged about a job.

    That is: its attempts, what its workers printed, and traces.

    The lines of a local stack are in its data folder. On AWS they are in CloudWatch Logs, which needs this shell's
    credentials. A line contains neither prompts nor results.
    """
    from longcall import display
    from longcall.cli.logs import source_of

    stack, job_id = find_job_of_stack(job, api)
    source = source_of(stack, job_id)
    lines = source.new_lines()
    if not lines and not follow:
        raise CommandEnded(ExitCode.NOT_FOUND, f"no line about job {job_id} was found in {source.place}; check the id")
    try:
        while True:
            for line in lines:
                for row in [display.json_line(dict(line.fields))] if as_json else line.rows():
                    typer.echo(row)
            if not follow:
                return
            time.sleep(POLL)
            lines = source.new_lines()
    except KeyboardInterrupt:
        raise CommandEnded(ExitCode.INTERRUPTED) from None


@with_groups
def smoke(
    *,
    minutes: Annotated[float, typer.Option("--minutes", min=0.01, max=14, help="How long the job takes.")] = 5,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Log the wire, without secrets.")] = False,
    as_json: JsonOption = False,
    caller: CallerOptions,
) -> None:
    """Run a long job, and check and time each of its statuses.

    The job may take one minute longer than it was asked to.
    """
    from longcall.cli import smoke as smoke_test
    from longcall.cli import wire

    if verbose:
        wire.log_to_terminal()
    smoke_test.run(caller.choose(), minutes, as_json=as_json)
