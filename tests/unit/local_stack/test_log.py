"""The log of a local stack: what is shown on standard error, and how."""

import io
import json
import logging
import sys
from collections.abc import Iterator

import pytest

from local_stack.log import OPERATIONS, ColourFormatter, Detail, PlainFormatter, StackLog, usual_detail
from local_stack.log_fields import LineFields, job_fields

JOB = "01180ea8-5819-4c0a-8a91-e190989cab21"
OTHER = "7b0f5c1e-52d4-4f5a-9d5e-0a3c8e2b6f11"
REQUEST = "7d9f7a4e-0000-4000-8000-000000000001"
CLAIMED = {"level": "INFO", "message": f"job {JOB}: job_claimed", "job_id": JOB, "event": "job_claimed"}
FAILED = {
    "level": "ERROR", "message": "unexpected error in the workload\nTrace of app.py", "job_id": JOB,
    "trace": "Trace of app.py",
}  # fmt: skip


@pytest.fixture(autouse=True)
def restored_loggers() -> Iterator[None]:
    """Restores levels and handlers, which `StackLog` sets for the process."""
    names = ("", "appsync_local", OPERATIONS, "appsync_local.steps")
    before = {name: (logging.getLogger(name).level, logging.getLogger(name).handlers[:]) for name in names}
    yield
    for name, (level, handlers) in before.items():
        logging.getLogger(name).setLevel(level)
        logging.getLogger(name).handlers[:] = handlers


def record(message: str = "query A ada 1.5 ms ok", **extra: object) -> logging.LogRecord:
    return logging.getLogger("x").makeRecord("x", logging.INFO, "f", 1, message, (), None, extra=extra)


def log_output(line: object, *, request_id: str = REQUEST) -> None:
    """What `appsync_local` logs for a line that a worker printed."""
    text = line if isinstance(line, str) else json.dumps(line)
    extra = {"event": "function_output", "request_id": request_id}
    logging.getLogger("appsync_local.functions.inference").info("%s", text, extra=extra)


def log_operation(operation: str, job_id: str = JOB, outcome: str = "ok") -> None:
    extra = {
        "event": "operation", "operation": operation, "caller": "inference", "milliseconds": 2.0, "outcome": outcome,
        "job_id": job_id,
    }  # fmt: skip
    logging.getLogger(OPERATIONS).info("%s inference 2.0 ms %s", operation, outcome, extra=extra)


def shown(stream: io.StringIO) -> list[str]:
    """The lines without the time."""
    return [line.partition(" ")[2] for line in stream.getvalue().splitlines()]


def test_pipe_has_plain_lines_and_a_terminal_has_columns_in_colour() -> None:
    operation = record(event="operation", operation="query A", caller="ada", milliseconds=1.5, outcome="ok")
    refused = record(event="operation", operation="query A", caller="ada", milliseconds=1.5, outcome="Denied")
    step = record(event="step", step="Query.a", source="Notes", milliseconds=12.25, outcome="ok")
    plain, in_colour = PlainFormatter(LineFields()), ColourFormatter(LineFields())

    assert plain.format(operation).endswith(" query A ada 1.5 ms ok")
    assert "\x1b" not in plain.format(step)
    assert in_colour.format(operation).endswith("    1.5 ms  \x1b[32mok\x1b[0m")
    assert "\x1b[31mDenied" in in_colour.format(refused)
    assert "Notes" in in_colour.format(step)


@pytest.mark.parametrize(
    ("is_terminal", "verbose", "has_command", "detail"),
    [
        (True, False, False, Detail.OPERATIONS),
        (True, False, True, Detail.PROBLEMS),  # a command draws on the terminal
        (False, False, False, Detail.PROBLEMS),
        (False, True, True, Detail.EVERYTHING),
    ],
)
def test_detail_depends_on_options_and_terminal(
    monkeypatch: pytest.MonkeyPatch, is_terminal: bool, verbose: bool, has_command: bool, detail: Detail
) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: is_terminal)
    monkeypatch.setattr("sys.stderr", stream)

    assert usual_detail(verbose=verbose, has_command=has_command) is detail


