"""Answers of a model, read by boto3 from a socket, with the bytes cut anywhere."""

import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.jobs.errors import ErrorType, WorkloadFailed
from chalicelib.workloads import Chunk, Progress, Usage
from tests.integration.bedrock import eventstream
from tests.integration.bedrock.conftest import Caller
from tests.integration.bedrock.server import Streamed

WORDS = ("Ærø ", "海の便り ", "🐋", "🌊 ", "Cafe\u0301", "\u2028", '"quoted"\\n')


def failure(error: Exception | None) -> tuple[ErrorType, str]:
    assert isinstance(error, WorkloadFailed), error
    return error.error_type, str(error)


@pytest.mark.parametrize("sizes", [(1,), (11, 1), (12,), (13, 2, 5), (1_000_000,)])
def test_text_is_the_same_wherever_the_body_is_cut(caller: Caller, sizes: tuple[int, ...]) -> None:
    caller.bedrock.replies = [Streamed(eventstream.answer(*WORDS), sizes)]

    run = caller.run()

    assert run.chunks == list(WORDS)
    assert run.finished.result is None, "the output is the result"
    assert caller.bedrock.faults == []


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), max_size=4),
    sizes=st.lists(st.integers(1, 300), min_size=1, max_size=4),
)
def test_any_text_arrives_whole_in_chunks_of_any_size(caller: Caller, texts: list[str], sizes: list[int]) -> None:
    caller.bedrock.replies = [Streamed(eventstream.answer(*texts), tuple(sizes))]

    assert caller.run().output == "".join(texts)


def test_text_is_yielded_before_the_answer_ends(caller: Caller) -> None:
    first, gate = eventstream.text("first "), threading.Event()
    events = (first, *eventstream.answer("second"))
    caller.bedrock.replies = [Streamed(events, sizes=(len(first), 1_000_000), gate=gate)]

    pieces = caller.steps()
    begun = [next(pieces), next(pieces)]
    gate.set()

    assert begun == [Usage({"modelRequestId": "request-1"}), Chunk("first ")]
    assert next(pieces) == Chunk("second")


def test_usage_has_tokens_time_and_stop_reason(caller: Caller) -> None:
    counts = eventstream.metadata(inputTokens=7, cacheReadInputTokens=100, cacheWriteInputTokens=30, outputTokens=9)
    events = (eventstream.START, eventstream.text("Hi"), eventstream.stop(), counts)
    caller.bedrock.replies = [Streamed(events)]

    assert caller.run().finished.usage == {
        "modelRequestId": "request-1",
        "stopReason": "end_turn",
        "inputTokens": 37,
        "cacheWriteInputTokens": 30,
        "cachedInputTokens": 100,
        "outputTokens": 9,
        "modelMilliseconds": 1234,
    }


def test_reasoning_is_counted_and_reported_and_its_text_is_dropped(caller: Caller) -> None:
    signature = {"delta": {"reasoningContent": {"signature": "c2ln"}}, "contentBlockIndex": 0}
    thoughts = [eventstream.thought(f"secret {number:03} " * 10) for number in range(5)]
    events = (*thoughts, eventstream.event("contentBlockDelta", signature), *eventstream.answer("42"))
    caller.bedrock.replies = [Streamed(events)]

    run = caller.run()

    assert run.output == "42"
    assert [progress.message for progress in run.progress] == [
        "thinking, 110 characters so far",
        "thinking, 330 characters so far",
        "thinking, 550 characters so far",
        "answering",
    ]
    assert run.finished.usage["reasoningCharacters"] == 550


@pytest.mark.parametrize("reason", ["end_turn", "stop_sequence"])
def test_an_answer_that_ended_completes(caller: Caller, reason: str) -> None:
    caller.bedrock.replies = [Streamed(eventstream.answer("Hi", reason=reason))]

    assert caller.run().finished.usage["stopReason"] == reason


