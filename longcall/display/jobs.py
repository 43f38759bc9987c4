"""A job, its log and a list of jobs, as rows and tables. Pure."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC
from typing import Final

from rich.table import Table
from rich.text import Text

from longcall.display.quantities import counts, duration, moment, money, share
from longcall.display.text import line
from longcall.gaps import Heal
from longcall.models import Event, Status
from longcall.view import JobView

COLOURS: Final[Mapping[str, str]] = {
    Status.PENDING: "yellow",
    Status.PROCESSING: "cyan",
    Status.COMPLETED: "green",
    Status.FAILED: "red",
    Status.CANCELLED: "magenta",
}
MARKS: Final[Mapping[str, str]] = {
    Status.PENDING: "○",
    Status.PROCESSING: "●",
    Status.COMPLETED: "✔",
    Status.FAILED: "✘",
    Status.CANCELLED: "■",
}
WORD: Final = max(len(status) for status in Status)  # cells that a status takes
ID: Final = 36  # characters of a job's id
SHORT: Final = 8  # characters of the shortest id that is shown
GAP: Final = 2  # cells between two columns
TITLES: Final = ("status", "accepted (UTC)", "model")


def colour_of(status: Status | str) -> str:
    """The colour of a status; white for one that this version does not know."""
    return COLOURS.get(status, "white")


def taken(view: JobView) -> float | None:
    """Seconds from the job's acceptance to the view's event; None if the times are unknown."""
    if view.created_at is None or view.updated_at is None:
        return None
    return max(0.0, ((view.end_time or view.updated_at) - view.created_at).total_seconds())


def spent(view: JobView) -> str:
    """What a job cost and used: `$0.0153 · inputTokens 4,021 · outputTokens 180`; empty if nothing is known."""
    cost = "" if view.cost is None else money(view.cost.total)
    return " · ".join(part for part in (cost, counts(view.usage)) if part)


def headline(view: JobView) -> str:
    """The job's state in one row."""
    return " ".join([f"{line(view.status):{WORD}}", *_facts(view)]).rstrip()


def _facts(view: JobView) -> Iterator[str]:
    match view.status:
        case Status.PENDING:
            yield f"job {view.job_id} on {line(view.model)}"
        case Status.PROCESSING:
            if view.progress is not None:
                yield share(view.progress)
            yield line(view.message or f"attempt {view.attempt}")
        case Status.COMPLETED:
            yield from _took("in", view)
            yield from _spent(view)
        case Status.FAILED:
            yield from _took("after", view)
            yield f"{line(view.error_type or 'without a reason')}: {line(view.error or 'no message')}"
            yield from _spent(view)
        case Status.CANCELLED:
            yield from _took("after", view)
            yield from _spent(view)
        case _ if view.is_terminal:  # a status that this version does not know
            yield from _took("after", view)
        case _:
            yield line(view.message or "")


def _took(word: str, view: JobView) -> Iterator[str]:
    seconds = taken(view)
    if seconds is not None:
        yield f"{word} {duration(seconds)}"


def _spent(view: JobView) -> Iterator[str]:
    if spent(view):
        yield f"({spent(view)})"


def milestone(view: JobView) -> Text:
    """The headline in colours."""
    colour = colour_of(view.status)
    text = Text.assemble((f"{MARKS.get(view.status, '·')} ", colour), (f"{line(view.status):{WORD}}", f"bold {colour}"))
    facts = " ".join(_facts(view))
    return text.append(f" {facts}", style="" if view.is_terminal else "dim")


def is_milestone(before: JobView | None, view: JobView) -> bool:
    """Whether a change gets a row of its own above the progress bar."""
    return (
        before is None
        or before.status != view.status
        or (before.attempt != view.attempt and not keeps_output(before, view))
    )


def keeps_output(before: JobView | None, view: JobView) -> bool:
    """Whether all output shown before is still part of the output."""
    return before is not None and view.output.startswith(before.output)


def details(view: JobView) -> Table:
    """Everything about a job except its texts, one row each."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    seconds = taken(view)
    facts: dict[str, str | Text] = {
        "job": view.job_id,
        "status": Text(line(view.status), style=f"bold {colour_of(view.status)}"),
        "model": line(view.model),
        "progress": share(view.progress).strip() if view.progress is not None else "",
        "message": line(view.message or ""),
        "error": line(f"{view.error_type or ''} {view.error or ''}"),
        "attempt": str(view.attempt),
        "events": str(view.sequence),
        "accepted": moment(view.created_at),
        "started": moment(view.start_time),
        "ended": moment(view.end_time),
        "took": duration(seconds) if seconds is not None and view.is_terminal else "",
        "used": counts(view.usage),
        "cost": "" if view.cost is None else money(view.cost.total),
        "metadata": "" if view.metadata is None else line(json.dumps(view.metadata, ensure_ascii=False)),
    }
    for name, fact in facts.items():
        if fact:
            table.add_row(name, fact if isinstance(fact, Text) else Text(fact))
    return table


def running_status(job: Event) -> str:
    """The status, and the progress while the job runs: `PROCESSING 42%`."""
    is_running = job.status is Status.PROCESSING and job.progress is not None
    return f"{job.status} {share(job.progress or 0.0).strip()}" if is_running else line(job.status)


def job_cells(event: Event) -> tuple[str, str, str, str, str]:
    """A job in a list: id, status, progress, model, time of acceptance."""
    progress = "" if event.progress is None else share(event.progress).strip()
    return event.job_id, line(event.status), progress, line(event.model), moment(event.created_at)


def id_width(ids: Iterable[str]) -> int:
    """How many first characters of the ids tell all of them apart; at least 8."""
    known = list(ids)
    widths: Iterator[int] = (width for width in range(SHORT, ID) if len({it[:width] for it in known}) == len(known))
    return next(widths, ID)


def jobs_table(jobs: Sequence[Event], *, width: int) -> Table:
    """A table of jobs. If the whole ids do not fit `width` cells, it shows as much of each id as tells them apart.

    The name of a model continues on the next row where it does not fit: its end often makes the difference.
    """
    rows = [(job, running_status(job), _accepted(job), line(job.model)) for job in jobs]
    others = sum(GAP + max(map(len, column)) for column in zip(TITLES, *(cells for _, *cells in rows), strict=True))
    shown = ID if ID + others <= width else id_width(job.job_id for job in jobs)
    table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("job", no_wrap=True, min_width=shown)
    table.add_column(TITLES[0], no_wrap=True)
    table.add_column(TITLES[1], no_wrap=True)
    table.add_column(TITLES[2], overflow="fold")
    for job, status, accepted, model in rows:
        table.add_row(job.job_id[:shown], Text(status, style=colour_of(job.status)), accepted, Text(model))
    return table


def _accepted(job: Event) -> str:
    return "" if job.created_at is None else f"{job.created_at.astimezone(UTC):%b %d %H:%M}"


def healed(heal: Heal) -> str:
    """What was read from the log: `↻ 3 events read from the log after 0.3 s`."""
    noun = "event" if heal.events == 1 else "events"
    return f"↻ {heal.events} {noun} read from the log after {duration(heal.seconds)}"


def log_row(event: Event) -> str:
    """An event of a log in one row."""
    parts = [
        f"{event.sequence:5}",
        moment(event.updated_at),
        f"{line(event.status):{WORD}}",
        f"attempt {event.attempt}",
    ]
    if event.progress is not None:
        parts.append(share(event.progress))
    if event.delta is not None:
        parts.append(f"+{len(event.delta)} characters")
    text = event.error or event.message
    if text:
        parts.append(line(text))
    return "  ".join(parts)
