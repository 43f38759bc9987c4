"""Failures of calls to an OpenAI-compatible server: which kind each error is, and what the job's owner reads.

Servers agree on the status, less on `code` and `type`, and not at all on the message. What is recognised below is what
OpenAI, Ollama, llama.cpp and vLLM send.
"""

import re
from typing import Final

import httpx2
import openai
from msgspec.structs import replace

from chalicelib.jobs.errors import ErrorType, WorkloadFailed
from chalicelib.workloads.model_failures import ModelFailure, is_about_length
from chalicelib.workloads.openai.events import EventTooLarge
from chalicelib.workloads.openai.parts import NotText
from chalicelib.workloads.openai.values import BrokenData
from chalicelib.workloads.openai.words import ServerError, Words, words_of
from chalicelib.workloads.retrying import MAX_CALLS_BUSY, MAX_CALLS_DOWN


class NoAnswer(Exception):
    """The body has no chunk of an answer."""

    def __init__(self, *, is_page: bool) -> None:
        super().__init__(is_page)
        self.is_page = is_page


# The library's own errors, what it lets through of the connection, and what was found in the answer.
FAILURES: Final = (
    openai.OpenAIError, httpx2.HTTPError, ServerError, NoAnswer, BrokenData, EventTooLarge, NotText,
)  # fmt: skip
MAX_RETRY_AFTER: Final = 60.0  # seconds; the worker costs money while it waits, so a longer wait fails the job

