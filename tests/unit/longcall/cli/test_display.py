"""How a job is displayed, on consoles of fixed size."""

import io
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from longcall import Cost, ErrorType, Event, JobView, Link, Status, display
from longcall.cli.screens import LiveScreen, RowScreen
from longcall.models import JobId

JOB = JobId("123e4567-e89b-42d3-a456-426614174000")
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
PENDING = JobView(JOB, sequence=1, model="local.textrank", created_at=NOON, updated_at=NOON)
RUNNING = replace(PENDING, sequence=2, status=Status.PROCESSING, attempt=1, start_time=NOON)
COMPLETED = replace(
    RUNNING, sequence=5, status=Status.COMPLETED, progress=1.0, result="done", usage={"outputTokens": 1200, "x": "y"},
    end_time=NOON + timedelta(seconds=83.2),
)  # fmt: skip
FAILED = replace(
    RUNNING, status=Status.FAILED, error="no\n\x1b]0;title\x07memory", error_type=ErrorType.CRASHED, end_time=NOON
)


def shown(renderable: object, *, width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None, force_terminal=True, legacy_windows=False)
    with console.capture() as capture:
        console.print(renderable)
    return capture.get()


@pytest.mark.parametrize(
    ("view", "row"),
    [
        (PENDING, f"PENDING    job {JOB} on local.textrank"),
        (RUNNING, "PROCESSING attempt 1"),
        (replace(RUNNING, progress=0.42, message="reading"), "PROCESSING  42% reading"),
        (COMPLETED, "COMPLETED  in 1 min 23 s (outputTokens 1,200)"),
        (
            replace(COMPLETED, cost=Cost("USD", "2026-11-25", 0.01534, ())),
            "COMPLETED  in 1 min 23 s ($0.0153 · outputTokens 1,200)",
        ),
        (FAILED, "FAILED     after 0 ms CRASHED: no \\x1b]0;title\\x07memory"),
        (replace(RUNNING, status=Status.CANCELLED), "CANCELLED  after 0 ms"),
    ],
)  # fmt: skip
def test_headline_shows_the_state_of_the_job_in_one_row(view: JobView, row: str) -> None:
    assert display.headline(view) == row
    assert display.milestone(view).plain == f"{display.MARKS[view.status]} {row}"


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        (0.0, "$0.00"),
        (12.404, "$12.40"),
        (1234.5, "$1,234.50"),
        (0.5, "$0.500"),
        (0.01534, "$0.0153"),
        (9.75e-6, "$0.00000975"),
    ],
)
def test_money_has_enough_digits_to_compare_jobs(amount: float, words: str) -> None:
    assert display.money(amount) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0384, "38 ms"),
        (0.44, "0.4 s"),
        (59.9, "59.9 s"),
        (60, "1 min 00 s"),
        (3599.6, "1 h 00 min"),
        (7260, "2 h 01 min"),
    ],
)
def test_duration_is_in_words_for_a_person(seconds: float, words: str) -> None:
    assert display.duration(seconds) == words


@given(st.text())
def test_text_contains_no_character_that_controls_a_terminal(text: str) -> None:
    safe = display.plain(text)

    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", safe)
    safe.encode()


@given(
    st.text(alphabet="ab 漢字e\u0301🦊\n-", max_size=60), st.integers(4, 20), st.lists(st.integers(0, 60), max_size=5)
)
def test_rows_do_not_depend_on_how_the_text_is_cut_into_pieces(text: str, width: int, cuts: list[int]) -> None:
    edges = sorted({0, len(text), *(cut for cut in cuts if cut <= len(text))})
    finished: list[str] = []
    tail = ""
    for start, end in pairwise(edges):
        *rows, tail = display.rows(tail + text[start:end], width)
        finished += rows

    whole = display.rows(text, width)
    assert [row.rstrip() for row in [*finished, tail]] == [row.rstrip() for row in whole]
    assert all(cell_len(row) <= width for row in whole)
    assert "".join("".join(whole).split()) == "".join(text.split())


