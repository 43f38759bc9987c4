"""Prints jobs and lists of jobs."""

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from longcall import display
from longcall.cli.job_ids import PAGE
from longcall.cli.program import program
from longcall.cli.screens import write_result
from longcall.client import Client
from longcall.models import Event, Status
from longcall.view import JobView


async def newest_jobs(client: Client, status: Status | None, limit: int) -> list[Event]:
    """The caller's newest jobs, at most `limit`. Reads as many pages as needed."""
    page = await client.list(status=status, limit=min(limit, PAGE))
    jobs = list(page.jobs)
    while page.next_token is not None and len(jobs) < limit:
        page = await client.list(status=status, limit=min(limit - len(jobs), PAGE), next_token=page.next_token)
        jobs.extend(page.jobs)
    return jobs


def show_jobs(jobs: Sequence[Event], *, as_json: bool) -> None:
    """Print a table on a terminal; elsewhere one row per job, with tabs between the cells."""
    if as_json:
        for job in jobs:
            _print(display.json_line(display.wire(job)))
    elif not sys.stdout.isatty():
        for job in jobs:
            _print("\t".join(display.job_cells(job)))
    elif not jobs:
        Console(stderr=True).print(Text(f"no jobs yet; start one with: {program()} run FILE", style="dim"))
    else:
        console = Console(highlight=False)
        console.print(display.jobs_table(jobs, width=console.width))


def show_job(view: JobView, *, as_json: bool) -> None:
    """Print the text on standard output, and everything else on standard error."""
    if as_json:
        _print(display.json_line(display.wire(view) | {"output": view.output}))
        return
    console = Console(stderr=True, highlight=False)
    console.print(display.details(view), soft_wrap=not console.is_terminal)
    text = view.output if view.result is None else view.result
    if text:
        console.print()
        write_result(text)


def _print(row: str) -> None:
    sys.stdout.write(f"{row}\n")
