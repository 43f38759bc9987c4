"""Failures of calls to an OpenAI-compatible server: which kind each error is, and what the job's owner reads.

Servers agree on the status, less on `code` and `type`, and not at all on the message. What is recognised below is what
OpenAI, Ollama, llama.cpp and vLLM send.
"""

import json
from dataclasses import replace
from typing import Any, Final

import httpx2
import openai

from chalicelib.jobs.errors import ErrorType, WorkloadFailed
from chalicelib.workloads.model_failures import ModelFailure
from chalicelib.workloads.retrying import MAX_CALLS_BUSY, MAX_CALLS_DOWN

INVALID_JSON: Final = (json.JSONDecodeError, UnicodeDecodeError)
# The library's own errors, and what it lets through: errors of the connection and of lines that are not JSON.
FAILURES: Final = (openai.OpenAIError, httpx2.HTTPError, *INVALID_JSON)
MAX_RETRY_AFTER: Final = 60.0  # seconds; the worker costs money while it waits, so a longer wait fails the job

TRY_LATER: Final = "start the job again later"
START_SERVER: Final = (
    "start the server (`ollama serve`, `llama-server`, `vllm serve`), or name another with "
    "`longcall serve --openai URL` or `openai` of the stage"
)
LOAD_MODEL: Final = "load it into the server (`ollama pull MODEL`), or use a model that the server lists at /v1/models"
CHECK_KEY: Final = "give the server's key as LONGCALL_OPENAI_KEY, or on AWS in the stage's secret"
CHECK_CREDIT: Final = "check the account's plan and credit at the server's provider"
SHORTEN: Final = "send a shorter text, or give the server a larger context"
CHANGE_INPUT: Final = "change the input that it does not take and start again"
REPHRASE: Final = "rephrase the prompt"
WAIT_LONGER: Final = "start the job again, or allow more silence with LONGCALL_OPENAI_SILENCE_SECONDS"

BUSY: Final = ModelFailure(
    ErrorType.MODEL_THROTTLED, "the server of {model} is busy", TRY_LATER, max_calls=MAX_CALLS_BUSY
)
UNPAID: Final = ModelFailure(
    ErrorType.MODEL_ACCESS_DENIED, "the account that calls {model} has no quota left", CHECK_CREDIT
)
# A server may quote parts of the key that it refuses.
REFUSED: Final = ModelFailure(
    ErrorType.MODEL_ACCESS_DENIED,
    "the server of {model} at {url} does not accept the key",
    CHECK_KEY,
    quotes_service=False,
)
UNKNOWN: Final = ModelFailure(ErrorType.MODEL_UNAVAILABLE, "the server at {url} has no model {model}", LOAD_MODEL)
REJECTED: Final = ModelFailure(ErrorType.MODEL_REJECTED_INPUT, "{model} does not take this input", CHANGE_INPUT)
FILTERED: Final = ModelFailure(
    ErrorType.GUARDRAIL_INTERVENED, "the content filter of the server of {model} refused this", REPHRASE
)
TOO_LONG: Final = ModelFailure(ErrorType.CONTEXT_TOO_LONG, "the text has more tokens than {model} takes", SHORTEN)
LOADING: Final = ModelFailure(ErrorType.MODEL_UNAVAILABLE, "{model} is not ready", TRY_LATER, max_calls=MAX_CALLS_BUSY)
FAILED: Final = ModelFailure(ErrorType.MODEL_FAILED, "{model} failed", TRY_LATER, max_calls=MAX_CALLS_DOWN)
BROKEN: Final = ModelFailure(
    ErrorType.MODEL_FAILED,
    "the answer of {model} was cut off",
    TRY_LATER,
    max_calls=MAX_CALLS_DOWN,
    quotes_service=False,
)
NO_PROTOCOL: Final = ModelFailure(
    ErrorType.MODEL_FAILED,
    "the server at {url} does not speak OpenAI's protocol for {model}",
    START_SERVER,
    quotes_service=False,
)
UNREACHABLE: Final = ModelFailure(
    ErrorType.MODEL_UNAVAILABLE,
    "no server answers at {url} for {model}",
    START_SERVER,
    max_calls=MAX_CALLS_DOWN,
    quotes_service=False,
)
SILENT: Final = ModelFailure(
    ErrorType.MODEL_TIMED_OUT, "{model} stopped sending data", WAIT_LONGER, quotes_service=False
)

