"""The part of a terminal that is redrawn while a job runs. Pure."""

from typing import Final

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from longcall.display.jobs import WORD, colour_of
from longcall.display.quantities import duration, share
from longcall.display.text import line
from longcall.view import JobView

WIDEST: Final = 100  # cells of text in a row: longer rows are hard to read


def moving(view: JobView, *, tail: str, elapsed: float, now: float, connected: bool, width: int) -> RenderableType:
    """The row of output that is still growing, and the progress bar below it.

    Args:
        view: The job.
        tail: The row of output that is not finished yet.
        elapsed: Seconds that the job has taken.
        now: Seconds on any clock, for the animation.
        connected: Whether the live connection is established.
        width: The width of the terminal, in cells.
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
    spinner = Spinner("dots", style=colour_of(view.status))
    spinner.start_time = 0.0
    grid = Table.grid(padding=(0, 1))
    grid.add_row(
        spinner.render(now),
        Text(f"{line(view.status):{WORD}}", style=f"bold {colour_of(view.status)}"),
        bar,
        Text(share(view.progress) if view.progress is not None else "    "),
        Text(duration(elapsed), style="dim"),
    )
    parts.append(grid)
    message = line(view.message or "") if connected else "the connection was lost; reconnecting"
    if message:
        parts.append(Text(f"  {message}", style="dim" if connected else "yellow", no_wrap=True, overflow="ellipsis"))
    return Group(*parts)


def waiting(now: float, reason: str = "connecting") -> RenderableType:
    """The animation before the first event arrives."""
    spinner = Spinner("dots", text=Text(reason, style="dim"))
    spinner.start_time = 0.0
    return spinner.render(now)