def test_moving_part_shows_bar_share_and_time_within_its_width() -> None:
    view = replace(
        RUNNING, progress=0.5, output="x", message="reading \x1b[1m sentence 7 of a very long document, " * 3
    )

    part = display.moving(view, tail="and so", elapsed=61.0, now=0.0, connected=True, width=60)

    rows = shown(part, width=60).splitlines()
    assert rows[0] == "and so"
    assert "PROCESSING" in rows[2]
    assert " 50%" in rows[2]
    assert "1 min 01 s" in rows[2]
    assert rows[3].startswith("  reading \\x1b[1m sentence 7")
    assert len(rows) == 4
    assert all(cell_len(row) <= 60 for row in rows)


def test_moving_part_says_that_the_connection_was_lost() -> None:
    part = display.moving(RUNNING, tail="", elapsed=1.0, now=0.0, connected=False, width=60)

    assert "connection was lost" in shown(part)


def test_details_leave_out_what_is_not_known() -> None:
    rows = shown(display.details(COMPLETED)).splitlines()

    assert rows[0].split() == ["job", JOB]
    assert ["took", "1", "min", "23", "s"] in [row.split() for row in rows]
    assert not any(row.startswith(("error", "metadata")) for row in rows)


def a_job(job_id: str, model: str) -> Event:
    return Event(JobId(job_id), 3, Status.PROCESSING, model=model, progress=0.5, created_at=NOON)


def test_table_of_jobs_shows_whole_ids_where_they_fit() -> None:
    (row,) = shown(display.jobs_table([a_job(JOB, "simulated.story")], width=100), width=100).splitlines()[1:]

    assert row.split() == [JOB, "PROCESSING", "50%", "Jan", "01", "12:00", "simulated.story"]


def test_narrow_table_of_jobs_keeps_what_tells_ids_and_models_apart() -> None:
    models = ["us.anthropic.claude-sonnet-9-20270101-v1:0", "us.anthropic.claude-sonnet-9-20270101-v2:0"]
    jobs = [a_job(f"{JOB[:9]}{number}{JOB[10:]}", model) for number, model in enumerate(models)]

    rows = shown(display.jobs_table(jobs, width=60), width=60).splitlines()

    assert max(map(len, rows)) <= 60
    assert [row.split()[0] for row in rows if row.startswith(JOB[:8])] == [f"{JOB[:9]}{number}" for number in range(2)]
    names = "".join(row.rsplit(maxsplit=1)[-1] for row in rows[1:])
    assert names == "".join(models)


def test_shown_ids_are_as_long_as_it_takes_to_tell_them_apart() -> None:
    assert display.id_width([]) == 8
    assert display.id_width([JOB, "0" * 36]) == 8
    assert display.id_width([JOB, f"{JOB[:-1]}f"]) == 36


def test_json_has_the_words_of_the_schema_and_is_ascii() -> None:
    event = Event(JOB, 7, Status.FAILED, error="kaputt\u202e\ud800", error_type=ErrorType.STALLED, updated_at=NOON)

    row = display.json_line(display.wire(event))

    assert row.isascii()
    assert json.loads(row)["errorType"] == "STALLED"
    assert json.loads(row)["updatedAt"] == "2026-01-01T12:00:00.000Z"


def screen_after(raw: str) -> list[str]:
    """The rows that a terminal shows in the end, after all cursor movements."""
    rows, y, x = [""], 0, 0
    for steer, letter, character in re.findall(r"\x1b\[([?\d;]*)([A-Za-z])|([^\x1b])", raw):
        if letter == "A":
            y -= int(steer or 1)
        elif letter == "K":
            rows[y] = ""
        elif character == "\n":
            y, x = y + 1, 0
            rows += [""] * (y + 1 - len(rows))
        elif character == "\r":
            x = 0
        elif character:
            rows[y] = f"{rows[y]:{x}}"[:x] + character + rows[y][x + 1 :]
            x += 1
    return [row.rstrip() for row in rows]


def live_console(width: int) -> tuple[Console, io.StringIO]:
    raw = io.StringIO()
    return Console(file=raw, width=width, height=10, color_system=None, force_terminal=True, legacy_windows=False), raw


