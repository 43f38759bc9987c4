"""A job's state as text: what a terminal, a pipe and a program read. Pure; nothing here prints.

Everything that came over the network passes `plain` on its way to a terminal, so that a job's output can neither move
the cursor nor pass for something that this program says.
"""

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Final

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from longcall.models import Cost, Event, Json, Status
from longcall.view import JobView

COLOURS: Final[Mapping[Status, str]] = {
    Status.PENDING: "yellow",
    Status.PROCESSING: "cyan",
    Status.COMPLETED: "green",
    Status.FAILED: "red",
    Status.CANCELLED: "magenta",
}
MARKS: Final[Mapping[Status, str]] = {
    Status.PENDING: "○",
    Status.PROCESSING: "●",
    Status.COMPLETED: "✔",
    Status.FAILED: "✘",
    Status.CANCELLED: "■",
}
WORD: Final = max(len(status) for status in Status)  # cells that a status takes
WIDEST: Final = 100  # cells of text in a row: longer ones are hard to read

# C0 without newline and tab, DEL, C1, the characters that turn the writing direction, and what is no character at all.
_UNSAFE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
# Words, spaces, and single characters of scripts that are written without spaces.
_PIECES: Final = re.compile(
    "\\s+|[\u2e80-\ua4cf\uac00-\ud7af\uf900-\ufaff\uff00-\uff60]|[^\\s\u2e80-\ua4cf\uac00-\ud7af\uf900-\ufaff\uff00-\uff60]+"
)


def plain(text: str) -> str:
    """The text with every character that could steer a terminal spelt out, such as `\\x1b`."""
    return _UNSAFE.sub(lambda found: found[0].encode("unicode_escape").decode(), text.replace("\r\n", "\n"))


def line(text: str) -> str:
    """The same in one row: a message of several lines must not pass for several messages."""
    return " ".join(plain(text).split())


def rows(text: str, width: int) -> list[str]:
    """The text in rows of at most `width` cells. More text can only change the last one."""
    return [row for paragraph in text.split("\n") for row in _wrapped(paragraph.expandtabs(4), width)]


def _wrapped(paragraph: str, width: int) -> Iterator[str]:
    row = ""
    for piece in _PIECES.findall(paragraph):
        if cell_len(row + piece) <= width:
            row += piece
            continue
        if row:
            yield row.rstrip()
        row = ""
        if piece.isspace():
            continue
        for character in piece:
            if cell_len(row + character) > width:
                yield row
                row = ""
            row += character
    yield row


def duration(seconds: float) -> str:
    """A span of time for a person."""
    if seconds < 0.1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min"


def share(progress: float) -> str:
    return f"{progress:4.0%}"


def taken(view: JobView) -> float | None:
    """Seconds from the job's acceptance to the event that the view stands at."""
    if view.created_at is None or view.updated_at is None:
        return None
    return max(0.0, ((view.end_time or view.updated_at) - view.created_at).total_seconds())


def counts(usage: Json) -> str:
    """What a job used: `inputTokens 4,021 · outputTokens 180`."""
    if not isinstance(usage, dict):
        return ""
    numbers = {name: value for name, value in usage.items() if isinstance(value, int | float)}
    return " · ".join(f"{line(name)} {value:,}" for name, value in numbers.items())


def money(amount: float) -> str:
    """US dollars with as many digits as tell a cheap job from a free one: `$12.40`, `$0.0153`, `$0.00000975`."""
    if amount >= 1:
        return f"${amount:,.2f}"
    digits = 2 if amount <= 0 else max(2, 2 - math.floor(math.log10(amount)))
    return f"${amount:.{digits}f}"


def spent(view: JobView) -> str:
    """What a job cost and used: `$0.0153 · inputTokens 4,021 · outputTokens 180`; empty where nothing is known."""
    cost = "" if view.cost is None else money(view.cost.total)
    return " · ".join(part for part in (cost, counts(view.usage)) if part)


