"""What a job would cost, before it starts. Pure.

A quote is the bill of a job with the expected work. The number of updates is not guessed: an `Outbox` with the stage's
policy is driven through the job's time.
"""

import math
from collections.abc import Iterator
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from chalicelib.api.calls import QuoteInference
from chalicelib.billing.budget import BYTES_PER_TOKEN, AttemptBudget
from chalicelib.billing.cost import Invoice, invoice
from chalicelib.billing.metering import log_units, units
from chalicelib.billing.prices import PUSH_SIZE
from chalicelib.jobs.limits import MAX_STORED_RESULT
from chalicelib.jobs.model import Change, InferenceRequest, Status
from chalicelib.jobs.usage import Counts
from chalicelib.publisher.coalescing import Outbox
from chalicelib.publisher.policies import BARE_EVENT, FlushPolicy
from chalicelib.workloads import textrank
from chalicelib.workloads.contract import Chunk, Progress, Usage
from chalicelib.workloads.simulated import DEFAULT_SECONDS, DEFAULT_WORDS

USUAL_TOKENS: Final = 500  # of an answer without a limit
USUAL_SPEED: Final = 50.0  # tokens a second
BYTES_PER_WORD: Final = 6  # of UTF-8, with the space, in English
TEXTRANK_SECONDS: Final = 1e-5  # for each byte of its text, on a function with 512 MB
MEGABYTES: Final = 512  # memory of a worker
INVOCATION: Final = 895.0  # seconds of work in one invocation
PIECES: Final = 10_000  # at most; a longer text comes in longer pieces
REPORTS: Final = 10  # of progress, in a second
SUMMARY: Final = 700  # bytes of a projection, about
BILL: Final = 1_500  # bytes of a bill, about


class Work(Struct, frozen=True):
    """A job as it is expected to be.

    Attributes:
        model: The model that runs it.
        input_tokens: Tokens of the text.
        output_tokens: Tokens of the output.
        seconds: Duration of the work.
        output_bytes: Bytes of the output.
        silence: Seconds before the first output, in which the work only reports its progress.
    """

    model: str
    input_tokens: int
    output_tokens: int
    seconds: float
    output_bytes: int
    silence: float = 0.0


def quote(call: QuoteInference, policy: FlushPolicy) -> Invoice:
    """The bill to expect. Its notes say what was assumed."""
    work = expected(call)
    # A job with a longer output fails. To gather one of gigabytes would also keep the relay busy for half a minute.
    work = replace(work, output_bytes=min(work.output_bytes, MAX_STORED_RESULT))
    found = estimate(work, policy)
    assumed = (
        f"assumed are {work.input_tokens} input tokens, {work.output_tokens} output tokens, {work.seconds:.0f} seconds "
        "and one watcher"
    )
    return Invoice(found.items, (*found.notes, assumed))


def expected(call: QuoteInference) -> Work:
    """The work to expect of a job: for workloads of our own as they do it, for any other as a model does."""
    read = -(-call.text_bytes // BYTES_PER_TOKEN)
    match call.model:
        case "simulated.echo":  # repeats its text at once
            return Work(call.model, read, read, call.process_time or 0.0, call.text_bytes)
        case "local.textrank":  # counts words, and writes them when it has read everything
            most = min(call.text_bytes * textrank.DEFAULT_SHARE, textrank.DEFAULT_WORDS * BYTES_PER_WORD)
            size = round(most) if call.max_tokens is None else min(call.text_bytes, call.max_tokens * BYTES_PER_WORD)
            seconds = call.text_bytes * TEXTRANK_SECONDS
            return Work(call.model, read, -(-size // BYTES_PER_TOKEN), seconds, size, silence=seconds)
        case model if model.startswith("simulated."):  # counts words, at a pace of its own
            words = DEFAULT_WORDS if call.max_tokens is None else call.max_tokens
            seconds = DEFAULT_SECONDS if call.process_time is None else call.process_time
            return Work(call.model, read, words, seconds, words * BYTES_PER_WORD)
        case _:
            return of_model(call.model, read, call.max_tokens, call.process_time)


def of_model(model: str, input_tokens: int, output_tokens: int | None, seconds: float | None = None) -> Work:
    """The work of a model that writes at the usual speed."""
    tokens = USUAL_TOKENS if output_tokens is None else output_tokens
    seconds = tokens / USUAL_SPEED if seconds is None else seconds
    return Work(model, input_tokens, tokens, seconds, tokens * BYTES_PER_TOKEN)


def estimate(work: Work, policy: FlushPolicy) -> Invoice:
    """The bill of the work if output is coalesced by the policy."""
    return invoice(_counts(work, policy), work.model, seconds=work.seconds)


def _counts(work: Work, policy: FlushPolicy) -> Counts:
    attempts = max(1, -(-int(work.seconds) // int(INVOCATION)))
    total = Counts(
        operations=1, invocations=attempts, worker_time=round(work.seconds * 1000) * MEGABYTES,
        input_tokens=work.input_tokens, output_tokens=work.output_tokens,
    )  # fmt: skip
    total += log_units(SUMMARY + work.input_tokens * BYTES_PER_TOKEN, SUMMARY, is_first=True, is_last=False)
    *earlier, rest = _deltas(work, policy)
    for size in [*[0] * attempts, *earlier]:  # a claim has no output
        total += Counts(operations=1, pushes=units(BARE_EVENT + size, PUSH_SIZE))
        total += log_units(SUMMARY + size, SUMMARY, is_first=False, is_last=False)
    last = BILL + rest + work.output_bytes
    total += Counts(operations=1, pushes=units(BARE_EVENT + last, PUSH_SIZE))
    return total + log_units(SUMMARY + last, SUMMARY + BILL, is_first=False, is_last=True)


def _deltas(work: Work, policy: FlushPolicy) -> Iterator[int]:
    """The size in bytes of the output in each update. The last update ends the job."""
    now = 0.0
    budget = AttemptBudget(InferenceRequest("", work.model), megabytes=MEGABYTES, clock=lambda: now)
    budget.add(Usage({"inputTokens": work.input_tokens}))
    outbox = Outbox(policy, budget)
    reports = min(PIECES, math.ceil(work.silence * REPORTS))
    for index in range(reports):
        now = work.silence * index / reports
        yield from _taken(outbox, budget, until=now)
        outbox.add(Progress(now / work.silence))
        yield from _taken(outbox, budget, until=now)
    some = max(1, -(-work.output_tokens // PIECES))
    written = 0
    while written < work.output_tokens:
        tokens = min(some, work.output_tokens - written)
        end = work.silence + (work.seconds - work.silence) * (written + tokens) / work.output_tokens
        yield from _taken(outbox, budget, until=end)
        size = work.output_bytes * (written + tokens) // work.output_tokens
        size -= work.output_bytes * written // work.output_tokens
        written += tokens
        piece = Chunk("x" * size, tokens)
        budget.add(piece)
        outbox.add(piece)
        now = end
        yield from _taken(outbox, budget, until=end)
    outbox.end(Change(Status.COMPLETED))
    yield from _taken(outbox, budget, until=work.seconds)


def _taken(outbox: Outbox, budget: AttemptBudget, *, until: float) -> Iterator[int]:
    while (due := outbox.due()) <= until:
        change = outbox.take(now=until if due == -math.inf else due)
        size = len((change.delta if change else None) or "")
        budget.send()
        budget.hear(units(BARE_EVENT + size, PUSH_SIZE))
        yield size
