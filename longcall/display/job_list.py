"""A list of jobs while it changes: the table that a terminal redraws, and what changed. Pure."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from longcall.display.jobs import ID, colour_of, id_width, running_status
from longcall.display.quantities import age
from longcall.display.text import line
from longcall.models import Event, JobId, Status

WITH_MODEL: Final = 72  # cells of the window from which the model is shown
WITH_MESSAGE: Final = 100  # cells of the window from which it is shown what a job says
OTHERS: Final = {"status": 14, "age": 6}  # the columns after the job's id, and their widths
SPACE: Final = 2  # cells between columns
LONGEST_MODEL: Final = 24  # cells, if it is shown what a job says
OTHER_ROWS: Final = 3  # the header, the row of counts, and the row of the cursor


def changes(before: Sequence[Event], after: Sequence[Event]) -> tuple[list[Event], list[JobId]]:
    """The jobs that are new or have changed, the oldest first, and the ids of those that left the list."""
    known = {job.job_id: job for job in before}
    shown = {job.job_id for job in after}
    return [job for job in reversed(after) if job != known.get(job.job_id)], [
        *filter(lambda it: it not in shown, known)
    ]


def live_list(jobs: Sequence[Event], *, width: int, height: int, now: datetime, connected: bool) -> RenderableType:
    """The table of a live list. It fits into the window; below 60 cells it shows short ids.

    Args:
        jobs: Newest first.
        width: Of the window, in cells.
        height: Of the window, in rows.
        now: The time, for the ages of running jobs.
        connected: Whether the live connection is established.
    """
    if not jobs:
        return Group(Text("no jobs yet; start one with: longcall run FILE", style="dim"), *_lost(connected))
    fitting = jobs[: max(1, height - OTHER_ROWS)]
    table = Table(box=None, padding=(0, SPACE, 0, 0), pad_edge=False, header_style="dim")
    others = sum(cells + SPACE for cells in OTHERS.values())
    ids = ID if ID + others <= width else id_width(job.job_id for job in jobs)
    left = width - ids - others - SPACE
    for name, cells in {"job": ids, **OTHERS}.items():  # every width is given, or the ids would be cut
        table.add_column(name, no_wrap=True, width=cells, justify="right" if name == "age" else "left")
    if width >= WITH_MESSAGE:
        model = min(LONGEST_MODEL, max(cell_len(line(job.model)) for job in fitting))
        table.add_column("model", no_wrap=True, overflow="ellipsis", width=model)
        table.add_column("", no_wrap=True, overflow="ellipsis", width=left - model - SPACE, style="dim")
    elif width >= WITH_MODEL:
        table.add_column("model", no_wrap=True, overflow="ellipsis", width=left)
    for job in fitting:
        facts = (
            job.job_id[:ids],
            Text(running_status(job), style=colour_of(job.status)),
            _age(job, now),
            Text(line(job.model)),
            Text(line(job.error or job.message or "")),
        )
        table.add_row(*facts[: len(table.columns)])
    return Group(table, _counts(jobs, hidden=len(jobs) - len(fitting)), *_lost(connected))


def _counts(jobs: Sequence[Event], *, hidden: int) -> Text:
    running = sum(not job.is_terminal for job in jobs)
    failed = sum(job.status is Status.FAILED for job in jobs)
    parts = [f"{running} running", f"{len(jobs) - running} ended"]
    if failed:
        parts.append(f"{failed} of them failed")
    if hidden:
        parts.append(f"{hidden} older not shown")
    return Text(", ".join(parts), style="dim", no_wrap=True, overflow="ellipsis")


def _lost(connected: bool) -> list[Text]:
    return [] if connected else [Text("the connection was lost; reconnecting", style="yellow")]


def _age(job: Event, now: datetime) -> str:
    """How long the job has run or ran."""
    if job.created_at is None:
        return ""
    return age(((job.end_time if job.is_terminal else now) or now).timestamp() - job.created_at.timestamp())