def bill(cost: Cost) -> Table:
    """What was used, a row each, and the total."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim", show_footer=True)
    table.add_column("", "total", no_wrap=True, footer_style="bold")
    table.add_column("quantity", no_wrap=True, justify="right")
    table.add_column("of", no_wrap=True)
    table.add_column("each", no_wrap=True, justify="right")
    table.add_column("amount", f"{cost.total:.8f}", no_wrap=True, justify="right", footer_style="bold")
    for item in cost.items:
        table.add_row(
            line(item.name), f"{item.quantity:,.6g}" if item.quantity < 1e6 else f"{item.quantity:,.0f}",
            line(item.unit), f"{item.price:.12f}".rstrip("0"), f"{item.amount:.8f}",
        )  # fmt: skip
    return table


def bill_notes(cost: Cost) -> Iterator[str]:
    """What is to be said of a bill, a row each."""
    yield from (line(note) for note in cost.notes)
    yield f"{line(cost.currency)}, by the public prices of {line(cost.prices_of)}; only AWS's own bill is binding"


# One row per change: pipes, logs, and what stays above the moving part of a terminal.


def headline(view: JobView) -> str:
    """Where the job stands, in one row."""
    return " ".join([f"{view.status:{WORD}}", *_facts(view)]).rstrip()


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
            yield f"{view.error_type or 'without a reason'}: {line(view.error or 'no message')}"
            yield from _spent(view)
        case Status.CANCELLED:
            yield from _took("after", view)
            yield from _spent(view)


def _took(word: str, view: JobView) -> Iterator[str]:
    seconds = taken(view)
    if seconds is not None:
        yield f"{word} {duration(seconds)}"


def _spent(view: JobView) -> Iterator[str]:
    if spent(view):
        yield f"({spent(view)})"


def milestone(view: JobView) -> Text:
    """The headline with its colours."""
    colour = COLOURS[view.status]
    text = Text.assemble((f"{MARKS[view.status]} ", colour), (f"{view.status:{WORD}}", f"bold {colour}"))
    facts = " ".join(_facts(view))
    return text.append(f" {facts}", style="" if view.status.is_terminal else "dim")


def is_milestone(before: JobView | None, view: JobView) -> bool:
    """Whether a change is worth a row of its own where a bar moves too."""
    return (
        before is None
        or before.status is not view.status
        or (before.attempt != view.attempt and not goes_on(before, view))
    )


def goes_on(before: JobView | None, view: JobView) -> bool:
    """Whether all output that was shown still stands."""
    return before is not None and view.output.startswith(before.output)


# The moving part of a terminal.


def moving(view: JobView, *, tail: str, elapsed: float, now: float, connected: bool, width: int) -> RenderableType:
    """What is redrawn while a job runs: the row of output that is still growing, and the bar below it.

    Args:
        view: The job.
        tail: The row of its output that is not finished yet.
        elapsed: Seconds that the job has taken.
        now: Seconds on any clock, for what spins.
        connected: Whether news can come at all.
        width: Cells of the terminal.
    """
    parts: list[RenderableType] = [Text(tail, no_wrap=True, overflow="crop")] if tail else []
    if view.output:
        parts.append(Text())
    bar = ProgressBar(
        total=1.0,
        completed=view.progress or 0.0,
        width=max(10, min(40, width - 40)),
        pulse=view.progress is None,
        complete_style="cyan",
        finished_style="green",
        pulse_style="cyan",
        animation_time=now,
    )
    spinner = Spinner("dots", style=COLOURS[view.status])
    spinner.start_time = 0.0
    grid = Table.grid(padding=(0, 1))
    grid.add_row(
        spinner.render(now),
        Text(f"{view.status:{WORD}}", style=f"bold {COLOURS[view.status]}"),
        bar,
        Text(share(view.progress) if view.progress is not None else "    "),
        Text(duration(elapsed), style="dim"),
    )
    parts.append(grid)
    said = line(view.message or "") if connected else "the connection was lost; trying to get it back"
    if said:
        parts.append(Text(f"  {said}", style="dim" if connected else "yellow", no_wrap=True, overflow="ellipsis"))
    return Group(*parts)


def waiting(now: float) -> RenderableType:
    """What is shown before anything is known of the job."""
    spinner = Spinner("dots", text=Text("connecting", style="dim"))
    spinner.start_time = 0.0
    return spinner.render(now)


# Reading a job, its log, and a list of jobs.


def details(view: JobView) -> Table:
    """Everything about a job but its texts, a row each."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    seconds = taken(view)
    facts: dict[str, str | Text] = {
        "job": view.job_id,
        "status": Text(view.status, style=f"bold {COLOURS[view.status]}"),
        "model": line(view.model),
        "progress": share(view.progress).strip() if view.progress is not None else "",
        "message": line(view.message or ""),
        "error": f"{view.error_type or ''} {line(view.error or '')}".strip(),
        "attempt": str(view.attempt),
        "events": str(view.sequence),
        "accepted": moment(view.created_at),
        "started": moment(view.start_time),
        "ended": moment(view.end_time),
        "took": duration(seconds) if seconds is not None and view.status.is_terminal else "",
        "used": counts(view.usage),
        "cost": "" if view.cost is None else money(view.cost.total),
        "metadata": "" if view.metadata is None else line(json.dumps(view.metadata, ensure_ascii=False)),
    }
    for name, fact in facts.items():
        if fact:
            table.add_row(name, fact if isinstance(fact, Text) else Text(fact))
    return table


