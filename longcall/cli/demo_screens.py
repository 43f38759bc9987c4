"""Shows two subscribers of one job: side by side on a terminal, in rows in a pipe, or as JSON."""

import time
from abc import abstractmethod
from types import TracebackType
from typing import Final, Protocol, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from longcall import display
from longcall.display.comparison import Change, Subscriber, comparison, events_of_both, row, summary
from longcall.models import Json

INTRODUCTION: Final = "One job, two subscribers. Half of the pushes are lost on purpose (drop=0.5)."
LESSON: Final = (
    "AppSync does not send a lost push again, so a subscription alone has holes, and may wait for an end that it has "
    "missed. Longcall's client notices what is missing, and reads it from the job's log."
)


class DemoScreen(Protocol):
    """Shows both subscribers: `naive` is a subscription alone, `ours` is this client."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    @abstractmethod
    def show(self, naive: Subscriber, ours: Subscriber) -> None:
        """Show both after a change of one of them."""

    @abstractmethod
    def report(self, change: Change) -> None:
        """Show what has changed."""

    @abstractmethod
    def end(self, naive: Subscriber, ours: Subscriber) -> None:
        """Show what both have in the end."""


def choose_screen(*, as_json: bool) -> DemoScreen:
    """The screen for this process's standard output."""
    if as_json:
        return JsonDemo()
    console = Console(highlight=False)
    if console.is_terminal and not console.is_dumb_terminal:
        return LiveDemo(console)
    return RowDemo(console)


def closing(naive: Subscriber, ours: Subscriber) -> RenderableType:
    """What both have in the end, and what that shows."""
    total = events_of_both(naive, ours)
    return Group(
        Text(),
        Text(summary(naive, total), style="red" if naive.missing(total) else ""),
        Text(summary(ours, total), style="green"),
        Text(LESSON, style="dim"),
    )


class JsonDemo:
    """Prints a JSON object for each change, and one for what each subscriber has in the end."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def show(self, naive: Subscriber, ours: Subscriber) -> None:
        pass

    def report(self, change: Change) -> None:
        self._print({"subscriber": change.name, "event": change.sequence, "status": change.status, "read": change.read})

    def end(self, naive: Subscriber, ours: Subscriber) -> None:
        total = events_of_both(naive, ours)
        for it in (naive, ours):
            self._print(
                {
                    "subscriber": it.name, "events": len(it.pieces), "missing": it.missing(total),
                    "read": len(it.healed), "hasEnded": it.has_ended,
                }
            )  # fmt: skip

    def _print(self, value: dict[str, Json]) -> None:
        print(display.json_line(value), flush=True)  # noqa: T201  # what the command is for


class RowDemo:
    """Prints a row for each change, and what each subscriber has in the end."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __enter__(self) -> Self:
        self._print(INTRODUCTION)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def show(self, naive: Subscriber, ours: Subscriber) -> None:
        pass

    def report(self, change: Change) -> None:
        self._print(row(change))

    def end(self, naive: Subscriber, ours: Subscriber) -> None:
        total = events_of_both(naive, ours)
        for text in (summary(naive, total), summary(ours, total), LESSON):
            self._print(text)

    def _print(self, text: str) -> None:
        self._console.print(Text(text), soft_wrap=True)


class LiveDemo:
    """Redraws both subscribers side by side. The last picture stays when the command ends."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._both: tuple[Subscriber, Subscriber] | None = None
        self._live = Live(
            console=console, get_renderable=self._render, refresh_per_second=8, redirect_stdout=False,
            redirect_stderr=False,
        )  # fmt: skip

    def __enter__(self) -> Self:
        self._console.print(Text(INTRODUCTION, style="bold"))
        self._console.print()
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.transient = self._both is None  # nothing was shown but an animation
        self._live.stop()

    def show(self, naive: Subscriber, ours: Subscriber) -> None:
        self._both = (naive, ours)

    def report(self, change: Change) -> None:
        pass

    def end(self, naive: Subscriber, ours: Subscriber) -> None:
        self._both = (naive, ours)
        self._live.stop()
        self._console.print(closing(naive, ours))

    def _render(self) -> RenderableType:
        if self._both is None:
            return display.waiting(time.monotonic(), "starting a stack and a job")
        naive, ours = self._both
        size = self._console.size
        return comparison(naive, ours, width=size.width, height=size.height)