def test_error_of_a_workload_is_shown_with_its_job_and_trace_even_if_only_problems_are() -> None:
    stream = io.StringIO()
    StackLog(stream, Detail.PROBLEMS)

    log_output(CLAIMED)
    log_output("printed by the workload")
    log_operation("query Read")
    log_output(FAILED)

    assert shown(stream) == [
        f"appsync_local.functions.inference unexpected error in the workload  job {JOB}",
        "of app.py",
    ]


def test_lines_of_a_function_for_node_show_values_and_errors() -> None:
    stream = io.StringIO()
    StackLog(stream, Detail.EVERYTHING)
    error = {"errorType": "RangeError", "errorMessage": "too far", "stackTrace": ["RangeError: too far", "    at f"]}

    log_output({"level": "INFO", "message": {"stock": 1}})
    log_output({"level": "ERROR", "message": error})

    assert stream.getvalue().splitlines()[0].endswith('appsync_local.functions.inference {"stock": 1}')
    assert stream.getvalue().splitlines()[1].endswith("appsync_local.functions.inference RangeError: too far")
    assert stream.getvalue().splitlines()[2:] == ["RangeError: too far", "    at f"]


def test_every_line_of_a_request_has_the_job_that_an_earlier_line_named() -> None:
    stream = io.StringIO()
    StackLog(stream, Detail.EVERYTHING)

    log_output(CLAIMED)
    log_output("printed by the workload")
    log_output("printed for another job", request_id="other")
    logging.getLogger("appsync_local.functions.delivery").warning("event failed", extra={"request_id": REQUEST})
    log_operation("query Read")

    assert shown(stream) == [
        f"appsync_local.functions.inference job {JOB}: job_claimed",
        f"appsync_local.functions.inference printed by the workload  job {JOB}",
        "appsync_local.functions.inference printed for another job",
        f"appsync_local.functions.delivery event failed  job {JOB}",
        f"query Read inference 2.0 ms ok  job {JOB}",
    ]


def test_repeated_updates_of_a_job_are_one_line_with_a_count() -> None:
    stream = io.StringIO()
    StackLog(stream, Detail.OPERATIONS)

    for _ in range(5):
        log_operation("mutation updateStatus")
        log_operation("mutation updateStatus", OTHER)
    log_operation("mutation updateStatus", outcome="JobOver")
    log_operation("mutation updateStatus")

    assert shown(stream) == [
        f"mutation updateStatus inference 2.0 ms ok  job {JOB}",
        f"mutation updateStatus inference 2.0 ms ok  job {OTHER}",
        f"mutation updateStatus inference 2.0 ms ok ×4  job {JOB}",
        f"mutation updateStatus inference 2.0 ms ok ×4  job {OTHER}",
        f"mutation updateStatus inference 2.0 ms JobOver  job {JOB}",
        f"mutation updateStatus inference 2.0 ms ok  job {JOB}",
    ]


@pytest.mark.parametrize(
    ("variables", "data", "job"),
    [
        ({"jobId": JOB}, {}, JOB),
        ({"input": {"jobId": JOB.upper(), "prompt": "secret"}}, {}, JOB),
        ({"input": {"prompt": "secret"}}, {"startInference": {"jobId": JOB}}, JOB),
        ({"jobId": "Bearer secret"}, {"listInferences": None}, None),
        ({}, {}, None),
    ],
)
def test_job_of_an_operation_is_found_in_its_variables_or_answer(
    variables: dict[str, object], data: dict[str, object], job: str | None
) -> None:
    assert job_fields(variables, data) == ({} if job is None else {"job_id": job})


def test_trace_of_a_raised_error_is_a_field() -> None:
    try:
        raise ValueError("broken")
    except ValueError:
        failed = logging.getLogger("x").makeRecord("x", logging.ERROR, "f", 1, "failed", (), sys.exc_info())

    fields = LineFields().of(failed)

    assert (fields["level"], fields["message"]) == ("ERROR", "failed")
    assert fields["trace"].startswith("Traceback")


def test_what_resolver_code_prints_is_shown_even_if_only_problems_are() -> None:
    stream = io.StringIO()
    StackLog(stream, Detail.PROBLEMS)

    logging.getLogger("appsync_local").info("%s: %s", "Query.get", "found 3", extra={"event": "console"})

    assert "Query.get: found 3" in stream.getvalue()
