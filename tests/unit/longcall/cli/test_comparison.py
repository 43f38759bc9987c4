"""Two subscribers of one job side by side: what is missing, what was read from the log, and how it fits a terminal."""

import io

import pytest
from rich.console import Console

from longcall.display.comparison import HOLE, Change, Subscriber, comparison, events_of_both, row, summary
from longcall.gaps import Heal
from longcall.models import Event, JobId, Status

JOB = JobId("123e4567-e89b-42d3-a456-426614174000")


def event(sequence: int, delta: str, status: Status = Status.PROCESSING) -> Event:
    return Event(JOB, sequence, status, delta=delta)


def with_holes() -> Subscriber:
    return Subscriber("A subscription alone").after(event(1, "one")).after(event(4, " four"))


def whole() -> Subscriber:
    ours = Subscriber("Longcall's client")
    for sequence, delta in enumerate(("one", " two", " three", " four"), start=1):
        ours = ours.after(event(sequence, delta))
    return ours.after(event(5, "", Status.COMPLETED)).healed_by(Heal(JOB, 2, 2, 0.3))


def drawn(width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    console.print(comparison(with_holes(), whole(), width=width, height=24))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_both_subscribers_fit_side_by_side(width: int) -> None:
    rows = drawn(width)

    assert max(map(len, rows)) <= width
    assert rows[0].split("  ")[0] == "A subscription alone"
    assert rows[0].rstrip().endswith("Longcall's client")
    assert f"one {HOLE} {HOLE} four" in rows[-1]
    assert "one two three four" in rows[-1]
    assert "2 of 5 events, 3 missing" in rows[2]
    assert rows[3].strip() == "↻ 2 read from the log"


def test_rows_say_what_each_subscriber_has() -> None:
    naive, ours = with_holes(), whole()
    total = events_of_both(naive, ours)

    assert summary(naive, total) == "A subscription alone: 2 of 5 events, 3 missing; still waits for the end."
    assert summary(ours, total) == (
        "Longcall's client: 5 of 5 events (2 read from the log), 0 missing; knows that the job is COMPLETED."
    )
    assert row(Change("ours", 2, Status.PROCESSING, 1, 0.3)).endswith("↻ 1 event read from the log, from event 2 on")


def test_late_event_does_not_set_the_status_back() -> None:
    late = Subscriber("x").after(event(2, "", Status.COMPLETED)).after(event(1, "a"))

    assert (late.status, late.has_ended, late.missing(2)) == (Status.COMPLETED, True, 0)