def moment(at: datetime | None) -> str:
    return "" if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def job_cells(event: Event) -> tuple[str, str, str, str, str]:
    """A job in a list: id, status, progress, model, when it was accepted."""
    progress = "" if event.progress is None else share(event.progress).strip()
    return event.job_id, str(event.status), progress, line(event.model), moment(event.created_at)


def jobs_table(jobs: Iterable[Event]) -> Table:
    """Jobs for a person; where the terminal is narrow, the model's name gives way."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("job", no_wrap=True, min_width=36)
    table.add_column("status", no_wrap=True, min_width=len("PROCESSING 99%"))
    table.add_column("accepted (UTC)", no_wrap=True, min_width=14)
    table.add_column("model", no_wrap=True, overflow="ellipsis")
    for job in jobs:
        runs = job.status is Status.PROCESSING and job.progress is not None
        status = f"{job.status} {share(job.progress or 0.0).strip()}" if runs else str(job.status)
        accepted = "" if job.created_at is None else f"{job.created_at.astimezone(UTC):%b %d %H:%M}"
        table.add_row(job.job_id, Text(status, style=COLOURS[job.status]), accepted, Text(line(job.model)))
    return table


def log_row(event: Event) -> str:
    """An event in one row."""
    parts = [f"{event.sequence:5}", moment(event.updated_at), f"{event.status:{WORD}}", f"attempt {event.attempt}"]
    if event.progress is not None:
        parts.append(share(event.progress))
    if event.delta is not None:
        parts.append(f"+{len(event.delta)} characters")
    said = event.error or event.message
    if said:
        parts.append(line(said))
    return "  ".join(parts)


# What a program reads.


def wire(job: Event | JobView) -> dict[str, Json]:
    """An event, or a view without what it gathered, in the words of the schema."""
    return {
        "jobId": job.job_id,
        "owner": job.owner,
        "status": job.status,
        "sequence": job.sequence,
        "attempt": job.attempt,
        "progress": job.progress,
        "message": job.message,
        "delta": job.delta or None,
        "outputKept": job.output_kept,
        "result": job.result,
        "resultIsOutput": job.result_is_output or None,
        "error": job.error,
        "errorType": job.error_type,
        "model": job.model,
        "usage": job.usage,
        "cost": None if job.cost is None else job.cost.render(),
        "metadata": job.metadata,
        "createdAt": _stamp(job.created_at),
        "startTime": _stamp(job.start_time),
        "endTime": _stamp(job.end_time),
        "updatedAt": _stamp(job.updated_at),
    }


def _stamp(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def json_line(value: Json) -> str:
    """One object in one row of ASCII: safe on any terminal, and the same in every locale."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False)