TRY_LATER: Final = "start the job again later"
START_SERVER: Final = (
    "start the server (`ollama serve`, `llama-server`, `vllm serve`), or name another with "
    "`longcall serve --openai URL` or `openai` of the stage"
)
CHECK_URL: Final = (
    "check the URL, which usually ends with /v1, in `longcall serve --openai URL` or `openai` of the stage"
)
CHANGE_SERVER: Final = "start the job again, or use another server or model"
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
DENIED: Final = ModelFailure(
    ErrorType.MODEL_ACCESS_DENIED, "the server at {url} does not let this key use {model}", CHECK_KEY
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
ODD: Final = ModelFailure(
    ErrorType.MODEL_FAILED, "the server of {model} sent an answer that is not text", CHANGE_SERVER, quotes_service=False
)
TOO_LARGE: Final = ModelFailure(
    ErrorType.MODEL_FAILED, "the server of {model} sent more than 16 MB as one event", CHANGE_SERVER,
    quotes_service=False,
)  # fmt: skip
NO_PROTOCOL: Final = ModelFailure(
    ErrorType.MODEL_FAILED, "the server at {url} does not speak OpenAI's protocol for {model}", CHECK_URL
)
PAGE: Final = ModelFailure(
    ErrorType.MODEL_FAILED,
    "the server at {url} answered with a web page, so it is not an OpenAI-compatible server for {model}",
    CHECK_URL,
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

# A server's own names for a failure, as in `Words.kinds`. The first ones say more than the status.
BY_EXACT_KIND: Final = {
    "contextlengthexceeded": TOO_LONG,
    "exceedcontextsize": TOO_LONG,  # llama.cpp
    "insufficientquota": UNPAID,
    "billinghardlimitreached": UNPAID,
    "insufficientbalance": UNPAID,
    "contentpolicyviolation": FILTERED,
    "contentfilter": FILTERED,
    "modelnotfound": UNKNOWN,
    "invalidapikey": REFUSED,
}
BY_STATUS: Final = {
    401: REFUSED, 402: UNPAID, 403: DENIED, 404: UNKNOWN, 405: NO_PROTOCOL, 408: SILENT, 409: LOADING, 413: TOO_LONG,
    429: BUSY, 503: LOADING,
}  # fmt: skip
BY_KIND: Final = {
    "invalidrequest": REJECTED, "badrequest": REJECTED, "validation": REJECTED, "unprocessableentity": REJECTED,
    "invalidargument": REJECTED, "authentication": REFUSED, "unauthenticated": REFUSED, "unauthorized": REFUSED,
    "permission": DENIED, "permissiondenied": DENIED, "forbidden": DENIED, "notfound": UNKNOWN,
    "ratelimit": BUSY, "ratelimitexceeded": BUSY, "resourceexhausted": BUSY, "overloaded": BUSY,
    "toomanyrequests": BUSY, "unavailable": LOADING, "serviceunavailable": LOADING, "timeout": SILENT,
    "deadlineexceeded": SILENT,
}  # fmt: skip
NO_SUCH_MODEL: Final = re.compile(r"\bmodel\b.*\b(not found|not exist|no such|not loaded|unknown)", re.IGNORECASE)
# A server's message, if its names for the failure say less. Of llama.cpp, which answers with status 500.
NO_IMAGES: Final = "image input is not supported"


def failure_of(
    error: Exception, *, model: str, url: str, key: str, answer_id: str, has_answered: bool
) -> WorkloadFailed:
    """The job's error for an error of a call: a `TemporaryFailure` if another call may succeed.

    Args:
        error: One of `FAILURES`.
        model: As the job names it.
        url: The server's, without secrets.
        key: The server's, which its message must not repeat; empty if it has none.
        answer_id: The server's id of the answer; empty if no answer had begun.
        has_answered: Whether the server had begun to answer.
    """
    failure = classify(error, has_answered=has_answered)
    retry_after = _retry_after(error)
    if (retry_after or 0.0) > MAX_RETRY_AFTER:
        failure = replace(failure, max_calls=1)
    request_id = (error.request_id if isinstance(error, openai.APIStatusError) else "") or answer_id
    said = _message(error)
    return failure.error(
        names={"model": model, "url": url},
        request_id=request_id[:80],
        message=said.replace(key, "…") if key else said,
        retry_after=retry_after,
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
            return _classify_words(words_of(error.response.text), error.status_code)
        case ServerError(words=words):
            return _classify_words(words, None)
        case NoAnswer(is_page=is_page):
            return PAGE if is_page else NO_PROTOCOL
        case BrokenData():
            return BROKEN if has_answered else NO_PROTOCOL
        case NotText():
            return ODD
        case EventTooLarge():
            return TOO_LARGE
        case _:
            return FAILED


def _classify_words(words: Words, http_status: int | None) -> ModelFailure:
    """The kind of failure that a server reports. Its words narrow what its status says.

    Args:
        words: Of the server.
        http_status: Of the answer; None if that is 200.
    """
    exact = next((BY_EXACT_KIND[kind] for kind in words.kinds if kind in BY_EXACT_KIND), None)
    status = http_status or words.status
    named = next((BY_KIND[kind] for kind in words.kinds if kind in BY_KIND), None)
    other = FAILED if status is None or status >= 500 else REJECTED
    failure = exact or (BY_STATUS.get(status) if status else None) or named or other
    if failure in (REJECTED, FAILED, BUSY) and is_about_length(words.message):
        return TOO_LONG
    if failure in (REJECTED, FAILED) and NO_SUCH_MODEL.search(words.message):
        return UNKNOWN
    if failure is FAILED and NO_IMAGES in words.message.lower():
        return REJECTED
    if failure is UNKNOWN and exact is None and "model" not in words.message.lower():
        return NO_PROTOCOL  # the server does not know the path
    return failure


def _message(error: Exception) -> str:
    """The server's own message; empty if it said nothing."""
    if isinstance(error, openai.APIStatusError):
        return words_of(error.response.text).message
    return error.words.message if isinstance(error, ServerError) else ""


def _retry_after(error: Exception) -> float | None:
    """The wait in seconds that the server asks for. A date, which the header may contain too, is ignored."""
    if not isinstance(error, openai.APIStatusError):
        return None
    text = error.response.headers.get("retry-after", "")
    return float(text) if text.replace(".", "", 1).isdecimal() else None