@pytest.mark.parametrize(
    ("reason", "max_tokens", "kind", "words"),
    [
        ("max_tokens", 50, ErrorType.BUDGET_EXCEEDED, "maxTokens of 50; the output up to there is kept"),
        ("max_tokens", None, ErrorType.BUDGET_EXCEEDED, "model's own limit for one answer (amazon.nova-micro-v1:0"),
        ("content_filtered", None, ErrorType.GUARDRAIL_INTERVENED, "content filter of amazon.nova-micro-v1:0"),
        ("model_context_window_exceeded", None, ErrorType.CONTEXT_TOO_LONG, "send a shorter text"),
        ("malformed_model_output", None, ErrorType.MODEL_FAILED, "malformed_model_output (request request-1)"),
        ("tool_use", None, ErrorType.MODEL_FAILED, "tool_use"),
        ("a_new_reason", None, ErrorType.MODEL_FAILED, "a_new_reason"),
    ],
)
def test_an_answer_that_was_stopped_fails_with_its_reason_and_keeps_its_text_and_usage(
    caller: Caller, reason: str, max_tokens: int | None, kind: ErrorType, words: str
) -> None:
    caller.bedrock.replies = [Streamed(eventstream.answer("Once upon", reason=reason))]

    run = caller.run(max_tokens=max_tokens)

    found, sentence = failure(run.error)
    assert (found, run.output) == (kind, "Once upon")
    assert words in sentence
    assert run.usage is not None
    assert run.usage.counts["outputTokens"] == 20
    assert len(caller.bedrock.requests) == 1


GUARDED = {
    "inputAssessment": {"g1": {"topicPolicy": {"topics": [{"name": "Money", "type": "DENY", "action": "BLOCKED"}]}}},
    "outputAssessments": {"g1": [{"contentPolicy": {"filters": [{"type": "HATE", "action": "NONE"}]}}]},
}
MASKED = {
    "outputAssessments": {
        "g1": [{"sensitiveInformationPolicy": {"piiEntities": [{"match": "Ada", "action": "ANONYMIZED"}]}}]
    }
}


def test_a_guardrail_that_blocked_fails_the_job_and_names_the_policy(caller: Caller) -> None:
    events = (eventstream.text("I cannot talk about that."), eventstream.stop("guardrail_intervened"))
    caller.bedrock.replies = [Streamed((*events, eventstream.metadata(trace=GUARDED)))]

    run = caller.run()

    kind, sentence = failure(run.error)
    assert kind is ErrorType.GUARDRAIL_INTERVENED
    assert "a guardrail stopped amazon.nova-micro-v1:0 (request request-1) by its denied topics;" in sentence
    assert "Money" not in sentence
    assert run.output == "I cannot talk about that."


def test_a_guardrail_that_masked_and_blocked_fails_the_job(caller: Caller) -> None:
    events = (eventstream.text("{NAME} cannot be talked about."), eventstream.stop("guardrail_intervened"))
    caller.bedrock.replies = [Streamed((*events, eventstream.metadata(trace={**GUARDED, **MASKED})))]

    kind, sentence = failure(caller.run().error)

    assert kind is ErrorType.GUARDRAIL_INTERVENED
    assert "by its denied topics;" in sentence


def test_a_guardrail_that_only_masked_lets_the_job_complete(caller: Caller) -> None:
    events = (eventstream.text("{NAME} wrote it."), eventstream.stop("guardrail_intervened"))
    caller.bedrock.replies = [Streamed((*events, eventstream.metadata(trace=MASKED)))]

    run = caller.run()

    assert (run.output, run.finished.usage["stopReason"]) == ("{NAME} wrote it.", "guardrail_intervened")


def test_unknown_kinds_of_events_add_nothing(caller: Caller) -> None:
    odd = (
        eventstream.event("aNewEvent", {"a": 1}),
        eventstream.event("contentBlockDelta", {"delta": {"citation": {"title": "t"}}, "contentBlockIndex": 0}),
    )
    caller.bedrock.replies = [Streamed((*odd, *eventstream.answer("Hi")))]

    assert caller.run().chunks == ["Hi"]


def test_progress_has_no_share_because_the_length_of_an_answer_is_unknown(caller: Caller) -> None:
    caller.bedrock.replies = [Streamed((eventstream.thought("hm"), *eventstream.answer("Hi")))]

    assert caller.run().progress == [Progress(None, "thinking, 2 characters so far"), Progress(None, "answering")]
