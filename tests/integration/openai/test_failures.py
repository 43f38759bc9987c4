"""The error of a job whose server fails, and which failures are retried."""

import pytest

from chalicelib.jobs.errors import ErrorType
from chalicelib.workloads import Chunk, Usage
from chalicelib.workloads.retrying import MAX_CALLS_BUSY, MAX_CALLS_DOWN
from tests.integration.openai.calling import ask, failure, started
from tests.integration.openai.server import DONE, End, Reply, Script, answer, error, event
from tests.unit.chalicelib.workloads.running import FakeClock

KEY = "sk-very-secret"


@pytest.mark.parametrize(
    ("reply", "kind", "calls"),
    [
        (error("slow down", status=429), ErrorType.MODEL_THROTTLED, MAX_CALLS_BUSY),
        (error("Loading model", status=503, code=503, type="unavailable_error"),
         ErrorType.MODEL_UNAVAILABLE, MAX_CALLS_BUSY),
        (error("boom", status=500), ErrorType.MODEL_FAILED, MAX_CALLS_DOWN),
        (Reply([b"<html>bad gateway</html>"], status=502), ErrorType.MODEL_FAILED, MAX_CALLS_DOWN),
        (error("no credit", status=429, code="insufficient_quota"), ErrorType.MODEL_ACCESS_DENIED, 1),
        (error("who are you", status=401), ErrorType.MODEL_ACCESS_DENIED, 1),
        (error("not you", status=403), ErrorType.MODEL_ACCESS_DENIED, 1),
        (error('model "m" not found, try pulling it first', status=404), ErrorType.MODEL_UNAVAILABLE, 1),
        (error("temperature must be <= 2", status=400), ErrorType.MODEL_REJECTED_INPUT, 1),
        (error("unprocessable", status=422), ErrorType.MODEL_REJECTED_INPUT, 1),
        (error("long", status=400, code="context_length_exceeded"), ErrorType.CONTEXT_TOO_LONG, 1),
        (error("request (999 tokens) exceeds", status=400, code=400, type="exceed_context_size_error"),
         ErrorType.CONTEXT_TOO_LONG, 1),
        (error("This model's maximum context length is 8 tokens.", status=400), ErrorType.CONTEXT_TOO_LONG, 1),
        (error("no", status=400, code="content_policy_violation"), ErrorType.GUARDRAIL_INTERVENED, 1),
    ],
    ids=lambda value: str(value) if isinstance(value, ErrorType) else None,
)  # fmt: skip
def test_each_refusal_has_an_error_type_and_a_number_of_calls(
    server: Script, reply: Reply, kind: ErrorType, calls: int
) -> None:
    server.replies = [reply]

    run = ask(server.url)

    assert failure(run).error_type is kind
    assert len(server.requests) == calls
    assert "openai/m" in str(run.error)
    assert ("tried" in str(run.error)) is (calls > 1)


def test_a_busy_server_is_called_again(server: Script) -> None:
    clock = FakeClock()
    server.replies = [error("slow down", status=429, headers={"Retry-After": "7"}), answer("Yes")]

    run = ask(server.url, clock=clock)

    assert run.output == "Yes"
    assert clock.sleeps == [7.5]  # the server's 7 s and half a second of back-off


def test_a_server_that_asks_for_more_than_a_minute_is_not_called_again(server: Script) -> None:
    server.replies = [error("slow down", status=429, headers={"Retry-After": "90"})]

    assert failure(ask(server.url)).error_type is ErrorType.MODEL_THROTTLED
    assert len(server.requests) == 1


def test_the_error_has_the_servers_message_and_request_id_on_one_line(server: Script) -> None:
    server.replies = [error("temperature must\nbe <= 2.", headers={"x-request-id": "req-9"})]

    assert str(ask(server.url).error) == (
        "openai/m does not take this input (request req-9): temperature must be <= 2; "
        "change the input that it does not take and start again"
    )


