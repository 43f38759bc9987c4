"""Two subscribers of one job, side by side: which of its events each has, and what its text looks like. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from longcall.display.jobs import MARKS, colour_of
from longcall.display.text import line, plain
from longcall.gaps import Heal
from longcall.models import Event, Status, is_terminal
from longcall.view import JobView

HOLE: Final = "░░░░"  # in place of a piece that a subscriber does not have
GAP: Final = 3  # cells between the columns
WIDEST: Final = 120  # cells of both columns together
OTHER_ROWS: Final = 12  # rows of a terminal that are not text: what is printed above and below it


@dataclass(frozen=True, slots=True)
class Subscriber:
    """What one subscriber knows about the job.

    Attributes:
        name: Who it is.
        pieces: By sequence: the output that each of its events added.
        healed: The sequences that it read from the log.
        status: Of its newest event.
        has_ended: Whether it knows that the job has ended.
    """

    name: str
    pieces: Mapping[int, str] = field(default_factory=dict)
    healed: frozenset[int] = frozenset()
    status: Status | str = Status.PENDING
    has_ended: bool = False

    def after(self, event: Event | JobView) -> "Subscriber":
        """With one more event, which may be known already."""
        known = replace(self, pieces={**self.pieces, event.sequence: event.delta or ""})
        if event.sequence < max(self.pieces, default=0):
            return known
        return replace(known, status=event.status, has_ended=is_terminal(event.status, event.end_time))

    def healed_by(self, heal: Heal) -> "Subscriber":
        """With a mark on events that were read from the log."""
        return replace(self, healed=self.healed | set(range(heal.first, heal.first + heal.events)))

    def missing(self, total: int) -> int:
        """How many of the job's `total` events it does not have."""
        return total - len(self.pieces)


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to a subscriber: an event was pushed to it, or it read events from the log.

    Attributes:
        name: The subscriber's.
        sequence: Of the event, or of the first event that was read.
        status: Of the subscriber, after the change.
        read: How many events were read from the log; 0 for a push.
        seconds: How long they had been missing.
    """

    name: str
    sequence: int
    status: Status | str
    read: int = 0
    seconds: float = 0.0


def events_of_both(one: Subscriber, other: Subscriber) -> int:
    """How many events the job has, as far as one of the subscribers knows."""
    return max(0, *one.pieces, *other.pieces)


def row(change: Change) -> str:
    """A change in one row."""
    if change.read:
        noun = "event" if change.read == 1 else "events"
        return f"{change.name:<20}  ↻ {change.read} {noun} read from the log, from event {change.sequence} on"
    return f"{change.name:<20}  event {change.sequence:>2}  {line(change.status)}"


def summary(subscriber: Subscriber, total: int) -> str:
    """What a subscriber has in the end, in one row."""
    missing = subscriber.missing(total)
    read = f" ({len(subscriber.healed)} read from the log)" if subscriber.healed else ""
    end = f"knows that the job is {line(subscriber.status)}" if subscriber.has_ended else "still waits for the end"
    return f"{subscriber.name}: {total - missing} of {total} events{read}, {missing} missing; {end}."


def comparison(left: Subscriber, right: Subscriber, *, width: int, height: int) -> RenderableType:
    """Both subscribers side by side.

    Args:
        left: One of them.
        right: The other one.
        width: Of the terminal, in cells; at least 40.
        height: Of the terminal, in rows. The end of a text that is too long is shown.
    """
    total = events_of_both(left, right)
    column = (min(width, WIDEST) - GAP - 1) // 2
    table = Table.grid(padding=(0, GAP, 0, 0))
    table.add_column(width=column)
    table.add_column(width=column)
    table.add_row(_title(left), _title(right))
    table.add_row(_status(left), _status(right))
    table.add_row(_pushed(left, total), _pushed(right, total))
    table.add_row(_read(left), _read(right))
    table.add_row()
    rows = max(3, height - OTHER_ROWS)
    table.add_row(*(_last_rows(_text(it, total), column, rows) for it in (left, right)))
    return table


def _title(subscriber: Subscriber) -> Text:
    return Text(subscriber.name, style="bold underline", no_wrap=True, overflow="ellipsis")


def _status(subscriber: Subscriber) -> Text:
    style = f"bold {colour_of(subscriber.status)}"
    return Text(f"{MARKS.get(subscriber.status, '·')} {line(subscriber.status)}", style=style)


def _pushed(subscriber: Subscriber, total: int) -> Text:
    missing = subscriber.missing(total)
    text = Text(f"{total - missing} of {total} events")
    return text.append(f", {missing} missing", style="bold red") if missing else text


def _read(subscriber: Subscriber) -> Text:
    return Text(f"↻ {len(subscriber.healed)} read from the log" if subscriber.healed else "", style="yellow")


def _text(subscriber: Subscriber, total: int) -> Text:
    text = Text()
    known = max(subscriber.pieces, default=0)
    for sequence in range(1, total + 1):
        piece = subscriber.pieces.get(sequence)
        if piece is not None:
            text.append(plain(piece), style="yellow" if sequence in subscriber.healed else "")
        elif sequence < known:
            text.append(f" {HOLE}", style="red")
    return text


def _last_rows(text: Text, width: int, rows: int) -> Text:
    """A text, or the end of it that fits into this many rows."""
    most = width * (rows - 1)
    return text if len(text) <= most else Text.assemble("… ", text[-most:])
