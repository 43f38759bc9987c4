"""The log lines of operations and resolver steps, and what they never contain."""

import logging
from collections.abc import Iterator

import pytest

from appsync_local.devtools.operation_log import operations, printable, steps
from appsync_local.errors import FunctionFailed
from tests.support.engine_clients import BACKEND, Http, Realtime, signed
from tests.support.engine_doubles import RecordingInvoker

SECRETS = ("custom-ada", "private-id", "hall")


@pytest.fixture(autouse=True)
def levels() -> Iterator[None]:
    """Restores the levels of the logs."""
    names = ("appsync_local", "appsync_local.operations", "appsync_local.steps", "appsync_local.devtools.reload")
    before = {name: logging.getLogger(name).level for name in names}
    yield
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


def lines(caplog: pytest.LogCaptureFixture, kind: str) -> list[str]:
    """The messages of one kind, without their duration."""
    messages = [record.getMessage() for record in caplog.records if getattr(record, "event", None) == kind]
    return [" ".join(word for word in line.split() if not word.replace(".", "").isdigit()) for line in messages]


async def test_operation_is_logged_with_its_name_its_caller_and_its_outcome(
    http: Http, realtime: Realtime, caplog: pytest.LogCaptureFixture, invoker: RecordingInvoker
) -> None:
    operations.setLevel(logging.INFO)
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


async def test_refused_caller_is_nobody_and_a_role_has_its_name(
    http: Http, caplog: pytest.LogCaptureFixture, invoker: RecordingInvoker
) -> None:
    operations.setLevel(logging.INFO)
    invoker.functions["authorizer"] = lambda _: {"isAuthorized": False}
    body = '{"query": "{ note(id: \\"n1\\") { id } }"}'

    await http.ask("{ echo }")
    await http.send(body, signed(http.url, body, BACKEND))

    assert lines(caplog, "operation") == [
        "request nobody ms UnauthorizedException",
        "query note worker (AWS_IAM) ms ok",
    ]


async def test_every_resolver_step_is_logged_with_its_data_source_and_outcome_if_the_level_allows_it(
    http: Http, caplog: pytest.LogCaptureFixture, invoker: RecordingInvoker
) -> None:
    operations.setLevel(logging.INFO)
    steps.setLevel(logging.INFO)

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


async def test_operations_are_not_logged_below_the_level_of_their_log(
    http: Http, caplog: pytest.LogCaptureFixture
) -> None:
    operations.setLevel(logging.WARNING)

    await http.ask("{ echo }")

    assert caplog.records == []


def test_control_characters_of_a_name_do_not_reach_a_terminal() -> None:
    assert printable("a\x1b[31mb\n") == "a\N{REPLACEMENT CHARACTER}[31mb\N{REPLACEMENT CHARACTER}"
    assert len(printable("x" * 1000)) == 120
