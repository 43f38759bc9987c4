"""What servers and proxies really send: marks, halves of characters, pings, odd types and failures in an answer."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.jobs.errors import ErrorType, WorkloadFailed
from tests.integration.openai.calling import ask, failure
from tests.integration.openai.server import DONE, Reply, Script, event, serving
from tests.unit.chalicelib.workloads.running import Run

STOP = event(end="stop")
BOM = b"\xef\xbb\xbf"


def raw(value: object) -> bytes:
    """An event with this value, in ASCII: characters beyond U+FFFF become two escapes."""
    return f"data: {json.dumps(value)}\n\n".encode()


def chunk(delta: Any, **more: Any) -> bytes:
    return raw({"id": "chatcmpl-7", "choices": [{"index": 0, "delta": delta, "finish_reason": None}], **more})


def answered(server: Script, *pieces: bytes, size: int | None = None, kind: str = "text/event-stream") -> Run:
    """The run against a server that sends these bytes, in pieces of this size."""
    body = b"".join(pieces)
    cuts = [body[at : at + size] for at in range(0, len(body), size)] if size else [body]
    server.replies = [Reply(cuts, headers={"Content-Type": kind})]
    return ask(server.url)


@pytest.mark.parametrize("size", [1, 2, 5, 10_000])
def test_a_mark_at_the_beginning_is_no_text_and_a_later_one_is(server: Script, size: int) -> None:
    run = answered(server, BOM, event(text="Hel"), event(text="lo\ufeff"), event(text="\ufeff!"), STOP, DONE, size=size)

    assert run.output == "Hello\ufeff\ufeff!"
    assert run.finished.result is None


@pytest.mark.parametrize("size", [1, 10_000])
def test_marks_of_several_proxies_lose_no_text(server: Script, size: int) -> None:
    pieces = (BOM, BOM, event(text="Hel"), BOM, event(text="\ufefflo"), BOM, STOP, DONE)

    assert answered(server, *pieces, size=size).output == "Hel\ufefflo"


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (("hi \ud83d", "\ude00!"), "hi 😀!"),
        (("hi \ud83d", "", "\ude00", "!"), "hi 😀!"),
        (("\ud83d", "\ud83d", "\ude00"), "\ufffd😀"),
        (("\ude00", "hi \ud83d"), "\ufffdhi \ufffd"),
        (("\ud83d\ude00\ud83d", "\ude00"), "😀😀"),
    ],
)
def test_a_character_in_two_chunks_is_one_character(server: Script, texts: tuple[str, ...], said: str) -> None:
    run = answered(server, *(chunk({"content": text}) for text in texts), STOP, DONE)

    assert run.output == said
    assert "".join(run.chunks).encode()


def thought(text: str) -> dict[str, Any]:
    return {"type": "thinking", "thinking": [{"type": "text", "text": text}]}


@pytest.mark.parametrize(
    "delta",
    [
        {"content": [thought("hmm")]},
        {"content": [{"type": "thinking", "thinking": "hmm"}]},
        {"content": [{"type": "reasoning", "text": "hmm"}]},
        {"content": None, "reasoning_content": "hmm", "reasoning": "hmm"},
        {"content": "", "reasoning": {"content": "hmm"}},
        {"reasoning_details": [{"type": "reasoning.text", "text": "hmm"}]},
    ],
)
def test_text_and_reasoning_may_be_in_parts(server: Script, delta: dict[str, Any]) -> None:
    text = {"content": [{"type": "text", "text": "Hel"}, {"type": "text", "text": "lo"}]}

    run = answered(server, chunk(delta), chunk(text), STOP, DONE)

    assert run.output == "Hello"
    assert run.finished.usage["reasoningCharacters"] == 3


@pytest.mark.parametrize(
    "content", ["Hello", ["Hel", "lo"], {"type": "text", "text": "Hello"}, [{"text": {"value": "Hello"}}]]
)
def test_content_may_have_any_form_of_text(server: Script, content: Any) -> None:
    assert answered(server, chunk({"content": content}), STOP, DONE).output == "Hello"


@pytest.mark.parametrize("content", [7, True, {"type": "image_url", "image_url": {"url": "x"}}, [[[[["deep"]]]]]])
def test_content_that_is_no_text_fails_the_job_and_keeps_the_output(server: Script, content: Any) -> None:
    run = answered(server, chunk({"content": "Hello"}), chunk({"content": content}), STOP, DONE)

    assert failure(run).error_type is ErrorType.MODEL_FAILED
    assert "not text" in str(run.error)
    assert run.output == "Hello"


@pytest.mark.parametrize(
    "block",
    [
        b"retry: 3000\n\n",
        b": OPENROUTER PROCESSING\n\n",
        b"id: 7\n\n",
        b"event: ping\n\n",
        b'event: ping\ndata: {"type": "ping"}\n\n',
        b"data\n\n",
        b"data:\n\n",
        b"data: \n\n",
        b"data: ping\n\n",
        b"data: null\n\n",
        b"data: {}\n\n",
        b"data: []\n\n",
        b'data: {"choices": []}\n\n',
        b'data: {"choices": null, "usage": null}\n\n',
        b'data: {"prompt_filter_results": [], "choices": [], "error": null}\n\n',
        b"\n\n\r\n",
        b"unknown: 1\n\n",
    ],
)
def test_blocks_without_content_are_ignored_anywhere(server: Script, block: bytes) -> None:
    texts = (event(text="Hel"), block, event(text="lo"))

    assert answered(server, block, *texts, block, STOP, block, DONE).output == "Hello"


def test_events_without_empty_lines_between_and_after_them_are_read(server: Script) -> None:
    lines = b"".join([event(text="Hel"), event(text="lo"), STOP, DONE]).replace(b"\n\n", b"\n").rstrip()

    assert answered(server, lines).output == "Hello"


def test_events_without_a_field_name_are_read(server: Script) -> None:
    lines = b"".join([event(text="Hel"), event(text="lo"), STOP]).replace(b"data: ", b"").replace(b"\n\n", b"\n")

    assert answered(server, lines).output == "Hello"
    assert answered(server, b"data: {}\n\n", lines).output == "Hello"


WHOLE = {
    "id": "chatcmpl-7",
    "object": "chat.completion",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2},
}


@pytest.mark.parametrize("indent", [None, 2])
def test_a_whole_completion_is_the_answer(server: Script, indent: int | None) -> None:
    body = json.dumps(WHOLE, indent=indent).encode()

    run = answered(server, BOM, body, kind="application/json")

    assert run.output == "Hello"
    assert run.finished.usage["outputTokens"] == 2


def test_a_whole_completion_may_be_an_event_and_may_repeat_the_text(server: Script) -> None:
    assert answered(server, raw(WHOLE), DONE).output == "Hello"
    assert answered(server, event(text="Hel"), event(text="lo"), raw(WHOLE), DONE).output == "Hello"


def said(value: object) -> list[bytes]:
    return [json.dumps(value).encode()]


@pytest.mark.parametrize(
    ("pieces", "kind", "words"),
    [
        ([b'error: {"code":400,"message":"the request exceeds the available context size"}\n\n'],
         ErrorType.CONTEXT_TOO_LONG, "the request exceeds the available context size"),
        ([raw({"error": {"code": 400, "message": "the request exceeds the available context size"}})],
         ErrorType.CONTEXT_TOO_LONG, "the request exceeds the available context size"),
        (said({"error": {"message": "quota exceeded", "type": "insufficient_quota"}}),
         ErrorType.MODEL_ACCESS_DENIED, "quota exceeded"),
        (said([{"error": {"code": 400, "message": "bad argument", "status": "INVALID_ARGUMENT"}}]),
         ErrorType.MODEL_REJECTED_INPUT, "bad argument"),
        ([raw({"error": "the model crashed"})], ErrorType.MODEL_FAILED, "the model crashed"),
        ([b"event: error\ndata: out of memory\n\n"], ErrorType.MODEL_FAILED, "out of memory"),
        ([b'event: error\ndata: {"message": "out of memory"}\n\n'], ErrorType.MODEL_FAILED, "out of memory"),
        ([raw({"object": "error", "message": "bad temperature", "type": "BadRequestError", "code": 400})],
         ErrorType.MODEL_REJECTED_INPUT, "bad temperature"),
        ([raw({"detail": "the engine is dead"})], ErrorType.MODEL_FAILED, "the engine is dead"),
        ([raw({"choices": [{"index": 0, "error": {"code": 502, "message": "provider is down"}}]})],
         ErrorType.MODEL_FAILED, "provider is down"),
        ([raw({"error": {"code": 502, "message": "Provider returned error", "metadata": {"raw": "no GPU left"}}})],
         ErrorType.MODEL_FAILED, "Provider returned error: no GPU left"),
        ([raw({"errors": [{"code": 7009, "message": "upstream is gone"}], "success": False})],
         ErrorType.MODEL_FAILED, "upstream is gone"),
        ([raw({"error": "Input validation: `inputs` tokens + `max_new_tokens` must be <= 4096",
               "error_type": "validation"})], ErrorType.CONTEXT_TOO_LONG, "must be <= 4096"),
        ([raw({"error": {"message": "overloaded", "type": "overloaded_error"}})],
         ErrorType.MODEL_THROTTLED, "overloaded"),
        ([raw({"error": {"message": "\ud83d no"}})], ErrorType.MODEL_FAILED, "\ufffd no"),
        ([event(text="Hello"), b'{"error": {"message": "out of memory"}}\n'], ErrorType.MODEL_FAILED, "out of memory"),
        ([event(text="Hello"), b"data: Internal Server Error\n\n"], ErrorType.MODEL_FAILED, "Internal Server Error"),
    ],
)  # fmt: skip
def test_the_words_of_a_failure_in_an_answer_are_quoted(
    server: Script, pieces: list[bytes], kind: ErrorType, words: str
) -> None:
    run = answered(server, *pieces)

    assert failure(run).error_type is kind
    assert words in str(run.error)


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (400, {"detail": "Model 'x' was not found"}, ErrorType.MODEL_UNAVAILABLE, "Model 'x' was not found"),
        (422, {"detail": [{"loc": ["body", "messages", 0, "role"], "msg": "Field required", "input": "a prompt"}]},
         ErrorType.MODEL_REJECTED_INPUT, "body.messages.0.role: Field required"),
        (422, {"detail": ["one", {"msg": "two"}]}, ErrorType.MODEL_REJECTED_INPUT, "one: two"),
        (422, {"error": "`inputs` tokens + `max_new_tokens` must be <= 4096", "error_type": "validation"},
         ErrorType.CONTEXT_TOO_LONG, "must be <= 4096"),
        (400, {"message": "bad temperature"}, ErrorType.MODEL_REJECTED_INPUT, "bad temperature"),
        (400, {"error": {"detail": {"message": "bad temperature"}}}, ErrorType.MODEL_REJECTED_INPUT, "bad temperature"),
        (400, "bad temperature", ErrorType.MODEL_REJECTED_INPUT, "bad temperature"),
        (403, {"error": {"message": "not in your country"}}, ErrorType.MODEL_ACCESS_DENIED, "not in your country"),
        (413, "Payload Too Large", ErrorType.CONTEXT_TOO_LONG, "Payload Too Large"),
        (429, {"error": {"message": "Request too large for m", "code": "rate_limit_exceeded"}},
         ErrorType.CONTEXT_TOO_LONG, "Request too large"),
        (404, {"detail": "Not Found"}, ErrorType.MODEL_FAILED, "/v1"),
        (404, "<html><h1>404 Not Found</h1></html>", ErrorType.MODEL_FAILED, "/v1"),
        (405, {"detail": "Method Not Allowed"}, ErrorType.MODEL_FAILED, "/v1"),
    ],
)  # fmt: skip
def test_the_words_of_a_refusal_are_quoted_in_any_form(
    server: Script, status: int, body: Any, kind: ErrorType, words: str
) -> None:
    text = body if isinstance(body, str) else json.dumps(body)
    server.replies = [Reply([text.encode()], status=status, headers={"Content-Type": "application/json"})]

    run = ask(server.url)

    assert failure(run).error_type is kind
    assert words in str(run.error)
    assert "a prompt" not in str(run.error)


def test_a_message_never_repeats_the_key(server: Script) -> None:
    server.replies = [Reply([b'{"error": "sk-1 may not use m"}'], status=403)]

    run = ask(server.url, key="sk-1")

    assert "may not use m" in str(run.error)
    assert "sk-1" not in str(run.error)


@pytest.mark.parametrize("kind", ["text/html", "text/event-stream"])
@pytest.mark.parametrize("page", [b"<!DOCTYPE html>\n<title>Login</title>", BOM + b"\r\n <html>data: 1</html>"])
def test_a_web_page_is_no_server(server: Script, page: bytes, kind: str) -> None:
    run = answered(server, page, kind=kind)

    assert failure(run).error_type is ErrorType.MODEL_FAILED
    assert "web page" in str(run.error)
    assert "/v1" in str(run.error)


@pytest.mark.parametrize("body", [b"", b"Ollama is running", b'{"models": []}', b"data: [DONE]\n\n", b"[1, 2]"])
def test_a_body_without_an_answer_is_of_another_protocol(server: Script, body: bytes) -> None:
    run = answered(server, body)

    assert failure(run).error_type is ErrorType.MODEL_FAILED
    assert "does not speak OpenAI's protocol" in str(run.error)


@pytest.mark.parametrize(
    "delta", [{"content": None, "refusal": "I cannot"}, {"content": [{"type": "refusal", "refusal": "I cannot"}]}]
)
@pytest.mark.parametrize("end", ["stop", "content_filter"])
def test_a_refusal_is_quoted(server: Script, delta: dict[str, Any], end: str) -> None:
    run = answered(server, chunk(delta), event(end=end), DONE)

    assert failure(run).error_type is ErrorType.GUARDRAIL_INTERVENED
    assert "I cannot" in str(run.error)


@pytest.mark.parametrize("last", [[], [event(text="\n\n")]])
def test_an_answer_of_reasoning_alone_fails(server: Script, last: list[bytes]) -> None:
    run = answered(server, event(reasoning_content="hmm"), *last, STOP, DONE)

    assert failure(run).error_type is ErrorType.MODEL_FAILED
    assert "reasoning" in str(run.error)


def test_hidden_reasoning_alone_fails_too(server: Script) -> None:
    usage = {"completion_tokens": 9, "completion_tokens_details": {"reasoning_tokens": 9}}

    run = answered(server, chunk({"content": ""}), event(end="stop"), event(usage=usage), DONE)

    assert failure(run).error_type is ErrorType.MODEL_FAILED


@pytest.mark.parametrize("end", ["eos", "eos_token", "end_turn", "STOP", "stop_sequence", "COMPLETE"])
def test_other_words_for_a_normal_end(server: Script, end: str) -> None:
    run = answered(server, event(text="Hello"), event(end=end), DONE)

    assert run.output == "Hello"
    assert run.finished.usage["stopReason"] == end


@pytest.mark.parametrize(
    ("end", "kind"),
    [
        ("MAX_TOKENS", ErrorType.CONTEXT_TOO_LONG),
        ("model_length", ErrorType.CONTEXT_TOO_LONG),
        ("SAFETY", ErrorType.GUARDRAIL_INTERVENED),
        ("refusal", ErrorType.GUARDRAIL_INTERVENED),
        ("tool_use", ErrorType.MODEL_FAILED),
        ("insufficient_system_resource", ErrorType.MODEL_FAILED),
    ],
)
def test_other_words_for_other_ends(server: Script, end: str, kind: ErrorType) -> None:
    assert failure(answered(server, event(text="Hello"), event(end=end), DONE)).error_type is kind


@pytest.mark.parametrize("ignored", ["", "null", None, False, [], {}])
def test_a_finish_reason_that_is_none_does_not_replace_one(server: Script, ignored: Any) -> None:
    after = raw({"choices": [{"index": 0, "delta": {}, "finish_reason": ignored}]})

    assert answered(server, event(text="Hello"), STOP, after, DONE).output == "Hello"


@pytest.mark.parametrize(
    "usage",
    [7, "many", [], {"prompt_tokens": "3"}, {"prompt_tokens": -1}, {"prompt_tokens": 1e400}, {"prompt_tokens": 10**400},
     {"prompt_tokens": True, "prompt_tokens_details": 3, "completion_tokens_details": "x"}],
)  # fmt: skip
def test_odd_usage_does_not_spoil_an_answer(server: Script, usage: Any) -> None:
    run = answered(server, event(text="Hello"), STOP, raw({"choices": [], "usage": usage}), DONE)

    assert run.output == "Hello"
    assert "inputTokens" not in run.finished.usage


def test_counts_that_are_known_are_kept(server: Script) -> None:
    usage = {"prompt_tokens": 3.0, "completion_tokens": None, "prompt_tokens_details": {"cached_tokens": 1}}

    run = answered(server, event(text="Hello"), STOP, raw({"choices": [], "usage": usage}), DONE)

    assert run.finished.usage["inputTokens"] == 2
    assert "outputTokens" not in run.finished.usage


def test_a_second_answer_is_dropped(server: Script) -> None:
    other = raw({"choices": [{"index": 1, "delta": {"content": "Goodbye"}}]})

    assert answered(server, event(text="Hel"), other, event(text="lo"), STOP, DONE).output == "Hello"


@pytest.mark.parametrize("system", ["", " ", "\n\t "])
def test_a_blank_system_is_not_sent(server: Script, system: str) -> None:
    server.replies = [Reply([event(text="Hello"), STOP, DONE])]

    ask(server.url, system=system)

    assert [it["role"] for it in server.body["messages"]] == ["user"]


NESTED = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "text", "content", "error", "code", "message", "thinking", "value", "detail"])
            | st.text(max_size=3),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    [
        (), ("id",), ("object",), ("choices",), ("usage",), ("error",), ("detail",), ("status",), ("model",),
        ("choices", 0), ("choices", 0, "index"), ("choices", 0, "delta"), ("choices", 0, "message"),
        ("choices", 0, "finish_reason"), ("choices", 0, "error"), ("choices", 0, "text"),
        ("choices", 0, "delta", "content"), ("choices", 0, "delta", "refusal"), ("choices", 0, "delta", "reasoning"),
        ("choices", 0, "delta", "tool_calls"), ("choices", 0, "delta", "role"), ("usage", "prompt_tokens"),
        ("usage", "prompt_tokens_details"), ("usage", "completion_tokens"), ("usage", "completion_tokens_details"),
    ]
)  # fmt: skip


def with_field(path: tuple[str | int, ...], value: Any) -> Any:
    """A usual chunk with another value at this place."""
    whole: Any = {"id": "7", "choices": [{"index": 0, "delta": {"content": "Hello"}}], "usage": {"prompt_tokens": 1}}
    if not path:
        return value
    place = whole
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    return whole


@given(path=FIELDS, value=NESTED, size=st.integers(1, 200))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_value_in_any_field_ends_in_an_answer_or_a_named_error(
    endless: Script, path: tuple[str | int, ...], value: Any, size: int
) -> None:
    run = answered(endless, event(text="Hi "), raw(with_field(path, value)), STOP, DONE, size=size)

    assert run.outcome is not None or (isinstance(run.error, WorkloadFailed) and run.error.error_type is not None)
    assert run.output.startswith("Hi ")
    json.dumps(
        [run.output, str(run.error), run.usage and run.usage.counts], allow_nan=False, ensure_ascii=False
    ).encode()


@given(body=st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_bytes_end_in_a_named_error(endless: Script, body: bytes) -> None:
    run = answered(endless, body)

    assert isinstance(run.error, WorkloadFailed)


@pytest.fixture(scope="module")
def endless() -> Any:
    """A server for many examples."""
    with serving() as script:
        yield script
