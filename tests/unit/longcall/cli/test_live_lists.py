"""`longcall list --follow`: in a pipe, as JSON, and on a terminal of fixed size."""

import asyncio
import io
import json
import signal
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from rich.cells import cell_len
from rich.console import Console

from longcall import Event, Link, Status, display
from longcall.cli.exits import ExitCode
from longcall.cli.live_lists import TableScreen
from longcall.display.quantities import age
from longcall.models import JobId
from tests.unit.longcall.appsync import BOUND
from tests.unit.longcall.cli.stack import Stack
from tests.unit.longcall.cli.test_commands import begin, finish, longcall

JOB = "123e4567-e89b-42d3-a456-426614174000"
OTHER = "223e4567-e89b-42d3-a456-426614174000"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
RUNNING = Event(
    JobId(JOB), 4, Status.PROCESSING, model="simulated.story", progress=0.42, message="page 2\x1b[2J of 5",
    created_at=NOON - timedelta(seconds=75), usage={"outputTokens": 3},
)  # fmt: skip
FAILED = Event(
    JobId(OTHER), 9, Status.FAILED, model="local.textrank", error="no memory", created_at=NOON - timedelta(hours=2),
    end_time=NOON - timedelta(hours=2) + timedelta(seconds=3.24),
)  # fmt: skip


def table(*jobs: Event, width: int, height: int = 24, connected: bool = True) -> list[str]:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    with console.capture() as capture:
        console.print(display.live_list(jobs, width=width, height=height, now=NOON, connected=connected))
    return [row.rstrip() for row in capture.get().splitlines()]


def test_table_fits_sixty_cells() -> None:
    assert table(RUNNING, FAILED, width=60, connected=False) == [
        "job                                   status             age",
        f"{JOB}  PROCESSING 42%   1 min",
        f"{OTHER}  FAILED           3.2 s",
        "1 running, 1 ended, 1 of them failed",
        "the connection was lost; reconnecting",
    ]


def test_wider_table_has_the_model_and_what_a_job_says() -> None:
    rows = table(RUNNING, replace(FAILED, error="no memory " * 30), width=120)

    assert rows[1] == f"{JOB}  PROCESSING 42%   1 min  simulated.story  page 2\\x1b[2J of 5"
    assert rows[2] == f"{OTHER}  FAILED           3.2 s  local.textrank   {'no memory ' * 4}…"
    assert table(RUNNING, width=72)[1] == f"{JOB}  PROCESSING 42%   1 min  simulated…"


def test_narrow_table_has_ids_that_tell_the_jobs_apart() -> None:
    assert table(RUNNING, FAILED, width=36)[1:3] == [
        "123e4567  PROCESSING 42%   1 min",
        "223e4567  FAILED           3.2 s",
    ]


@pytest.mark.parametrize(("width", "height"), [(60, 5), (60, 24), (80, 10), (200, 60)])
def test_table_fits_the_window(width: int, height: int) -> None:
    jobs = [
        replace(RUNNING, job_id=JobId(JOB[:-2] + f"{number:02}"), model="a" * 90, message="b" * 200)
        for number in range(80)
    ]

    rows = table(*jobs, width=width, height=height)

    assert len(rows) < height
    assert all(cell_len(row) <= width for row in rows)
    assert rows[-1] == f"80 running, 0 ended, {80 - (len(rows) - 2)} older not shown"


def test_empty_list_says_how_to_start_a_job() -> None:
    assert table(width=60) == ["no jobs yet; start one with: longcall run FILE"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-1, "0.0 s"), (0.44, "0.4 s"), (9.99, "9.9 s"), (59.9, "59 s"), (60, "1 min"), (3599, "59 min"), (7260, "2 h"),
     (86_399, "23 h"), (604_800, "7 d")],
)  # fmt: skip
def test_age_takes_six_cells(seconds: float, words: str) -> None:
    assert age(seconds) == words
    assert len(words) <= 6


