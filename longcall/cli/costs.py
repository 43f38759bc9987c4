"""`cost` and `quote`: what a job cost, and what a job would cost."""

import typer

from longcall.cli.calls import call, open_client
from longcall.cli.exits import CommandEnded, ExitCode
from longcall.cli.job_ids import find_job
from longcall.cli.options import CallerOptions, InputOptions, JobOption, JobOptions, JsonOption, with_groups
from longcall.cli.program import program
from longcall.cli.starting import request_of
from longcall.models import Cost, JobId
from longcall.view import JobView

COST_EXAMPLES = """\b
Examples:
  longcall cost 123e4567-e89b-42d3-a456-426614174000
  longcall cost 123e4567-e89b-42d3-a456-426614174000 --json | jq .total"""
QUOTE_EXAMPLES = "\b\nExample:\n  longcall quote report.txt --model us.amazon.nova-pro-v1:0 --max-tokens 1500"


@with_groups
def cost(*, job: JobOption, as_json: JsonOption = False, caller: CallerOptions) -> None:
    """Show what a job cost, item by item."""
    chosen, job_id = find_job(job, caller)

    async def ask() -> None:
        async with open_client(chosen) as client:
            view = await client.get(job_id)
        if view.cost is None:
            raise CommandEnded(ExitCode.USAGE, _no_bill(job_id, view))
        _show(view.cost, as_json=as_json)

    call(chosen, ask())


@with_groups
def quote(*, text: InputOptions, as_json: JsonOption = False, caller: CallerOptions) -> None:
    """Estimate what a job would cost, without starting one.

    Only the size of the text is sent, not the text.
    """
    request = request_of(text, JobOptions())
    chosen = caller.choose()

    async def ask() -> None:
        async with open_client(chosen) as client:
            _show(await client.quote_request(request), as_json=as_json)

    call(chosen, ask())


def _no_bill(job_id: JobId, view: JobView) -> str:
    if view.is_final:
        return "the job was ended by a version that made no bills"
    return (
        f"the job is {view.status}, and a job gets its bill when it ends; wait for it with: {program()} watch {job_id}"
    )


def _show(found: Cost, *, as_json: bool) -> None:
    """Print the table on standard output, and the notes on standard error."""
    from rich.console import Console
    from rich.text import Text

    from longcall import display

    if as_json:
        typer.echo(display.json_line(found.render()))
        return
    console = Console(highlight=False)
    console.print(display.bill(found), soft_wrap=not console.is_terminal)
    for note in display.bill_notes(found):
        Console(stderr=True, highlight=False).print(Text(note, style="dim"), soft_wrap=True)