def test_terminal_keeps_milestones_and_output_and_removes_the_progress_bar() -> None:
    console, raw = live_console(width=41)
    text = "One sentence that is wider than a row is. " * 30 + "\n\x1b[2JEnd"
    pieces = [text[start : start + 7] for start in range(0, len(text), 7)]

    with LiveScreen(console, streams_output=True, clock=lambda: 0.0) as screen:
        screen.show(PENDING)
        screen.show(RUNNING)
        output = ""
        for number, piece in enumerate(pieces):
            output += piece
            progress = number / len(pieces)
            screen.show(replace(RUNNING, sequence=3 + number, delta=piece, output=output, progress=progress))
        screen.link(Link.LOST)
        screen.show(replace(COMPLETED, delta="", output=text, result=text))

    rows = screen_after(raw.getvalue())
    assert rows[0].startswith("○ PENDING")
    assert [row for row in rows if row.startswith("● ")] == ["● PROCESSING attempt 1"]
    assert [row for row in rows if row.startswith("✔ ")] == ["✔ COMPLETED  in 1 min 23 s (outputTokens"]
    start = rows.index("● PROCESSING attempt 1") + 2
    expected = [row.rstrip() for row in display.rows(display.plain(text), 40)]
    assert rows[start : start + len(expected)] == expected
    assert rows[start + len(expected)] == ""
    assert not any("━" in row or "lost" in row for row in rows)
    assert "\x1b[2J" not in raw.getvalue()


def test_terminal_shows_a_result_that_differs_from_what_was_streamed() -> None:
    console, raw = live_console(width=60)

    with LiveScreen(console, streams_output=True, clock=lambda: 0.0) as screen:
        screen.show(PENDING)
        screen.show(replace(COMPLETED, output="", result="the result"))

    rows = screen_after(raw.getvalue())
    assert "the result" in rows
    assert rows.index("the result") < rows.index("✔ COMPLETED  in 1 min 23 s (outputTokens 1,200)")


def test_terminal_says_that_a_new_attempt_starts_the_output_again() -> None:
    console, raw = live_console(width=60)

    with LiveScreen(console, streams_output=True, clock=lambda: 0.0) as screen:
        screen.show(replace(RUNNING, delta="half", output="half"))
        screen.show(replace(RUNNING, attempt=2, message="attempt 2: the output starts again"))
        screen.show(replace(RUNNING, attempt=2, delta="whole", output="whole"))

    rows = screen_after(raw.getvalue())
    assert rows.index("half") < rows.index("● PROCESSING attempt 2: the output starts again") < rows.index("whole")


def test_pipe_gets_a_row_per_change_and_none_without_a_change(capsys: pytest.CaptureFixture[str]) -> None:
    raw = io.StringIO()

    with RowScreen(Console(file=raw, width=20)) as screen:
        screen.link(Link.LIVE)
        screen.show(PENDING)
        screen.show(RUNNING)
        screen.show(replace(RUNNING, delta="x"))
        screen.link(Link.LOST)
        screen.link(Link.LIVE)
        screen.show(COMPLETED)

    assert raw.getvalue().splitlines() == [
        f"PENDING    job {JOB} on local.textrank",
        "PROCESSING attempt 1",
        "the connection was lost; reconnecting",
        "connected again",
        "COMPLETED  in 1 min 23 s (outputTokens 1,200)",
    ]
    assert capsys.readouterr().out == "done"


def test_terminal_continues_the_output_after_a_handover_and_says_where_it_was_cut() -> None:
    console, raw = live_console(width=60)
    second = replace(RUNNING, attempt=2, message="attempt 2: continues from its last checkpoint")

    with LiveScreen(console, streams_output=True, clock=lambda: 0.0) as screen:
        screen.show(RUNNING)
        screen.show(replace(RUNNING, delta="Once upon ", output="Once upon "))
        screen.show(replace(second, output="Once upon ", output_kept=10))
        screen.show(replace(second, delta="a time", output="Once upon a time"))
        screen.show(replace(second, attempt=3, output="Once upon ", output_kept=10))
        screen.show(replace(second, attempt=3, delta="a tide", output="Once upon a tide"))

    rows = screen_after(raw.getvalue())
    assert [row for row in rows if "attempt" in row or "Once" in row or "output" in row] == [
        "● PROCESSING attempt 1",
        "Once upon a time",
        "● PROCESSING attempt 2: continues from its last checkpoint",
        "  the output continues from here",
        "Once upon a tide",
    ]