BY_CODE: Final = {
    "context_length_exceeded": TOO_LONG,
    "exceed_context_size_error": TOO_LONG,  # llama.cpp
    "insufficient_quota": UNPAID,
    "billing_hard_limit_reached": UNPAID,
    "content_policy_violation": FILTERED,
    "content_filter": FILTERED,
    "model_not_found": UNKNOWN,
}
BY_STATUS: Final = {
    401: REFUSED, 403: REFUSED, 402: UNPAID, 404: UNKNOWN, 408: SILENT, 409: LOADING, 429: BUSY, 503: LOADING,
}  # fmt: skip
# The server's message, if neither code nor type is known: each text is part of a message in lower case.
BY_MESSAGE: Final[tuple[tuple[ModelFailure, tuple[str, ...]], ...]] = (
    (TOO_LONG, ("context length", "context size", "context window", "too many tokens", "maximum context")),
    (REJECTED, ("image input is not supported",)),  # llama.cpp, which answers with status 500
)


def failure_of(error: Exception, *, model: str, url: str, answer_id: str, has_answered: bool) -> WorkloadFailed:
    """The job's error for an error of a call: a `TemporaryFailure` if another call may succeed.

    Args:
        error: One of `FAILURES`.
        model: As the job names it.
        url: The server's, without secrets.
        answer_id: The server's id of the answer; empty if no answer had begun.
        has_answered: Whether the server had begun to answer.
    """
    failure = classify(error, has_answered=has_answered)
    retry_after = _retry_after(error)
    if (retry_after or 0.0) > MAX_RETRY_AFTER:
        failure = replace(failure, max_calls=1)
    request_id = (error.request_id if isinstance(error, openai.APIStatusError) else "") or answer_id
    return failure.error(
        names={"model": model, "url": url}, request_id=request_id[:80], message=_message(error), retry_after=retry_after
    )


def classify(error: Exception, *, has_answered: bool) -> ModelFailure:
    """The kind of failure."""
    match error:
        case openai.APITimeoutError() | httpx2.TimeoutException():
            cause = error.__cause__ if isinstance(error, openai.APITimeoutError) else error
            return UNREACHABLE if isinstance(cause, httpx2.ConnectTimeout) else SILENT
        case openai.APIConnectionError() | httpx2.HTTPError():
            return BROKEN if has_answered else UNREACHABLE
        case openai.APIStatusError():
            return _classify_server_error(error, error.status_code)
        case openai.APIResponseValidationError():
            return NO_PROTOCOL
        case openai.APIError():  # an event of the stream; its code may be a status
            code = error.code or ""
            return _classify_server_error(error, int(code) if code.isdecimal() else 500)
        case json.JSONDecodeError() | UnicodeDecodeError():
            return BROKEN if has_answered else NO_PROTOCOL
        case _:
            return FAILED


def _classify_server_error(error: openai.APIError, status: int) -> ModelFailure:
    named = BY_CODE.get(error.code or "") or BY_CODE.get(error.type or "")
    if named is not None:
        return named
    failure = BY_STATUS.get(status, FAILED if status >= 500 else REJECTED)
    if failure in (REJECTED, FAILED):
        for narrower, texts in BY_MESSAGE:
            if any(text in error.message.lower() for text in texts):
                return narrower
    return failure


def _message(error: Exception) -> str:
    """The server's own message, on one line. The library's own, for a body that is not JSON, is left out."""
    body: Any = error.body if isinstance(error, openai.APIError) else None
    message = body.get("message") if isinstance(body, dict) else body
    return " ".join(message.split()) if isinstance(message, str) else ""


def _retry_after(error: Exception) -> float | None:
    """The wait in seconds that the server asks for. A date, which the header may contain too, is ignored."""
    if not isinstance(error, openai.APIStatusError):
        return None
    text = error.response.headers.get("retry-after", "")
    return float(text) if text.replace(".", "", 1).isdecimal() else None
