"""The Lambda data source: batches and direct invocations. Single invocations are tested with the resolvers."""

import asyncio
from typing import Any

import pytest

from appsync_local.api.model import AuthMode
from appsync_local.authorization.caller import Caller
from appsync_local.data_sources import LambdaDataSource
from appsync_local.errors import FieldError, FunctionFailed
from appsync_local.javascript.context import FieldContext, RequestContext
from tests.support.engine_doubles import RecordingInvoker
from tests.unit.appsync_local.data_sources.conftest import INFO, field_context


@pytest.fixture
def invoker() -> RecordingInvoker:
    return RecordingInvoker(worker=lambda payloads: [f"got {payload}" for payload in payloads])


def batch(payload: object, **more: object) -> dict[str, object]:
    return {"operation": "BatchInvoke", "payload": payload, **more}


def siblings(count: int) -> list[FieldContext]:
    """The same field of several parents in one request."""
    request = RequestContext(Caller(AuthMode.LAMBDA, {"resolverContext": {}}), {}, {})
    return [FieldContext(request, "Note", "author", {}, {"n": n}, INFO) for n in range(count)]


async def gathered(source: LambdaDataSource, fields: list[FieldContext], **more: object) -> list[object]:
    return await asyncio.gather(*(source.execute(batch(n, **more), field) for n, field in enumerate(fields)))


async def test_payloads_of_siblings_are_sent_together_up_to_the_batch_size(invoker: RecordingInvoker) -> None:
    source = LambdaDataSource("worker", invoker, 3)

    answers = await gathered(source, siblings(7))

    assert invoker.calls("worker") == [[0, 1, 2], [3, 4, 5], [6]]
    assert answers == [f"got {n}" for n in range(7)]


async def test_a_batch_without_a_size_has_at_most_five_payloads(invoker: RecordingInvoker) -> None:
    await gathered(LambdaDataSource("worker", invoker), siblings(6))

    assert invoker.calls("worker") == [[0, 1, 2, 3, 4], [5]]


async def test_payloads_of_two_requests_are_never_sent_together(invoker: RecordingInvoker) -> None:
    await gathered(LambdaDataSource("worker", invoker, 10), [*siblings(2), *siblings(1)])

    assert sorted(invoker.calls("worker")) == [[0, 1], [2]]


async def test_a_batch_may_be_an_event(invoker: RecordingInvoker) -> None:
    answers = await gathered(LambdaDataSource("worker", invoker, 10), siblings(2), invocationType="Event")

    assert invoker.enqueued == [("worker", [0, 1])]
    assert answers == [None, None]


@pytest.mark.parametrize("answer", [["only one"], "no list", None])
async def test_an_answer_with_another_number_of_items_fails_every_field_of_the_batch(answer: Any) -> None:
    invoker = RecordingInvoker(worker=lambda payloads: answer)

    fields = siblings(2)
    source = LambdaDataSource("worker", invoker, 10)
    failures = await asyncio.gather(
        *(source.execute(batch(n), field) for n, field in enumerate(fields)), return_exceptions=True
    )

    assert [f.type for f in failures if isinstance(f, FunctionFailed)] == ["Lambda:InvalidBatchResponse"] * 2


async def test_a_direct_resolver_sends_the_whole_context() -> None:
    invoker = RecordingInvoker(worker=lambda payload: payload)

    event: Any = await LambdaDataSource("worker", invoker).execute_directly(
        field_context(n=1), {"kept": 2}, {"result": 3}
    )

    assert event == {
        "arguments": {"n": 1},
        "source": None,
        "identity": {"resolverContext": {"sub": "ada"}},
        "request": {"headers": {}, "domainName": None},
        "info": INFO,
        "stash": {"kept": 2},
        "prev": {"result": 3},
    }


@pytest.mark.parametrize(
    ("failure", "type_", "message"),
    [
        (FunctionFailed("Lambda:Unhandled", "boom", "ValueError"), "ValueError", "boom"),
        (FunctionFailed("Lambda:ExecutionTimeoutException", "late"), "Lambda:ExecutionTimeoutException", "late"),
        (
            FunctionFailed("Lambda:Unhandled", "secret reason", "UnauthorizedException"),
            "UnauthorizedException",
            "You are not authorized to make this call.",
        ),
    ],
)
async def test_the_exception_of_a_direct_resolver_is_the_error_of_the_field(
    failure: FunctionFailed, type_: str, message: str
) -> None:
    def throw(_: Any) -> Any:
        raise failure

    with pytest.raises(FieldError) as caught:
        await LambdaDataSource("worker", RecordingInvoker(worker=throw)).execute_directly(field_context(), {}, None)

    assert (caught.value.type, caught.value.message) == (type_, message)


async def test_a_direct_batch_answers_data_or_an_error_for_each_field() -> None:
    answers = [{"data": 1}, {"errorMessage": "no", "errorType": "Bad", "data": {"a": 1}}, "plain"]
    source = LambdaDataSource("worker", RecordingInvoker(worker=lambda payloads: answers), 10)

    results = await asyncio.gather(
        *(source.execute_directly(field, {}, None) for field in siblings(3)), return_exceptions=True
    )

    assert (results[0], results[2]) == (1, "plain")
    assert isinstance(results[1], FieldError)
    assert (results[1].message, results[1].type, results[1].data) == ("no", "Bad", {"a": 1})
