"""`list --follow`: the list of jobs, redrawn on a terminal, in rows in a pipe, or as JSON."""

import sys
from abc import abstractmethod
from collections.abc import Callable, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console, RenderableType
from rich.live import Live

from longcall import display
from longcall.cli.callers import Caller
from longcall.cli.calls import call, open_client
from longcall.cli.exits import CommandEnded, ExitCode
from longcall.listening import Link
from longcall.models import Event


def follow_list(caller: Caller, limit: int, *, as_json: bool) -> None:
    """Show the caller's newest jobs, and every change, until Ctrl-C.

    Raises:
        CommandEnded: Ctrl-C, or the reader of standard output closed the pipe.
    """

    async def watch() -> None:
        with _choose_screen(as_json=as_json) as screen:
            async with open_client(caller, screen.link) as client, aclosing(client.watch_all(limit=limit)) as lists:
                async for jobs in lists:
                    screen.show(jobs.jobs)

    try:
        call(caller, watch())
    except KeyboardInterrupt:
        raise CommandEnded(ExitCode.INTERRUPTED) from None


class ListScreen(Protocol):
    """Shows a list of jobs."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    @abstractmethod
    def show(self, jobs: Sequence[Event]) -> None:
        """Show the list after a change."""

    @abstractmethod
    def link(self, link: Link) -> None:
        """Show that the live connection was established or lost."""


def _choose_screen(*, as_json: bool) -> ListScreen:
    if as_json:
        return RowScreen(job_row=lambda job: display.json_line(display.wire(job)), left_row=_left_json)
    console = Console(highlight=False)
    if console.is_terminal and not console.is_dumb_terminal:
        return TableScreen(console)
    return RowScreen(
        job_row=lambda job: "\t".join(display.job_cells(job)), left_row=lambda job_id: f"{job_id}\tREMOVED"
    )


def _left_json(job_id: str) -> str:
    return display.json_line({"removed": job_id})


class RowScreen:
    """Prints a row for each job of the first list, oldest first, and then one for each change."""

    def __init__(self, *, job_row: Callable[[Event], str], left_row: Callable[[str], str]) -> None:
        self._job_row = job_row
        self._left_row = left_row
        self._shown: Sequence[Event] = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def show(self, jobs: Sequence[Event]) -> None:
        changed, left = display.changes(self._shown, jobs)
        self._shown = jobs
        rows = [*map(self._left_row, left), *map(self._job_row, changed)]
        sys.stdout.write("".join(f"{row}\n" for row in rows))
        sys.stdout.flush()

    def link(self, link: Link) -> None:
        pass


class TableScreen:
    """Redraws a table. The last one stays when the command ends."""

    def __init__(self, console: Console, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._console = console
        self._clock = clock
        self._jobs: Sequence[Event] | None = None
        self._connected = True
        self._live = Live(
            console=console, get_renderable=self._render, refresh_per_second=4, vertical_overflow="crop",
            redirect_stdout=False, redirect_stderr=False,
        )  # fmt: skip

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.transient = self._jobs is None  # nothing was shown but an animation
        self._live.stop()

    def show(self, jobs: Sequence[Event]) -> None:
        self._jobs = jobs
        self._live.refresh()

    def link(self, link: Link) -> None:
        self._connected = link is Link.LIVE

    def _render(self) -> RenderableType:
        if self._jobs is None:
            return display.waiting(self._clock().timestamp())
        return display.live_list(
            self._jobs, width=self._console.width, height=self._console.height, now=self._clock(),
            connected=self._connected,
        )  # fmt: skip
