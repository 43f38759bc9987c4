"""How an answer becomes pieces and an outcome, wherever its stream is cut."""

import pytest

from chalicelib.jobs.errors import BudgetExceeded, ErrorType
from chalicelib.workloads import Progress
from tests.integration.openai.calling import ask, failure
from tests.integration.openai.server import DONE, Reply, Script, answer, event

TEXTS = ("Æ", "rø: ", "海の便り ", "🐋🌊\n\n", "data: [DONE]", " 𝄞")
USED = {
    "prompt_tokens": 30,
    "completion_tokens": 12,
    "total_tokens": 42,
    "prompt_tokens_details": {"cached_tokens": 10},
    "completion_tokens_details": {"reasoning_tokens": 5},
}


def cut(body: bytes, size: int) -> list[bytes]:
    return [body[start : start + size] for start in range(0, len(body), size)]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 10_000])
@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"], ids=["LF", "CRLF", "CR"])
def test_text_is_complete_wherever_the_stream_is_cut(server: Script, size: int, newline: bytes) -> None:
    body = b"".join([b": ping\n\n", *(event(text=text) for text in TEXTS), event(end="stop"), DONE])
    server.replies = [Reply(cut(body.replace(b"\n", newline), size))]

    run = ask(server.url)

    assert run.output == "".join(TEXTS)
    assert run.finished.result is None  # the output is the result


def test_usage_has_tokens_read_cached_and_written_and_the_answers_id(server: Script) -> None:
    server.replies = [answer("Yes", usage=USED)]

    run = ask(server.url)

    usage = dict(run.finished.usage)
    assert isinstance(usage.pop("modelMilliseconds"), int)
    assert usage == {
        "inputTokens": 20,
        "cachedInputTokens": 10,
        "outputTokens": 12,
        "reasoningTokens": 5,
        "stopReason": "stop",
        "modelRequestId": "chatcmpl-7",
    }
    assert run.usage is not None
    assert run.usage.counts == run.finished.usage


def test_a_server_that_counts_no_tokens_is_accepted(server: Script) -> None:
    server.replies = [answer("Yes")]

    run = ask(server.url)

    assert run.output == "Yes"
    assert set(run.finished.usage) == {"stopReason", "modelRequestId", "modelMilliseconds"}


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_reasoning_is_shown_as_progress_and_counted_and_never_output(server: Script, name: str) -> None:
    thoughts = [event(**{name: "hm" * 60}) for _ in range(4)]
    server.replies = [Reply([*thoughts, event(text="Yes"), event(end="stop"), DONE])]

    run = ask(server.url)

    assert run.output == "Yes"
    assert run.progress == [
        Progress(message="thinking, 120 characters so far"),
        Progress(message="thinking, 360 characters so far"),
        Progress(message="answering"),
    ]
    assert run.finished.usage["reasoningCharacters"] == 480


def test_an_answer_that_reaches_max_tokens_ends_the_job_and_keeps_usage_and_output(server: Script) -> None:
    server.replies = [answer("It was", end="length", usage={**USED, "completion_tokens": 2})]

    run = ask(server.url, max_tokens=2)

    assert isinstance(run.error, BudgetExceeded)
    assert "maxTokens of 2" in str(run.error)
    assert run.output == "It was"
    assert run.usage is not None
    assert run.usage.counts["outputTokens"] == 2


@pytest.mark.parametrize(("most", "written"), [(None, 2), (500, 2)])
def test_an_answer_that_fills_the_servers_context_does_not_complete(
    server: Script, most: int | None, written: int
) -> None:
    server.replies = [answer("It was", end="length", usage={**USED, "completion_tokens": written})]

    run = ask(server.url, max_tokens=most)

    assert failure(run).error_type is ErrorType.CONTEXT_TOO_LONG
    assert run.output == "It was"


@pytest.mark.parametrize(
    ("end", "kind"), [("content_filter", ErrorType.GUARDRAIL_INTERVENED), ("tool_calls", ErrorType.MODEL_FAILED)]
)
def test_an_answer_with_another_finish_reason_fails_and_names_it(server: Script, end: str, kind: ErrorType) -> None:
    server.replies = [answer("It was", end=end)]

    assert failure(ask(server.url)).error_type is kind


def test_a_stream_without_a_finish_reason_does_not_complete(server: Script) -> None:
    server.replies = [Reply([event(text="It was"), DONE])]

    run = ask(server.url)

    assert failure(run).error_type is ErrorType.MODEL_FAILED
    assert "so it may be incomplete" in str(run.error)
