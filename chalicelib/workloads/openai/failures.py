"""Why a call to an OpenAI-compatible server failed, in words for the job's owner.

Servers agree on the status, less on `code` and `type`, and not at all on the message; what is told apart below is what
OpenAI, Ollama, llama.cpp and vLLM say.
"""

import json
from dataclasses import dataclass
from typing import Any, Final

import httpx2
import openai

from chalicelib.jobs.errors import ErrorType, WorkloadFailed
from chalicelib.workloads.retrying import FEW, MOST, Passing

NO_JSON: Final = (json.JSONDecodeError, UnicodeDecodeError)
# Besides the library's own: what the connection raises while a stream is read, and what a line that is no JSON does.
FAILURES: Final = (openai.OpenAIError, httpx2.HTTPError, *NO_JSON)
MAX_WORDS: Final = 400  # characters of the server's own
MOST_ASKED: Final = (
    60.0  # seconds; the worker costs money while it waits, so a server that asks for more is not waited for
)

AGAIN: Final = "start the job again later"
START: Final = (
    "start the server (`ollama serve`, `llama-server`, `vllm serve`), or name another with "
    "`longcall serve --openai URL` or `openai` of the stage"
)
FETCH: Final = "have the server load it (`ollama pull MODEL`), or ask for one that it lists at /v1/models"
KEY: Final = "give the server's key as LONGCALL_OPENAI_KEY, or on AWS in the stage's secret"
PAY: Final = "look at the account's plan and credit with the provider of the server"
SHORTEN: Final = "send a shorter text, or have the server use a larger context"
CHANGE: Final = "change what it does not take and start again"
REPHRASE: Final = "ask in other words"
WAIT: Final = "start the job again, or allow for more silence with LONGCALL_OPENAI_SILENCE_SECONDS"


@dataclass(frozen=True, slots=True)
class Failure:
    """One kind of failure. `calls` are how many it is worth, in all: more than one where it may pass."""

    kind: ErrorType
    what: str  # a clause about {model} and the server at {url}
    advice: str
    calls: int = 1
    quotes: bool = True  # whether the server's own words follow


BUSY: Final = Failure(ErrorType.MODEL_THROTTLED, "the server of {model} takes no more calls", AGAIN, calls=MOST)
UNPAID: Final = Failure(ErrorType.MODEL_ACCESS_DENIED, "the account that calls {model} has no quota left", PAY)
# A server may quote parts of the key that it refuses.
REFUSED: Final = Failure(
    ErrorType.MODEL_ACCESS_DENIED, "the server of {model} at {url} does not accept the key", KEY, quotes=False
)
UNKNOWN: Final = Failure(ErrorType.MODEL_UNAVAILABLE, "the server at {url} has no {model}", FETCH)
REJECTED: Final = Failure(ErrorType.MODEL_REJECTED_INPUT, "{model} does not take this input", CHANGE)
FILTERED: Final = Failure(ErrorType.GUARDRAIL_INTERVENED, "the server of {model} does not let this pass", REPHRASE)
TOO_LONG: Final = Failure(ErrorType.CONTEXT_TOO_LONG, "the text has more tokens than {model} takes", SHORTEN)
LOADING: Final = Failure(ErrorType.MODEL_UNAVAILABLE, "{model} is not ready", AGAIN, calls=MOST)
FAILED: Final = Failure(ErrorType.MODEL_FAILED, "{model} failed", AGAIN, calls=FEW)
BROKEN: Final = Failure(ErrorType.MODEL_FAILED, "the answer of {model} broke off", AGAIN, calls=FEW, quotes=False)
NO_PROTOCOL: Final = Failure(
    ErrorType.MODEL_FAILED, "the server at {url} does not speak OpenAI's protocol for {model}", START, quotes=False
)
UNREACHABLE: Final = Failure(
    ErrorType.MODEL_UNAVAILABLE, "no server answers at {url} for {model}", START, calls=FEW, quotes=False
)
SILENT: Final = Failure(ErrorType.MODEL_TIMED_OUT, "{model} fell silent", WAIT, quotes=False)

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
# What is said where neither tells: each is part of a message in lower case.
BY_WORDS: Final[tuple[tuple[Failure, tuple[str, ...]], ...]] = (
    (TOO_LONG, ("context length", "context size", "context window", "too many tokens", "maximum context")),
    (REJECTED, ("image input is not supported",)),  # llama.cpp, which calls that its own failure
)


def failure_of(error: Exception, *, model: str, url: str, answer_id: str, has_answered: bool) -> WorkloadFailed:
    """What to raise for an error, `Passing` where another try makes sense.

    Args:
        error: One of `FAILURES`.
        model: As the job names it.
        url: The server's, without anything secret.
        answer_id: The server's name for the answer; empty where there was none yet.
        has_answered: Whether the server had begun to answer.
    """
    failure = classify(error, has_answered=has_answered)
    request_id = (error.request_id if isinstance(error, openai.APIStatusError) else "") or answer_id
    identified = f" (request {request_id[:80]})" if request_id else ""
    words = _words(error) if failure.quotes else ""
    said = f": {words}" if words else ""
    happened = f"{failure.what.format(model=model, url=url)}{identified}{said}"
    asked = _asked(error)
    if failure.calls == 1 or (asked or 0.0) > MOST_ASKED:
        return WorkloadFailed(f"{happened}; {failure.advice}", failure.kind)
    return Passing(happened, failure.advice, failure.kind, most=failure.calls, asked=asked)


def classify(error: Exception, *, has_answered: bool) -> Failure:
    """Which failure it is."""
    match error:
        case openai.APITimeoutError() | httpx2.TimeoutException():
            cause = error.__cause__ if isinstance(error, openai.APITimeoutError) else error
            return UNREACHABLE if isinstance(cause, httpx2.ConnectTimeout) else SILENT
        case openai.APIConnectionError() | httpx2.HTTPError():
            return BROKEN if has_answered else UNREACHABLE
        case openai.APIStatusError():
            return _of_server(error, error.status_code)
        case openai.APIResponseValidationError():
            return NO_PROTOCOL
        case openai.APIError():  # an event of the stream; its code may be a status
            code = error.code or ""
            return _of_server(error, int(code) if code.isdecimal() else 500)
        case json.JSONDecodeError() | UnicodeDecodeError():
            return BROKEN if has_answered else NO_PROTOCOL
        case _:
            return FAILED


def _of_server(error: openai.APIError, status: int) -> Failure:
    named = BY_CODE.get(error.code or "") or BY_CODE.get(error.type or "")
    if named is not None:
        return named
    failure = BY_STATUS.get(status, FAILED if status >= 500 else REJECTED)
    if failure in (REJECTED, FAILED):
        for narrower, texts in BY_WORDS:
            if any(text in error.message.lower() for text in texts):
                return narrower
    return failure


def _words(error: Exception) -> str:
    """The server's own, on one line. Of a body that is no JSON the library makes words of its own."""
    body: Any = error.body if isinstance(error, openai.APIError) else None
    said = body.get("message") if isinstance(body, dict) else body
    text = said if isinstance(said, str) else ""
    return " ".join(text.split())[:MAX_WORDS].rstrip(". ")


def _asked(error: Exception) -> float | None:
    """Seconds that the server wants to be left alone. A date, which the header may have too, is not read."""
    if not isinstance(error, openai.APIStatusError):
        return None
    text = error.response.headers.get("retry-after", "")
    return float(text) if text.replace(".", "", 1).isdecimal() else None