def test_terminal_keeps_the_last_table_and_forgets_the_animation() -> None:
    raw = io.StringIO()
    console = Console(file=raw, width=60, height=24, force_terminal=True, color_system=None, legacy_windows=False)

    with TableScreen(console, clock=lambda: NOON) as screen:
        screen.link(Link.LIVE)
        screen.show([RUNNING])
        screen.show([replace(RUNNING, status=Status.COMPLETED, end_time=NOON), FAILED])

    last = raw.getvalue().rpartition("\x1b[2K")[2]
    assert "COMPLETED" in raw.getvalue()
    assert "2 ended, 1 of them failed" in last
    assert raw.getvalue().rstrip().endswith("\x1b[?25h"), "the cursor is shown again"


async def test_pipe_gets_the_list_and_then_a_row_for_each_change_until_ctrl_c(stack: Stack) -> None:
    stack.api.append(JOB)
    process = await begin("list", "--follow", cwd=stack.folder)
    assert process.stdout is not None
    rows = [await process.stdout.readline()]
    await stack.api.list_push(stack.api.append(JOB, status="PROCESSING", attempt=1))
    rows.append(await process.stdout.readline())
    await stack.api.list_push(stack.api.append(JOB, status="COMPLETED", progress=1.0))
    rows.append(await process.stdout.readline())

    process.send_signal(signal.SIGINT)
    ended = await finish(process)

    assert [row.decode().rstrip("\n") for row in rows] == [
        f"{JOB}\tPENDING\t\tsimulated.story\t2026-01-01 00:00:00 UTC",
        f"{JOB}\tPROCESSING\t\tsimulated.story\t2026-01-01 00:00:00 UTC",
        f"{JOB}\tCOMPLETED\t100%\tsimulated.story\t2026-01-01 00:00:00 UTC",
    ]
    assert (ended.code, ended.out, ended.err) == (ExitCode.INTERRUPTED, b"", "")
    assert len(stack.api.asked("listInferences")) == 1


async def test_programs_get_an_object_for_each_change(stack: Stack) -> None:
    stack.api.append(JOB, status="COMPLETED")
    stack.api.append(OTHER)
    process = await begin("list", "--follow", "--json", "--limit", "2", cwd=stack.folder)
    assert process.stdout is not None
    rows = [json.loads(await process.stdout.readline()) for _ in range(2)]
    newer = "323e4567-e89b-42d3-a456-426614174000"
    await stack.api.list_push(stack.api.append(newer))
    rows += [json.loads(await process.stdout.readline()) for _ in range(2)]

    process.send_signal(signal.SIGINT)
    ended = await finish(process)

    assert [(row.get("jobId"), row.get("status"), row.get("removed")) for row in rows] == [
        (JOB, "COMPLETED", None), (OTHER, "PENDING", None), (None, None, JOB), (newer, "PENDING", None)
    ]  # fmt: skip
    assert (ended.code, ended.out) == (ExitCode.INTERRUPTED, b"")


async def test_reader_that_closes_the_pipe_ends_the_command(stack: Stack) -> None:
    stack.api.append(JOB)
    process = await begin("list", "--follow", cwd=stack.folder)
    assert process.stdout is not None
    await process.stdout.readline()
    process.stdout._transport.close()  # type: ignore[attr-defined]  # closes the pipe as `head` does
    ended = asyncio.create_task(process.wait())
    async with asyncio.timeout(BOUND):
        while not ended.done():  # the pipe may still take a row or two
            await stack.api.list_push(stack.api.append(JOB, status="PROCESSING"))
            await asyncio.wait({ended}, timeout=0.02)

    assert ended.result() == ExitCode.OUTPUT_CLOSED


async def test_status_cannot_be_followed(stack: Stack) -> None:
    ended = await longcall("list", "--follow", "--status", "FAILED", cwd=stack.folder)

    assert ended.code == ExitCode.USAGE
    assert "--follow shows jobs of every status; leave out --status" in ended.sentence
