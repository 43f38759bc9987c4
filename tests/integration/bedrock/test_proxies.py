"""What proxies, emulators and the service send beside the usual answer."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.jobs.errors import ErrorType, WorkloadFailed
from tests.integration.bedrock import eventstream
from tests.integration.bedrock.conftest import Caller
from tests.integration.bedrock.eventstream import START, event, message, metadata, stop, text, thought
from tests.integration.bedrock.server import Streamed, bedrock_server
from tests.unit.chalicelib.workloads.running import Run


def answered(caller: Caller, *events: bytes) -> Run:
    caller.bedrock.replies = [Streamed(events)]
    return caller.run()


def failed(run: Run) -> tuple[ErrorType, str]:
    assert isinstance(run.error, WorkloadFailed), run.error or run.outcome
    return run.error.error_type, str(run.error)


@pytest.mark.parametrize(
    ("content", "counts"),
    [
        ({"usage": {"inputTokens": 10, "outputTokens": 20}}, {"inputTokens": 10, "outputTokens": 20}),
        ({"usage": {"inputTokens": 10}, "metrics": {}}, {"inputTokens": 10}),
        ({"metrics": {"latencyMs": 5}}, {"modelMilliseconds": 5}),
        ({}, {}),
        ({"usage": None, "metrics": 7, "trace": "x"}, {}),
        ({"usage": {"inputTokens": "10", "outputTokens": -1}, "trace": {"guardrail": {"outputAssessments": 1}}}, {}),
    ],
)
def test_counts_that_are_missing_or_odd_do_not_spoil_an_answer(
    caller: Caller, content: dict[str, Any], counts: dict[str, int]
) -> None:
    run = answered(caller, START, text("Hello"), stop(), event("metadata", content))

    assert run.output == "Hello"
    known = {"modelRequestId": "request-1", "stopReason": "end_turn"}
    assert run.finished.usage == {**known, **counts}


def test_an_answer_without_metadata_completes(caller: Caller) -> None:
    assert answered(caller, text("Hello"), stop()).finished.usage["stopReason"] == "end_turn"


def error(code: str, words: str) -> bytes:
    return message({":message-type": "error", ":error-code": code, ":error-message": words}, b"")


@pytest.mark.parametrize(
    ("event", "kind", "words"),
    [
        (error("InternalError", "the host was lost"), ErrorType.MODEL_FAILED, "the host was lost"),
        (eventstream.exception("brandNewException", "the host was lost"), ErrorType.MODEL_FAILED, "the host was lost"),
        (message({":message-type": "exception", ":exception-type": "x"}, b"plain words"), ErrorType.MODEL_FAILED,
         "plain words"),
        (message({":message-type": "exception"}, b'{"Message": "no type"}'), ErrorType.MODEL_FAILED, "no type"),
        (message({":message-type": "error"}, b""), ErrorType.MODEL_FAILED, "failed"),
        (error("ThrottlingException", "slow down"), ErrorType.MODEL_THROTTLED, "slow down"),
        (error("ValidationException", "too many total text bytes: 9 > 8"), ErrorType.CONTEXT_TOO_LONG, "total text"),
        (eventstream.exception("validationException", "a bad image"), ErrorType.MODEL_REJECTED_INPUT, "a bad image"),
        (eventstream.exception("modelStreamErrorException", "broken pipe"), ErrorType.MODEL_FAILED, "broken pipe"),
    ],
)  # fmt: skip
def test_a_failure_in_the_stream_is_quoted_and_is_no_fault_of_the_input(
    caller: Caller, event: bytes, kind: ErrorType, words: str
) -> None:
    run = answered(caller, START, text("Hel"), event)

    found, said = failed(run)
    assert found is kind
    assert words in said
    assert run.output == "Hel"


def cut(kind: str, payload: bytes) -> bytes:
    return message({":event-type": kind, ":message-type": "event"}, payload)


@pytest.mark.parametrize(
    "odd",
    [
        event("contentBlockDelta", {"delta": {"type": "text_delta", "text": "x"}}),
        event("contentBlockDelta", {"delta": {}}),
        event("contentBlockDelta", {}),
        event("contentBlockDelta", {"delta": "x"}),
        event("contentBlockDelta", {"delta": {"text": 7}}),
        event("contentBlockDelta", {"delta": {"reasoningContent": "hm"}}),
        cut("contentBlockDelta", b'{"delta": {"text": "x'),
        cut("contentBlockDelta", b"\xff"),
        cut("metadata", b"[" * 100_000),
        cut("messageStop", b'{"stopReason": "end'),
        event("messageStop", {}),
        event("messageStop", {"stopReason": {"a": 1}}),
    ],
)
def test_an_event_that_bedrock_would_not_send_points_to_the_endpoint(caller: Caller, odd: bytes) -> None:
    run = answered(caller, START, text("Hel"), odd, stop(), metadata())

    kind, said = failed(run)
    assert kind is ErrorType.MODEL_FAILED
    assert "check the endpoint" in said
    assert run.output == "Hel"


@pytest.mark.parametrize("body", [b"<!DOCTYPE html><title>Login</title>", b'{"message": "hi"}', b"", b"x" * 100])
def test_a_body_that_is_no_stream_of_events_points_to_the_endpoint(caller: Caller, body: bytes) -> None:
    kind, said = failed(answered(caller, body))

    assert kind is ErrorType.MODEL_FAILED
    assert "check the endpoint" in said


def test_kinds_of_events_and_of_content_that_are_new_are_ignored(caller: Caller) -> None:
    new = event("contentBlockDelta", {"delta": {"citation": {"title": "x"}}})

    assert answered(caller, event("news", {"a": 1}), new, text("Hello"), stop(), metadata()).output == "Hello"


def test_a_character_in_two_events_is_one_character(caller: Caller) -> None:
    halves = [
        cut("contentBlockDelta", json.dumps({"delta": {"text": half}}).encode()) for half in ("hi \ud83d", "\ude00!")
    ]

    assert answered(caller, *halves, stop(), metadata()).output == "hi 😀!"
    assert answered(caller, halves[0], stop(), metadata()).output == "hi \ufffd"


@pytest.mark.parametrize("last", [[], [text("\n\n")]])
def test_an_answer_of_reasoning_alone_fails(caller: Caller, last: list[bytes]) -> None:
    kind, said = failed(answered(caller, thought("hmm"), *last, stop(), metadata()))

    assert kind is ErrorType.MODEL_FAILED
    assert "reasoning" in said


@pytest.mark.parametrize("system", ["", " \n\t"])
def test_a_blank_system_is_not_sent(caller: Caller, system: str) -> None:
    caller.run(system=system)

    assert "system" not in caller.bedrock.requests[-1].body


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["text", "delta", "usage", "guardrail", "action"]), inner, max_size=3)
    ),
    max_leaves=8,
)
PLACES = st.sampled_from(
    [
        ("contentBlockDelta", "delta"), ("contentBlockDelta", "contentBlockIndex"), ("messageStop", "stopReason"),
        ("metadata", "usage"), ("metadata", "metrics"), ("metadata", "trace"), ("messageStart", "role"),
        ("contentBlockStart", "start"),
    ]
)  # fmt: skip


@pytest.fixture(scope="module")
def many() -> Any:
    """A server for many examples."""
    with bedrock_server() as server:
        yield Caller(server)


@given(place=PLACES, value=JSON)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_value_in_any_field_ends_in_an_answer_or_a_named_error(
    many: Caller, place: tuple[str, str], value: Any
) -> None:
    kind, name = place

    run = answered(many, text("Hi "), event(kind, {name: value}), stop(), metadata())

    assert run.outcome is not None or isinstance(run.error, WorkloadFailed)
    assert run.output.startswith("Hi ")
    json.dumps([run.output, run.usage and run.usage.counts], allow_nan=False, ensure_ascii=False).encode()
