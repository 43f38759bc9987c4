"""The lines that operations and resolver steps leave, and what never stands in them."""

import io
import logging
from collections.abc import Iterator

import pytest

from appsync_local.devtools.operation_log import printable
from appsync_local.errors import FunctionFailed
from local_stack.log import ColourFormatter, Detail, PlainFormatter, set_detail, usual_detail
from tests.support.engine_clients import BACKEND, Http, Realtime, signed
from tests.support.engine_doubles import RecordingInvoker

SECRETS = ("custom-ada", "private-id", "hall")


@pytest.fixture(autouse=True)
def levels() -> Iterator[None]:
    """The levels of the logs, put back afterwards."""
    names = ("appsync_local", "appsync_local.operations", "appsync_local.steps", "appsync_local.devtools.reload")
    before = {name: logging.getLogger(name).level for name in names}
    yield
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


def lines(caplog: pytest.LogCaptureFixture, kind: str) -> list[str]:
    """What was logged of a kind, without the time that it took."""
    told = [record.getMessage() for record in caplog.records if getattr(record, "event", None) == kind]
    return [" ".join(word for word in line.split() if not word.replace(".", "").isdigit()) for line in told]


async def test_operation_leaves_its_name_its_caller_and_its_outcome(
    http: Http, realtime: Realtime, caplog: pytest.LogCaptureFixture, invoker: RecordingInvoker
) -> None:
    set_detail(Detail.OPERATIONS)
    invoker.functions["authorizer"] = lambda _: {
        "isAuthorized": True, "resolverContext": {"username": "ada", "token": "custom-ada"}
    }  # fmt: skip

    await http.ask('query Read { note(id: "private-id") { id } }')
    await http.ask('{ note(id: "boom") { id } echo }')
    await http.ask("{ nothing }")
    await realtime.start("s1", 'subscription { written(room: "hall") { id } }')

    assert lines(caplog, "operation") == [
        "query Read ada (AWS_LAMBDA) ms ok",
        "query note,echo ada (AWS_LAMBDA) ms Lambda:Unhandled",
        "request ada (AWS_LAMBDA) ms invalid",
        "subscription written ada (AWS_LAMBDA) ms ok",
    ]
    assert lines(caplog, "step") == []
    assert not any(secret in caplog.text for secret in SECRETS)


async def test_caller_who_is_not_let_in_is_nobody_and_a_role_goes_by_its_name(
    http: Http, caplog: pytest.LogCaptureFixture, invoker: RecordingInvoker
) -> None:
    set_detail(Detail.OPERATIONS)
    invoker.functions["authorizer"] = lambda _: {"isAuthorized": False}
    body = '{"query": "{ note(id: \\"n1\\") { id } }"}'

    await http.ask("{ echo }")
    await http.send(body, signed(http.url, body, BACKEND))

    assert lines(caplog, "operation") == [
        "request nobody ms UnauthorizedException",
        "query note worker (AWS_IAM) ms ok",
    ]


async def test_every_step_of_a_resolver_leaves_its_data_source_and_outcome_where_all_is_asked_for(
    http: Http, caplog: pytest.LogCaptureFixture, invoker: RecordingInvoker
) -> None:
    set_detail(Detail.EVERYTHING)

    def fail(payload: object) -> object:
        raise FunctionFailed("Lambda:Unhandled", "custom-ada did private-id")

    await http.ask('mutation { queue(id: "private-id") { id } }')
    invoker.functions["notes"] = fail
    await http.ask('{ note(id: "private-id") { id } }')

    assert lines(caplog, "step") == [
        "Mutation.queue › open on Notes ms ok",
        "Mutation.queue › send on Worker ms ok",
        "Query.note on Notes ms Lambda:Unhandled",
    ]
    assert not any(secret in line for line in lines(caplog, "step") for secret in SECRETS)


async def test_nothing_is_written_of_operations_where_only_faults_are_asked_for(
    http: Http, caplog: pytest.LogCaptureFixture
) -> None:
    set_detail(Detail.PROBLEMS)

    await http.ask("{ echo }")

    assert caplog.records == []


def test_control_characters_of_a_name_do_not_reach_a_terminal() -> None:
    assert printable("a\x1b[31mb\n") == "a\N{REPLACEMENT CHARACTER}[31mb\N{REPLACEMENT CHARACTER}"
    assert len(printable("x" * 1000)) == 120


def record(**extra: object) -> logging.LogRecord:
    return logging.getLogger("x").makeRecord("x", logging.INFO, "f", 1, "query A ada 1.5 ms ok", (), None, extra=extra)


def test_pipe_has_plain_lines_and_a_terminal_has_columns_in_colour() -> None:
    operation = record(event="operation", operation="query A", caller="ada", milliseconds=1.5, outcome="ok")
    refused = record(event="operation", operation="query A", caller="ada", milliseconds=1.5, outcome="Denied")
    step = record(event="step", step="Query.a", source="Notes", milliseconds=12.25, outcome="ok")

    assert PlainFormatter().format(operation).endswith(" query A ada 1.5 ms ok")
    assert "\x1b" not in PlainFormatter().format(step)
    assert ColourFormatter().format(operation).endswith("    1.5 ms  \x1b[32mok\x1b[0m")
    assert "\x1b[31mDenied" in ColourFormatter().format(refused)
    assert "Notes" in ColourFormatter().format(step)


@pytest.mark.parametrize(
    ("is_terminal", "verbose", "has_command", "detail"),
    [
        (True, False, False, Detail.OPERATIONS),
        (True, False, True, Detail.PROBLEMS),  # a command draws its bar there
        (False, False, False, Detail.PROBLEMS),
        (False, True, True, Detail.EVERYTHING),
    ],
)
def test_detail_follows_from_who_reads(
    monkeypatch: pytest.MonkeyPatch, is_terminal: bool, verbose: bool, has_command: bool, detail: Detail
) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: is_terminal)
    monkeypatch.setattr("sys.stderr", stream)

    assert usual_detail(verbose=verbose, has_command=has_command) is detail