def test_the_key_is_sent_and_never_shown(server: Script) -> None:
    server.replies = [error(f"Incorrect API key provided: {KEY}", status=401)]

    run = ask(server.url, key=KEY)

    assert server.requests[0][1]["authorization"] == f"Bearer {KEY}"
    assert KEY not in str(run.error)
    assert "LONGCALL_OPENAI_KEY" in str(run.error)


def test_an_unreachable_server_is_named_with_how_to_start_it() -> None:
    clock = FakeClock()

    run = ask("http://name:secret@127.0.0.1:9/v1", clock=clock)

    assert failure(run).error_type is ErrorType.MODEL_UNAVAILABLE
    assert "no server answers at http://127.0.0.1:9/v1 for openai/m" in str(run.error)
    assert "ollama serve" in str(run.error)
    assert len(clock.sleeps) == MAX_CALLS_DOWN - 1


@pytest.mark.parametrize(
    "reply",
    [
        Reply([event(text="It was"), b'data: {"error": {"message": "out of memory", "code": 500}}\n\n']),
        Reply([event(text="It was"), event(text="late")[:20]], end=End.CUT),
        Reply([event(text="It was"), b"data: {broken\n\n", DONE]),
        Reply([event(text="It was"), b"data: \xff\xfe\n\n", DONE]),
    ],
    ids=["error", "cut", "no JSON", "no UTF-8"],
)
def test_an_answer_that_is_cut_off_is_not_retried(server: Script, reply: Reply) -> None:
    server.replies = [reply]

    run = ask(server.url)

    assert run.output == "It was"
    assert failure(run).error_type is ErrorType.MODEL_FAILED
    assert "chatcmpl-7" in str(run.error)
    assert len(server.requests) == 1


def test_an_error_in_the_stream_before_any_text_is_retried(server: Script) -> None:
    broken = Reply([b'data: {"error": {"message": "try later", "code": 503}}\n\n'])
    server.replies = [broken, Reply([], end=End.CUT), answer("Yes")]

    assert ask(server.url).output == "Yes"


@pytest.mark.parametrize("said", [[], [event(text="It was")]], ids=["before the first token", "in mid-answer"])
def test_a_server_that_stops_sending_data_fails_the_job(server: Script, said: list[bytes]) -> None:
    server.replies = [Reply(said, end=End.STALL)]

    run = ask(server.url, silence=0.2)

    assert failure(run).error_type is ErrorType.MODEL_TIMED_OUT
    assert "LONGCALL_OPENAI_SILENCE_SECONDS" in str(run.error)
    assert len(server.requests) == 1


def test_the_usage_before_a_failure_is_kept(server: Script) -> None:
    server.replies = [Reply([event(text="It was")], end=End.CUT)]

    run = ask(server.url)

    assert run.usage is not None
    assert run.usage.counts["modelRequestId"] == "chatcmpl-7"


@pytest.mark.parametrize("reply", [error("busy", status=429), error("boom", status=500), error("no", status=400)])
def test_a_call_that_was_not_accepted_reports_no_usage(server: Script, reply: Reply) -> None:
    server.replies = [reply]

    assert ask(server.url).usage is None


def test_an_accepted_call_reports_usage_before_its_first_text(server: Script) -> None:
    server.replies = [answer("It was", "late")]

    pieces = [type(piece) for piece in started(server.url)]

    assert pieces.index(Usage) < pieces.index(Chunk)


def test_a_page_instead_of_a_stream_fails_the_job(server: Script) -> None:
    server.replies = [Reply([b"<html>welcome</html>"], headers={"Content-Type": "text/html"})]

    assert failure(ask(server.url)).error_type is ErrorType.MODEL_FAILED


def test_a_stage_without_a_server_names_the_setting() -> None:
    run = ask(None)

    assert failure(run).error_type is ErrorType.MODEL_UNAVAILABLE
    assert "LONGCALL_OPENAI_URL" in str(run.error)
