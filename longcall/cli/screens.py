"""Shows a job while it runs: redrawn on a terminal, in rows in a pipe, or as JSON.

The result goes to standard output, progress to standard error.
"""

import sys
import time
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import asdict
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from longcall import display
from longcall.gaps import Heal
from longcall.listening import Link
from longcall.models import Status
from longcall.view import JobView


class Screen(Protocol):
    """Shows one job, from its first view to its last."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    @abstractmethod
    def show(self, view: JobView) -> None:
        """Show the job after its next event."""

    @abstractmethod
    def link(self, link: Link) -> None:
        """Show that the live connection was established or lost."""

    @abstractmethod
    def heal(self, heal: Heal) -> None:
        """Show that events were read from the log because they were not pushed."""


def choose_screen(*, as_json: bool) -> Screen:
    """The screen for this process's standard output and standard error."""
    if as_json:
        return JsonScreen()
    console = Console(stderr=True, highlight=False)
    if console.is_terminal and not console.is_dumb_terminal:
        return LiveScreen(console, streams_output=sys.stdout.isatty())
    return RowScreen(console)


def write_result(text: str) -> None:
    """Write the result: unchanged to a pipe; to a terminal with control characters escaped and a newline at the end."""
    if sys.stdout.isatty():
        safe = display.plain(text)
        sys.stdout.write(safe if safe.endswith("\n") else f"{safe}\n")
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode("utf-8", "replace"))
    sys.stdout.flush()


class JsonScreen:
    """Prints each event as one JSON object per row on standard output."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def show(self, view: JobView) -> None:
        print(display.json_line(display.wire(view)), flush=True)  # noqa: T201  # what the command is for

    def link(self, link: Link) -> None:
        pass

    def heal(self, heal: Heal) -> None:
        print(display.json_line({"healed": asdict(heal)}), flush=True)  # noqa: T201  # what the command is for


class RowScreen:
    """Prints a row for each change on standard error, and at the end the result on standard output.

    A job that has no result shows its output instead.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def show(self, view: JobView) -> None:
        row = display.headline(view)
        if row != self._last:
            self._last = row
            self._print(row)
        if view.is_terminal:
            write_result(view.output if view.result is None else view.result)

    def link(self, link: Link) -> None:
        match link:
            case Link.LIVE if self._last:
                self._print("connected again")
            case Link.LOST:
                self._print("the connection was lost; reconnecting")

    def heal(self, heal: Heal) -> None:
        self._print(display.healed(heal))

    def _print(self, row: str) -> None:
        self._console.print(Text(row), soft_wrap=True)


class LiveScreen:
    """Redraws a progress bar, and streams the output above it.

    Finished rows of output are printed once, above the redrawn part. Only the row that still grows is redrawn, so
    output of any length is shown.
    """

    def __init__(self, console: Console, *, streams_output: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._streams_output = streams_output
        self._clock = clock
        self._view: JobView | None = None
        self._tail = ""
        self._connected = True
        self._began = clock()
        self._live = Live(
            console=console, get_renderable=self._render, refresh_per_second=12.5, transient=True,
            redirect_stdout=False, redirect_stderr=False,
        )  # fmt: skip

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._finish_row()
        self._live.stop()

    def show(self, view: JobView) -> None:
        before, self._view = self._view, view
        if before is None:
            self._began = self._clock() - (display.taken(view) or 0.0)
        if view.is_terminal:
            self._end(view)
        elif display.is_milestone(before, view):
            self._finish_row()
            self._console.print(display.milestone(view))
            if self._streams_output and before is not None and not display.keeps_output(before, view):
                again = "continues from here" if view.output else "starts again"
                self._console.print(Text(f"  the output {again}", style="dim"))
                *_, self._tail = display.rows(display.plain(view.output), self._width())
        if view.delta and not view.is_terminal and self._streams_output:
            if view.output == view.delta:
                self._console.print()  # a blank line before the first piece
            self._stream(view.delta)

    def link(self, link: Link) -> None:
        self._connected = link is Link.LIVE

    def heal(self, heal: Heal) -> None:
        self._finish_row()
        self._console.print(Text(display.healed(heal), style="yellow"))

    def _stream(self, delta: str) -> None:
        *finished, self._tail = display.rows(self._tail + display.plain(delta), self._width())
        for row in finished:
            self._print_row(row)

    def _end(self, view: JobView) -> None:
        if view.delta and self._streams_output:
            self._stream(view.delta)
        self._finish_row()
        self._live.stop()  # nothing is redrawn any more
        result = view.output if view.result is None else view.result
        streamed = self._streams_output and result == view.output
        if view.status is Status.COMPLETED and self._streams_output and not streamed:
            for row in display.rows(display.plain(result), self._width()):
                self._print_row(row)
        if self._streams_output and (view.output or result):
            self._console.print()
        self._console.print(display.milestone(view))
        if not self._streams_output:
            write_result(result)

    def _finish_row(self) -> None:
        tail, self._tail = self._tail, ""
        if tail:
            self._print_row(tail)

    def _print_row(self, row: str) -> None:
        self._console.print(Text(row), no_wrap=True, overflow="ignore", crop=False)

    def _width(self) -> int:
        return max(20, min(self._console.width - 1, display.WIDEST))

    def _render(self) -> RenderableType:
        view, now = self._view, self._clock()
        if view is None:
            return display.waiting(now)
        return display.moving(
            view, tail=self._tail, elapsed=now - self._began, now=now, connected=self._connected,
            width=self._console.width,
        )  # fmt: skip
