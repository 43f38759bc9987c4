"""`watch`, `get`, `list`, `events`, `cancel` and `delete`: commands about jobs that were started before."""

from typing import Annotated, Final

import typer

from longcall.cli import calls
from longcall.cli.calls import call, open_client
from longcall.cli.job_ids import find_job
from longcall.cli.options import CallerOptions, JobOption, JsonOption, NewestJobOption, VerboseOption, with_groups
from longcall.errors import InvalidInput
from longcall.models import Status
from longcall.requests import INT_LIMIT

WATCH_EXAMPLES: Final = """\b
Examples:
  longcall watch
  longcall watch 123e4567"""
LIST_EXAMPLES: Final = """\b
Examples:
  longcall list --status FAILED --json | jq .jobId
  longcall list --follow"""


@with_groups
def watch(
    *, job: NewestJobOption = None, verbose: VerboseOption = False, as_json: JsonOption = False, caller: CallerOptions
) -> None:
    """Follow a job to its end; without an id, your newest job. Ctrl-C cancels nothing."""
    chosen, job_id = find_job(job, caller)
    calls.follow(chosen, job_id, as_json=as_json, verbose=verbose, begin=None)


@with_groups
def get(*, job: JobOption, as_json: JsonOption = False, caller: CallerOptions) -> None:
    """Show a job's present state.

    Its text goes to standard output, everything else to standard error.
    """
    chosen, job_id = find_job(job, caller)

    async def ask() -> None:
        from longcall.cli import tables

        async with open_client(chosen) as client:
            tables.show_job(await client.get(job_id), as_json=as_json)

    call(chosen, ask())


@with_groups
def list_(
    *,
    status: Annotated[
        Status | None, typer.Option("--status", case_sensitive=False, help="Show only jobs with this status.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Show at most this many jobs.")] = 20,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Show every change, until Ctrl-C.")] = False,
    as_json: JsonOption = False,
    caller: CallerOptions,
) -> None:
    """List your jobs, newest first."""
    if follow and status is not None:
        raise InvalidInput("--follow shows jobs of every status; leave out --status")
    chosen = caller.choose()
    if follow:
        from longcall.cli.live_lists import follow_list

        follow_list(chosen, limit, as_json=as_json)
        return

    async def ask() -> None:
        from longcall.cli import tables

        async with open_client(chosen) as client:
            tables.show_jobs(await tables.newest_jobs(client, status, limit), as_json=as_json)

    call(chosen, ask())


@with_groups
def events(
    *,
    job: JobOption,
    after: Annotated[
        int, typer.Option("--after", min=0, max=INT_LIMIT, help="Show only events with a greater sequence.")
    ] = 0,
    as_json: JsonOption = False,
    caller: CallerOptions,
) -> None:
    """Show a job's log up to now, one event per line."""
    chosen, job_id = find_job(job, caller)

    async def ask() -> None:
        from longcall import display

        async with open_client(chosen) as client:
            async for event in client.events(job_id, after=after):
                typer.echo(display.json_line(display.wire(event)) if as_json else display.log_row(event))

    call(chosen, ask())


@with_groups
def cancel(*, job: JobOption, as_json: JsonOption = False, caller: CallerOptions) -> None:
    """End a job. Its output up to now can still be read."""
    chosen, job_id = find_job(job, caller)

    async def ask() -> None:
        from longcall import display

        async with open_client(chosen) as client:
            event = await client.cancel(job_id)
        if as_json:
            typer.echo(display.json_line(display.wire(event)))
        elif event.status is Status.CANCELLED:
            typer.echo(f"job {event.job_id} is cancelled")
        else:
            typer.echo(f"job {event.job_id} had ended before, as {event.status}")

    call(chosen, ask())


@with_groups
def delete(*, job: JobOption, as_json: JsonOption = False, caller: CallerOptions) -> None:
    """Delete a job that has ended, with its input and its output."""
    chosen, job_id = find_job(job, caller)

    async def ask() -> None:
        from longcall import display

        async with open_client(chosen) as client:
            await client.delete(job_id)
        typer.echo(display.json_line({"deleted": job_id}) if as_json else f"job {job_id} is deleted")

    call(chosen, ask())
